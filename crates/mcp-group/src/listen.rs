//! `subscriptions/listen` of clients.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use futures_util::future::join_all;
use mcp_core::{
    ErrorObject, Message, Meta, Notification, RawJson, Response, SubscriptionFilter,
    SubscriptionsAcknowledgedNotificationParams, SubscriptionsListenRequestParams,
    SubscriptionsListenResult, error_code, method,
};
use mcp_transport::{Error, ErrorKind, Exchange, Inbound, InboundItem, Limits};

use crate::{
    asked::Asked,
    client::{Client, Listener},
    failure::Failure,
    member::Phase,
    subscriptions::Wish,
};

/// Acknowledges once the servers have been told, and then passes on what they say, until the client or
/// the group is closed.
///
/// Spec: basic/patterns/subscriptions
pub(crate) fn listen(asked: Asked) -> Exchange {
    let id = asked.id.clone();
    if !asked.is_modern() {
        let text = format!("unknown method {:?}", asked.method);
        let error = ErrorObject::new(error_code::METHOD_NOT_FOUND, text);
        return Exchange::answered(id.clone(), Response::error(id, error));
    }
    let params: SubscriptionsListenRequestParams = match asked.decode() {
        Ok(params) => params,
        Err(Failure::Answer(error)) => {
            return Exchange::answered(id.clone(), Response::error(id, error));
        }
        Err(Failure::Below(error)) => {
            return Exchange::from_stream(id, futures_util::stream::iter([Err(error)]));
        }
    };
    let (queue, inbound) = Inbound::channel(&Limits::default());
    let listener = Arc::new(Listener { id: id.clone(), filter: params.notifications, queue });
    // From here on it hears what it asked for, though it is told so only when the servers know.
    asked.client.listen(Arc::clone(&listener));
    let client = Arc::clone(&asked.client);
    let beginning = Box::pin(begin(asked, listener.filter.clone()));
    let state = State::Beginning(beginning);
    Exchange::from_stream(id, Listening { client, listener, inbound, state })
}

type Beginning = Pin<Box<dyn Future<Output = (SubscriptionFilter, Vec<Wish>)> + Send>>;

struct Listening {
    client: Arc<Client>,
    listener: Arc<Listener>,
    inbound: Inbound,
    state: State,
}

enum State {
    Beginning(Beginning),
    /// The servers are told as long as the wishes live.
    Open(#[expect(dead_code, reason = "kept until it is dropped")] Vec<Wish>),
}

/// Tells the servers. Returns what of the filter they honour.
async fn begin(asked: Asked, filter: SubscriptionFilter) -> (SubscriptionFilter, Vec<Wish>) {
    let uris = filter.resource_subscriptions.clone();
    let wishing = uris.iter().flatten().map(|uri| async {
        let (member, original) = asked.find_resource(uri).await.ok()?;
        member.session().await.ok()?;
        Some((uri.clone(), Wish::new(&member, original)))
    });
    let wishes: Vec<(String, Wish)> = join_all(wishing).await.into_iter().flatten().collect();
    let members = asked.shared.members();
    let is_there = |phase: &Phase| matches!(phase, Phase::Ready(_));
    let there = members.iter().filter(|member| is_there(&member.phase.borrow()));
    join_all(there.map(|member| member.subscriptions.settled())).await;
    let honoured =
        wishes.iter().filter(|(_, wish)| wish.member.subscriptions.is_honoured(&wish.uri));
    let honoured = honoured.map(|(uri, _)| uri.clone()).collect();
    let mut acknowledged = SubscriptionFilter::default();
    // The group itself says when a list changes, whatever its servers do.
    acknowledged.tools_list_changed = filter.tools_list_changed;
    acknowledged.prompts_list_changed = filter.prompts_list_changed;
    acknowledged.resources_list_changed = filter.resources_list_changed;
    acknowledged.resource_subscriptions = uris.map(|_| honoured);
    (acknowledged, wishes.into_iter().map(|(_, wish)| wish).collect())
}

impl Stream for Listening {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let id = &this.listener.id;
        if let State::Beginning(beginning) = &mut this.state {
            let (honoured, wishes) = ready!(beginning.as_mut().poll(cx));
            this.state = State::Open(wishes);
            let params = SubscriptionsAcknowledgedNotificationParams::new(honoured)
                .with_meta(Meta::new().with_subscription_id(id.clone()));
            let params = RawJson::from_serialize(&params).expect("protocol types are JSON");
            let acknowledged = Notification::new(method::NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED);
            return Poll::Ready(Some(Ok(acknowledged.with_params(params).into())));
        }
        Poll::Ready(Some(match ready!(Pin::new(&mut this.inbound).poll_next(cx)) {
            Some(Ok(InboundItem::Message(message))) => Ok(message),
            Some(Ok(InboundItem::Gap(gap))) => Err(Error::new(ErrorKind::Lagged, gap.to_string())),
            Some(Err(error)) => Err(error),
            None => {
                let result = SubscriptionsListenResult::of(id.clone());
                let result = RawJson::from_serialize(&result).expect("protocol types are JSON");
                Ok(Response::result(id.clone(), result).into())
            }
        }))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.client.unlisten(&self.listener);
    }
}

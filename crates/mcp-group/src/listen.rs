//! `subscriptions/listen` of clients.

use std::{
    collections::HashSet,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use futures_util::future::join_all;
use mcp_core::{
    Message, Meta, Notification, RawJson, Response, SubscriptionFilter,
    SubscriptionsAcknowledgedNotificationParams, SubscriptionsListenRequestParams,
    SubscriptionsListenResult, method,
};
use mcp_transport::{Error, ErrorKind, Exchange, Inbound, InboundItem, Limits};

use crate::{
    client::GroupClient,
    error::method_not_found,
    listener::Listener,
    member::Member,
    relay::failed,
    request::IncomingRequest,
    resource_subscription::{ResourceSubscription, ResourceUri, Subscriber},
    task::OwnedTask,
};

/// Sends the acknowledgement once the servers have acknowledged, then the events, until the client or the group is
/// closed.
///
/// Spec: basic/patterns/subscriptions
pub(crate) fn listen(request: IncomingRequest) -> Exchange {
    let id = request.id.clone();
    if !request.is_modern() {
        return failed(id, method_not_found(format!("unknown method {:?}", request.method)));
    }
    let params: SubscriptionsListenRequestParams = match request.decode() {
        Ok(params) => params,
        Err(error) => return failed(id, error),
    };
    let (sender, inbound) = Inbound::channel(&Limits::default());
    let listener = Arc::new(Listener::new(id.clone(), params.notifications, sender));
    // Later changes are sent after the acknowledgement.
    request.client.add_listener(Arc::clone(&listener));
    let client = Arc::clone(&request.client);
    let opening = Box::pin(open(request, Arc::clone(&listener)));
    Exchange::from_stream(
        id,
        ListenStream { client, listener, inbound, state: State::Opening(opening) },
    )
}

/// The acknowledged part of a filter, and the subscriptions at servers.
type Opened = (SubscriptionFilter, Vec<OwnedTask>);

struct ListenStream {
    client: Arc<GroupClient>,
    listener: Arc<Listener>,
    inbound: Inbound,
    state: State,
}

enum State {
    Opening(Pin<Box<dyn Future<Output = Opened> + Send>>),
    Open(#[expect(dead_code, reason = "dropping them ends the subscriptions")] Vec<OwnedTask>),
}

/// Subscribes to the resources at their servers.
async fn open(request: IncomingRequest, listener: Arc<Listener>) -> Opened {
    let filter = listener.filter();
    let uris = filter.resource_subscriptions.as_deref();
    let finding = uris.unwrap_or_default().iter().map(|uri| async {
        let (member, original) = request.find_resource(uri).await.ok()?;
        Some((member, ResourceUri { original, shown: uri.clone() }))
    });
    let mut by_member: Vec<(Arc<Member>, Vec<ResourceUri>)> = Vec::new();
    for (member, resource) in join_all(finding).await.into_iter().flatten() {
        match by_member.iter_mut().find(|(other, _)| Arc::ptr_eq(other, &member)) {
            Some((_, resources)) => resources.push(resource),
            None => by_member.push((member, vec![resource])),
        }
    }
    let subscribing = by_member.into_iter().map(|(member, resources)| {
        let (listener, client) = (Arc::clone(&listener), &request.client);
        async move {
            let shown: Vec<_> =
                resources.iter().map(|it| (it.original.clone(), it.shown.clone())).collect();
            let subscriber = Subscriber::Listener(listener);
            let opened =
                ResourceSubscription::open(member, client, resources, subscriber).await.ok()?;
            let acknowledged: HashSet<String> = opened.acknowledged.into_iter().collect();
            let shown = shown.into_iter().filter(|(original, _)| acknowledged.contains(original));
            Some((shown.map(|(_, shown)| shown).collect::<Vec<_>>(), opened.task))
        }
    });
    let (shown, tasks): (Vec<_>, Vec<_>) =
        join_all(subscribing).await.into_iter().flatten().unzip();
    let shown: HashSet<String> = shown.into_iter().flatten().collect();
    let mut acknowledged = SubscriptionFilter::default();
    // The group itself reports changes of lists, with or without notifications of its servers.
    acknowledged.tools_list_changed = filter.tools_list_changed;
    acknowledged.prompts_list_changed = filter.prompts_list_changed;
    acknowledged.resources_list_changed = filter.resources_list_changed;
    acknowledged.resource_subscriptions =
        uris.map(|uris| uris.iter().filter(|uri| shown.contains(*uri)).cloned().collect());
    (acknowledged, tasks)
}

impl Stream for ListenStream {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let id = this.listener.id();
        if let State::Opening(opening) = &mut this.state {
            let (acknowledged, tasks) = ready!(opening.as_mut().poll(cx));
            this.state = State::Open(tasks);
            let params = SubscriptionsAcknowledgedNotificationParams::new(acknowledged)
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

impl Drop for ListenStream {
    fn drop(&mut self) {
        self.client.remove_listener(&self.listener);
    }
}

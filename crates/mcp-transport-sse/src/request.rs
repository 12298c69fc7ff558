use std::{
    borrow::Cow,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use mcp_core::{Message, Request, RequestId, Response};
use mcp_http::{HttpService, StatusError, transport::messages::encode_request};
use mcp_transport::{Delivery, Envelope, Error, ErrorKind, Exchange};

use crate::{
    accepted::Accepted,
    error::{not_accepted, refused_post},
    idle::LongerLimit,
    inner::Inner,
    sender::{Sender, extras_of},
    session::SseSession,
};

type Item = Result<Message, Error>;
type Posting = Pin<Box<dyn Future<Output = Result<Result<Accepted, StatusError>, Error>> + Send>>;

/// A request in flight: its POST, and its messages on the stream, whichever comes first.
pub(crate) struct PostedRequest<S: HttpService> {
    sender: Arc<Sender<S>>,
    session: Arc<SseSession>,
    id: RequestId,
    method: Cow<'static, str>,
    /// `None` once the server has accepted the request.
    posting: Option<Posting>,
    exchange: Exchange,
    /// An item that arrived before the request was accepted.
    early: Option<Item>,
    /// A longer idle timeout of the stream.
    _idle: Option<LongerLimit>,
}

impl<S: HttpService> Inner<S> {
    /// POSTs a request and waits until the server has accepted it or started to respond.
    pub(crate) async fn request(
        &self,
        session: &Arc<SseSession>,
        envelope: Envelope<Request>,
    ) -> Result<Exchange, Error> {
        let extras = extras_of(&envelope)?;
        // Before sending, since the response may arrive before that of the POST.
        let exchange = session.multiplex.expect_answer(&envelope.message)?;
        session.set_version(envelope.version);
        let idle = session.terms.idle_limits.extend(&envelope);
        let request = envelope.message;
        let mut posted = PostedRequest {
            sender: Arc::clone(&self.sender),
            session: Arc::clone(session),
            id: request.id.clone(),
            method: request.method.clone(),
            posting: None,
            exchange,
            early: None,
            _idle: idle,
        };
        let (endpoint, to) = (Arc::clone(&self.sender.endpoint), session.post_url.clone());
        posted.posting = Some(Box::pin(async move {
            let body = encode_request(&request);
            let limit = endpoint.settings.message_limit;
            Ok(match endpoint.post(&to, &request.method, &extras, body).await? {
                Ok(response) => Ok(Accepted::read::<S>(response, &to, &request.id, limit).await),
                Err(refused) => Err(refused),
            })
        }));
        poll_fn(|cx| posted.poll_accepted(cx)).await?;
        Ok(Exchange::from_stream(posted.id.clone(), posted))
    }
}

impl<S: HttpService> PostedRequest<S> {
    /// Ready when the server has the request: it was accepted, or a message has arrived for it.
    fn poll_accepted(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let item = self.exchange.poll_item(cx);
        if let Poll::Ready(early @ Some(Ok(_))) = item {
            self.early = early;
            return Poll::Ready(Ok(()));
        }
        // A failed POST explains more than the end of the stream.
        match self.poll_posting(cx) {
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
            Poll::Ready(early @ Some(Ok(_))) => {
                self.early = early;
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(None) | Poll::Pending => {}
        }
        match item {
            Poll::Ready(Some(Err(error))) => Poll::Ready(Err(error)),
            _ if self.posting.is_some() => Poll::Pending,
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Ready with the terminal item if the server refused the request, without one if it accepted it.
    fn poll_posting(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        let Some(posting) = &mut self.posting else { return Poll::Ready(None) };
        let posted = ready!(posting.as_mut().poll(cx));
        self.posting = None;
        let item = match posted {
            Ok(Ok(Accepted::Nothing)) => return Poll::Ready(None),
            Ok(Ok(Accepted::Response(response))) => Ok(Message::Response(response)),
            Ok(Ok(Accepted::Other(response))) => Err(not_accepted(response, &self.method)),
            Ok(Err(refused)) => match response_in(&refused, &self.id) {
                Some(response) => Ok(Message::Response(response)),
                None => Err(refused_post(refused, &self.method)),
            },
            Err(error) => Err(error),
        };
        if !matches!(&item, Err(error) if error.delivery() == Delivery::Unknown) {
            // The server does not work on it: there is nothing to cancel.
            let over = Error::new(ErrorKind::Rejected, "the request was refused");
            self.session.multiplex.fail_request(&self.id, over);
        }
        Poll::Ready(Some(item))
    }

    /// After the response: lets the POST complete, to reuse its connection.
    fn leave_posting(&mut self) {
        if let Some(posting) = self.posting.take() {
            self.sender.tasks.end_in_background(async move {
                let _ = posting.await;
            });
        }
    }
}

/// The JSON-RPC error in a refusal of the request: a response with any status.
fn response_in(refused: &StatusError, id: &RequestId) -> Option<Response> {
    match Message::parse(Bytes::copy_from_slice(refused.body().as_bytes())) {
        Ok(Message::Response(response)) if response.id.as_ref() == Some(id) => {
            response.outcome.is_err().then_some(response)
        }
        _ => None,
    }
}

impl<S: HttpService> Stream for PostedRequest<S> {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        if let Some(early) = self.early.take() {
            if matches!(early, Ok(Message::Response(_))) {
                self.leave_posting();
            }
            return Poll::Ready(Some(early));
        }
        if let Poll::Ready(item) = self.exchange.poll_item(cx) {
            if !matches!(item, Some(Ok(Message::Notification(_) | Message::Request(_)))) {
                self.leave_posting();
            }
            return Poll::Ready(item);
        }
        match ready!(self.poll_posting(cx)) {
            Some(item) => Poll::Ready(Some(item)),
            None => Poll::Pending,
        }
    }
}

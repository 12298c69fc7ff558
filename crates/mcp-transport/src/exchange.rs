use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use mcp_core::{Excerpt, Message, RequestId, Response};

use crate::{Delivery, Error, ErrorKind, multiplex::Route};

/// The messages that answer one request: any number of messages, then exactly one terminal item.
///
/// A [`Stream`] of `Result<Message, Error>`. It yields notifications (and, before 2026-07-28, requests
/// of the server that belong to this one), ends with [`Message::Response`] or an error, and yields
/// nothing after that. This holds for every transport: a response with another id, or a stream that ends
/// without a response, is converted into an error here.
///
/// Dropping an exchange before its terminal item cancels the request at the server. No message is lost
/// when the future of [`next`](Exchange::next) is dropped.
///
/// ```
/// use mcp_core::{Message, Request, Response};
/// use mcp_transport::{Error, Transport};
///
/// async fn call(transport: &impl Transport) -> Result<Option<Response>, Error> {
///     let mut exchange = transport.request(Request::new(1, "tools/list").into()).await?;
///     while let Some(item) = exchange.next().await {
///         match item? {
///             Message::Response(response) => return Ok(Some(response)),
///             message => println!("{message:?}"),
///         }
///     }
///     Ok(None)
/// }
/// ```
///
/// Spec: [Cancellation](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/cancellation)
#[doc(alias = "cancel")]
#[must_use = "dropping an exchange cancels the request"]
pub struct Exchange {
    id: RequestId,
    source: Source,
    answered_by: Option<Arc<str>>,
}

enum Source {
    /// A response that has already arrived. Needs no allocation.
    Response(Response),
    /// A route of a shared pipe.
    Route(Route),
    /// Any other stream, polled in place.
    Stream(Pin<Box<dyn Stream<Item = Result<Message, Error>> + Send>>),
    /// The terminal item has been yielded.
    Ended,
}

impl Exchange {
    /// Creates an exchange from a response that has already arrived.
    pub fn answered(id: RequestId, response: Response) -> Self {
        Self { id, source: Source::Response(response), answered_by: None }
    }

    /// Creates an exchange that polls `stream` in place, up to the first response or error.
    ///
    /// Dropping the exchange drops the stream. The `Drop` of the stream must cancel the request.
    pub fn from_stream(
        id: RequestId,
        stream: impl Stream<Item = Result<Message, Error>> + Send + 'static,
    ) -> Self {
        Self { id, source: Source::Stream(Box::pin(stream)), answered_by: None }
    }

    pub(crate) fn from_route(id: RequestId, route: Route) -> Self {
        Self { id, source: Source::Route(route), answered_by: None }
    }

    /// Sets the name of the server that answers instead of the peer, if the peer forwarded the request and did not
    /// validate the result: see [`Envelope::skips_validation`](crate::Envelope::skips_validation). Default: `None`.
    pub fn with_answered_by(mut self, server: impl Into<Option<Arc<str>>>) -> Self {
        self.answered_by = server.into();
        self
    }

    /// The name of the server that answers instead of the peer, for the error of an invalid result.
    pub fn answered_by(&self) -> Option<&Arc<str>> {
        self.answered_by.as_ref()
    }

    /// Creates an exchange for the request `id` whose items are those of this one converted by `convert`, which must give
    /// a response that id.
    ///
    /// If the response has already arrived, it is converted at once, and nothing is allocated.
    pub fn map_items(
        self,
        id: RequestId,
        mut convert: impl FnMut(Result<Message, Error>) -> Result<Message, Error>
        + Send
        + Unpin
        + 'static,
    ) -> Self {
        let Self { id: own, source, answered_by } = self;
        let (source, first) = match source {
            Source::Response(response) => (Source::Ended, Some(checked(&own, response))),
            source => (source, None),
        };
        let first = match first.map(&mut convert) {
            Some(Ok(Message::Response(response))) => {
                return Self::answered(id, response).with_answered_by(answered_by);
            }
            first => first,
        };
        let exchange = Self { id: own, source, answered_by: None };
        Self::from_stream(id, Mapped { first, exchange, convert }).with_answered_by(answered_by)
    }

    /// Whether the response has already arrived, so that the server no longer works on the request.
    pub fn is_answered(&self) -> bool {
        matches!(self.source, Source::Response(_))
    }

    /// The id of the request.
    pub fn id(&self) -> &RequestId {
        &self.id
    }

    /// Receives the next item, or `None` after the terminal item. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    /// Waits for the response and discards the messages before it. Dropping the future cancels the
    /// request.
    ///
    /// # Errors
    /// If the exchange ends without a response.
    pub async fn response(mut self) -> Result<Response, Error> {
        while let Some(item) = self.next().await {
            if let Message::Response(response) = item? {
                return Ok(response);
            }
            // A stream that is always ready must not starve other tasks.
            tokio::task::coop::consume_budget().await;
        }
        Err(Error::new(ErrorKind::InvalidRequest, "the exchange has already ended"))
    }

    /// Polls for the next item.
    pub fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        let item = match &mut self.source {
            Source::Response(_) => {
                let Source::Response(response) = std::mem::replace(&mut self.source, Source::Ended)
                else {
                    return Poll::Ready(None);
                };
                return Poll::Ready(Some(checked(&self.id, response)));
            }
            Source::Ended => return Poll::Ready(None),
            Source::Route(route) => match route.poll_next(cx) {
                Poll::Ready(item) => item,
                Poll::Pending => return Poll::Pending,
            },
            Source::Stream(stream) => match stream.as_mut().poll_next(cx) {
                Poll::Ready(item) => item,
                Poll::Pending => return Poll::Pending,
            },
        };
        Poll::Ready(Some(match item {
            Some(Ok(Message::Response(response))) => {
                self.source = Source::Ended;
                checked(&self.id, response)
            }
            Some(Ok(message)) => Ok(message),
            Some(Err(error)) => {
                self.source = Source::Ended;
                Err(error)
            }
            None => {
                self.source = Source::Ended;
                Err(Error::new(
                    ErrorKind::Protocol,
                    "the server ended the stream without an answer",
                ))
            }
        }))
    }
}

/// Accepts a response only if its id is that of this request. An error without an id arrived on this
/// exchange, so it belongs to it.
fn checked(id: &RequestId, mut response: Response) -> Result<Message, Error> {
    match &response.id {
        Some(theirs) if theirs == id => Ok(Message::Response(response)),
        Some(theirs) if theirs.echoes(id) => {
            response.id = Some(id.clone());
            Ok(Message::Response(response))
        }
        Some(theirs) => {
            let theirs = theirs.to_string();
            let theirs = Excerpt(&theirs);
            let text = format!("the server answered request {id} with the id {theirs}");
            Err(Error::new(ErrorKind::Protocol, text).with_delivery(Delivery::Answered))
        }
        None if response.outcome.is_ok() => {
            Err(Error::new(ErrorKind::Protocol, "the server answered with a result without an id")
                .with_delivery(Delivery::Answered))
        }
        _ => Ok(Message::Response(response)),
    }
}

/// An exchange with converted items.
struct Mapped<F> {
    first: Option<Result<Message, Error>>,
    exchange: Exchange,
    convert: F,
}

impl<F> Stream for Mapped<F>
where
    F: FnMut(Result<Message, Error>) -> Result<Message, Error> + Unpin,
{
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        let item = ready!(self.exchange.poll_item(cx));
        Poll::Ready(item.map(&mut self.convert))
    }
}

impl Stream for Exchange {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_item(cx)
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.source {
            Source::Response(_) => "answered",
            Source::Route(_) | Source::Stream(_) => "open",
            Source::Ended => "ended",
        };
        f.debug_struct("Exchange").field("id", &self.id).field("state", &state).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::{collections::VecDeque, sync::Arc};

    use mcp_core::{ErrorObject, Notification, RawJson};

    use super::*;

    /// Yields its items, then ends. Panics if it is polled after its end.
    struct Items {
        items: VecDeque<Option<Result<Message, Error>>>,
        _alive: Arc<()>,
    }

    impl Stream for Items {
        type Item = Result<Message, Error>;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Ready(self.items.pop_front().expect("a stream is not polled after its end"))
        }
    }

    fn notice() -> Message {
        Notification::new("n").into()
    }

    fn result(id: i64) -> Message {
        Response::result(id.into(), RawJson::trusted("{}")).into()
    }

    /// The items of an exchange for request 1 over a stream, which is dropped at its end.
    async fn checked(items: Vec<Option<Result<Message, Error>>>) -> Vec<Result<Message, Error>> {
        let alive = Arc::new(());
        let stream = Items { items: items.into(), _alive: Arc::clone(&alive) };
        let mut exchange = Exchange::from_stream(1.into(), stream);
        let mut found = Vec::new();
        while let Some(item) = exchange.next().await {
            found.push(item);
        }
        assert!(exchange.next().await.is_none());
        assert_eq!(Arc::strong_count(&alive), 1, "the stream is dropped at its end");
        found
    }

    #[tokio::test]
    async fn exactly_one_terminal_item_and_nothing_after_it() {
        let broken = || Error::new(ErrorKind::Closed, "broken");
        let end = vec![Some(Ok(notice())), Some(Ok(result(1))), Some(Ok(notice()))];
        assert_eq!(
            checked(end).await.into_iter().map(Result::unwrap).collect::<Vec<_>>(),
            [notice(), result(1)]
        );
        let found = checked(vec![Some(Err(broken())), Some(Ok(result(1)))]).await;
        assert!(matches!(&found[..], [Err(error)] if error.is_closed()));
        let found = checked(vec![Some(Ok(notice())), None]).await;
        assert!(matches!(&found[..], [Ok(_), Err(error)] if error.kind() == ErrorKind::Protocol));
    }

    #[tokio::test]
    async fn a_response_with_another_id_is_an_error() {
        let found = checked(vec![Some(Ok(result(2)))]).await;
        let [Err(error)] = &found[..] else { panic!("{found:?}") };
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Protocol, Delivery::Answered));
        assert_eq!(error.to_string(), "the server answered request 1 with the id 2");
        let as_text = Response::result("1".into(), RawJson::trusted("{}"));
        let found = checked(vec![Some(Ok(as_text.into()))]).await;
        assert_eq!(*found[0].as_ref().unwrap(), result(1), "the id echoed as a string");
        let other = Response::result("x".repeat(10_000_000).into(), RawJson::trusted("{}"));
        let found = checked(vec![Some(Ok(other.into()))]).await;
        assert!(found[0].as_ref().unwrap_err().to_string().len() < 2000);

        let nameless = Response::error(None, ErrorObject::new(-32700, "what?"));
        let found = checked(vec![Some(Ok(nameless.clone().into()))]).await;
        assert!(found[0].is_ok(), "an error without an id belongs to its exchange");
        let mut nameless = nameless;
        nameless.outcome = Ok(RawJson::trusted("{}"));
        assert!(checked(vec![Some(Ok(nameless.into()))]).await[0].is_err());
    }

    #[tokio::test]
    async fn an_immediate_response_is_checked_too() {
        let Message::Response(response) = result(1) else { unreachable!() };
        let mut exchange = Exchange::answered(1.into(), response.clone());
        assert!(exchange.next().await.unwrap().is_ok());
        assert!(exchange.next().await.is_none());
        assert!(exchange.response().await.is_err());
        assert!(Exchange::answered(2.into(), response).response().await.is_err());
    }
}

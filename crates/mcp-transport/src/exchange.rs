use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use mcp_core::{Excerpt, Message, RequestId, Response};

use crate::{Delivery, Error, ErrorKind, multiplex::Route};

/// One request and all that comes back for it: messages, then exactly one terminal item.
///
/// A [`Stream`] of `Result<Message, Error>`. It yields notifications (and, before 2026-07-28, requests
/// of the server that belong to this one), ends with [`Message::Response`] or an error, and yields
/// nothing after that. The contract holds for transports written by others too: a response with another
/// id, or a stream that ends without one, becomes an error here.
///
/// Dropping an exchange before its terminal item cancels the request at the server. Nothing is lost when
/// the future of [`next`](Exchange::next) is dropped.
///
/// Spec: basic/patterns/cancellation
#[must_use = "dropping an exchange cancels the request"]
pub struct Exchange {
    id: RequestId,
    source: Source,
}

enum Source {
    /// The answer is here already: nothing to poll, nothing allocated.
    Answer(Response),
    /// A route of a shared pipe.
    Route(Route),
    /// Anything else, polled in place.
    Stream(Pin<Box<dyn Stream<Item = Result<Message, Error>> + Send>>),
    /// The terminal item has been yielded.
    Over,
}

impl Exchange {
    /// An exchange whose answer is here already.
    pub fn answered(id: RequestId, response: Response) -> Self {
        Self { id, source: Source::Answer(response) }
    }

    /// An exchange that polls `stream` in place, up to the first response or error.
    ///
    /// Dropping the exchange drops the stream, which has to cancel the request in its own `Drop`.
    pub fn from_stream(
        id: RequestId,
        stream: impl Stream<Item = Result<Message, Error>> + Send + 'static,
    ) -> Self {
        Self { id, source: Source::Stream(Box::pin(stream)) }
    }

    pub(crate) fn from_route(id: RequestId, route: Route) -> Self {
        Self { id, source: Source::Route(route) }
    }

    /// Whether the answer is here already, so that the server does nothing more for this request.
    #[cfg(feature = "tower")]
    pub(crate) fn is_answered(&self) -> bool {
        matches!(self.source, Source::Answer(_))
    }

    /// The id of the request.
    pub fn id(&self) -> &RequestId {
        &self.id
    }

    /// The next item; `None` after the terminal one. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    /// Waits for the response and drops the messages before it.
    ///
    /// # Errors
    /// When the exchange ended without a response.
    pub async fn response(mut self) -> Result<Response, Error> {
        while let Some(item) = self.next().await {
            if let Message::Response(response) = item? {
                return Ok(response);
            }
            // A stream that is always ready must not keep the thread.
            tokio::task::coop::consume_budget().await;
        }
        Err(Error::new(ErrorKind::InvalidRequest, "the exchange is over already"))
    }

    /// Polls for the next item.
    pub fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        let item = match &mut self.source {
            Source::Answer(_) => {
                let Source::Answer(response) = std::mem::replace(&mut self.source, Source::Over)
                else {
                    return Poll::Ready(None);
                };
                return Poll::Ready(Some(self.checked(response)));
            }
            Source::Over => return Poll::Ready(None),
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
                self.source = Source::Over;
                self.checked(response)
            }
            Some(Ok(message)) => Ok(message),
            Some(Err(error)) => {
                self.source = Source::Over;
                Err(error)
            }
            None => {
                self.source = Source::Over;
                Err(Error::new(
                    ErrorKind::Protocol,
                    "the server ended the stream without an answer",
                ))
            }
        }))
    }

    /// Lets a response through only when it answers this request. An error without an id came on this
    /// exchange and so belongs to it.
    fn checked(&self, mut response: Response) -> Result<Message, Error> {
        match &response.id {
            Some(id) if *id == self.id => Ok(Message::Response(response)),
            Some(id) if id.echoes(&self.id) => {
                response.id = Some(self.id.clone());
                Ok(Message::Response(response))
            }
            Some(id) => {
                let theirs = id.to_string();
                let theirs = Excerpt(&theirs);
                let text = format!("the server answered request {} with the id {theirs}", self.id);
                Err(Error::new(ErrorKind::Protocol, text).with_delivery(Delivery::Answered))
            }
            None if response.outcome.is_ok() => Err(Error::new(
                ErrorKind::Protocol,
                "the server answered with a result without an id",
            )
            .with_delivery(Delivery::Answered)),
            _ => Ok(Message::Response(response)),
        }
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
            Source::Answer(_) => "answered",
            Source::Route(_) | Source::Stream(_) => "open",
            Source::Over => "over",
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

    /// Yields what it has, and then ends; polling it after its end is a mistake.
    struct Items {
        items: VecDeque<Option<Result<Message, Error>>>,
        _alive: Arc<()>,
    }

    impl Stream for Items {
        type Item = Result<Message, Error>;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Ready(self.items.pop_front().expect("it is not polled after its end"))
        }
    }

    fn notice() -> Message {
        Notification::new("n").into()
    }

    fn result(id: i64) -> Message {
        Response::result(id.into(), RawJson::trusted("{}")).into()
    }

    /// What an exchange of the request 1 makes of a stream, and whether it let go of it at the end.
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
    async fn a_response_answers_its_own_request() {
        let found = checked(vec![Some(Ok(result(2)))]).await;
        let [Err(error)] = &found[..] else { panic!("{found:?}") };
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Protocol, Delivery::Answered));
        assert_eq!(error.to_string(), "the server answered request 1 with the id 2");
        let as_text = Response::result("1".into(), RawJson::trusted("{}"));
        let found = checked(vec![Some(Ok(as_text.into()))]).await;
        assert_eq!(*found[0].as_ref().unwrap(), result(1), "an echo as text");
        let other = Response::result("x".repeat(10_000_000).into(), RawJson::trusted("{}"));
        let found = checked(vec![Some(Ok(other.into()))]).await;
        assert!(found[0].as_ref().unwrap_err().to_string().len() < 2000);

        let nameless = Response::error(None, ErrorObject::new(-32700, "what?"));
        let found = checked(vec![Some(Ok(nameless.clone().into()))]).await;
        assert!(found[0].is_ok(), "an error without an id came on this exchange");
        let mut nameless = nameless;
        nameless.outcome = Ok(RawJson::trusted("{}"));
        assert!(checked(vec![Some(Ok(nameless.into()))]).await[0].is_err());
    }

    #[tokio::test]
    async fn an_answer_that_is_here_is_checked_too() {
        let Message::Response(response) = result(1) else { unreachable!() };
        let mut exchange = Exchange::answered(1.into(), response.clone());
        assert!(exchange.next().await.unwrap().is_ok());
        assert!(exchange.next().await.is_none());
        assert!(exchange.response().await.is_err());
        assert!(Exchange::answered(2.into(), response).response().await.is_err());
    }
}

//! Requests that reach the server by another way than the pipe on which it answers.

use std::{sync::Arc, task::Waker};

use mcp_core::{Request, RequestId};

use super::{Multiplex, Route, closed};
use crate::{Error, Exchange};

impl Multiplex {
    /// Opens an exchange for a request that the caller sends by itself, where the pipe carries answers
    /// only. Nothing is queued but, when the exchange is dropped open, the notification that cancels it.
    ///
    /// Open it before the request is sent, as the answer may be faster than the sending. When the pipe
    /// ends, its delivery is [`Unknown`](crate::Delivery::Unknown).
    ///
    /// # Errors
    /// As [`request`](crate::Transport::request) has them: the connection is over, or the id is in flight.
    pub fn expect_answer(&self, request: &Request) -> Result<Exchange, Error> {
        let mut state = self.shared.lock();
        if let Some(error) = state.routes.refusal() {
            return Err(error);
        }
        if state.closing || state.write_over {
            return Err(closed());
        }
        state.routes.open(request, false, None)?;
        drop(state);
        let route = Route::new(Arc::clone(&self.shared), request.id.clone());
        Ok(Exchange::from_route(request.id.clone(), route))
    }

    /// Ends one exchange with `error`, unless it has ended; whether there is such an exchange. It is over
    /// at the server too, which is not told.
    pub fn fail_request(&self, id: &RequestId, error: Error) -> bool {
        let mut wakers = Vec::new();
        let found = self.shared.lock().routes.fail(id, error, &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
        found
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::convert::Infallible;

    use futures_util::{sink, stream};
    use mcp_core::{Message, RawJson, Response};
    use tokio::sync::mpsc;

    use super::*;
    use crate::{Delivery, ErrorKind, Limits};

    fn open() -> (Multiplex, mpsc::Sender<Message>, mpsc::Receiver<Message>) {
        let (sender, sent) = mpsc::channel(8);
        let (to_client, mut receiver) = mpsc::channel(8);
        let sink = Box::pin(sink::unfold(sender, |sender, message| async {
            sender.send(message).await.map(|()| sender)
        }));
        let stream = stream::poll_fn(move |cx| {
            receiver.poll_recv(cx).map(|message| message.map(Ok::<_, Infallible>))
        });
        let (multiplex, _, driver) = Multiplex::messages(sink, stream, Limits::default());
        tokio::spawn(driver);
        (multiplex, to_client, sent)
    }

    #[tokio::test]
    async fn only_the_answer_and_the_cancellation_go_through_the_pipe() {
        let (multiplex, to_client, mut sent) = open();
        let answered = multiplex.expect_answer(&Request::new(1, "a")).unwrap();
        let dropped = multiplex.expect_answer(&Request::new(2, "a")).unwrap();
        let twice = multiplex.expect_answer(&Request::new(2, "a")).unwrap_err();
        assert_eq!(twice.kind(), ErrorKind::InvalidRequest);
        let answer = Response::result(1.into(), RawJson::trusted("{}"));
        to_client.send(answer.clone().into()).await.unwrap();
        assert_eq!(answered.response().await.unwrap(), answer);
        drop(dropped);
        let Some(Message::Notification(cancelled)) = sent.recv().await else { panic!() };
        assert_eq!(cancelled.method, "notifications/cancelled");
        assert_eq!(cancelled.params.unwrap().as_bytes(), br#"{"requestId":2}"#);

        let lost = multiplex.expect_answer(&Request::new(3, "a")).unwrap();
        drop(to_client);
        assert_eq!(lost.response().await.unwrap_err().delivery(), Delivery::Unknown);
        let late = multiplex.expect_answer(&Request::new(4, "a")).unwrap_err();
        assert_eq!(late.delivery(), Delivery::NotSent);
        assert!(sent.recv().await.is_none());
    }

    #[tokio::test]
    async fn one_request_fails_alone_and_is_not_cancelled() {
        let (multiplex, to_client, mut sent) = open();
        let fails = multiplex.expect_answer(&Request::new(1, "a")).unwrap();
        let forgotten = multiplex.expect_answer(&Request::new(2, "a")).unwrap();
        let goes_on = multiplex.expect_answer(&Request::new(3, "a")).unwrap();
        let refused = || Error::new(ErrorKind::Rejected, "no").with_delivery(Delivery::Answered);
        assert!(multiplex.fail_request(&1.into(), refused()));
        assert!(multiplex.fail_request(&2.into(), refused()));
        assert!(!multiplex.fail_request(&7.into(), refused()));
        assert_eq!(fails.response().await.unwrap_err().kind(), ErrorKind::Rejected);
        drop(forgotten);
        let answer = Response::result(3.into(), RawJson::trusted("{}"));
        to_client.send(answer.into()).await.unwrap();
        goes_on.response().await.unwrap();
        drop(multiplex);
        assert!(sent.recv().await.is_none(), "nothing was cancelled");
    }
}

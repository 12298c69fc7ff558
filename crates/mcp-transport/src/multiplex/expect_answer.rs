//! Requests that are sent outside the pipe on which the server responds.

use std::{sync::Arc, task::Waker};

use mcp_core::{Request, RequestId};

use super::{Multiplex, Route, closed, routes::RouteOptions};
use crate::{Error, Exchange};

impl Multiplex {
    /// Opens an exchange for a request that the caller sends itself, if the pipe carries responses only. The
    /// pipe sends only the notification that cancels the request, if the exchange is dropped before its end.
    ///
    /// Call it before sending the request, since the response may arrive before the send completes. If the
    /// pipe ends, the delivery of the error is [`Unknown`](crate::Delivery::Unknown).
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed) if the connection has ended,
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) if a request with this id is in flight.
    pub fn expect_answer(&self, request: &Request) -> Result<Exchange, Error> {
        let mut state = self.shared.lock();
        if let Some(error) = state.routes.refusal() {
            return Err(error);
        }
        if state.sending.closing || state.write_ended {
            return Err(closed());
        }
        state.routes.open(request, RouteOptions::default())?;
        drop(state);
        let route = Route::new(Arc::clone(&self.shared), request.id.clone());
        Ok(Exchange::from_route(request.id.clone(), route))
    }

    /// Ends one exchange with `error`, unless it has already ended. Returns whether the exchange exists. No
    /// cancellation is sent: the request must have ended at the server too.
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
    async fn only_responses_and_cancellations_use_the_pipe() {
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
    async fn fail_request_ends_one_exchange_without_cancelling_it() {
        let (multiplex, to_client, mut sent) = open();
        let fails = multiplex.expect_answer(&Request::new(1, "a")).unwrap();
        let dropped = multiplex.expect_answer(&Request::new(2, "a")).unwrap();
        let open = multiplex.expect_answer(&Request::new(3, "a")).unwrap();
        let refused = || Error::new(ErrorKind::Rejected, "no").with_delivery(Delivery::Answered);
        assert!(multiplex.fail_request(&1.into(), refused()));
        assert!(multiplex.fail_request(&2.into(), refused()));
        assert!(!multiplex.fail_request(&7.into(), refused()));
        assert_eq!(fails.response().await.unwrap_err().kind(), ErrorKind::Rejected);
        drop(dropped);
        let answer = Response::result(3.into(), RawJson::trusted("{}"));
        to_client.send(answer.into()).await.unwrap();
        open.response().await.unwrap();
        drop(multiplex);
        assert!(sent.recv().await.is_none(), "nothing was cancelled");
    }
}

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{future::poll_fn, time::Duration};

use mcp_core::{Notification, RawJson, Request, Response};
use tokio::sync::mpsc;

use super::*;
use crate::{Binding, ConnectionInfo};

/// What the transport below was asked for.
#[derive(Debug, PartialEq)]
enum Call {
    Request(RequestId),
    Send(String),
    Dropped(RequestId),
    Close,
}

/// A transport whose exchanges and sends end when the test says so: its calls go to the test.
#[derive(Clone)]
struct Fake {
    calls: mpsc::UnboundedSender<Call>,
    /// Sends take so long.
    slow: Duration,
}

/// Chatters for ever for the method `chatter`, answers at once for `echo`, waits for ever otherwise.
struct Answers {
    request: Request,
    calls: mpsc::UnboundedSender<Call>,
}

impl Stream for Answers {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &*self.request.method {
            "chatter" => Poll::Ready(Some(Ok(Notification::new("n").into()))),
            "echo" => Poll::Ready(Some(Ok(answer(&self.request.id)))),
            "fail" => Poll::Ready(Some(Err(Error::new(ErrorKind::Unavailable, "500")))),
            _ => Poll::Pending,
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        let _ = self.calls.send(Call::Dropped(self.request.id.clone()));
    }
}

impl Transport for Fake {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        let request = request.message;
        let id = request.id.clone();
        let _ = self.calls.send(Call::Request(id.clone()));
        match &*request.method {
            "refused" => Err(Error::new(ErrorKind::Connect, "refused")),
            _ => Ok(Exchange::from_stream(id, Answers { request, calls: self.calls.clone() })),
        }
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        tokio::time::sleep(self.slow).await;
        let OneWay::Notification(notification) = message.message else { return Ok(()) };
        let _ = self.calls.send(Call::Send(notification.method.into_owned()));
        Ok(())
    }

    async fn close(&self) -> Result<(), Error> {
        let _ = self.calls.send(Call::Close);
        Ok(())
    }
}

fn duplex(slow: u64) -> (Duplex, mpsc::UnboundedReceiver<Call>) {
    let (calls, seen) = mpsc::unbounded_channel();
    let fake = Fake { calls, slow: Duration::from_secs(slow) };
    let info = ConnectionInfo::new(Binding::InProcess, "a fake");
    (Duplex::new(Connection::new(fake, Inbound::none(), info)), seen)
}

fn answer(id: &RequestId) -> Message {
    Response::result(id.clone(), RawJson::trusted("{}")).into()
}

async fn send(duplex: &mut Duplex, message: impl Into<Message>) {
    poll_fn(|cx| Pin::new(&mut *duplex).poll_ready(cx)).await.unwrap();
    Pin::new(duplex).start_send(message.into()).unwrap();
}

async fn next(duplex: &mut Duplex) -> Option<DuplexItem> {
    let next = poll_fn(|cx| Pin::new(&mut *duplex).poll_next(cx));
    let next = tokio::time::timeout(Duration::from_secs(60), next).await;
    next.expect("nothing waits for ever").map(Result::unwrap)
}

async fn message(duplex: &mut Duplex) -> Message {
    match next(duplex).await.unwrap() {
        DuplexItem::Message(message) => message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_one_way_message_goes_before_what_follows_it() {
    let (mut duplex, mut seen) = duplex(1);
    send(&mut duplex, Request::new(1, "wait")).await;
    send(&mut duplex, Notification::new("notifications/initialized")).await;
    send(&mut duplex, Request::new(2, "echo")).await;
    assert_eq!(message(&mut duplex).await, answer(&2.into()));
    assert_eq!(seen.recv().await, Some(Call::Request(1.into())));
    assert_eq!(seen.recv().await, Some(Call::Send("notifications/initialized".into())));
    assert_eq!(seen.recv().await, Some(Call::Request(2.into())));
}

#[tokio::test(start_paused = true)]
async fn a_talkative_exchange_starves_no_other() {
    let (mut duplex, _seen) = duplex(0);
    send(&mut duplex, Request::new(1, "chatter")).await;
    send(&mut duplex, Request::new(2, "chatter")).await;
    send(&mut duplex, Request::new(3, "echo")).await;
    let mut answered = false;
    for _ in 0..3 {
        answered |= message(&mut duplex).await == answer(&3.into());
    }
    assert!(answered);
}

#[tokio::test(start_paused = true)]
async fn cancelled_drops_the_exchange_and_is_not_sent() {
    let (mut duplex, mut seen) = duplex(0);
    send(&mut duplex, Request::new(1, "wait")).await;
    let params = RawJson::trusted(r#"{"requestId":1}"#);
    send(&mut duplex, Notification::new("notifications/cancelled").with_params(params)).await;
    send(&mut duplex, Request::new(2, "echo")).await;
    message(&mut duplex).await;
    assert_eq!(seen.recv().await, Some(Call::Request(1.into())));
    assert_eq!(seen.recv().await, Some(Call::Dropped(1.into())));
    assert_eq!(seen.recv().await, Some(Call::Request(2.into())));
}

#[tokio::test(start_paused = true)]
async fn failures_name_their_request_and_end_nothing_else() {
    let (mut duplex, _seen) = duplex(0);
    for (id, method) in [(1, "refused"), (2, "fail")] {
        send(&mut duplex, Request::new(id, method)).await;
        let error = next(&mut duplex).await.unwrap();
        let DuplexItem::Failed { id: failed, .. } = error else { panic!("{error:?}") };
        assert_eq!(failed, Some(id.into()));
    }
    send(&mut duplex, Request::new(3, "echo")).await;
    message(&mut duplex).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_sink_takes_more_when_an_exchange_has_ended() {
    let (mut duplex, _seen) = duplex(0);
    send(&mut duplex, Request::new("last", "echo")).await;
    for id in 0..OPEN as i64 - 1 {
        send(&mut duplex, Request::new(id, "wait")).await;
    }
    let ready = |duplex: &mut Duplex, cx: &mut Context<'_>| Pin::new(duplex).poll_ready(cx);
    assert!(poll_fn(|cx| Poll::Ready(ready(&mut duplex, cx).is_pending())).await);
    message(&mut duplex).await;
    assert!(poll_fn(|cx| Poll::Ready(ready(&mut duplex, cx).is_ready())).await);
}

#[tokio::test(start_paused = true)]
async fn a_full_sink_takes_more_when_one_way_messages_have_gone() {
    let (mut duplex, _seen) = duplex(0);
    send(&mut duplex, Request::new(1, "wait")).await;
    for _ in 0..OPEN - 1 {
        send(&mut duplex, Notification::new("n")).await;
    }
    let woken = std::sync::Arc::new(Woken::default());
    let waker = Waker::from(std::sync::Arc::clone(&woken));
    let mut cx = Context::from_waker(&waker);
    assert!(Pin::new(&mut duplex).poll_ready(&mut cx).is_pending());
    poll_fn(|cx| Poll::Ready(Pin::new(&mut duplex).poll_next(cx).is_pending())).await;
    assert!(woken.0.load(std::sync::atomic::Ordering::SeqCst), "no exchange has ended");
    assert!(Pin::new(&mut duplex).poll_ready(&mut cx).is_ready());
}

#[derive(Default)]
struct Woken(std::sync::atomic::AtomicBool);

impl std::task::Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, std::sync::atomic::Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_a_server_that_takes_nothing() {
    let (mut duplex, mut seen) = duplex(1_000_000);
    send(&mut duplex, Notification::new("stuck")).await;
    let begun = tokio::time::Instant::now();
    poll_fn(|cx| Pin::new(&mut duplex).poll_close(cx)).await.unwrap();
    assert_eq!(begun.elapsed(), FLUSH_TIMEOUT);
    assert_eq!(seen.recv().await, Some(Call::Close));
}

#[tokio::test(start_paused = true)]
async fn closing_sends_what_is_one_way_and_ends_the_stream() {
    let (mut duplex, mut seen) = duplex(1);
    send(&mut duplex, Request::new(1, "wait")).await;
    poll_fn(|cx| Poll::Ready(Pin::new(&mut duplex).poll_next(cx).is_pending())).await;
    send(&mut duplex, Notification::new("bye")).await;
    send(&mut duplex, Request::new(2, "echo")).await;
    poll_fn(|cx| Pin::new(&mut duplex).poll_close(cx)).await.unwrap();
    poll_fn(|cx| Pin::new(&mut duplex).poll_close(cx)).await.unwrap();
    assert!(next(&mut duplex).await.is_none());
    assert_eq!(seen.recv().await, Some(Call::Request(1.into())));
    assert_eq!(seen.recv().await, Some(Call::Send("bye".into())));
    assert_eq!(seen.recv().await, Some(Call::Dropped(1.into())));
    assert_eq!(seen.recv().await, Some(Call::Close));
    drop(duplex);
    assert_eq!(seen.recv().await, None);
}

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    future::poll_fn,
    sync::{Arc, Mutex},
    time::Duration,
};

use mcp_core::Notification;
use tokio::sync::mpsc;

use super::*;
use crate::{Binding, ConnectionInfo};

/// A call of the transport below.
#[derive(Debug, PartialEq)]
enum Call {
    Request(RequestId),
    Send(String),
    Dropped(RequestId),
    Close,
}

/// The protocol versions of the messages passed to the transport.
type Versions = Arc<Mutex<Vec<Option<ProtocolVersion>>>>;

/// A transport that reports its calls to the test.
#[derive(Clone)]
struct Fake {
    calls: mpsc::UnboundedSender<Call>,
    /// The duration of each `send`.
    send_delay: Duration,
    versions: Versions,
}

/// The exchange of a request: endless notifications for `chatter`, a response for `echo`, an error for
/// `fail`, and nothing for any other method.
struct FakeExchange {
    request: Request,
    calls: mpsc::UnboundedSender<Call>,
}

impl Stream for FakeExchange {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &*self.request.method {
            "chatter" => Poll::Ready(Some(Ok(Notification::new("n").into()))),
            "echo" => Poll::Ready(Some(Ok(answer(&self.request.id)))),
            "initialize" => {
                let result = RawJson::trusted(r#"{"protocolVersion":"2025-06-18"}"#);
                Poll::Ready(Some(Ok(Response::result(self.request.id.clone(), result).into())))
            }
            "fail" => Poll::Ready(Some(Err(Error::new(ErrorKind::Unavailable, "500")))),
            _ => Poll::Pending,
        }
    }
}

impl Drop for FakeExchange {
    fn drop(&mut self) {
        let _ = self.calls.send(Call::Dropped(self.request.id.clone()));
    }
}

impl Transport for Fake {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        self.versions.lock().unwrap().push(request.version);
        let request = request.message;
        let id = request.id.clone();
        let _ = self.calls.send(Call::Request(id.clone()));
        match &*request.method {
            "refused" => Err(Error::new(ErrorKind::Connect, "refused")),
            _ => Ok(Exchange::from_stream(id, FakeExchange { request, calls: self.calls.clone() })),
        }
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        self.versions.lock().unwrap().push(message.version);
        tokio::time::sleep(self.send_delay).await;
        let OneWay::Notification(notification) = message.message else { return Ok(()) };
        let _ = self.calls.send(Call::Send(notification.method.into_owned()));
        Ok(())
    }

    async fn close(&self) -> Result<(), Error> {
        let _ = self.calls.send(Call::Close);
        Ok(())
    }
}

/// A duplex over a [`Fake`] with this delay of `send`, in seconds.
fn duplex(send_delay: u64) -> (Duplex, mpsc::UnboundedReceiver<Call>) {
    let (duplex, seen, _) = duplex_with_versions(send_delay);
    (duplex, seen)
}

/// The same, with the versions of the received messages.
fn duplex_with_versions(send_delay: u64) -> (Duplex, mpsc::UnboundedReceiver<Call>, Versions) {
    let (calls, seen) = mpsc::unbounded_channel();
    let versions = Versions::default();
    let send_delay = Duration::from_secs(send_delay);
    let fake = Fake { calls, send_delay, versions: Arc::clone(&versions) };
    let info = ConnectionInfo::new(Binding::InProcess, "a fake");
    (Duplex::new(Connection::new(fake, Inbound::none(), info)), seen, versions)
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
    next.expect("the stream yields within 60 s").map(Result::unwrap)
}

async fn message(duplex: &mut Duplex) -> Message {
    match next(duplex).await.unwrap() {
        DuplexItem::Message(message) => message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_one_way_message_is_sent_before_later_messages() {
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
async fn an_exchange_that_is_always_ready_does_not_starve_others() {
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
async fn a_failure_has_the_id_of_its_request_and_ends_no_other() {
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
async fn a_full_sink_has_room_after_an_exchange_ends() {
    let (mut duplex, _seen) = duplex(0);
    send(&mut duplex, Request::new("last", "echo")).await;
    for id in 0..CAPACITY as i64 - 1 {
        send(&mut duplex, Request::new(id, "wait")).await;
    }
    let ready = |duplex: &mut Duplex, cx: &mut Context<'_>| Pin::new(duplex).poll_ready(cx);
    assert!(poll_fn(|cx| Poll::Ready(ready(&mut duplex, cx).is_pending())).await);
    message(&mut duplex).await;
    assert!(poll_fn(|cx| Poll::Ready(ready(&mut duplex, cx).is_ready())).await);
}

#[tokio::test(start_paused = true)]
async fn a_full_sink_has_room_after_one_way_messages_are_sent() {
    let (mut duplex, _seen) = duplex(0);
    send(&mut duplex, Request::new(1, "wait")).await;
    for _ in 0..CAPACITY - 1 {
        send(&mut duplex, Notification::new("n")).await;
    }
    let woken = std::sync::Arc::new(Woken::default());
    let waker = Waker::from(std::sync::Arc::clone(&woken));
    let mut cx = Context::from_waker(&waker);
    assert!(Pin::new(&mut duplex).poll_ready(&mut cx).is_pending());
    poll_fn(|cx| Poll::Ready(Pin::new(&mut duplex).poll_next(cx).is_pending())).await;
    assert!(woken.0.load(std::sync::atomic::Ordering::SeqCst), "sent messages wake the sink");
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
async fn closing_stops_waiting_for_a_stuck_send_after_the_flush_timeout() {
    let (mut duplex, mut seen) = duplex(1_000_000);
    send(&mut duplex, Notification::new("stuck")).await;
    let started = tokio::time::Instant::now();
    poll_fn(|cx| Pin::new(&mut duplex).poll_close(cx)).await.unwrap();
    assert_eq!(started.elapsed(), FLUSH_TIMEOUT);
    assert_eq!(seen.recv().await, Some(Call::Close));
}

#[tokio::test(start_paused = true)]
async fn closing_sends_queued_one_way_messages_and_ends_the_stream() {
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

#[test]
fn an_item_as_a_message_has_all_causes_of_a_failure() {
    let cause = std::io::Error::other("connection reset");
    let error = Error::new(ErrorKind::Interrupted, "cannot be reached").with_source(cause);
    let failed = |id| DuplexItem::Failed { id, error: error.clone() };
    let message = failed(Some(RequestId::from(7))).into_message();
    let Some(Message::Response(Response { id: Some(id), outcome: Err(error), .. })) = message
    else {
        panic!("{message:?}");
    };
    assert_eq!((id, error.code), (RequestId::from(7), -32603));
    assert_eq!(error.message, "cannot be reached: connection reset");
    assert!(failed(None).into_message().is_none());
    let notification = DuplexItem::Message(Notification::new("n").into());
    assert!(matches!(notification.into_message(), Some(Message::Notification(_))));
}

#[tokio::test(start_paused = true)]
async fn the_version_is_detected_unless_it_is_set() {
    use ProtocolVersion as V;

    let (mut duplex, _seen, versions) = duplex_with_versions(0);
    let meta = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#;
    send(&mut duplex, Request::new(1, "echo")).await;
    send(&mut duplex, Request::new(2, "echo").with_params(RawJson::trusted(meta))).await;
    send(&mut duplex, Request::new(3, "echo")).await;
    // A fallback to the legacy era after the probe failed.
    send(&mut duplex, Request::new(4, "initialize")).await;
    for _ in 0..4 {
        message(&mut duplex).await;
    }
    send(&mut duplex, Notification::new("notifications/initialized")).await;
    send(&mut duplex, Request::new(5, "echo")).await;
    message(&mut duplex).await;
    duplex.set_version(V::V2025_11_25);
    send(&mut duplex, Request::new(6, "echo").with_params(RawJson::trusted(meta))).await;
    message(&mut duplex).await;
    let modern = Some(V::V2026_07_28);
    let (negotiated, set) = (Some(V::V2025_06_18), Some(V::V2025_11_25));
    assert_eq!(
        *versions.lock().unwrap(),
        [None, modern, modern, None, negotiated, negotiated, set]
    );
}

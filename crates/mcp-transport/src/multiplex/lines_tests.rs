#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

#[cfg(unix)]
use futures_util::FutureExt;
use mcp_core::{Message, Notification, ProtocolVersion, RawJson, Request};
use mcp_testkit::within;
use tokio::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, DuplexStream,
};

use super::LineDriver;
use crate::{
    Delivery, Envelope, Error, ErrorKind, Exchange, Gap, Inbound, InboundItem, Limits, OneWay,
    Transport, multiplex::Multiplex,
};

type Driver = LineDriver<DuplexStream, DuplexStream>;

/// The server side of two pipes.
struct Peer {
    reader: BufReader<DuplexStream>,
    writer: DuplexStream,
}

impl Peer {
    async fn line(&mut self) -> String {
        let mut line = String::new();
        within(self.reader.read_line(&mut line)).await.unwrap();
        line.trim_end().to_owned()
    }

    async fn write(&mut self, text: impl AsRef<[u8]>) {
        within(self.writer.write_all(text.as_ref())).await.unwrap();
    }

    async fn answer(&mut self, id: i64) {
        self.write(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{}}}}\n")).await;
    }
}

fn pipes(size: usize, limits: Limits) -> (Multiplex, Inbound, Driver, Peer) {
    let (reader, peer_writer) = tokio::io::duplex(size);
    let (writer, peer_reader) = tokio::io::duplex(size);
    let (multiplex, inbound, driver) = Multiplex::lines(reader, writer, limits);
    let peer = Peer { reader: BufReader::new(peer_reader), writer: peer_writer };
    (multiplex, inbound, driver, peer)
}

fn started(size: usize, limits: Limits) -> (Multiplex, Inbound, Peer) {
    let (multiplex, inbound, driver, peer) = pipes(size, limits);
    tokio::spawn(driver);
    (multiplex, inbound, peer)
}

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

fn call(id: i64) -> Request {
    Request::new(id, "tools/call")
}

fn filled(id: i64, bytes: usize) -> Request {
    call(id)
        .with_params(RawJson::from_text(format!("{{\"a\":\"{}\"}}", "x".repeat(bytes))).unwrap())
}

fn encoded(request: Request) -> String {
    let mut line = Vec::new();
    request.encode(&mut line);
    String::from_utf8(line).unwrap()
}

async fn open(multiplex: &Multiplex, request: Request) -> Exchange {
    within(multiplex.request(request.into())).await.unwrap()
}

async fn error(exchange: Exchange) -> Error {
    within(exchange.response()).await.unwrap_err()
}

async fn message(inbound: &mut Inbound) -> Message {
    within(inbound.next()).await.unwrap().unwrap().into_message().unwrap()
}

fn notice(method: &'static str) -> Envelope<OneWay> {
    Envelope::new(Notification::new(method).into())
}

#[tokio::test(start_paused = true)]
async fn messages_pass_pipes_of_one_byte() {
    let (multiplex, _inbound, mut peer) = started(1, Limits::default());
    let exchanges = [open(&multiplex, call(1)).await, open(&multiplex, filled(2, 500)).await];
    assert_eq!(peer.line().await, r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#);
    assert_eq!(peer.line().await, encoded(filled(2, 500)));
    peer.answer(2).await;
    peer.answer(1).await;
    for exchange in exchanges {
        let id = exchange.id().clone();
        assert_eq!(within(exchange.response()).await.unwrap().id, Some(id));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_queued_without_waiting_only_if_there_is_room() {
    let (multiplex, _inbound, mut peer) = started(64, limits(|limits| limits.outbox = 100));
    let mut first = Some(call(1).into());
    let exchange = multiplex.try_request(&mut first).unwrap().unwrap();
    assert!(first.is_none());
    let mut twice = Some(call(1).into());
    let error = multiplex.try_request(&mut twice).unwrap().unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::InvalidRequest, Delivery::NotSent));
    // Large requests are encoded outside the lock.
    let mut large = Some(filled(2, 100_000).into());
    assert!(multiplex.try_request(&mut large).is_none() && large.is_some());
    let _fills_the_outbox = multiplex.try_request(&mut Some(filled(3, 200).into())).unwrap();
    let mut waiting = Some(call(4).into());
    assert!(multiplex.try_request(&mut waiting).is_none() && waiting.is_some());
    assert_eq!(peer.line().await, encoded(call(1)));
    assert_eq!(peer.line().await, encoded(filled(3, 200)));
    peer.answer(1).await;
    within(exchange.response()).await.unwrap();
    multiplex.close().await.unwrap();
    assert!(multiplex.try_request(&mut waiting).is_none() && waiting.is_some());
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_small_request_is_written_by_its_sender_if_no_other_call_is_open() {
    let (multiplex, _inbound, mut driver, mut peer) = pipes(64, Limits::default());
    let send = |id| multiplex.try_request(&mut Some(call(id).into())).unwrap().unwrap();
    assert!((&mut driver).now_or_never().is_none(), "the driver waits");
    let first = send(1);
    assert_eq!(peer.line().await, encoded(call(1)), "and is not polled again");
    let second = send(2);
    assert!(peer.reader.fill_buf().now_or_never().is_none(), "left to the driver");
    tokio::spawn(driver);
    assert_eq!(peer.line().await, encoded(call(2)));
    drop([first, second]);
    for id in [1, 2] {
        let cancelled = format!(r#""notifications/cancelled","params":{{"requestId":{id}}}}}"#);
        assert!(peer.line().await.ends_with(&cancelled));
    }
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn the_driver_writes_what_its_sender_could_not() {
    for size in [1, 16, 64] {
        let (multiplex, _inbound, mut driver, mut peer) = pipes(size, Limits::default());
        assert!((&mut driver).now_or_never().is_none());
        let first = multiplex.try_request(&mut Some(call(1).into())).unwrap().unwrap();
        // Behind what is left of a small line.
        let large = multiplex.request(filled(2, 100_000).into()).now_or_never().unwrap().unwrap();
        tokio::spawn(driver);
        assert_eq!(peer.line().await, encoded(call(1)));
        assert_eq!(peer.line().await, encoded(filled(2, 100_000)));
        drop([first, large]);
        multiplex.close().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_reader_that_validates_gets_a_result_as_it_came() {
    let (multiplex, _inbound, mut peer) = started(1024, Limits::default());
    let [lazy, strict] = [1, 2].map(|id| Envelope::new(call(id)));
    let lazy = within(multiplex.request(lazy.without_validation())).await.unwrap();
    let strict = within(multiplex.request(strict)).await.unwrap();
    for id in [1, 2] {
        peer.write(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{01}}}}\n")).await;
    }
    let result = within(lazy.response()).await.unwrap().outcome.unwrap();
    assert_eq!(result.as_bytes(), b"{01}");
    assert_eq!(error(strict).await.kind(), ErrorKind::Protocol);
}

#[tokio::test(start_paused = true)]
async fn two_full_pipes_do_not_deadlock() {
    let (multiplex, _inbound, mut peer) = started(64, Limits::default());
    let exchange = open(&multiplex, filled(1, 1 << 20)).await;
    // The peer reads nothing before it has written everything.
    for _ in 0..1000 {
        peer.write(format!("{{\"jsonrpc\":\"2.0\",\"method\":\"{}\"}}\n", "m".repeat(500))).await;
    }
    assert!(peer.line().await.len() > 1 << 20);
    peer.answer(1).await;
    assert!(within(exchange.response()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn senders_waiting_for_room_are_woken_when_the_pipe_accepts_all_at_once() {
    let (multiplex, _inbound, mut peer) = started(1 << 16, limits(|limits| limits.outbox = 1));
    let sends = (0..3).map(|_| multiplex.send(notice("a"))).collect::<Vec<_>>();
    for sent in within(join_all(sends)).await {
        sent.unwrap();
    }
    for _ in 0..3 {
        assert_eq!(peer.line().await, r#"{"jsonrpc":"2.0","method":"a"}"#);
    }
}

/// Polls all futures in one poll, so that the driver cannot empty the outbox in between.
async fn join_all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).map(Ok).collect();
    std::future::poll_fn(|cx| {
        let mut pending = false;
        for slot in &mut futures {
            if let Ok(future) = slot {
                match future.as_mut().poll(cx) {
                    Poll::Ready(output) => *slot = Err(Some(output)),
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    futures.into_iter().filter_map(|slot: Result<_, Option<_>>| slot.err().flatten()).collect()
}

#[tokio::test(start_paused = true)]
async fn other_output_is_skipped_and_counted() {
    let (multiplex, mut inbound, mut peer) = started(1 << 16, Limits::default());
    let exchange = open(&multiplex, call(1)).await;
    peer.write(b"Server v1 ready\n\n\xff\xfe\xfd\n{\"level\":\"info\",\"id\":1}\n[]\n").await;
    peer.write(b"{\"jsonrpc\":\"2.0\",\"method\":\"\xc3\"}\n42\n").await;
    peer.answer(77).await;
    peer.write("{\"jsonrpc\":\"2.0\",\"method\":\"n\"}\n").await;
    peer.answer(1).await;
    peer.answer(1).await;
    assert!(within(exchange.response()).await.is_ok());
    assert_eq!(multiplex.skipped(), 6);
    assert_eq!(message(&mut inbound).await, Notification::new("n").into());
    drop(peer);
    assert!(within(inbound.next()).await.unwrap().unwrap_err().is_closed());
    assert!(within(inbound.next()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_invalid_response_fails_only_its_request() {
    let (multiplex, _inbound, mut peer) = started(1 << 16, Limits::default());
    let (broken, whole) = (open(&multiplex, call(1)).await, open(&multiplex, call(2)).await);
    peer.write("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null,\"error\":{}}\n").await;
    peer.answer(2).await;
    // The exchange of the invalid response was not polled when it arrived.
    assert!(within(whole.response()).await.is_ok());
    let error = error(broken).await;
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Protocol, Delivery::Answered));
    assert_eq!(multiplex.skipped(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_oversize_response_fails_the_request_with_its_id_or_all() {
    let (multiplex, _inbound, mut peer) = started(1 << 16, limits(|limits| limits.message = 200));
    let (first, second) = (open(&multiplex, call(1)).await, open(&multiplex, call(2)).await);
    let big = "x".repeat(20_000);
    peer.write(format!("{{\"result\":\"{big}\",\"jsonrpc\":\"2.0\",\"id\":1}}\n")).await;
    let error_one = error(first).await;
    assert_eq!(error_one.kind(), ErrorKind::TooLarge);
    assert!(error_one.to_string().contains("limit of 200 bytes"), "{error_one}");
    peer.write(format!("{big}\n")).await;
    assert_eq!(error(second).await.kind(), ErrorKind::TooLarge);

    let third = open(&multiplex, call(3)).await;
    peer.write(format!("{{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":\"{big}\"}}\n")).await;
    peer.answer(3).await;
    assert!(within(third.response()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_oversize_request_of_the_server_is_answered_with_an_error() {
    let (multiplex, _inbound, mut peer) = started(1 << 16, limits(|limits| limits.message = 200));
    let big = "x".repeat(20_000);
    peer.write(format!("{{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"m\",\"params\":\"{big}\"}}\n"))
        .await;
    let line = peer.line().await;
    assert!(line.starts_with(r#"{"jsonrpc":"2.0","id":9,"error":{"code":-32600,"#), "{line}");
    assert_eq!(multiplex.skipped(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_read_half_reports_the_delivery_of_each_request() {
    let (multiplex, mut inbound, mut peer) = started(64, Limits::default());
    let sent = open(&multiplex, call(1)).await;
    assert!(!peer.line().await.is_empty());
    let partly_sent = open(&multiplex, filled(2, 1000)).await;
    tokio::task::yield_now().await;
    let waiting = open(&multiplex, call(3)).await;
    peer.writer.shutdown().await.unwrap();
    for (exchange, delivery) in
        [(sent, Delivery::Unknown), (partly_sent, Delivery::Unknown), (waiting, Delivery::NotSent)]
    {
        let error = error(exchange).await;
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, delivery));
    }
    assert!(within(inbound.next()).await.unwrap().unwrap_err().is_closed());
    let error = within(multiplex.request(call(4).into())).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, Delivery::NotSent));
}

#[tokio::test(start_paused = true)]
async fn a_response_that_the_end_cuts_off_fails_with_the_reason_for_the_end() {
    let (multiplex, _inbound, mut peer) = started(4096, Limits::default());
    let cut = open(&multiplex, call(1)).await;
    peer.writer.write_all(br#"{"jsonrpc":"2.0","id":1,"resu"#).await.unwrap();
    peer.writer.shutdown().await.unwrap();
    let error = error(cut).await;
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    assert_eq!(multiplex.skipped(), 1);
}

/// Accepts this many bytes, then fails.
struct Breaks(usize);

impl AsyncWrite for Breaks {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        match taken {
            0 => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            taken => Poll::Ready(Ok(taken)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_write_half_ends_all_exchanges_without_a_received_response() {
    let (reader, mut writer) = tokio::io::duplex(1 << 10);
    let (multiplex, mut inbound, driver) = Multiplex::lines(reader, Breaks(150), Limits::default());
    let driver = tokio::spawn(driver);
    let (answered, silent) = (open(&multiplex, call(1)).await, open(&multiplex, call(2)).await);
    tokio::task::yield_now().await;
    let (half, unsent) = (open(&multiplex, filled(3, 1000)).await, open(&multiplex, call(4)).await);
    writer.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n").await.unwrap();
    assert!(within(answered.response()).await.is_ok());
    for (exchange, delivery) in
        [(silent, Delivery::Unknown), (half, Delivery::Unknown), (unsent, Delivery::NotSent)]
    {
        let error = error(exchange).await;
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, delivery));
        assert!(error.find::<io::Error>().is_some());
    }
    assert!(within(inbound.next()).await.unwrap().unwrap_err().is_closed());
    assert!(within(driver).await.unwrap().is_closed());
    let error = within(multiplex.send(notice("late"))).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, Delivery::NotSent));
}

#[tokio::test(start_paused = true)]
async fn close_flushes_queued_messages_and_ends_all_exchanges() {
    let (multiplex, mut inbound, mut peer) = started(16, Limits::default());
    let exchange = open(&multiplex, call(1)).await;
    within(multiplex.send(notice("last"))).await.unwrap();
    let closing = tokio::spawn({
        let multiplex = multiplex.clone();
        async move { multiplex.close().await }
    });
    let mut rest = String::new();
    within(peer.reader.read_to_string(&mut rest)).await.unwrap();
    assert_eq!(rest.lines().count(), 2);
    within(closing).await.unwrap().unwrap();
    let error = error(exchange).await;
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, Delivery::Unknown));
    assert!(within(inbound.next()).await.unwrap().unwrap_err().is_closed());
    assert!(within(inbound.next()).await.is_none());
    within(multiplex.close()).await.unwrap();
    let error = within(multiplex.request(call(2).into())).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, Delivery::NotSent));
}

#[tokio::test(start_paused = true)]
async fn messages_after_a_close_do_not_reach_inbound() {
    let (multiplex, mut inbound, mut peer) = started(1 << 10, Limits::default());
    peer.write("{\"jsonrpc\":\"2.0\",\"method\":\"early\"}\n").await;
    tokio::task::yield_now().await;
    within(multiplex.close()).await.unwrap();
    peer.write("{\"jsonrpc\":\"2.0\",\"method\":\"late\"}\n").await;
    tokio::task::yield_now().await;
    assert_eq!(message(&mut inbound).await, Notification::new("early").into());
    assert!(within(inbound.next()).await.unwrap().is_err());
    assert!(within(inbound.next()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn close_times_out_on_a_stuck_pipe() {
    let (multiplex, _inbound, driver, peer) = pipes(16, Limits::default());
    let driver = tokio::spawn(driver);
    let (partly_sent, waiting) =
        (open(&multiplex, filled(1, 1000)).await, open(&multiplex, call(2)).await);
    let flushed = within(multiplex.close_within(Duration::from_millis(100))).await;
    assert_eq!(flushed.unwrap_err().kind(), ErrorKind::Timeout);
    within(multiplex.close()).await.unwrap();
    assert_eq!(error(partly_sent).await.delivery(), Delivery::Unknown);
    assert_eq!(error(waiting).await.delivery(), Delivery::NotSent);
    // The driver ends although the peer neither reads nor closes its side.
    assert!(within(driver).await.unwrap().is_closed());
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_driver_ends_the_connection() {
    let (multiplex, mut inbound, driver, _peer) = pipes(64, Limits::default());
    let driver = tokio::spawn(driver);
    let exchange = open(&multiplex, call(1)).await;
    driver.abort();
    assert!(error(exchange).await.is_closed());
    assert!(within(inbound.next()).await.unwrap().unwrap_err().is_closed());
    assert!(within(multiplex.request(call(2).into())).await.unwrap_err().is_closed());
    within(multiplex.close()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_and_exchange_closes_the_pipe() {
    let (multiplex, inbound, driver, mut peer) = pipes(64, Limits::default());
    let driver = tokio::spawn(driver);
    let exchange = open(&multiplex, call(1)).await;
    drop((multiplex, inbound));
    assert!(!peer.line().await.is_empty());
    peer.answer(1).await;
    assert!(within(exchange.response()).await.is_ok());
    assert_eq!(peer.line().await, "", "the end of the stream");
    // The driver ends although the peer keeps its side open.
    within(driver).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn drop_sends_cancelled_once_and_after_the_request() {
    let (multiplex, _inbound, mut peer) = started(1 << 10, Limits::default());
    drop(open(&multiplex, call(1)).await);
    let answered = open(&multiplex, call(2)).await;
    assert_eq!(peer.line().await, r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#);
    assert_eq!(
        peer.line().await,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#
    );
    assert_eq!(peer.line().await, r#"{"jsonrpc":"2.0","id":2,"method":"tools/call"}"#);
    // Neither a late response nor an unread response causes a second cancellation.
    peer.answer(1).await;
    peer.answer(2).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    drop(answered);
    drop(open(&multiplex, Request::new(3, "initialize")).await);
    let _last = open(&multiplex, call(4)).await;
    assert!(peer.line().await.contains("initialize"));
    assert!(peer.line().await.contains("\"id\":4"));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_ends_and_cancels_its_exchange() {
    let (multiplex, _inbound, mut peer) = started(1 << 10, limits(|limits| limits.exchange = 2));
    let mut exchange = open(&multiplex, Request::new(1, "subscriptions/listen")).await;
    peer.line().await;
    for n in 0..3 {
        peer.write(event(1, n)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    for _ in 0..2 {
        assert!(matches!(within(exchange.next()).await, Some(Ok(Message::Notification(_)))));
    }
    assert_eq!(within(exchange.next()).await.unwrap().unwrap_err().kind(), ErrorKind::Lagged);
    assert!(peer.line().await.contains("notifications/cancelled"));
    assert!(within(exchange.next()).await.is_none());
}

/// An event of the subscription with this id.
fn event(id: i64, n: usize) -> String {
    format!(
        "{{\"jsonrpc\":\"2.0\",\"method\":\"event/{n}\",\"params\":\
         {{\"_meta\":{{\"io.modelcontextprotocol/subscriptionId\":{id}}}}}}}\n"
    )
}

fn progress(n: usize) -> String {
    format!(
        "{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\
         \"params\":{{\"progressToken\":\"t\",\"progress\":{n}}}}}\n"
    )
}

fn with_progress(id: i64) -> Request {
    call(id).with_params(RawJson::trusted(r#"{"_meta":{"progressToken":"t"}}"#))
}

#[tokio::test(start_paused = true)]
async fn a_burst_loses_no_message_of_active_readers() {
    let (multiplex, mut inbound, mut peer) = started(1 << 20, Limits::default());
    let mut call = open(&multiplex, with_progress(1)).await;
    let mut subscription = open(&multiplex, Request::new(2, "subscriptions/listen")).await;
    const BURST: usize = 5_000;
    let mut burst = String::new();
    for n in 0..BURST {
        burst += &(progress(n) + &event(2, n));
        burst += "{\"jsonrpc\":\"2.0\",\"method\":\"n\"}\n";
    }
    let events = tokio::spawn(async move {
        for n in 0..BURST {
            let item = within(subscription.next()).await.unwrap().unwrap();
            assert_eq!(item, Message::parse(event(2, n).trim().to_owned()).unwrap());
        }
    });
    let inbound = tokio::spawn(async move {
        for _ in 0..BURST {
            message(&mut inbound).await;
        }
    });
    let called = tokio::spawn(async move {
        let mut progress = 0;
        while let Ok(Message::Notification(_)) = within(call.next()).await.unwrap() {
            progress += 1;
        }
        progress
    });
    peer.write(burst).await;
    peer.answer(1).await;
    within(events).await.unwrap();
    within(inbound).await.unwrap();
    assert_eq!(within(called).await.unwrap(), BURST);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_delays_others_once_and_briefly() {
    let (multiplex, _inbound, mut peer) = started(1 << 20, Limits::default().with_exchange(100));
    let slow = open(&multiplex, with_progress(1)).await;
    let started = tokio::time::Instant::now();
    for n in 0..100 {
        let other = open(&multiplex, call(n + 2)).await;
        peer.write(progress(0).repeat(1000)).await;
        peer.answer(n + 2).await;
        assert!(within(other.response()).await.is_ok());
    }
    assert!(started.elapsed() <= Duration::from_millis(20), "{:?}", started.elapsed());
    peer.answer(1).await;
    assert!(within(slow.response()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_unread_logs_displaces_no_event() {
    let (_multiplex, mut inbound, mut peer) = started(1 << 20, Limits::default());
    let log = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n";
    peer.write(log.repeat(3000) + "{\"jsonrpc\":\"2.0\",\"method\":\"event\"}\n").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut events = 0;
    loop {
        match within(inbound.next()).await.unwrap().unwrap() {
            InboundItem::Message(Message::Notification(it)) => {
                events += usize::from(it.method == "event");
            }
            InboundItem::Gap(Gap::Lagged(lagged)) => {
                assert!(lagged.logs > 1900 && lagged.others == 0, "{lagged:?}");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(events, 1);
}

#[tokio::test(start_paused = true)]
async fn unknown_members_of_a_message_are_not_retained_for_a_slow_reader() {
    let (multiplex, _inbound, mut peer) = started(1 << 20, Limits::default());
    let slow = open(&multiplex, with_progress(1)).await;
    let junk = "x".repeat(1 << 20);
    for n in 0..100 {
        let progress = progress(n).replacen('{', &format!("{{\"junk\":\"{junk}\","), 1);
        peer.write(progress).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(multiplex.shared.lock().routes.waiting_bytes(&1.into()) < 1 << 20);
    drop(slow);
}

#[tokio::test(start_paused = true)]
async fn no_response_is_written_in_the_modern_era() {
    let (multiplex, inbound, mut peer) = started(1 << 16, limits(|limits| limits.message = 200));
    let modern = |id| Envelope::new(call(id)).with_version(ProtocolVersion::V2026_07_28);
    let exchange = within(multiplex.request(modern(1))).await.unwrap();
    drop(inbound);
    let big = "x".repeat(20_000);
    peer.write("{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"ping\"}\n").await;
    peer.write(format!("{{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"m\",\"params\":\"{big}\"}}\n"))
        .await;
    peer.answer(1).await;
    assert!(within(exchange.response()).await.is_ok());
    let _second = within(multiplex.request(modern(2))).await.unwrap();
    for id in [1, 2] {
        assert_eq!(peer.line().await, encoded(call(id)));
    }
}

#[tokio::test(start_paused = true)]
async fn closed_returns_the_reason() {
    let (multiplex, _inbound, peer) = started(1 << 10, Limits::default());
    assert!(tokio::time::timeout(Duration::from_secs(1), multiplex.closed()).await.is_err());
    let waiting = multiplex.closed();
    drop(peer);
    assert_eq!(within(waiting).await.to_string(), "the server closed the connection");
    assert_eq!(within(multiplex.closed()).await.to_string(), "the server closed the connection");
}

#[tokio::test(start_paused = true)]
async fn dropping_a_request_that_waits_for_room_sends_nothing() {
    let (multiplex, _inbound, mut peer) = started(16, limits(|limits| limits.outbox = 1));
    within(multiplex.send(notice("first"))).await.unwrap();
    let waiting =
        tokio::time::timeout(Duration::from_millis(1), multiplex.request(call(1).into())).await;
    assert!(waiting.is_err());
    assert_eq!(peer.line().await, r#"{"jsonrpc":"2.0","method":"first"}"#);
    // The id can be used again.
    let again = open(&multiplex, call(1)).await;
    assert_eq!(peer.line().await, r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#);
    peer.answer(1).await;
    assert!(within(again.response()).await.is_ok());
    within(multiplex.close()).await.unwrap();
    assert_eq!(peer.line().await, "");
}

#[tokio::test(start_paused = true)]
async fn batches_are_accepted_in_every_revision() {
    let (multiplex, mut inbound, mut peer) = started(1 << 10, Limits::default());
    let batch =
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}},{\"jsonrpc\":\"2.0\",\"method\":\"m\"}]\n";
    for version in [ProtocolVersion::V2025_03_26, ProtocolVersion::V2025_06_18] {
        let request = Envelope::new(call(1)).with_version(version);
        let exchange = within(multiplex.request(request)).await.unwrap();
        peer.write(batch).await;
        assert!(within(exchange.response()).await.is_ok());
        assert_eq!(message(&mut inbound).await, Notification::new("m").into());
    }
    // Also before the first request.
    let (_multiplex, mut inbound, mut peer) = started(1 << 10, Limits::default());
    peer.write(batch).await;
    assert_eq!(message(&mut inbound).await, Notification::new("m").into());
}

#[tokio::test(start_paused = true)]
async fn an_unparsable_response_fails_its_request_at_once_with_an_excerpt() {
    let (multiplex, _inbound, mut peer) = started(1 << 10, Limits::default());
    for (id, broken) in (1..).zip([
        "{\"jsonrpc\":\"2.0\",\"id\":#,\"result\":[[[[",
        "{\"jsonrpc\":\"2.0\",\"id\":#,\"result\":{\"text\":\"a\tb\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":#,\"result\":NaN}",
        "{\"jsonrpc\":\"2.0\",\"id\":#,\"result\":{},\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":\"#\",\"result\":[[[[",
        "{'jsonrpc': '2.0', 'id': #, 'result': {'text': \"it's\", 'ok': True}}",
    ]) {
        let exchange = open(&multiplex, call(id)).await;
        peer.line().await;
        let broken = broken.replace('#', &id.to_string());
        peer.write(format!("{broken}\n")).await;
        let error = error(exchange).await;
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Protocol, Delivery::Answered));
        assert!(error.to_string().contains(&broken[..20]), "{error}");
    }
    assert!(multiplex.diagnostics().is_empty());
}

#[tokio::test(start_paused = true)]
async fn responses_among_other_text_or_with_ids_of_another_type_are_accepted() {
    let (multiplex, _inbound, mut peer) = started(1 << 10, Limits::default());
    for (id, answer) in (1..).zip([
        "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":#,\"result\":{}}",
        "\u{1b}[32m{\"jsonrpc\":\"2.0\",\"id\":#,\"result\":{}}\u{1b}[0m",
        "\rloading\r{\"jsonrpc\":\"2.0\",\"id\":#,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":\"#\",\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":#.0,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":\"#\",\"error\":{\"code\":1,\"message\":\"m\"}}",
        "{\n  \"jsonrpc\": \"2.0\",\n  \"id\": #,\n  \"result\": {\n    \"a\": [\n    ]\n  }\n}",
    ]) {
        let exchange = open(&multiplex, call(id)).await;
        peer.write(format!("{}\n", answer.replace('#', &id.to_string()))).await;
        assert_eq!(within(exchange.response()).await.unwrap().id, Some(id.into()), "{answer}");
    }
    assert!(multiplex.diagnostics().is_empty());
}

#[tokio::test(start_paused = true)]
async fn diagnostics_count_skipped_lines_and_unmatched_responses() {
    let (multiplex, mut inbound, mut peer) = started(1 << 10, Limits::default());
    drop(open(&multiplex, call(1)).await);
    peer.write("Server running on port 3000\nContent-Length: 17\n").await;
    // A late response to a cancelled request does not count as unmatched.
    peer.answer(1).await;
    peer.answer(8).await;
    peer.answer(9).await;
    peer.write("{\"jsonrpc\":\"2.0\",\"method\":\"n\"}\n").await;
    message(&mut inbound).await;
    let diagnostics = multiplex.diagnostics();
    assert_eq!((diagnostics.skipped, diagnostics.unmatched), (2, 2));
    assert_eq!(diagnostics.last_skipped.as_deref(), Some("Content-Length: 17"));
    assert_eq!(diagnostics.last_unmatched, Some(9.into()));
}

#[tokio::test(start_paused = true)]
async fn unread_requests_of_the_server_are_answered_with_an_error() {
    let (multiplex, inbound, mut peer) = started(1 << 10, limits(|limits| limits.inbound = 1));
    let request = |id: i64| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}\n");
    peer.write(request(1) + &request(2)).await;
    let line = peer.line().await;
    assert!(line.starts_with(r#"{"jsonrpc":"2.0","id":2,"error":{"code":-32603"#), "{line}");
    // The first request is queued when the reader is dropped.
    drop(inbound);
    peer.write(request(3)).await;
    for id in [1, 3] {
        let line = peer.line().await;
        let start = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601"#);
        assert!(line.starts_with(&start), "{line}");
    }
    drop(multiplex);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_requests_from_a_peer_that_does_not_read_uses_bounded_memory() {
    let (multiplex, inbound, mut peer) = started(64, limits(|limits| limits.outbox = 1000));
    drop(inbound);
    for id in 0..1000 {
        peer.write(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}\n")).await;
    }
    assert!(multiplex.shared.lock().sending.outbox.waiting() < 1200);
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_progress_token_belongs_to_the_first_request() {
    let (multiplex, _inbound, mut peer) = started(1 << 10, Limits::default());
    let params = || RawJson::from_text(r#"{"_meta":{"progressToken":7}}"#).unwrap();
    let mut first = open(&multiplex, call(1).with_params(params())).await;
    drop(open(&multiplex, call(2).with_params(params())).await);
    peer.write(
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\
         \"params\":{\"progressToken\":7,\"progress\":1}}\n",
    )
    .await;
    assert!(matches!(within(first.next()).await, Some(Ok(Message::Notification(_)))));
}

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use eventsource_stream::Eventsource;
use futures_util::{FutureExt, StreamExt, stream};
use http_body::Frame;
use http_body_util::StreamBody;
use mcp_http::sse::{Decoder, Event, Events};
use mcp_http::{Error, ErrorKind};
use proptest::prelude::*;

/// The compared values: type, data, id and retry in milliseconds.
type Row = (Option<String>, Option<String>, Option<String>, Option<u64>);

fn row(event: Event) -> Row {
    let data = event.data.as_ref().map(|_| event.text().into_owned());
    (
        event.event.map(Into::into),
        data,
        event.id,
        event.retry.map(|retry| u64::try_from(retry.as_millis()).unwrap()),
    )
}

fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Row> {
    let mut decoder = Decoder::new();
    let mut rows = Vec::new();
    for chunk in chunks {
        decoder.push(Bytes::copy_from_slice(chunk));
        while let Some(event) = decoder.next_event().unwrap() {
            rows.push(row(event));
        }
    }
    rows
}

fn data(text: &str) -> Row {
    (None, Some(text.into()), None, None)
}

fn id(id: &str) -> Row {
    (None, None, Some(id.into()), None)
}

fn retry(retry: u64) -> Row {
    (None, None, None, Some(retry))
}

fn cases() -> Vec<(&'static [u8], Vec<Row>)> {
    let full = |event: &str, text: &str, id: &str, retry| {
        (Some(event.into()), Some(text.into()), Some(id.into()), retry)
    };
    let with_id = |text: &str, id: &str| (None, Some(text.into()), Some(id.into()), None);
    vec![
        // line ends
        (b"data: a\n\ndata: b\n\n", vec![data("a"), data("b")]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", vec![data("a"), data("b")]),
        (b"data: a\r\rdata: b\r\r", vec![data("a"), data("b")]),
        (b"data: a\r\n\ndata: b\n\r\n", vec![data("a"), data("b")]),
        (b"data: a\r\n\rdata: b\n\r", vec![data("a"), data("b")]),
        (b"\n\r\n\r\n\ndata: a\n\n\n\n", vec![data("a")]),
        // byte order mark
        (b"\xef\xbb\xbfdata: a\n\n", vec![data("a")]),
        (b"\xef\xbb\xbf\ndata: a\n\n", vec![data("a")]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n", vec![data("b")]),
        (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", vec![data("a")]),
        (b"data: \xef\xbb\xbfa\n\n", vec![data("\u{feff}a")]),
        // fields
        (b"data:a\n\n", vec![data("a")]),
        (b"data:  a \n\n", vec![data(" a ")]),
        (b"data: a:b: c\n\n", vec![data("a:b: c")]),
        (b"data: a\ndata: b\ndata:\ndata:c\n\n", vec![data("a\nb\n\nc")]),
        (b"data\n\n", vec![data("")]),
        (b"data:\n\n", vec![data("")]),
        (b"data\ndata\n\n", vec![data("\n")]),
        (b"data\ndata\ndata:x\n\n", vec![data("\n\nx")]),
        (b": hi\ndata: a\n:\n: there\n\n", vec![data("a")]),
        (b": keep-alive\n\n: keep-alive\n\n", vec![]),
        (b"date: a\nDATA: b\n data: c\ndata : d\n\n", vec![]),
        (b"nonsense\n\ndata: a\n\n", vec![data("a")]),
        (b"event: e\ndata: d\nid: i\nretry: 5\n\n", vec![full("e", "d", "i", Some(5))]),
        (b"event: x\nevent: message\ndata: d\nid: i\n\n", vec![full("message", "d", "i", None)]),
        (b"event: e\n\ndata: a\n\n", vec![(Some("e".into()), None, None, None), data("a")]),
        // id
        (b"id: p1\n\n", vec![id("p1")]),
        (b"id\ndata: a\n\n", vec![with_id("a", "")]),
        (b"id: 1\nid: a\0b\ndata: a\n\n", vec![with_id("a", "1")]),
        (b"id: a\0b\n\n", vec![]),
        (b"id: 1\ndata: a\n\ndata: b\n\n", vec![with_id("a", "1"), data("b")]),
        // retry
        (b"retry: 3000\n\n", vec![retry(3000)]),
        (b"retry: +7\n\nretry: 7a\n\nretry:\n\nretry: -1\n\nretry:  1\n\nretry: 1.5\n\n", vec![]),
        (b"retry: 1\nretry: x\n\n", vec![retry(1)]),
        (b"retry: 99999999999999999999999\n\n", vec![retry(u64::MAX)]),
        (b"id: a\nretry: 007\n\n", vec![(None, None, Some("a".into()), Some(7))]),
        // priming events of servers
        (
            b"id: X\nretry: 300\ndata: \n\n",
            vec![(None, Some(String::new()), Some("X".into()), Some(300))],
        ),
        (
            b"id: 4\r\ndata: \r\nretry: 500\r\n\r\n",
            vec![(None, Some(String::new()), Some("4".into()), Some(500))],
        ),
        // encoding
        ("data: ä€😀\n\n".as_bytes(), vec![data("ä€😀")]),
        (b"data: a\xffb\n\ndata: ok\n\n", vec![data("a\u{fffd}b"), data("ok")]),
        (b"data: \xe2\x82\ndata: x\n\n", vec![data("\u{fffd}\nx")]),
        (b": \xff\xfe\ndata: ok\n\n", vec![data("ok")]),
        (b"id: \xff\n\n", vec![id("\u{fffd}")]),
        (b"data: a\0b\n\n", vec![data("a\0b")]),
        // the end
        (b"data: a\n\ndata: lost", vec![data("a")]),
        (b"data: a\n\ndata: lost\n", vec![data("a")]),
        (b"", vec![]),
    ]
}

#[test]
fn decoding_does_not_depend_on_chunks() {
    for (stream, expected) in cases() {
        let name = stream.escape_ascii();
        assert_eq!(decode([stream]), expected, "whole: {name}");
        assert_eq!(decode(stream.chunks(1)), expected, "bytes: {name}");
        for at in 0..=stream.len() {
            let (head, tail) = stream.split_at(at);
            assert_eq!(decode([head, b"", tail]), expected, "at {at}: {name}");
        }
    }
}

#[test]
fn a_lone_cr_completes_the_event_at_once() {
    let mut decoder = Decoder::new();
    for stream in ["data: a\r\r", "\ndata: a\r\n\r", "data: a\n\n"] {
        decoder.push(stream.into());
        assert_eq!(decoder.next_event().unwrap().map(row), Some(data("a")), "{stream:?}");
        assert!(!decoder.is_mid_event());
    }
}

#[test]
fn pushed_chunks_are_queued() {
    let mut decoder = Decoder::new();
    for chunk in ["data: a\n", "\nda", "ta: b\n\nid", ": 3\n\n"] {
        decoder.push(chunk.into());
    }
    for expected in [data("a"), data("b"), id("3")] {
        assert_eq!(decoder.next_event().unwrap().map(row), Some(expected));
    }
    assert!(decoder.next_event().unwrap().is_none());
}

#[test]
fn data_in_one_chunk_is_not_copied() {
    let chunk = Bytes::from("event: message\ndata: {\"a\":1}\n\n".to_owned());
    let range = chunk.as_ptr_range();
    let mut decoder = Decoder::new();
    decoder.push(chunk);
    let data = decoder.next_event().unwrap().unwrap().data.unwrap();
    assert!(range.contains(&data.as_ptr()));
}

#[test]
fn is_mid_event_is_true_within_an_event() {
    for (stream, expected) in [
        ("", false),
        ("data: a\n\n", false),
        ("data: a\r\r", false),
        (": comment\n", false),
        ("d", true),
        ("data: a", true),
        ("data: a\n", true),
        ("id: 1\n", true),
        ("data: a\n\nd", true),
    ] {
        let mut decoder = Decoder::new();
        decoder.push(stream.into());
        while decoder.next_event().unwrap().is_some() {}
        assert_eq!(decoder.is_mid_event(), expected, "{stream:?}");
    }
}

#[test]
fn limits_do_not_depend_on_chunks() {
    let limit = 20;
    let long = "x".repeat(limit);
    for (stream, good) in [
        (format!("data: a\n\ndata: {long}\n\ndata: b\n\n"), 1),
        (format!("data: a\n\n:{long}"), 1),
        ("data: 123456789\ndata: 123456789\ndata: 1\n\n".to_owned(), 0),
        ("data: 123456789\ndata: 1234567890\n\nid: 1\n\ndata: 12345678901234\n\n".to_owned(), 3),
    ] {
        for size in 1..=stream.len() {
            let mut decoder = Decoder::with_limit(limit);
            let (mut events, mut errors) = (0, 0);
            for chunk in stream.as_bytes().chunks(size) {
                decoder.push(Bytes::copy_from_slice(chunk));
                loop {
                    match decoder.next_event() {
                        Ok(Some(_)) => events += 1,
                        Ok(None) => break,
                        Err(error) => {
                            assert_eq!(error.kind(), ErrorKind::TooLarge);
                            assert!(error.to_string().contains("20 bytes"), "{error}");
                            errors += 1;
                        }
                    }
                }
            }
            assert_eq!((events, errors), (good, i32::from(good < 3)), "{stream:?} by {size}");
        }
    }
}

/// A decoder that scans all buffered data for each chunk, or copies the rest of a chunk for each line, would take
/// minutes.
#[test]
fn time_is_linear() {
    let chunk = Bytes::from(vec![b'x'; 4096]);
    let mut decoder = Decoder::with_limit(usize::MAX);
    let begin = Instant::now();
    decoder.push("data: ".into());
    for _ in 0..8 * 1024 {
        assert!(decoder.next_event().unwrap().is_none());
        decoder.push(chunk.clone());
    }
    assert!(decoder.next_event().unwrap().is_none());
    decoder.push("\n\n".into());
    assert_eq!(decoder.next_event().unwrap().unwrap().data.unwrap().len(), 32 * 1024 * 1024);
    decoder.push("data: 12345678901234567890\n".repeat(256 * 1024).into());
    decoder.push("\n".into());
    assert!(decoder.next_event().unwrap().is_some());
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_body_yields_its_events_and_then_its_error() {
    let frames = [Ok("data: a\n\nda"), Ok("ta: b\n\n"), Ok("data: c"), Err("broke"), Ok("\n\n")];
    let frames = frames.map(|frame| frame.map(|text| Frame::data(Bytes::from(text))));
    let mut events = Events::new(StreamBody::new(stream::iter(frames)));
    for expected in ["a", "b"] {
        assert_eq!(events.next().await.unwrap().unwrap().data.unwrap(), expected);
    }
    let error = events.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Other);
    assert!(events.is_mid_event());
    assert!(events.next().await.is_none());
}

/// A body that never becomes ready, and counts its drops.
struct Silent<'a>(&'a std::sync::atomic::AtomicUsize);

impl http_body::Body for Silent<'_> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Poll::Pending
    }
}

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

#[test]
fn dropping_the_events_drops_the_body() {
    let drops = std::sync::atomic::AtomicUsize::new(0);
    let mut events = Events::new(Silent(&drops));
    assert!(events.next().now_or_never().is_none());
    drop(events);
    assert_eq!(drops.into_inner(), 1);
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "data", "event", "id", "retry", ":", ": ", " ", "\n", "\r", "\r\n", "\n\n", "\u{feff}",
            "0", "12", "\0", "ä", "😀", "x",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// Streams that the other decoder supports: UTF-8 without a BOM, LF or CRLF, always with data.
fn well_formed() -> impl Strategy<Value = String> {
    let text = "[a-z0-9:{}\" äß😀]{0,20}";
    let block = (
        prop::collection::vec(text, 1..4),
        prop::option::of("[a-z]{1,8}"),
        prop::option::of("[a-z0-9]{1,8}"),
        prop::option::of(0_u32..100_000),
        prop::option::of(text),
        any::<bool>(),
    );
    let block = block.prop_map(|(data, event, id, retry, comment, crlf)| {
        let mut lines: Vec<_> = data.iter().map(|data| format!("data: {data}")).collect();
        lines.extend(event.map(|event| format!("event: {event}")));
        lines.extend(id.map(|id| format!("id:{id}")));
        lines.extend(retry.map(|retry| format!("retry: {retry}")));
        lines.extend(comment.map(|comment| format!(":{comment}")));
        let end = if crlf { "\r\n" } else { "\n" };
        lines.join(end) + end + end
    });
    prop::collection::vec(block, 0..6).prop_map(|blocks| blocks.concat())
}

fn cut(mut stream: &[u8], sizes: &[usize]) -> Vec<Vec<u8>> {
    let mut chunks = Vec::new();
    for size in sizes.iter().cycle().take(if sizes.is_empty() { 0 } else { usize::MAX }) {
        if stream.is_empty() {
            break;
        }
        let (head, tail) = stream.split_at((*size).min(stream.len()));
        chunks.push(head.to_vec());
        stream = tail;
    }
    chunks
}

#[tokio::test]
async fn a_body_that_is_always_ready_yields_to_other_tasks() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let frame = || Ok::<_, Error>(http_body::Frame::data(Bytes::from_static(b"id: 7\n\n")));
    let body = http_body_util::StreamBody::new(stream::repeat_with(frame));
    let mut events = Events::new(body);
    let other = std::sync::Arc::new(AtomicBool::new(false));
    let ran = other.clone();
    tokio::spawn(async move { ran.store(true, Ordering::SeqCst) });
    for _ in 0..100_000 {
        events.next().await.unwrap().unwrap();
        if other.load(Ordering::SeqCst) {
            return;
        }
    }
    panic!("the other task never ran");
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_events(
        stream in pieces(),
        sizes in prop::collection::vec(1_usize..12, 1..8),
    ) {
        let chunks = cut(&stream, &sizes);
        let cut = decode(chunks.iter().map(Vec::as_slice));
        prop_assert_eq!(cut, decode([stream.as_slice()]));
    }

    #[test]
    fn agrees_with_another_decoder(
        stream in well_formed(),
        sizes in prop::collection::vec(1_usize..40, 1..8),
    ) {
        let chunks = cut(stream.as_bytes(), &sizes);
        let ours = decode(chunks.iter().map(Vec::as_slice));
        let mut last_id = String::new();
        let ours: Vec<_> = ours
            .into_iter()
            .map(|(event, data, id, retry)| {
                last_id = id.unwrap_or_else(|| std::mem::take(&mut last_id));
                (event.unwrap_or("message".into()), data.unwrap(), last_id.clone(), retry)
            })
            .collect();
        let chunks = stream::iter(chunks.into_iter().map(Ok::<_, Error>));
        let theirs = chunks.eventsource().collect::<Vec<_>>().now_or_never().unwrap();
        let theirs: Vec<_> = theirs
            .into_iter()
            .map(|event| event.unwrap())
            .map(|event| {
                let retry = event.retry.map(|retry| u64::try_from(retry.as_millis()).unwrap());
                (event.event, event.data, event.id, retry)
            })
            .collect();
        prop_assert_eq!(ours, theirs);
    }
}

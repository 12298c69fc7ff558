//! Server-sent events: for any chunks, the events are the same, and they equal those of another decoder for streams
//! that it decodes by the standard.
#![no_main]

use bytes::Bytes;
use eventsource_stream::Eventsource;
use futures_util::{FutureExt, StreamExt, stream};
use libfuzzer_sys::fuzz_target;
use mcp_http::sse::{Decoder, Event};

fuzz_target!(|data: &[u8]| {
    let [chunk, data @ ..] = data else { return };
    let whole = decode(data, data.len().max(1));
    assert_eq!(decode(data, usize::from(*chunk).max(1)), whole);
    if let Some(expected) = oracle(data) {
        let dispatched = whole.iter().filter_map(|event| {
            let data = {
                event.data.as_ref()?;
                event.text().into_owned()
            };
            Some((event.event.as_deref().unwrap_or("message").to_owned(), data))
        });
        assert!(dispatched.eq(expected));
    }
});

fn decode(data: &[u8], chunk: usize) -> Vec<Event> {
    let mut decoder = Decoder::new();
    let mut events = Vec::new();
    for bytes in data.chunks(chunk) {
        decoder.push(Bytes::copy_from_slice(bytes));
        while let Some(event) = decoder.next_event().expect("nothing here is over the limit") {
            events.push(event);
        }
    }
    events
}

/// The type and data of each event. `None` if the oracle deviates from the standard: bytes that are not UTF-8, a lone
/// carriage return, a byte order mark, an event whose data is one empty line.
fn oracle(data: &[u8]) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(data).ok()?;
    if text.contains(['\r', '\0', '\u{feff}']) {
        return None;
    }
    let chunks = stream::iter([Ok::<_, std::convert::Infallible>(text.to_owned())]);
    let events: Vec<_> = chunks.eventsource().collect().now_or_never()?;
    let events = events.into_iter().map(|event| event.ok().map(|event| (event.event, event.data)));
    events.collect()
}

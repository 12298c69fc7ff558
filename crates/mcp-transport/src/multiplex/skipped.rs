//! Received frames that are not JSON-RPC messages.

use std::{
    borrow::Cow,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use mcp_core::Message;
use memchr::memmem;
use serde_json::value::RawValue;

use crate::Diagnostics;

/// The length of the stored excerpt of a frame, in bytes.
const EXCERPT_LENGTH: usize = 500;

/// Counts skipped frames, and stores an excerpt of the last one.
#[derive(Default)]
pub(super) struct Skipped {
    count: AtomicU64,
    last: Mutex<String>,
}

impl Skipped {
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, frame: &[u8]) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = excerpt(frame).into_owned();
        if self.count.fetch_add(1, Ordering::Relaxed) == 0 {
            #[cfg(feature = "tracing")]
            tracing::warn!("skipping output of the server that is not JSON-RPC");
        }
    }

    pub(super) fn report(&self, diagnostics: &mut Diagnostics) {
        diagnostics.skipped = self.count();
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        diagnostics.last_skipped = Some(last.clone()).filter(|last| !last.is_empty());
    }
}

/// The beginning of a frame as text.
pub(super) fn excerpt(frame: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(&frame[..frame.len().min(EXCERPT_LENGTH)])
}

/// Finds a complete response in a line with other text before or after it, such as a progress bar or
/// colours. Requests are not extracted, since they may be part of a log line.
pub(super) fn embedded_response(frame: &Bytes) -> Option<Message> {
    let first = memchr::memchr(b'{', frame)?;
    let named = memmem::find(frame, b"{\"jsonrpc\"");
    [Some(first), named].into_iter().flatten().find_map(|start| {
        let rest = &frame[start..];
        let raw: &RawValue = serde_json::Deserializer::from_slice(rest).into_iter().next()?.ok()?;
        let end = start + raw.get().len();
        if (start, end) == (0, frame.len()) {
            return None;
        }
        Message::parse(frame.slice(start..end)).ok().filter(|it| matches!(it, Message::Response(_)))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const ANSWER: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"a":"}"}}"#;

    fn found(line: &str) -> bool {
        embedded_response(&Bytes::copy_from_slice(line.as_bytes())).is_some()
    }

    #[test]
    fn a_response_is_found_among_other_text() {
        for line in [
            "\u{1b}[32m#\u{1b}[0m",
            "\rloading 1%\rloading 99%\r#",
            "[{INFO}] #",
            "Server ready.#Content-Length: 17",
            "{} #",
        ] {
            assert!(found(&line.replace('#', ANSWER)), "{line}");
        }
    }

    #[test]
    fn requests_and_incomplete_responses_are_not_extracted() {
        for line in [
            r#"sent {"jsonrpc":"2.0","id":1,"method":"ping"}"#,
            r#"sent {"jsonrpc":"2.0","method":"notifications/cancelled"}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            "no object at all",
            "{",
        ] {
            assert!(!found(line), "{line}");
        }
    }
}

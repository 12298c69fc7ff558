//! Events of one stream of a session, stored for a limited time so that the stream can be resumed.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures_util::Stream;
use mcp_core::Message;
use tokio::time::Instant;

use super::body::{event, priming_event};

/// Maximum number of unread bytes before the writer waits, and of read bytes that are stored.
const MAX_BYTES: usize = 1 << 20;

/// The events of one stream, with one writer and at most one reader at a time.
///
/// Read events are stored within the size limit and can be read again. The writer waits while too much is unread.
#[derive(Clone)]
pub(crate) struct EventLog(Arc<Mutex<State>>);

struct State {
    /// The number of the stream in its session.
    stream: u64,
    /// The number of the first stored event.
    first: u64,
    events: VecDeque<Bytes>,
    bytes: usize,
    /// The number of the next event to read.
    next: u64,
    /// The number of unread bytes.
    unread: usize,
    is_over: bool,
    /// The number of the current reader: a new reader ends an earlier one.
    reader: u64,
    has_reader: bool,
    /// The time since which there was no reader and no change.
    idle_since: Instant,
    reader_waker: Option<Waker>,
    writer_waker: Option<Waker>,
}

impl EventLog {
    pub(crate) fn new(stream: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            stream,
            first: 0,
            events: VecDeque::new(),
            bytes: 0,
            next: 0,
            unread: 0,
            is_over: false,
            reader: 0,
            has_reader: false,
            idle_since: Instant::now(),
            reader_waker: None,
            writer_waker: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a message. Waits while too much is unread.
    pub(crate) async fn write(&self, message: &Message) {
        std::future::poll_fn(|cx| {
            let mut state = self.state();
            if state.unread >= MAX_BYTES && !state.is_over {
                state.writer_waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let id = state.id(state.end());
            state.push(event(Some(&id), message));
            Poll::Ready(())
        })
        .await;
    }

    /// Adds an event without a message, so that the stream can be resumed before its first message.
    pub(crate) fn prime(&self) {
        let mut state = self.state();
        let id = state.id(state.end());
        state.push(priming_event(&id));
    }

    /// Ends the stream. Its reader ends after the last event.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.is_over = true;
        state.idle_since = Instant::now();
        state.wake_all();
    }

    /// Reads the events after `last`, or from the first stored one. Ends an earlier reader.
    pub(crate) fn read(&self, last: Option<u64>) -> Reader {
        let mut state = self.state();
        let next = last.map_or(state.next, |last| last.saturating_add(1));
        state.next = next.clamp(state.first, state.end());
        let read = usize::try_from(state.next - state.first).unwrap_or(usize::MAX);
        state.unread = state.events.iter().skip(read).map(Bytes::len).sum();
        state.reader += 1;
        state.has_reader = true;
        state.wake_all();
        Reader { log: self.clone(), number: state.reader }
    }

    /// Whether there is a reader.
    pub(crate) fn has_reader(&self) -> bool {
        self.state().has_reader
    }

    /// Whether the stream has ended, or was neither read nor resumed for `time`.
    pub(crate) fn is_forgotten(&self, time: Duration) -> bool {
        let state = self.state();
        let is_stuck = state.is_over || state.unread >= MAX_BYTES;
        is_stuck && !state.has_reader && state.idle_since.elapsed() >= time
    }
}

impl State {
    fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    fn id(&self, event: u64) -> String {
        format!("{}-{event}", self.stream)
    }

    fn push(&mut self, event: Bytes) {
        self.bytes += event.len();
        self.unread += event.len();
        self.events.push_back(event);
        self.make_room();
        if let Some(waker) = self.reader_waker.take() {
            waker.wake();
        }
    }

    /// Drops read events above the size limit.
    fn make_room(&mut self) {
        while self.bytes > MAX_BYTES && self.first < self.next {
            let Some(event) = self.events.pop_front() else { return };
            self.bytes -= event.len();
            self.first += 1;
        }
    }

    fn wake_all(&mut self) {
        let wakers = [self.reader_waker.take(), self.writer_waker.take()];
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

/// Reads a stream until it ends or another reader starts.
pub(crate) struct Reader {
    log: EventLog,
    number: u64,
}

impl Stream for Reader {
    type Item = Bytes;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut state = self.log.state();
        if state.reader != self.number {
            return Poll::Ready(None);
        }
        let at = usize::try_from(state.next - state.first).unwrap_or(usize::MAX);
        if let Some(event) = state.events.get(at).cloned() {
            state.next += 1;
            state.unread -= event.len();
            state.make_room();
            if let Some(waker) = state.writer_waker.take() {
                waker.wake();
            }
            return Poll::Ready(Some(event));
        }
        if state.is_over {
            return Poll::Ready(None);
        }
        state.reader_waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.log.state();
        if state.reader == self.number {
            state.has_reader = false;
            state.idle_since = Instant::now();
        }
    }
}

/// The stream and event number of an event id from [`EventLog`].
pub(crate) fn parse_event_id(id: &str) -> Option<(u64, u64)> {
    let (stream, event) = id.split_once('-')?;
    Some((stream.parse().ok()?, event.parse().ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::pin::pin;

    use futures_util::{FutureExt, StreamExt};
    use mcp_core::Notification;

    use super::*;

    fn message(text: &str) -> Message {
        Notification::new(text.to_owned()).into()
    }

    fn read(reader: &mut Reader) -> Option<String> {
        let event = reader.next().now_or_never().flatten()?;
        Some(String::from_utf8(event.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_stream_is_resumed_after_any_stored_event() {
        let log = EventLog::new(7);
        log.prime();
        for name in ["a", "b", "c"] {
            log.write(&message(name)).await;
        }
        let mut first = log.read(None);
        assert_eq!(read(&mut first).unwrap(), "id: 7-0\ndata:\n\n");
        assert!(read(&mut first).unwrap().starts_with("id: 7-1\n"));
        let mut second = log.read(Some(0));
        assert!(read(&mut second).unwrap().starts_with("id: 7-1\n"));
        assert!(first.next().now_or_never().unwrap().is_none(), "the later reader replaces it");
        drop(first);
        assert!(log.has_reader());
        assert!(read(&mut second).unwrap().starts_with("id: 7-2\n"));
        assert!(read(&mut second).unwrap().starts_with("id: 7-3\n"));
        assert!(second.next().now_or_never().is_none());
        log.end();
        assert!(second.next().now_or_never().unwrap().is_none());
        let mut unknown = log.read(Some(99));
        assert!(unknown.next().now_or_never().unwrap().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_writer_waits_for_its_reader_and_storage_is_limited() {
        let log = EventLog::new(1);
        let large = message(&"x".repeat(MAX_BYTES / 4));
        let mut written = 0;
        while log.write(&large).now_or_never().is_some() {
            written += 1;
        }
        assert_eq!(written, 4);
        assert!(!log.is_forgotten(Duration::from_secs(60)));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(log.is_forgotten(Duration::from_secs(60)), "it has no reader");
        let mut reader = log.read(None);
        let mut writing = pin!(log.write(&large));
        assert!(writing.as_mut().now_or_never().is_none());
        for _ in 0..4 {
            assert!(read(&mut reader).is_some());
        }
        writing.await;
        assert!(log.state().bytes <= MAX_BYTES + MAX_BYTES / 2);
        assert!(log.state().first > 0, "read events were dropped");
    }
}

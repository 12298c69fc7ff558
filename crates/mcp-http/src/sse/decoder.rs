use std::borrow::Cow;
use std::mem;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr, memchr2};

use super::{DEFAULT_LIMIT, pieces::Pieces};
use crate::error::Error;

/// One block of a stream. Absent fields are `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The type of the event. Default: `message`.
    pub event: Option<Cow<'static, str>>,
    /// The data as received, lines joined with `
    /// `; see [`text`](Self::text). A block without data is not dispatched as an event; only its `id` and `retry`
    /// count.
    pub data: Option<Bytes>,
    /// The last event id from here on; an empty one resets it.
    pub id: Option<String>,
    /// The delay before reconnecting.
    pub retry: Option<Duration>,
}

impl Event {
    /// The data as text, with U+FFFD for invalid UTF-8. Empty if there is none.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.data.as_deref().unwrap_or_default())
    }
}

/// Decoder for a stream of events, in chunks of any size.
///
/// An event is returned as soon as the line end that completes it has arrived. Work is linear in the size of the
/// stream; data within one chunk is not copied.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    /// Received but not decoded.
    chunk: Bytes,
    /// The start of an incomplete line.
    line: Pieces,
    event: Event,
    /// The data of `event` if it has more than one line.
    lines: BytesMut,
    at_start: bool,
    after_cr: bool,
    failed: bool,
}

impl Decoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }

    /// A decoder that limits each line and the data of each event to `limit` bytes.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            chunk: Bytes::new(),
            line: Pieces::default(),
            event: Event::default(),
            lines: BytesMut::new(),
            at_start: true,
            after_cr: false,
            failed: false,
        }
    }

    /// Adds the next bytes of the stream. Undecoded bytes are copied, so call it when [`next_event`](Self::next_event)
    /// has returned `None`.
    pub fn push(&mut self, chunk: Bytes) {
        if self.chunk.is_empty() {
            self.chunk = chunk;
        } else {
            let mut both = BytesMut::with_capacity(self.chunk.len() + chunk.len());
            both.extend_from_slice(&self.chunk);
            both.extend_from_slice(&chunk);
            self.chunk = both.freeze();
        }
    }

    /// The next event, or `None` when more bytes are needed.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](crate::ErrorKind::TooLarge) if a limit is exceeded. The stream has then ended: there are no more
    /// events.
    pub fn next_event(&mut self) -> Result<Option<Event>, Error> {
        while let Some(line) = self.next_line()? {
            if !line.is_empty() {
                self.field(line)?;
            } else if let Some(event) = self.dispatch() {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// Whether part of an event has been received. At the end of the stream that part is lost.
    #[must_use]
    pub fn is_mid_event(&self) -> bool {
        let is_between =
            self.chunk.is_empty() && self.line.is_empty() && self.event == Event::default();
        !(is_between || self.failed)
    }

    /// Whether the data of an event has been partly received.
    fn has_partial_data(&self) -> bool {
        self.event.data.is_some() || self.line.len() > b"data:".len()
    }

    /// Whether the data of the incomplete event ends like an object or array. Most parts of a large message do not, and
    /// need no further check.
    pub(crate) fn may_be_whole(&self) -> bool {
        let data = match &self.event.data {
            Some(_) if !self.lines.is_empty() => &self.lines[..],
            Some(first) => first,
            None => &[],
        };
        let ends = |part: &[u8]| matches!(part.trim_ascii_end(), [.., b'}' | b']']);
        ends(self.line.last()) || ends(data)
    }

    /// The data of the incomplete event received so far. Call it when [`next_event`](Self::next_event) has returned
    /// `None`.
    #[must_use]
    pub fn partial_data(&self) -> Option<Bytes> {
        if !self.has_partial_data() {
            return None;
        }
        let mut copy = Self::with_limit(self.limit);
        (copy.event, copy.lines) = (self.event.clone(), self.lines.clone());
        copy.at_start = self.at_start;
        copy.line = self.line.clone();
        copy.finish()?.data
    }

    /// Returns the incomplete event as if a blank line ended it here. The rest of its last line is ignored.
    pub fn finish(&mut self) -> Option<Event> {
        let mut line = mem::take(&mut self.line).into_bytes();
        if mem::take(&mut self.at_start) && line.starts_with("\u{feff}".as_bytes()) {
            line.advance("\u{feff}".len());
        }
        if !line.is_empty() {
            self.field(line).ok()?;
        }
        self.dispatch()
    }

    fn next_line(&mut self) -> Result<Option<Bytes>, Error> {
        if self.failed || self.chunk.is_empty() {
            return Ok(None);
        }
        if mem::take(&mut self.after_cr) && self.chunk[0] == b'\n' {
            self.chunk.advance(1);
        }
        let end = memchr2(b'\n', b'\r', &self.chunk);
        self.check(
            "a line of the event stream",
            self.line.len() + end.unwrap_or(self.chunk.len()),
        )?;
        let Some(end) = end else {
            self.line.push(mem::take(&mut self.chunk));
            return Ok(None);
        };
        let mut line = self.chunk.split_to(end);
        self.after_cr = self.chunk[0] == b'\r';
        self.chunk.advance(1);
        if !self.line.is_empty() {
            self.line.push(line);
            line = mem::take(&mut self.line).into_bytes();
        }
        if mem::take(&mut self.at_start) && line.starts_with("\u{feff}".as_bytes()) {
            line.advance("\u{feff}".len());
        }
        Ok(Some(line))
    }

    fn field(&mut self, mut line: Bytes) -> Result<(), Error> {
        let colon = memchr(b':', &line).unwrap_or(line.len());
        let value = match line.get(colon + 1) {
            Some(b' ') => colon + 2,
            Some(_) => colon + 1,
            None => line.len(),
        };
        match &line[..colon] {
            b"data" => {
                line.advance(value);
                self.data(line)?;
            }
            b"event" => {
                self.event.event = match &line[value..] {
                    b"" => None,
                    b"message" => Some(Cow::Borrowed("message")),
                    name => Some(Cow::Owned(String::from_utf8_lossy(name).into_owned())),
                };
            }
            b"id" if memchr(0, &line[value..]).is_none() => {
                self.event.id = Some(String::from_utf8_lossy(&line[value..]).into_owned());
            }
            b"retry" => self.event.retry = milliseconds(&line[value..]).or(self.event.retry),
            _ => {}
        }
        Ok(())
    }

    fn data(&mut self, value: Bytes) -> Result<(), Error> {
        let Some(first) = &self.event.data else {
            self.event.data = Some(value);
            return Ok(());
        };
        if self.lines.is_empty() {
            self.lines.extend_from_slice(first);
        }
        self.check("the data of an event", self.lines.len().saturating_add(1 + value.len()))?;
        self.lines.extend_from_slice(b"\n");
        self.lines.extend_from_slice(&value);
        Ok(())
    }

    fn dispatch(&mut self) -> Option<Event> {
        let mut event = mem::take(&mut self.event);
        if !self.lines.is_empty() {
            event.data = Some(mem::take(&mut self.lines).freeze());
        }
        (event != Event::default()).then_some(event)
    }

    fn check(&mut self, what: &str, len: usize) -> Result<(), Error> {
        if len <= self.limit {
            return Ok(());
        }
        let limit = self.limit;
        *self = Self::with_limit(limit);
        self.failed = true;
        Err(Error::too_large(what, limit))
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

fn milliseconds(digits: &[u8]) -> Option<Duration> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = std::str::from_utf8(digits).ok()?.parse();
    Some(Duration::from_millis(number.unwrap_or(u64::MAX)))
}

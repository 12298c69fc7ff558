//! Newline-delimited framing: one message per line.

use bytes::{Buf, Bytes, BytesMut};
use mcp_core::MessageHint;

/// The bytes stored from each end of an oversize line, to find the id of its request.
const EXCERPT_LENGTH: usize = 4096;
/// A line of at most this many bytes is copied out of the read buffer, so that a stored message does not
/// retain a large buffer.
const COPY_THRESHOLD: usize = 4096;

/// At most this many unread bytes are moved to a new buffer, to release a larger one.
const MOVE_THRESHOLD: usize = 64 << 10;
/// A read buffer larger than this many bytes is released as soon as possible.
const SHRINK_THRESHOLD: usize = 1 << 20;

/// Splits a stream of bytes into lines. Linear in the number of bytes, for chunks of any size.
///
/// A line ends with `\n` or `\r\n`. A byte order mark before the first line, white space around a line and
/// blank lines are removed. The bytes of a line need not be UTF-8.
///
/// ```
/// use mcp_transport::framing::{Line, LineDecoder};
///
/// let mut decoder = LineDecoder::new(1024);
/// decoder.buffer_mut().extend_from_slice(b"{}\r\n\n[");
/// assert_eq!(decoder.next_line(), Some(Line::Complete("{}".into())));
/// assert_eq!(decoder.next_line(), None);
/// ```
///
/// Spec: [stdio](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/stdio)
#[derive(Debug)]
pub struct LineDecoder {
    buffer: BytesMut,
    /// The bytes before this offset contain no line end.
    scanned: usize,
    limit: usize,
    oversize: Option<TooLong>,
    started: bool,
    /// The largest capacity that the buffer has had.
    largest: usize,
}

/// The result of [`LineDecoder::next_line`].
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Line {
    /// A line without its line end.
    Complete(Bytes),
    /// A line over the limit, of which only the ends are stored.
    TooLong(TooLong),
}

/// The first and last bytes of a line over the limit.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooLong {
    /// The length of the line in bytes.
    pub length: usize,
    /// The first bytes, at most 4096.
    pub head: Vec<u8>,
    /// The last bytes, at most 4096.
    pub tail: Vec<u8>,
}

impl LineDecoder {
    /// Creates a decoder for lines of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            scanned: 0,
            limit,
            oversize: None,
            started: false,
            largest: 0,
        }
    }

    /// The buffer to which received bytes are appended.
    pub fn buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Returns the next line, or `None` if more bytes are needed.
    pub fn next_line(&mut self) -> Option<Line> {
        let is_scanned = self.scanned == self.buffer.len() && self.oversize.is_none();
        if is_scanned && self.largest <= SHRINK_THRESHOLD {
            return None;
        }
        self.largest = self.largest.max(self.buffer.capacity());
        loop {
            let end =
                memchr::memchr(b'\n', &self.buffer[self.scanned..]).map(|at| self.scanned + at);
            if let Some(oversize) = &mut self.oversize {
                let end = end.unwrap_or(self.buffer.len());
                oversize.append(&self.buffer[..end]);
                let complete = end < self.buffer.len();
                self.buffer.advance(end + usize::from(complete));
                self.scanned = 0;
                if !complete {
                    self.shrink();
                    return None;
                }
                return self.oversize.take().map(Line::TooLong);
            }
            match end {
                None if self.buffer.len() > self.limit => self.oversize = Some(TooLong::default()),
                None => {
                    self.scanned = self.buffer.len();
                    self.shrink();
                    return None;
                }
                Some(end) if end > self.limit => self.oversize = Some(TooLong::default()),
                Some(end) => {
                    let line = self.take(end);
                    self.buffer.advance(1);
                    self.scanned = 0;
                    if !line.is_empty() {
                        return Some(Line::Complete(line));
                    }
                }
            }
        }
    }

    /// Ends the stream. Returns the last line if it has no line end.
    pub fn finish(&mut self) -> Option<Line> {
        if let Some(mut oversize) = self.oversize.take() {
            oversize.append(&self.buffer.split());
            return Some(Line::TooLong(oversize));
        }
        let line = self.take(self.buffer.len());
        self.scanned = 0;
        (!line.is_empty()).then_some(Line::Complete(line))
    }

    /// Removes the first `end` bytes, and returns them without a byte order mark and surrounding white
    /// space.
    fn take(&mut self, end: usize) -> Bytes {
        let line = &self.buffer[..end];
        let bom =
            if self.started { 0 } else { line.strip_prefix(b"\xef\xbb\xbf").map_or(0, |_| 3) };
        self.started |= end > 0;
        let trimmed = line[bom..].trim_ascii();
        if trimmed.len() <= COPY_THRESHOLD || trimmed.len() < self.buffer.capacity() / 8 {
            let copy = Bytes::copy_from_slice(trimmed);
            self.buffer.advance(end);
            return copy;
        }
        let start = trimmed.as_ptr().addr() - line.as_ptr().addr();
        let length = trimmed.len();
        let mut line = self.buffer.split_to(end).freeze();
        line.advance(start);
        line.truncate(length);
        // A stored line must not retain the bytes after it.
        self.move_rest();
        line
    }

    /// Releases the memory of a large line.
    fn shrink(&mut self) {
        if self.largest > SHRINK_THRESHOLD {
            self.move_rest();
        }
    }

    /// Moves the unread bytes to a new buffer, if there are at most [`MOVE_THRESHOLD`].
    fn move_rest(&mut self) {
        if self.buffer.len() <= MOVE_THRESHOLD {
            self.buffer = BytesMut::from(&self.buffer[..]);
            self.largest = 0;
        }
    }
}

impl TooLong {
    fn append(&mut self, bytes: &[u8]) {
        self.length += bytes.len();
        let room = EXCERPT_LENGTH.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        if bytes.len() >= EXCERPT_LENGTH {
            self.tail.clear();
            self.tail.extend_from_slice(&bytes[bytes.len() - EXCERPT_LENGTH..]);
        } else {
            let excess = (self.tail.len() + bytes.len()).saturating_sub(EXCERPT_LENGTH);
            self.tail.drain(..excess);
            self.tail.extend_from_slice(bytes);
        }
    }

    /// The id and kind of the message, as far as they can be found in the ends of the line.
    pub fn hint(&self) -> MessageHint {
        MessageHint::of(&self.head, &self.tail)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn lines(limit: usize, chunks: &[&[u8]]) -> Vec<Line> {
        let mut decoder = LineDecoder::new(limit);
        let mut lines = Vec::new();
        for chunk in chunks {
            decoder.buffer_mut().extend_from_slice(chunk);
            lines.extend(std::iter::from_fn(|| decoder.next_line()));
        }
        lines.extend(decoder.finish());
        lines
    }

    fn complete(line: &[u8]) -> Line {
        Line::Complete(Bytes::copy_from_slice(line))
    }

    #[test]
    fn line_ends_blank_lines_byte_order_mark_and_invalid_utf8() {
        let text = b"\xef\xbb\xbf{1}\r\n\n  \r\n\xff\xfe\n{2}\nrest";
        let expected: [&[u8]; 4] = [b"{1}", b"\xff\xfe", b"{2}", b"rest"];
        assert_eq!(lines(64, &[text]), expected.map(complete));
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(lines(64, &bytes), expected.map(complete));
    }

    #[test]
    fn a_line_over_the_limit_is_reported_and_the_next_one_is_complete() {
        let long = format!(r#"{{"jsonrpc":"2.0","id":7,"result":"{}"}}"#, "x".repeat(10_000));
        let text = format!("{long}\n{{2}}\n");
        let chunks: Vec<&[u8]> = text.as_bytes().chunks(777).collect();
        let mut found = lines(100, &chunks).into_iter();
        let Some(Line::TooLong(oversize)) = found.next() else { panic!() };
        assert_eq!(oversize.length, long.len());
        let hint = oversize.hint();
        assert_eq!((hint.id, hint.is_call), (Some(7.into()), false));
        assert_eq!(found.next(), Some(complete(b"{2}")));
        assert_eq!(lines(long.len(), &[text.as_bytes()])[0], complete(long.as_bytes()));
    }

    #[test]
    fn the_memory_of_a_large_line_is_released() {
        for limit in [64 << 20, 4 << 20] {
            let mut decoder = LineDecoder::new(limit);
            for _ in 0..(8 << 20) / 4096 {
                decoder.buffer_mut().extend_from_slice(&[b'x'; 4096]);
                assert_eq!(decoder.next_line(), None);
            }
            decoder.buffer_mut().extend_from_slice(b"\n{2}\nrest");
            assert!(decoder.next_line().is_some());
            assert_eq!(decoder.next_line(), Some(complete(b"{2}")));
            assert_eq!(decoder.next_line(), None);
            decoder.buffer_mut().reserve(64 << 10);
            assert!(decoder.buffer_mut().capacity() < 1 << 20, "{limit}");
            assert_eq!(decoder.finish(), Some(complete(b"rest")));
        }
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_chunk_sizes(
            text in proptest::collection::vec(
                prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'{'), any::<u8>()], 0..400),
            size in 1_usize..50,
            limit in 0_usize..60,
        ) {
            let chunks: Vec<&[u8]> = text.chunks(size).collect();
            prop_assert_eq!(lines(limit, &chunks), lines(limit, &[&text]));
        }
    }
}

//! Newline framing: one message a line.

use bytes::{Buf, Bytes, BytesMut};
use mcp_core::MessageHint;

/// How much of an oversize line is kept from each end, in bytes, to find the id of its request.
const KEPT: usize = 4096;
/// Up to this many bytes a line is copied out of the read buffer rather than sharing it, so that a small
/// message that somebody keeps does not hold on to a large buffer.
const COPIED: usize = 4096;

/// Up to this many bytes are moved to a buffer of their own, so that another one can be given back.
const MOVED: usize = 64 << 10;
/// A buffer above this size, in bytes, is given back as soon as it is not needed.
const LARGE: usize = 1 << 20;

/// Splits a stream of bytes into lines, in linear time whatever the chunks.
///
/// A line end is `\n`, with or without a `\r` before it; a byte order mark before the first line and
/// blank lines are dropped. The bytes of a line need not be UTF-8.
///
/// Spec: basic/transports/stdio
#[derive(Debug)]
pub struct LineDecoder {
    buffer: BytesMut,
    /// No line end lies before this offset.
    scanned: usize,
    limit: usize,
    oversize: Option<TooLong>,
    begun: bool,
    /// The largest capacity that the buffer has had.
    largest: usize,
}

/// What [`LineDecoder::next_line`] found.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Line {
    /// A line without its line end.
    Complete(Bytes),
    /// A line over the limit, whose middle has been dropped.
    TooLong(TooLong),
}

/// The ends of a line that is longer than the limit.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooLong {
    /// Its length in bytes.
    pub length: usize,
    /// Its first bytes.
    pub head: Vec<u8>,
    /// Its last bytes.
    pub tail: Vec<u8>,
}

impl LineDecoder {
    /// A decoder for lines of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            scanned: 0,
            limit,
            oversize: None,
            begun: false,
            largest: 0,
        }
    }

    /// Where received bytes are appended.
    pub fn buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next line, or `None` until more bytes are appended.
    pub fn next_line(&mut self) -> Option<Line> {
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

    /// Ends the stream: what stands after the last line end, if it is a line.
    pub fn finish(&mut self) -> Option<Line> {
        if let Some(mut oversize) = self.oversize.take() {
            oversize.append(&self.buffer.split());
            return Some(Line::TooLong(oversize));
        }
        let line = self.take(self.buffer.len());
        self.scanned = 0;
        (!line.is_empty()).then_some(Line::Complete(line))
    }

    /// Cuts `end` bytes off the front and trims what does not belong to the message.
    fn take(&mut self, end: usize) -> Bytes {
        let line = &self.buffer[..end];
        let bom = if self.begun { 0 } else { line.strip_prefix(b"\xef\xbb\xbf").map_or(0, |_| 3) };
        self.begun |= end > 0;
        let trimmed = line[bom..].trim_ascii();
        if trimmed.len() <= COPIED || trimmed.len() < self.buffer.capacity() / 8 {
            let copy = Bytes::copy_from_slice(trimmed);
            self.buffer.advance(end);
            return copy;
        }
        let start = trimmed.as_ptr().addr() - line.as_ptr().addr();
        let length = trimmed.len();
        let mut line = self.buffer.split_to(end).freeze();
        line.advance(start);
        line.truncate(length);
        // Whoever keeps the line should not keep what follows it.
        self.move_rest();
        line
    }

    /// Gives memory back that one large line has taken.
    fn shrink(&mut self) {
        if self.largest > LARGE {
            self.move_rest();
        }
    }

    /// Moves what has not been read to a buffer of its own, unless it is much.
    fn move_rest(&mut self) {
        if self.buffer.len() <= MOVED {
            self.buffer = BytesMut::from(&self.buffer[..]);
            self.largest = 0;
        }
    }
}

impl TooLong {
    fn append(&mut self, bytes: &[u8]) {
        self.length += bytes.len();
        let room = KEPT.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        if bytes.len() >= KEPT {
            self.tail.clear();
            self.tail.extend_from_slice(&bytes[bytes.len() - KEPT..]);
        } else {
            let excess = (self.tail.len() + bytes.len()).saturating_sub(KEPT);
            self.tail.drain(..excess);
            self.tail.extend_from_slice(bytes);
        }
    }

    /// What the ends of the line show of the message.
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
    fn line_ends_blank_lines_bom_and_bytes_that_are_not_utf8() {
        let text = b"\xef\xbb\xbf{1}\r\n\n  \r\n\xff\xfe\n{2}\nrest";
        let expected: [&[u8]; 4] = [b"{1}", b"\xff\xfe", b"{2}", b"rest"];
        assert_eq!(lines(64, &[text]), expected.map(complete));
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(lines(64, &bytes), expected.map(complete));
    }

    #[test]
    fn a_line_over_the_limit_is_skipped_and_the_next_one_is_whole() {
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
    fn the_memory_of_a_large_line_is_given_back() {
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
        fn chunks_do_not_matter(
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

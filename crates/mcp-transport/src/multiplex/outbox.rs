//! What waits to be written.

use std::collections::VecDeque;

use bytes::Bytes;
use mcp_core::Message;

/// From this size on a line is encoded outside the lock and written from where it lies.
const LARGE: usize = 64 << 10;

/// Messages on their way to the driver, in order. Offsets count bytes: of lines, or about so many as the
/// line would have.
pub(super) struct Outbox {
    pub(super) queue: Queue,
    /// Everything ever queued.
    pub(super) queued: u64,
    /// Everything that the peer's pipe has taken.
    pub(super) written: u64,
}

pub(super) enum Queue {
    Lines(Lines),
    Messages(VecDeque<Message>),
}

/// Encoded lines: large ones apart, then small ones in one piece.
#[derive(Default)]
pub(super) struct Lines {
    large: VecDeque<Bytes>,
    small: Vec<u8>,
    /// How much of `small` has been written.
    at: usize,
}

impl Outbox {
    pub(super) fn new(queue: Queue) -> Self {
        Self { queue, queued: 0, written: 0 }
    }

    /// What has been queued and not written.
    pub(super) fn waiting(&self) -> u64 {
        self.queued - self.written
    }

    pub(super) fn push(&mut self, message: Message) {
        match &mut self.queue {
            Queue::Messages(messages) => {
                self.queued += weight(&message);
                messages.push_back(message);
            }
            Queue::Lines(lines) => {
                let before = lines.small.len();
                message.encode(&mut lines.small);
                lines.small.push(b'\n');
                self.queued += (lines.small.len() - before) as u64;
            }
        }
    }

    /// Takes a line that [`encode_large`] has encoded before.
    pub(super) fn push_large(&mut self, line: Bytes) {
        if let Queue::Lines(lines) = &mut self.queue {
            self.queued += line.len() as u64;
            if !lines.small.is_empty() {
                lines.large.push_back(std::mem::take(&mut lines.small).into());
            }
            lines.large.push_back(line);
        }
    }
}

/// About how many bytes the line of a message has.
pub(super) fn weight(message: &Message) -> u64 {
    message.payload_len() as u64 + 64
}

/// Encodes a message that is large as a line, so that nobody holds the lock meanwhile.
pub(super) fn encode_large(message: &Message) -> Option<Bytes> {
    let length = message.payload_len();
    (length >= LARGE).then(|| {
        let mut line = Vec::with_capacity(length + 256);
        message.encode(&mut line);
        line.push(b'\n');
        line.into()
    })
}

impl Lines {
    /// Moves all that is queued over, once everything here has been written.
    pub(super) fn refill(&mut self, queue: &mut Lines) {
        if !self.is_empty() {
            return;
        }
        self.at = 0;
        // The two buffers change places for ever, unless one has grown beyond reason.
        match self.small.capacity() > 4 * LARGE {
            true => self.small = Vec::new(),
            false => self.small.clear(),
        }
        std::mem::swap(&mut self.small, &mut queue.small);
        std::mem::swap(&mut self.large, &mut queue.large);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.large.is_empty() && self.at == self.small.len()
    }

    /// What is written next.
    pub(super) fn front(&self) -> &[u8] {
        match self.large.front() {
            Some(line) => line,
            None => &self.small[self.at..],
        }
    }

    pub(super) fn advance(&mut self, written: usize) {
        match self.large.front_mut() {
            Some(line) => {
                bytes::Buf::advance(line, written);
                if line.is_empty() {
                    self.large.pop_front();
                }
            }
            None => self.at += written,
        }
    }
}

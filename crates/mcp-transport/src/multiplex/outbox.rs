//! The queue of outgoing messages.

use std::{collections::VecDeque, task::Waker};

use bytes::Bytes;
use mcp_core::Message;

/// A line of at least this many bytes is encoded outside the lock and written without copying it.
const LARGE_LINE: usize = 64 << 10;

/// What is to be sent, and the driver that sends it.
pub(super) struct Sending {
    pub(super) outbox: Outbox,
    /// The driver, while it waits.
    pub(super) driver: Option<Waker>,
    /// No new message is accepted. The driver flushes the outbox and closes the write half.
    pub(super) closing: bool,
}

/// Outgoing messages in order. Offsets are in bytes: of the lines, or the [`weight`] of messages that are
/// not encoded.
pub(super) struct Outbox {
    pub(super) queue: Queue,
    /// The total of bytes queued so far.
    pub(super) queued: u64,
    /// The total of bytes written so far.
    pub(super) written: u64,
}

pub(super) enum Queue {
    Lines(Lines),
    Messages(VecDeque<Message>),
}

/// Encoded lines: large ones separately, then small ones in one buffer.
#[derive(Default)]
pub(super) struct Lines {
    large: VecDeque<Bytes>,
    small: Vec<u8>,
    /// The number of bytes of `small` that have been written.
    at: usize,
}

impl Sending {
    pub(super) fn new(queue: Queue) -> Self {
        Self { outbox: Outbox::new(queue), driver: None, closing: false }
    }

    /// Whether everything is written, and the driver waits.
    pub(super) fn is_idle(&self) -> bool {
        self.outbox.waiting() == 0 && self.driver.is_some() && !self.closing
    }
}

impl AsMut<Self> for Sending {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

impl Outbox {
    pub(super) fn new(queue: Queue) -> Self {
        Self { queue, queued: 0, written: 0 }
    }

    /// The number of bytes queued but not written.
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

    /// Queues a line encoded by [`encode_large`].
    pub(super) fn push_large(&mut self, line: Bytes) {
        if let Queue::Lines(lines) = &mut self.queue {
            self.queued += line.len() as u64;
            if !lines.small.is_empty() {
                let mut small = Bytes::from(std::mem::take(&mut lines.small));
                bytes::Buf::advance(&mut small, std::mem::take(&mut lines.at));
                lines.large.push_back(small);
            }
            lines.large.push_back(line);
        }
    }
}

/// The approximate length of the line of a message, in bytes.
pub(super) fn weight(message: &Message) -> u64 {
    message.payload_len() as u64 + 64
}

/// Whether a message with a payload of this length is encoded outside the lock.
pub(super) fn is_large(payload: usize) -> bool {
    payload >= LARGE_LINE
}

/// Encodes a large message as a line, so that this is not done under the lock. `None` for a small one.
pub(super) fn encode_large(message: &Message) -> Option<Bytes> {
    let length = message.payload_len();
    is_large(length).then(|| {
        let mut line = Vec::with_capacity(length + 256);
        message.encode(&mut line);
        line.push(b'\n');
        line.into()
    })
}

impl Lines {
    /// Takes all lines of `queue`, if everything in `self` has been written.
    pub(super) fn refill(&mut self, queue: &mut Lines) {
        if !self.is_empty() {
            return;
        }
        self.at = std::mem::take(&mut queue.at);
        // The two buffers are swapped and reused.
        std::mem::swap(&mut self.small, &mut queue.small);
        std::mem::swap(&mut self.large, &mut queue.large);
    }

    /// Keeps the buffer to be used again, unless it has grown too large.
    fn clear_small(&mut self) {
        match self.small.capacity() > 4 * LARGE_LINE {
            true => self.small = Vec::new(),
            false => self.small.clear(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.large.is_empty() && self.small.is_empty()
    }

    /// The bytes to be written next.
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
            None => {
                self.at += written;
                if self.at == self.small.len() {
                    self.at = 0;
                    self.clear_small();
                }
            }
        }
    }
}

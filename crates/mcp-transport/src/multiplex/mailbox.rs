//! What has arrived for one reader and waits to be read.

use std::collections::{VecDeque, vec_deque};

use mcp_core::Message;

/// A queue that is bounded in messages and in bytes of payload.
#[derive(Default)]
pub(super) struct Mailbox {
    queue: VecDeque<Message>,
    bytes: usize,
}

impl Mailbox {
    /// Gives the message back when there is no room. One message always fits, however large.
    pub(super) fn push(
        &mut self,
        message: Message,
        messages: usize,
        bytes: usize,
    ) -> Result<(), Message> {
        let size = size(&message);
        let full = self.bytes.saturating_add(size) > bytes && !self.queue.is_empty();
        if self.queue.len() >= messages || full {
            return Err(message);
        }
        self.bytes += size;
        self.queue.push_back(message);
        Ok(())
    }

    pub(super) fn pop(&mut self) -> Option<Message> {
        let message = self.queue.pop_front()?;
        self.bytes -= size(&message);
        Some(message)
    }
}

impl IntoIterator for Mailbox {
    type Item = Message;
    type IntoIter = vec_deque::IntoIter<Message>;

    fn into_iter(self) -> Self::IntoIter {
        self.queue.into_iter()
    }
}

/// The bytes of the payload.
pub(super) fn size(message: &Message) -> usize {
    let payload = match message {
        Message::Request(request) => request.params.as_ref(),
        Message::Notification(notification) => notification.params.as_ref(),
        Message::Response(response) => match &response.outcome {
            Ok(result) => Some(result),
            Err(error) => error.data.as_ref(),
        },
    };
    payload.map_or(0, |payload| payload.len())
}

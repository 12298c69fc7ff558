use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use futures_core::Stream;
use mcp_core::{Message, RawJson};
use mcp_transport::{Error, ErrorKind};

/// Messages that wait for one reader, and their bytes; more are dropped and counted.
const LIMIT: usize = 1024;
const BYTES: usize = 64 << 20;

/// Messages on their way to a client that reads when it likes.
#[derive(Default)]
pub(crate) struct Queue(Mutex<State>);

#[derive(Default)]
struct State {
    messages: VecDeque<Message>,
    bytes: usize,
    lost: u64,
    ended: bool,
    reader: Option<Waker>,
}

/// What a reader finds.
pub(crate) enum Next {
    Message(Message),
    /// So many messages did not fit, after those that were read.
    Lost(u64),
    /// Nothing more will come.
    End,
}

impl Queue {
    pub(crate) fn push(&self, message: Message) {
        let mut state = self.lock();
        if state.ended {
            return;
        }
        match state.messages.len() < LIMIT && state.bytes < BYTES {
            true => {
                state.bytes += size(&message);
                state.messages.push_back(message);
            }
            false => state.lost += 1,
        }
        wake(state);
    }

    /// Nothing more comes; what waits can still be read.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        wake(state);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.lock().ended
    }

    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Next> {
        let mut state = self.lock();
        if let Some(message) = state.messages.pop_front() {
            state.bytes -= size(&message);
            return Poll::Ready(Next::Message(message));
        }
        match std::mem::take(&mut state.lost) {
            0 if state.ended => Poll::Ready(Next::End),
            0 => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
            lost => Poll::Ready(Next::Lost(lost)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(mut state: MutexGuard<'_, State>) {
    let reader = state.reader.take();
    drop(state);
    if let Some(reader) = reader {
        reader.wake();
    }
}

/// The bytes of a message that count: what servers say are notifications.
fn size(message: &Message) -> usize {
    match message {
        Message::Notification(notification) => notification.params.as_ref().map_or(0, RawJson::len),
        _ => 0,
    }
}

/// The error of a reader that was too slow.
pub(crate) fn overflow(lost: u64) -> Error {
    Error::new(ErrorKind::Overflow, format!("{lost} notifications of servers were dropped unread"))
}

/// Reads a queue, and ends it when dropped.
pub(crate) struct Reader(pub(crate) Arc<Queue>);

impl Stream for Reader {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll(cx).map(|next| match next {
            Next::Message(message) => Some(Ok(message)),
            Next::Lost(lost) => Some(Err(overflow(lost))),
            Next::End => None,
        })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use futures_util::StreamExt;
    use mcp_core::Notification;

    use super::*;

    #[tokio::test]
    async fn what_does_not_fit_is_dropped_and_told() {
        let queue = Arc::new(Queue::default());
        let mut reader = Reader(Arc::clone(&queue));
        for n in 0..LIMIT + 3 {
            queue.push(Notification::new(n.to_string()).into());
        }
        for n in 0..LIMIT {
            let message = reader.next().await.unwrap().unwrap();
            assert_eq!(message, Notification::new(n.to_string()).into());
        }
        let error = reader.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overflow);
        assert!(error.to_string().starts_with("3 "), "{error}");
        queue.push(Notification::new("later").into());
        assert!(reader.next().await.unwrap().is_ok());
        queue.end();
        assert!(reader.next().await.is_none());
    }

    #[tokio::test]
    async fn large_messages_take_the_room_of_many() {
        let queue = Arc::new(Queue::default());
        let mut reader = Reader(Arc::clone(&queue));
        let params = format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20));
        let large = Notification::new("n").with_params(RawJson::from_text(params).unwrap());
        for _ in 0..70 {
            queue.push(large.clone().into());
        }
        for _ in 0..64 {
            assert!(reader.next().await.unwrap().is_ok());
        }
        let error = reader.next().await.unwrap().unwrap_err();
        assert!(error.to_string().starts_with("6 "), "{error}");
        queue.push(large.into());
        assert!(reader.next().await.unwrap().is_ok());
    }
}

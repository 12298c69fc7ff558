use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use futures_core::Stream;
use mcp_core::{Message, RawJson};
use mcp_transport::{Error, ErrorKind, Inbound};
use tokio::sync::mpsc::{self, error::TrySendError};

/// How many messages wait for a reader before more are lost, and how many bytes of them.
const ROOM: usize = 1024;
const BYTES: usize = 64 << 20;

/// The sending end of [`Inbound`].
pub(crate) struct Inbox {
    sender: Mutex<Option<Sender>>,
    lost: Arc<AtomicU64>,
    waiting: Arc<AtomicUsize>,
}

type Sender = mpsc::Sender<Result<Message, Error>>;

/// Why a message did not get in.
pub(crate) enum NotTaken {
    /// Nobody will ever read it.
    NoReader,
    /// Too many wait.
    Full,
}

impl Inbox {
    pub(crate) fn new() -> (Self, Inbound) {
        let (sender, receiver) = mpsc::channel(ROOM);
        let lost = Arc::new(AtomicU64::new(0));
        let waiting = Arc::new(AtomicUsize::new(0));
        let reader = Reader { receiver, lost: Arc::clone(&lost), waiting: Arc::clone(&waiting) };
        (Self { sender: Mutex::new(Some(sender)), lost, waiting }, Inbound::from_stream(reader))
    }

    pub(crate) fn push(&self, message: Message) -> Result<(), (NotTaken, Message)> {
        let sender = self.sender();
        let Some(sender) = &*sender else { return Err((NotTaken::NoReader, message)) };
        let has_room = self.waiting.load(Ordering::Relaxed) < BYTES;
        match sender.try_reserve() {
            Ok(place) if has_room => {
                self.waiting.fetch_add(size(&message), Ordering::Relaxed);
                place.send(Ok(message));
                Ok(())
            }
            Ok(_) | Err(TrySendError::Full(())) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
                Err((NotTaken::Full, message))
            }
            Err(TrySendError::Closed(())) => Err((NotTaken::NoReader, message)),
        }
    }

    /// Says that messages may have been lost, and how. Where so many wait that it does not get in, that is
    /// told as well.
    pub(crate) fn tell(&self, error: Error) {
        if let Some(sender) = &*self.sender()
            && let Err(TrySendError::Full(_)) = sender.try_send(Err(error))
        {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Ends [`Inbound`] after what waits in it.
    pub(crate) fn close(&self) {
        self.sender().take();
    }

    fn sender(&self) -> MutexGuard<'_, Option<Sender>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Reader {
    receiver: mpsc::Receiver<Result<Message, Error>>,
    lost: Arc<AtomicU64>,
    waiting: Arc<AtomicUsize>,
}

/// The bytes of a message that count.
fn size(message: &Message) -> usize {
    match message {
        Message::Request(request) => request.params.as_ref().map_or(0, RawJson::len),
        Message::Notification(notification) => notification.params.as_ref().map_or(0, RawJson::len),
        Message::Response(_) => 0,
    }
}

impl Stream for Reader {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.receiver.poll_recv(cx);
        if let Poll::Ready(Some(item)) = polled {
            if let Ok(message) = &item {
                self.waiting.fetch_sub(size(message), Ordering::Relaxed);
            }
            return Poll::Ready(Some(item));
        }
        // What was lost was newer than what waits. A receiver may also be pending to let others run.
        let lost = match self.receiver.is_empty() {
            true => self.lost.swap(0, Ordering::Relaxed),
            false => 0,
        };
        if lost > 0 {
            let text = format!("{lost} messages were lost since nobody read them");
            return Poll::Ready(Some(Err(Error::new(ErrorKind::Overflow, text))));
        }
        polled.map(|_| None)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use mcp_core::Notification;

    use super::*;

    #[tokio::test]
    async fn what_nobody_reads_is_counted_and_told() {
        let (inbox, mut inbound) = Inbox::new();
        let mut refused = 0;
        for _ in 0..ROOM + 3 {
            refused += u32::from(inbox.push(Notification::new("n").into()).is_err());
        }
        assert_eq!(refused, 3);
        for _ in 0..ROOM {
            inbound.next().await.unwrap().unwrap();
        }
        let error = inbound.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overflow);
        assert!(error.to_string().starts_with("3 messages"));
        assert!(inbox.push(Notification::new("n").into()).is_ok());
        inbox.close();
        assert!(inbound.next().await.unwrap().is_ok());
        assert!(inbound.next().await.is_none());
    }

    #[tokio::test]
    async fn large_messages_take_the_room_of_many() {
        let (inbox, mut inbound) = Inbox::new();
        let params = format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20));
        let large = Notification::new("n").with_params(RawJson::from_text(params).unwrap());
        let fits = (0..ROOM).take_while(|_| inbox.push(large.clone().into()).is_ok()).count();
        assert_eq!(fits, 64);
        assert!(inbound.next().await.unwrap().is_ok());
        assert!(inbox.push(large.into()).is_ok());
    }
}

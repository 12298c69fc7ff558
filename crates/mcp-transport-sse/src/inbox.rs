use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use futures_core::Stream;
use mcp_core::Message;
use mcp_transport::{Error, ErrorKind, Inbound};

/// Makes one [`Inbound`] of those of one stream after the other.
pub(crate) struct Inbox(Arc<Mutex<Slot>>);

#[derive(Default)]
struct Slot {
    /// What is read after the present one.
    next: Option<Inbound>,
    closed: bool,
    /// Nobody will ever read.
    gone: bool,
    waker: Option<Waker>,
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inbox {
    pub(crate) fn new() -> (Self, Inbound) {
        let slot = Arc::new(Mutex::new(Slot::default()));
        let reader = Reader { slot: Arc::clone(&slot), current: None };
        (Self(slot), Inbound::from_stream(reader))
    }

    /// Goes on with another stream.
    pub(crate) fn put(&self, inbound: Inbound) {
        // What is dropped here has requests of the server refused, and so may call others.
        let (_unread, waker) = {
            let mut slot = lock(&self.0);
            match slot.gone || slot.closed {
                true => (Some(inbound), None),
                false => (slot.next.replace(inbound), slot.waker.take()),
            }
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// Ends it after what waits to be read.
    pub(crate) fn close(&self) {
        let waker = {
            let mut slot = lock(&self.0);
            slot.closed = true;
            slot.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.close();
    }
}

struct Reader {
    slot: Arc<Mutex<Slot>>,
    current: Option<Inbound>,
}

impl Stream for Reader {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(current) = &mut self.current {
                match ready!(Pin::new(current).poll_next(cx)) {
                    Some(Err(error)) if error.kind() != ErrorKind::Overflow => {}
                    Some(item) => return Poll::Ready(Some(item)),
                    None => {}
                }
                self.current = None;
                if !lock(&self.slot).closed {
                    // The end of one stream is not that of the connection, but of the session.
                    let text = "the stream of the server is over, and with it the session";
                    return Poll::Ready(Some(Err(Error::new(ErrorKind::SessionExpired, text))));
                }
            }
            let next = {
                let mut slot = lock(&self.slot);
                match slot.next.take() {
                    None if slot.closed => return Poll::Ready(None),
                    None => {
                        slot.waker = Some(cx.waker().clone());
                        return Poll::Pending;
                    }
                    next => next,
                }
            };
            self.current = next;
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _unread = {
            let mut slot = lock(&self.slot);
            slot.gone = true;
            slot.next.take()
        };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::{
        collections::VecDeque,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use mcp_core::Notification;

    use super::*;

    /// Yields what it has and ends; counts those that are alive.
    struct Items(VecDeque<Result<Message, Error>>, Arc<AtomicUsize>);

    impl Stream for Items {
        type Item = Result<Message, Error>;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Ready(self.0.pop_front())
        }
    }

    impl Drop for Items {
        fn drop(&mut self) {
            self.1.fetch_sub(1, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn one_stream_after_the_other() {
        let alive = Arc::new(AtomicUsize::new(0));
        let stream = |items: Vec<Result<Message, Error>>| {
            alive.fetch_add(1, Ordering::SeqCst);
            Inbound::from_stream(Items(items.into(), Arc::clone(&alive)))
        };
        let notice = || Ok(Notification::new("n").into());
        let lost = || Err(Error::new(ErrorKind::Overflow, "lost"));
        let broken = || Err(Error::new(ErrorKind::Interrupted, "broken"));
        let (inbox, mut inbound) = Inbox::new();
        inbox.put(stream(vec![notice(), lost(), notice(), broken()]));
        assert!(inbound.next().await.unwrap().is_ok());
        assert_eq!(inbound.next().await.unwrap().unwrap_err().kind(), ErrorKind::Overflow);
        assert!(inbound.next().await.unwrap().is_ok());
        assert_eq!(inbound.next().await.unwrap().unwrap_err().kind(), ErrorKind::SessionExpired);
        let (next, ()) = tokio::join!(inbound.next(), async {
            tokio::task::yield_now().await;
            inbox.put(stream(vec![notice()]));
        });
        assert!(next.unwrap().is_ok());
        drop(inbox);
        assert!(inbound.next().await.is_none());
        assert_eq!(alive.load(Ordering::SeqCst), 0);

        let (inbox, inbound) = Inbox::new();
        inbox.put(stream(vec![]));
        drop(inbound);
        inbox.put(stream(vec![]));
        assert_eq!(alive.load(Ordering::SeqCst), 0, "what nobody will read is not kept");
    }
}

//! Concatenates the [`Inbound`]s of successive connections.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use futures_core::Stream;

use super::{Gap, Inbound, InboundItem};
use crate::Error;

/// See [`Inbound::successive`].
pub(super) fn chain(gap: impl Fn(Option<Error>) -> Gap + Send + 'static) -> (InboundChain, Reader) {
    let state = Arc::new(Mutex::new(State::default()));
    let reader =
        Reader { state: Arc::clone(&state), current: None, gap: Box::new(gap), is_over: false };
    (InboundChain(state), reader)
}

/// Continues an [`Inbound`] over successive connections; see [`Inbound::successive`].
///
/// Dropping it ends the `Inbound` after the queued items.
pub struct InboundChain(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// The `Inbound`s after the current one: at most the oldest and the newest, with a gap between them.
    next: VecDeque<Inbound>,
    /// No other follows the current one.
    is_last: bool,
    /// The end of the chain, with its error. `None` while the chain is open.
    end: Option<Option<Error>>,
    /// The reader was dropped.
    is_unread: bool,
    reader: Option<Waker>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl InboundChain {
    /// Continues with `inbound` when the current one ends. If more than two are queued, the reader skips
    /// those between the oldest and the newest.
    pub fn push(&self, inbound: Inbound) {
        self.change(|state| match state.is_unread || state.end.is_some() {
            true => Some(inbound),
            false => {
                let between = if state.next.len() > 1 { state.next.pop_back() } else { None };
                state.next.push_back(inbound);
                between
            }
        });
    }

    /// Marks the current `Inbound` as the last: its end is the end of the whole.
    pub fn last(&self) {
        self.change(|state| {
            state.is_last = true;
            None
        });
    }

    /// Ends the `Inbound` after the queued items, with or without an error. Only the first call has an
    /// effect.
    pub fn end(&self, error: Option<Error>) {
        self.change(|state| {
            state.end.get_or_insert(error);
            None
        });
    }

    /// Whether it was [ended](Self::end), and with which error. `None` while it is open.
    pub fn ended(&self) -> Option<Option<Error>> {
        lock(&self.0).end.clone()
    }

    /// Drops the `Inbound` that `change` returns outside the lock, since dropping it runs the handler of
    /// unread requests.
    fn change(&self, change: impl FnOnce(&mut State) -> Option<Inbound>) {
        let (unread, reader) = {
            let mut state = lock(&self.0);
            (change(&mut state), state.reader.take())
        };
        drop(unread);
        reader.into_iter().for_each(Waker::wake);
    }
}

impl Drop for InboundChain {
    fn drop(&mut self) {
        self.end(None);
    }
}

impl fmt::Debug for InboundChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboundChain").field("ended", &lock(&self.0).end.is_some()).finish()
    }
}

pub(super) struct Reader {
    state: Arc<Mutex<State>>,
    current: Option<Inbound>,
    gap: Box<dyn Fn(Option<Error>) -> Gap + Send>,
    /// The end was yielded.
    is_over: bool,
}

impl Stream for Reader {
    type Item = Result<InboundItem, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            let Some(current) = &mut this.current else {
                let mut state = lock(&this.state);
                match (state.next.pop_front(), &state.end) {
                    (Some(next), _) => this.current = Some(next),
                    (None, Some(error)) => {
                        let error = error.clone().filter(|_| !this.is_over);
                        this.is_over = true;
                        return Poll::Ready(error.map(Err));
                    }
                    (None, None) if state.is_last => return Poll::Ready(None),
                    (None, None) => {
                        state.reader = Some(cx.waker().clone());
                        return Poll::Pending;
                    }
                }
                continue;
            };
            let end = match Pin::new(current).poll_next(cx) {
                Poll::Ready(Some(Err(error))) => Some(error),
                Poll::Ready(None) => None,
                Poll::Ready(item) => return Poll::Ready(item),
                Poll::Pending => {
                    let mut state = lock(&this.state);
                    if state.end.is_none() {
                        state.reader = Some(cx.waker().clone());
                        return Poll::Pending;
                    }
                    None
                }
            };
            this.current = None;
            let state = lock(&this.state);
            match &state.end {
                // The error of the connection is more specific than an end without an error.
                Some(None) => return Poll::Ready(end.filter(Error::is_closed).map(Err)),
                Some(Some(_)) => {}
                None if state.is_last => return Poll::Ready(end.map(Err)),
                None => return Poll::Ready(Some(Ok((this.gap)(end).into()))),
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _unread = {
            let mut state = lock(&self.state);
            state.is_unread = true;
            std::mem::take(&mut state.next)
        };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use mcp_core::{Message, Notification};

    use super::*;
    use crate::{ErrorKind, InboundSender, Limits};

    fn chain() -> (InboundChain, Inbound) {
        Inbound::successive(Gap::NewSession)
    }

    fn event() -> Message {
        Notification::new("event").into()
    }

    fn link(chain: &InboundChain) -> InboundSender {
        let (sender, inbound) = Inbound::channel(&Limits::default());
        chain.push(inbound);
        let _ = sender.push(event());
        sender
    }

    fn broken() -> Error {
        Error::new(ErrorKind::Closed, "broken")
    }

    async fn next(inbound: &mut Inbound) -> InboundItem {
        inbound.next().await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn successive_connections_are_read_with_a_gap_between_them() {
        let (chain, mut inbound) = chain();
        link(&chain).end(Some(broken()));
        assert!(matches!(next(&mut inbound).await, InboundItem::Message(_)));
        let InboundItem::Gap(gap) = next(&mut inbound).await else { panic!() };
        assert_eq!(gap.cause().unwrap().to_string(), "broken");
        let (item, sender) = tokio::join!(next(&mut inbound), async {
            tokio::task::yield_now().await;
            link(&chain)
        });
        assert!(matches!(item, InboundItem::Message(_)));
        drop(chain);
        assert!(sender.push(event()).is_ok(), "queued items are still read");
        drop(sender);
        assert!(matches!(next(&mut inbound).await, InboundItem::Message(_)));
        assert!(inbound.next().await.is_none());
    }

    #[tokio::test]
    async fn a_late_reader_receives_the_oldest_and_the_newest_connection() {
        let (chain, mut inbound) = chain();
        let all: Vec<_> = (0..5).map(|_| link(&chain)).collect();
        all.iter().for_each(|sender| sender.end(Some(broken())));
        for _ in 0..2 {
            assert!(matches!(next(&mut inbound).await, InboundItem::Message(_)));
            let InboundItem::Gap(gap) = next(&mut inbound).await else { panic!() };
            assert_eq!(gap.cause().unwrap().to_string(), "broken");
        }
        drop(chain);
        assert!(inbound.next().await.is_none());
    }

    #[tokio::test]
    async fn the_end_of_the_last_connection_ends_the_chain() {
        let (chain, mut inbound) = chain();
        let sender = link(&chain);
        chain.last();
        sender.end(Some(broken()));
        assert!(matches!(next(&mut inbound).await, InboundItem::Message(_)));
        assert_eq!(inbound.next().await.unwrap().unwrap_err().to_string(), "broken");
        assert!(inbound.next().await.is_none());
    }

    #[tokio::test]
    async fn an_error_ends_the_chain_once_and_later_connections_are_dropped() {
        let (chain, mut inbound) = chain();
        let sender = link(&chain);
        chain.end(Some(Error::new(ErrorKind::Closed, "reconnecting failed")));
        drop(link(&chain));
        drop(sender);
        assert!(matches!(next(&mut inbound).await, InboundItem::Message(_)));
        assert_eq!(inbound.next().await.unwrap().unwrap_err().to_string(), "reconnecting failed");
        assert!(inbound.next().await.is_none());
        assert!(chain.ended().unwrap().is_some(), "the error remains after it was read");
    }

    #[tokio::test]
    async fn connections_are_dropped_when_the_reader_is_dropped() {
        let (chain, inbound) = chain();
        let first = link(&chain);
        drop(inbound);
        assert!(!format!("{first:?}").contains("true"));
        assert!(!format!("{:?}", link(&chain)).contains("true"));
    }
}

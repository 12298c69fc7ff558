//! The bounded queue between a transport and the reader of an [`Inbound`](super::Inbound).

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use mcp_core::{ErrorObject, Message, Request, Response, error_code};
use tokio::time::{Sleep, sleep};

use super::{Gap, InboundItem, Lagged};
use crate::{
    Error, Limits,
    mailbox::{Bounds, Mailbox, MailboxItem, Pushed},
};

/// The longest pause of receiving for a reader with a backlog. There is no second pause before the reader
/// has caught up.
pub(crate) const MAX_PAUSE: Duration = Duration::from_millis(10);

/// See [`Inbound::channel`](super::Inbound::channel).
pub(super) fn channel(limits: &Limits) -> (InboundSender, Receiver) {
    let bounds = Bounds { messages: limits.inbound, bytes: limits.waiting };
    let channel = Arc::new(Mutex::new(Channel {
        mailbox: Mailbox::new(bounds),
        lagged: Lagged::default(),
        end: None,
        is_read: true,
        reader: None,
        sender: None,
        on_unread: None,
    }));
    (InboundSender(Arc::clone(&channel)), Receiver(channel))
}

/// Sends items to an [`Inbound`](crate::Inbound); see [`Inbound::channel`](crate::Inbound::channel). Dropping it ends the `Inbound` after the queued
/// items.
#[doc(alias = "buffer")]
#[doc(alias = "backpressure")]
pub struct InboundSender(Arc<Mutex<Channel>>);

/// A message that was not queued: the reader was dropped, or the queue is full.
///
/// A request must be answered with [`refusal`](Self::refusal), so that the server does not wait for a
/// response. Other messages need no action.
#[derive(Debug)]
#[non_exhaustive]
pub struct Undelivered {
    /// The message.
    pub message: Message,
    /// Whether there is a reader: `true` if the queue is full, `false` if the reader was dropped.
    pub is_read: bool,
}

impl Undelivered {
    /// Returns the error response to the message if it is a request: -32603 if the queue is full, -32601 if
    /// there is no reader.
    pub fn refusal(&self) -> Option<Response> {
        let Message::Request(Request { id, .. }) = &self.message else { return None };
        let error = match self.is_read {
            true => ErrorObject::new(error_code::INTERNAL_ERROR, "the client is overloaded"),
            false => ErrorObject::new(
                error_code::METHOD_NOT_FOUND,
                "the client does not accept requests",
            ),
        };
        Some(Response::error(id.clone(), error))
    }
}

type OnUnread = Box<dyn Fn(Undelivered) + Send + Sync>;

struct Channel {
    mailbox: Mailbox<InboundItem>,
    /// Messages dropped since the last report to the reader.
    lagged: Lagged,
    end: Option<Option<Error>>,
    is_read: bool,
    reader: Option<Waker>,
    /// The sender that waits for the reader to catch up.
    sender: Option<Waker>,
    on_unread: Option<Arc<OnUnread>>,
}

fn lock(channel: &Mutex<Channel>) -> MutexGuard<'_, Channel> {
    channel.lock().unwrap_or_else(PoisonError::into_inner)
}

impl InboundSender {
    /// Queues a message.
    ///
    /// # Errors
    /// If there is no reader or the queue is full; see [`Undelivered`].
    pub fn push(&self, message: Message) -> Result<(), Undelivered> {
        self.offer(message).map(drop)
    }

    /// Queues a message. Returns whether to pause before the next one, since the reader has a backlog.
    pub(crate) fn offer(&self, message: Message) -> Result<bool, Undelivered> {
        let mut channel = lock(&self.0);
        if channel.end.is_some() || !channel.is_read {
            return Err(Undelivered { message, is_read: channel.is_read });
        }
        match channel.mailbox.push(message.into()) {
            Pushed::Queued => {}
            Pushed::Shed(logs) => channel.lagged.logs += logs,
            Pushed::Full(item) => {
                channel.lagged.others += 1;
                if let InboundItem::Message(message) = item {
                    return Err(Undelivered { message, is_read: true });
                }
            }
        }
        let wants_pause = channel.mailbox.wants_pause();
        wake(channel);
        Ok(wants_pause)
    }

    /// Queues a [`Gap`]: messages may be missing at this position.
    pub fn gap(&self, gap: Gap) {
        let mut channel = lock(&self.0);
        if channel.end.is_some() || !channel.is_read {
            return;
        }
        if let Pushed::Full(_) = channel.mailbox.push(gap.into()) {
            // The gap is reported as `Gap::Lagged` instead.
            channel.lagged.others += 1;
        }
        wake(channel);
    }

    /// Ends the [`Inbound`](crate::Inbound) after the queued items, with or without an error. Only the first call has an
    /// effect.
    pub fn end(&self, error: Option<Error>) {
        let mut channel = lock(&self.0);
        channel.end.get_or_insert(error);
        wake(channel);
    }

    /// Sets the handler of messages that are still queued when the reader is dropped.
    pub fn on_unread(&self, handler: impl Fn(Undelivered) + Send + Sync + 'static) {
        lock(&self.0).on_unread = Some(Arc::new(Box::new(handler)));
    }

    /// Waits for a reader with a backlog to catch up, for at most 10 ms. Call it before receiving more
    /// messages. Needs tokio's timer. Cancel safe.
    pub async fn ready(&self) {
        let mut pause = Pause::default();
        poll_fn(|cx| self.poll_ready(&mut pause, cx)).await;
    }

    pub(crate) fn poll_ready(&self, pause: &mut Pause, cx: &mut Context<'_>) -> Poll<()> {
        {
            let mut channel = lock(&self.0);
            if !channel.is_read || !channel.mailbox.wants_pause() {
                pause.end();
                return Poll::Ready(());
            }
            channel.sender = Some(cx.waker().clone());
        }
        ready!(pause.poll(cx));
        lock(&self.0).mailbox.paused();
        Poll::Ready(())
    }
}

impl Drop for InboundSender {
    fn drop(&mut self) {
        self.end(None);
    }
}

impl fmt::Debug for InboundSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboundSender").field("is_read", &lock(&self.0).is_read).finish()
    }
}

fn wake(mut channel: MutexGuard<'_, Channel>) {
    let reader = channel.reader.take();
    drop(channel);
    reader.into_iter().for_each(Waker::wake);
}

/// A pause that lets a reader catch up.
#[derive(Debug, Default)]
pub(crate) struct Pause(Option<Pin<Box<Sleep>>>);

impl Pause {
    /// Ready when the pause has lasted [`MAX_PAUSE`].
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep(MAX_PAUSE)));
        ready!(sleep.as_mut().poll(cx));
        self.end();
        Poll::Ready(())
    }

    /// Ends the pause early: the reader has caught up.
    pub(crate) fn end(&mut self) {
        self.0 = None;
    }
}

impl MailboxItem for InboundItem {
    fn message(&self) -> Option<&Message> {
        match self {
            Self::Message(message) => Some(message),
            Self::Gap(_) => None,
        }
    }

    fn message_mut(&mut self) -> Option<&mut Message> {
        match self {
            Self::Message(message) => Some(message),
            Self::Gap(_) => None,
        }
    }
}

/// The reading end.
pub(super) struct Receiver(Arc<Mutex<Channel>>);

impl Receiver {
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<InboundItem, Error>>> {
        let mut channel = lock(&self.0);
        if let Some(item) = channel.mailbox.pop() {
            let sender = match channel.mailbox.wants_pause() {
                true => None,
                false => channel.sender.take(),
            };
            drop(channel);
            sender.into_iter().for_each(Waker::wake);
            return Poll::Ready(Some(Ok(item)));
        }
        // Reported after the queued items: most of the dropped messages were newer.
        if channel.lagged != Lagged::default() {
            let lagged = std::mem::take(&mut channel.lagged);
            return Poll::Ready(Some(Ok(Gap::Lagged(lagged).into())));
        }
        match &mut channel.end {
            Some(error) => Poll::Ready(error.take().map(Err)),
            None => {
                if !channel.reader.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    channel.reader = Some(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let (unread, sender, on_unread) = {
            let mut channel = lock(&self.0);
            channel.is_read = false;
            let empty = Mailbox::new(Bounds { messages: 0, bytes: 0 });
            let unread = std::mem::replace(&mut channel.mailbox, empty);
            (unread, channel.sender.take(), channel.on_unread.take())
        };
        sender.into_iter().for_each(Waker::wake);
        let Some(on_unread) = on_unread else { return };
        for message in unread.into_iter().filter_map(InboundItem::into_message) {
            on_unread(Undelivered { message, is_read: false });
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use mcp_core::Notification;
    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::{ErrorKind, Inbound};

    const SECOND: Duration = Duration::from_secs(1);

    fn event(n: usize) -> Message {
        Notification::new(format!("event/{n}")).into()
    }

    fn log() -> Message {
        Notification::new("notifications/message").into()
    }

    async fn message(inbound: &mut Inbound) -> Message {
        inbound.next().await.unwrap().unwrap().into_message().unwrap()
    }

    async fn lagged(inbound: &mut Inbound) -> Lagged {
        match inbound.next().await.unwrap().unwrap() {
            InboundItem::Gap(Gap::Lagged(lagged)) => lagged,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn messages_beyond_the_limit_are_dropped_and_reported_as_lagged() {
        let (sender, mut inbound) = Inbound::channel(&Limits::default());
        let rejected = (0..1027).filter(|n| sender.push(event(*n)).is_err()).count();
        assert_eq!(rejected, 3);
        for n in 0..1024 {
            assert_eq!(message(&mut inbound).await, event(n));
        }
        assert_eq!(lagged(&mut inbound).await, Lagged { logs: 0, others: 3 });
        assert!(sender.push(event(1)).is_ok());
        sender.end(None);
        assert_eq!(message(&mut inbound).await, event(1));
        assert!(inbound.next().await.is_none());
        assert!(inbound.next().await.is_none());
    }

    #[tokio::test]
    async fn a_burst_of_logs_displaces_no_event() {
        let (sender, mut inbound) = Inbound::channel(&Limits::default().with_inbound(10));
        (0..100).for_each(|_| sender.push(log()).unwrap());
        sender.push(event(1)).unwrap();
        (0..100).for_each(|_| sender.push(log()).unwrap());
        let mut found = Vec::new();
        for _ in 0..10 {
            found.push(message(&mut inbound).await);
        }
        assert_eq!(found.iter().filter(|it| **it == event(1)).count(), 1);
        assert_eq!(lagged(&mut inbound).await, Lagged { logs: 191, others: 0 });
    }

    #[tokio::test]
    async fn the_error_of_the_end_is_the_last_item() {
        let (sender, mut inbound) = Inbound::channel(&Limits::default());
        sender.gap(Gap::Interrupted(None));
        sender.end(Some(Error::new(ErrorKind::Closed, "closed")));
        sender.end(None);
        assert!(sender.push(event(1)).is_err());
        assert!(matches!(inbound.next().await, Some(Ok(InboundItem::Gap(Gap::Interrupted(None))))));
        assert!(inbound.next().await.unwrap().unwrap_err().is_closed());
        assert!(inbound.next().await.is_none());
    }

    #[tokio::test]
    async fn unread_requests_are_returned_when_the_reader_is_dropped() {
        let (sender, inbound) = Inbound::channel(&Limits::default());
        let refused = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&refused);
        sender.on_unread(move |rejected| taken.lock().unwrap().extend(rejected.refusal()));
        sender.push(Request::new(1, "ping").into()).unwrap();
        sender.push(event(1)).unwrap();
        drop(inbound);
        let late = sender.push(Request::new(2, "ping").into()).unwrap_err();
        refused.lock().unwrap().extend(late.refusal());
        let refused = refused.lock().unwrap();
        let codes: Vec<_> = refused
            .iter()
            .map(|refusal| {
                (refusal.id.clone().unwrap(), refusal.outcome.as_ref().unwrap_err().code)
            })
            .collect();
        assert_eq!(codes, [(1.into(), -32601), (2.into(), -32601)]);
    }

    #[tokio::test(start_paused = true)]
    async fn ready_waits_for_an_active_reader_and_once_for_a_slow_one() {
        let (sender, mut inbound) = Inbound::channel(&Limits::default().with_inbound(8));
        let started = Instant::now();
        (0..5).for_each(|n| sender.push(event(n)).unwrap());
        sender.ready().await;
        assert_eq!(started.elapsed(), MAX_PAUSE);
        sender.push(event(5)).unwrap();
        sender.ready().await;
        assert_eq!(started.elapsed(), MAX_PAUSE, "there is no second pause for a slow reader");

        for _ in 0..6 {
            message(&mut inbound).await;
        }
        let reader = tokio::spawn(async move {
            for _ in 0..1000 {
                message(&mut inbound).await;
            }
            inbound
        });
        for n in 0..1000 {
            sender.ready().await;
            sender.push(event(n)).unwrap();
        }
        let mut inbound = timeout(SECOND, reader).await.unwrap().unwrap();
        assert_eq!(started.elapsed(), MAX_PAUSE, "no pause lasted until its timer elapsed");
        sender.end(None);
        assert!(inbound.next().await.is_none());
        drop(inbound);
        sender.ready().await;
    }
}

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures_core::Stream;
use mcp_core::{Message, method};
use mcp_transport::{Gap, Inbound, InboundItem, Lagged};

use crate::server_requests::ServerRequests;

/// Notifications that are kept until the session is open.
const MAX_KEPT: usize = 256;

/// Items of an [`Inbound`] that are read in one poll.
const ITEMS_PER_POLL: usize = 64;

/// What a server sends while the session is opened, beside its answers: requests are answered at once,
/// notifications are kept until the session is open.
pub(super) struct Early {
    server_requests: Arc<ServerRequests>,
    /// Whether the requests belong to a session.
    is_open: AtomicBool,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    items: Vec<InboundItem>,
    lost: u64,
}

impl Early {
    pub(super) fn new(server_requests: Arc<ServerRequests>) -> Self {
        Self { server_requests, is_open: AtomicBool::new(false), kept: Mutex::default() }
    }

    /// Takes in a message of the opening, or from outside it.
    pub(super) fn take(&self, item: InboundItem) {
        let server_requests = &self.server_requests;
        match item {
            // Spec: 2025-11-25 basic/utilities/ping#behavior-requirements
            InboundItem::Message(Message::Request(request)) => {
                server_requests.answer(request, None);
            }
            InboundItem::Message(Message::Notification(notification))
                if notification.method == method::NOTIFICATIONS_CANCELLED =>
            {
                server_requests.cancelled(&notification);
            }
            InboundItem::Message(Message::Response(response)) => {
                tracing::debug!(?response.id, "a response to no request of ours");
            }
            item => {
                let mut kept = self.kept();
                match kept.items.len() < MAX_KEPT {
                    true => kept.items.push(item),
                    false => kept.lost += 1,
                }
            }
        }
    }

    /// Takes in all that has arrived. Returns whether the end has.
    pub(super) fn poll(&self, inbound: &mut Inbound, cx: &mut Context<'_>) -> bool {
        for _ in 0..ITEMS_PER_POLL {
            match Pin::new(&mut *inbound).poll_next(cx) {
                Poll::Ready(Some(Ok(item))) => self.take(item),
                Poll::Ready(Some(Err(_)) | None) => return true,
                Poll::Pending => return false,
            }
        }
        cx.waker().wake_by_ref();
        false
    }

    /// The session is open: it answers requests from here on. Returns the items that were kept.
    pub(super) fn opened(&self) -> Vec<InboundItem> {
        self.is_open.store(true, Ordering::Release);
        let Kept { items, lost } = std::mem::take(&mut *self.kept());
        let mut lagged = Lagged::default();
        lagged.others = lost;
        let gap = (lost > 0).then(|| InboundItem::Gap(Gap::Lagged(lagged)));
        items.into_iter().chain(gap).collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Early {
    fn drop(&mut self) {
        if !self.is_open.load(Ordering::Acquire) {
            self.server_requests.end();
        }
    }
}

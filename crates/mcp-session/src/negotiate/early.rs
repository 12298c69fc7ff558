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

/// Maximum number of notifications queued until the session is open.
const MAX_KEPT: usize = 256;

/// Maximum number of items of an [`Inbound`] read in one poll.
const ITEMS_PER_POLL: usize = 64;

/// Handles messages that a server sends during opening, other than responses: requests are answered at once,
/// notifications are queued until the session is open.
pub(super) struct Early {
    server_requests: Arc<ServerRequests>,
    /// Whether requests belong to a session.
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

    /// Handles a message received during opening.
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
                tracing::debug!(?response.id, "a response that matches no request");
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

    /// Handles all received messages. Returns whether the end was reached.
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

    /// Marks the session as open: requests are handled from now on. Returns the queued items.
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

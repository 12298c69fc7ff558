//! Where what has been routed is read.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use mcp_core::{Message, RequestId};

use super::{Shared, User};
use crate::Error;

/// The receiving end of one exchange.
pub(crate) struct Route {
    shared: Arc<User>,
    id: RequestId,
    over: bool,
}

impl Route {
    pub(super) fn new(shared: Arc<User>, id: RequestId) -> Self {
        Self { shared, id, over: false }
    }

    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        let polled = self.shared.lock().routes.poll(&self.id, cx);
        self.over = matches!(polled, Poll::Ready(None | Some(Ok(Message::Response(_)))));
        polled
    }
}

impl Drop for Route {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let mut state = self.shared.lock();
        let Some(cancel) = state.routes.close(&self.id) else { return };
        // Not held back by a full outbox: there is at most one for each request that was let in.
        state.outbox.push(cancel.into());
        let driver = state.driver.take();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

/// The receiving end of what belongs to no exchange.
pub(crate) struct InboundQueue(Arc<Shared>);

impl InboundQueue {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        self.0.lock().routes.poll_inbound(cx)
    }
}

impl Drop for InboundQueue {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        let replies = state.routes.drop_inbound();
        if replies.is_empty() {
            return;
        }
        self.0.reply(&mut state, replies);
        let driver = state.driver.take();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

//! The receiving end of one exchange.

use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
};

use mcp_core::{Message, RequestId};

use super::pipe::Handle;
use crate::Error;

/// The receiving end of one exchange.
pub(crate) struct Route {
    shared: Arc<Handle>,
    id: RequestId,
    ended: bool,
}

impl Route {
    pub(super) fn new(shared: Arc<Handle>, id: RequestId) -> Self {
        Self { shared, id, ended: false }
    }

    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        let mut state = self.shared.lock();
        let polled = state.routes.poll(&self.id, cx);
        let driver = if state.routes.resumes() { state.sending.driver.take() } else { None };
        drop(state);
        driver.into_iter().for_each(Waker::wake);
        self.ended = matches!(polled, Poll::Ready(None | Some(Ok(Message::Response(_)))));
        polled
    }
}

impl Drop for Route {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut state = self.shared.lock();
        let cancel = state.routes.close(&self.id);
        if cancel.is_none() && !state.routes.resumes() {
            return;
        }
        // Queued even if the outbox is full: there is at most one for each accepted request.
        cancel.into_iter().for_each(|cancel| state.sending.outbox.push(cancel.into()));
        let driver = state.sending.driver.take();
        drop(state);
        driver.into_iter().for_each(Waker::wake);
    }
}

//! Backpressure: the driver pauses for readers with a backlog.

use std::task::{Context, Poll, ready};

use super::pipe::{Busy, Inner};
use crate::inbound::Pause;

/// Pauses a driver for a reader, for at most 10 ms.
#[derive(Debug, Default)]
pub(super) struct Backpressure {
    busy: Option<Busy>,
    pause: Pause,
}

impl Backpressure {
    /// Sets the reader to pause for.
    pub(super) fn set(&mut self, busy: Option<Busy>) {
        self.busy = busy;
    }

    /// Ready when the driver may deliver more.
    pub(super) fn poll(&mut self, shared: &Inner, cx: &mut Context<'_>) -> Poll<()> {
        match &self.busy {
            None => return Poll::Ready(()),
            Some(Busy::Inbound) => ready!(shared.inbound.poll_ready(&mut self.pause, cx)),
            Some(Busy::Exchange(id)) => {
                let mut state = shared.lock();
                if state.routes.wants_pause(id) {
                    state.sending.driver = Some(cx.waker().clone());
                    drop(state);
                    ready!(self.pause.poll(cx));
                    shared.lock().routes.paused(id);
                } else {
                    drop(state);
                    self.pause.end();
                }
            }
        }
        self.busy = None;
        Poll::Ready(())
    }
}

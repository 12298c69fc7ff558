//! Gives readers time to read, before the driver receives more for them.

use std::task::{Context, Poll, ready};

use mcp_core::RequestId;

use super::Shared;
use crate::inbound::Pause;

/// A reader for which much waits.
#[derive(Debug)]
pub(super) enum Busy {
    /// Of an exchange.
    Exchange(RequestId),
    /// Of what belongs to no exchange.
    Inbound,
}

/// Holds a driver up for the sake of a reader, for a few milliseconds at the most.
#[derive(Debug, Default)]
pub(super) struct Backpressure {
    busy: Option<Busy>,
    pause: Pause,
}

impl Backpressure {
    /// Gives this reader time.
    pub(super) fn set(&mut self, busy: Option<Busy>) {
        self.busy = busy;
    }

    /// Ready when the driver may deliver more.
    pub(super) fn poll(&mut self, shared: &Shared, cx: &mut Context<'_>) -> Poll<()> {
        match &self.busy {
            None => return Poll::Ready(()),
            Some(Busy::Inbound) => ready!(shared.inbound.poll_ready(&mut self.pause, cx)),
            Some(Busy::Exchange(id)) => {
                let mut state = shared.lock();
                if state.routes.wants_pause(id) {
                    state.driver = Some(cx.waker().clone());
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

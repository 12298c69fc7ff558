use std::time::Duration;

use mcp_core::error_code;
use mcp_transport::{Backoff, util::Retries};
use tokio::time::Instant;

use crate::{Error, ErrorKind};

/// Counts the attempts to reopen one subscription after an interruption.
///
/// A subscription that lasted longer than the delay before it, or received an event, resets the count.
#[derive(Debug)]
pub(super) struct Resubscribe {
    retries: Retries,
    opened: Instant,
    last_delay: Duration,
    has_event: bool,
}

impl Resubscribe {
    pub(super) fn new(backoff: Backoff) -> Self {
        Self {
            retries: Retries::new(backoff),
            opened: Instant::now(),
            last_delay: Duration::ZERO,
            has_event: false,
        }
    }

    /// Records that it is open.
    pub(super) fn opened(&mut self) {
        self.opened = Instant::now();
    }

    /// Records an event.
    pub(super) fn has_event(&mut self) {
        self.has_event = true;
    }

    /// Records an interruption after it was open.
    pub(super) fn interrupted(&mut self) {
        if std::mem::take(&mut self.has_event) || self.opened.elapsed() > self.last_delay {
            self.retries.progressed();
        }
    }

    /// The delay before the next attempt; `None` if no attempts are left, or `error` is permanent.
    pub(super) fn next_delay(&mut self, error: Option<&Error>) -> Option<Duration> {
        if error.is_some_and(is_final) {
            return None;
        }
        let delay = self.retries.next_delay(None)?;
        self.last_delay = delay;
        Some(delay)
    }
}

/// Whether another attempt would fail in the same way.
pub(super) fn is_final(error: &Error) -> bool {
    match error.kind() {
        // Any other code may come from a server that is starting or shutting down.
        ErrorKind::Answer => error.answer().is_some_and(|answer| {
            matches!(answer.code, error_code::METHOD_NOT_FOUND | error_code::INVALID_PARAMS)
        }),
        ErrorKind::Closed
        | ErrorKind::Unsupported
        | ErrorKind::Arguments
        | ErrorKind::Version
        | ErrorKind::Unauthorized
        | ErrorKind::Redirect
        | ErrorKind::InvalidRequest
        | ErrorKind::Config => true,
        _ => false,
    }
}

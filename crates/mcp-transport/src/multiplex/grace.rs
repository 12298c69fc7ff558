//! The grace period for reads after the write half has ended.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::Sleep;

use crate::{Error, ErrorKind};

/// The grace period after a close: the peer can shut down without a broken pipe.
const CLOSE_GRACE: Duration = Duration::from_secs(10);
/// The grace period after the write half broke: responses may be on their way.
const BROKEN_PIPE_GRACE: Duration = Duration::from_millis(500);

/// Bounds the time between the end of the write half and the end of the driver.
#[derive(Default)]
pub(super) struct ReadGrace(Option<(Pin<Box<Sleep>>, Error)>);

impl ReadGrace {
    /// Starts the grace period of a close. Only the first start has an effect.
    pub(super) fn closing(&mut self) {
        self.0.get_or_insert_with(|| {
            let reason = Error::new(ErrorKind::Closed, "the connection was closed");
            (Box::pin(tokio::time::sleep(CLOSE_GRACE)), reason)
        });
    }

    /// Starts the grace period of a broken write half. Only the first start has an effect.
    pub(super) fn broken(&mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) {
        self.0.get_or_insert_with(|| {
            let reason = Error::new(ErrorKind::Closed, "the server no longer accepts messages");
            (Box::pin(tokio::time::sleep(BROKEN_PIPE_GRACE)), reason.with_source(cause))
        });
    }

    /// Resolves to the reason why the connection ended, when the grace period has elapsed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let Some((sleep, reason)) = &mut self.0 else { return Poll::Pending };
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(reason.clone())
    }
}

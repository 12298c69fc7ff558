//! How long a driver goes on reading once it writes no more.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::Sleep;

use crate::{Error, ErrorKind};

/// After a close, so that the peer can end in order instead of meeting a broken pipe.
const CLOSED: Duration = Duration::from_secs(10);
/// After the writing half broke: time for answers that are on their way.
const BROKEN: Duration = Duration::from_millis(500);

/// Bounds the time between the end of the writing half and the end of the driver.
#[derive(Default)]
pub(super) struct Linger(Option<(Pin<Box<Sleep>>, Error)>);

impl Linger {
    /// The pipe is being closed. Only the first end counts.
    pub(super) fn closing(&mut self) {
        self.0.get_or_insert_with(|| {
            let reason = Error::new(ErrorKind::Closed, "the connection was closed");
            (Box::pin(tokio::time::sleep(CLOSED)), reason)
        });
    }

    /// The pipe takes no more.
    pub(super) fn broken(&mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) {
        self.0.get_or_insert_with(|| {
            let reason = Error::new(ErrorKind::Closed, "the server takes no more messages");
            (Box::pin(tokio::time::sleep(BROKEN)), reason.with_source(cause))
        });
    }

    /// The reason why the connection ended, once the time is up.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let Some((sleep, reason)) = &mut self.0 else { return Poll::Pending };
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(reason.clone())
    }
}

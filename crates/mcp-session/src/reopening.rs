//! The session that takes the place of one whose kept verdict no longer holds.

use std::sync::{Arc, OnceLock};

use mcp_transport::{SharedConnect, util::SingleFlight};

use crate::{Error, SessionOptions, inner::Inner};

/// What a session needs that was opened without asking the server.
pub(crate) struct Reopening {
    connect: SharedConnect,
    options: SessionOptions,
    /// One call opens the session again, and the others share it.
    flight: SingleFlight<Result<(), Error>>,
    successor: OnceLock<Arc<Inner>>,
}

impl Reopening {
    /// `options` are those of the session, of which the kept verdict is not used again.
    pub(crate) fn new(connect: SharedConnect, mut options: SessionOptions) -> Self {
        options.prior_discover = None;
        Self { connect, options, flight: SingleFlight::default(), successor: OnceLock::new() }
    }

    pub(crate) fn successor(&self) -> Option<&Arc<Inner>> {
        self.successor.get()
    }

    /// Opens a session in the revision that the server speaks now, in the place of `inner`.
    pub(crate) async fn reopen(&self, inner: &Inner, stale: &Error) -> Result<(), Error> {
        let reopened = self.flight.run(|| async {
            if self.successor.get().is_some() {
                return Ok(());
            }
            let (connect, server) = (self.connect.clone(), Arc::clone(&inner.server));
            let opening = Box::pin(Inner::open(connect, server, self.options.clone()));
            let (successor, _) = opening.await?;
            let version = successor.verdict.protocol_version;
            tracing::info!(server = %inner.server, %version, "the kept verdict no longer holds");
            let _ = self.successor.set(successor);
            // Those who wait for the end look at the successor then.
            inner.closing.close(stale.clone());
            Ok(())
        });
        reopened.await
    }
}

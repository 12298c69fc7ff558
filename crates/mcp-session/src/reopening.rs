//! The session that takes the place of one whose kept verdict no longer holds.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
};

use mcp_transport::util::SingleFlight;

use crate::Error;

/// Opens a session in the revision that its server speaks now.
type Open<T> =
    dyn Fn() -> Pin<Box<dyn Future<Output = Result<Arc<T>, Error>> + Send>> + Send + Sync;

/// How a session is opened again that was opened without asking the server; `T` is the state of a session.
pub(crate) struct Reopening<T> {
    open: Box<Open<T>>,
    /// One call opens the session again, and the others share it.
    flight: SingleFlight<Result<(), Error>>,
    successor: OnceLock<Arc<T>>,
}

impl<T> Reopening<T> {
    pub(crate) fn new<F>(open: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Arc<T>, Error>> + Send + 'static,
    {
        let open: Box<Open<T>> = Box::new(move || Box::pin(open()));
        Self { open, flight: SingleFlight::default(), successor: OnceLock::new() }
    }

    /// The state of the session that took the place.
    pub(crate) fn successor(&self) -> Option<&Arc<T>> {
        self.successor.get()
    }

    /// Opens it, once.
    pub(crate) async fn reopen(&self) -> Result<(), Error> {
        let reopened = self.flight.run(|| async {
            if self.successor.get().is_none() {
                let _ = self.successor.set((self.open)().await?);
            }
            Ok(())
        });
        reopened.await
    }
}

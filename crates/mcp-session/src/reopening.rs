//! Replacement of a session whose earlier verdict is outdated.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
};

use mcp_transport::util::SingleFlight;

use crate::Error;

/// Opens a session in the revision that its server now supports.
type Open<T> =
    dyn Fn() -> Pin<Box<dyn Future<Output = Result<Arc<T>, Error>> + Send>> + Send + Sync;

/// How to reopen a session that was opened without probing; `T` is the state of a session.
pub(crate) struct Reopening<T> {
    open: Box<Open<T>>,
    /// One call reopens the session, and concurrent ones share the outcome.
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

    /// The state of the replacement session.
    pub(crate) fn successor(&self) -> Option<&Arc<T>> {
        self.successor.get()
    }

    /// Reopens the session, once.
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

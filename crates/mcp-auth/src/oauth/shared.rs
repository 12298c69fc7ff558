//! State of the servers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use url::Url;

use crate::flow::state::ServerState;

/// State shared by the clones of an [`OAuth`]. Dropping it cancels a login.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) gate: Arc<tokio::sync::Mutex<()>>,
    servers: Mutex<HashMap<Url, Arc<ServerState>>>,
}

impl Shared {
    pub(super) fn servers(&self) -> MutexGuard<'_, HashMap<Url, Arc<ServerState>>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for state in self.servers().values() {
            state.flight.end_login();
        }
    }
}

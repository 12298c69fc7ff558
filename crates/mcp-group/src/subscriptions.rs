//! What clients of the group want to hear of one server.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mcp_session::Error;
use tokio::sync::watch;

use crate::member::Member;

/// How long a client waits at the most for a server to take its subscription.
const PATIENCE: Duration = Duration::from_secs(5);

/// The resources of one server that clients subscribed to, and what the server said to that.
pub(crate) struct Subscriptions {
    state: Mutex<State>,
    /// Counts the changes of what is wanted.
    version: watch::Sender<u64>,
    /// Up to which change the server has been told.
    applied: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    /// By how many, by the URI on the server.
    wanted: BTreeMap<String, usize>,
    honoured: BTreeSet<String>,
    refused: HashMap<String, Error>,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            // The first change is that there is somebody to tell.
            version: watch::Sender::new(1),
            applied: watch::Sender::new(0),
        }
    }
}

impl Subscriptions {
    /// What is wanted now, and which change that is.
    pub(crate) fn wanted(&self) -> (u64, BTreeSet<String>) {
        let state = self.lock();
        (*self.version.borrow(), state.wanted.keys().cloned().collect())
    }

    /// Waits until something else is wanted than at this change.
    pub(crate) async fn changed_since(&self, version: u64) {
        let mut versions = self.version.subscribe();
        // It cannot be dropped meanwhile: `self` has it.
        let _ = versions.wait_for(|now| *now != version).await;
    }

    /// The server has been told all up to this change. It honours what of it `is_honoured`.
    pub(crate) fn applied(&self, version: u64, honoured: BTreeSet<String>) {
        let mut state = self.lock();
        state.refused.retain(|uri, _| !honoured.contains(uri));
        state.honoured = honoured;
        drop(state);
        self.applied.send_replace(version);
    }

    /// There is a new connection, of which nothing has been told.
    pub(crate) fn forget(&self) {
        self.applied.send_replace(0);
        let mut state = self.lock();
        state.honoured.clear();
        state.refused.clear();
    }

    pub(crate) fn refuse(&self, uri: &str, error: Error) {
        let mut state = self.lock();
        // Nobody would take it away again.
        if state.wanted.contains_key(uri) {
            state.refused.insert(uri.to_owned(), error);
        }
    }

    /// Waits until the server has been told all that is wanted now, for a while.
    pub(crate) async fn settled(&self) {
        let (version, _) = self.wanted();
        let mut applied = self.applied.subscribe();
        let told = applied.wait_for(|applied| *applied >= version);
        if tokio::time::timeout(PATIENCE, told).await.is_err() {
            tracing::debug!("a server takes its time to take a subscription");
        }
    }

    pub(crate) fn is_honoured(&self, uri: &str) -> bool {
        self.lock().honoured.contains(uri)
    }

    pub(crate) fn refusal(&self, uri: &str) -> Option<Error> {
        self.lock().refused.get(uri).cloned()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.version.send_modify(|version| *version += 1);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody's wish to hear of a resource of a server's, taken back on drop.
pub(crate) struct Wish {
    pub(crate) member: Arc<Member>,
    /// On the server.
    pub(crate) uri: String,
}

impl Wish {
    pub(crate) fn new(member: &Arc<Member>, uri: String) -> Self {
        member.subscriptions.change(|state| {
            *state.wanted.entry(uri.clone()).or_default() += 1;
        });
        Self { member: Arc::clone(member), uri }
    }
}

impl Drop for Wish {
    fn drop(&mut self) {
        self.member.subscriptions.change(|state| {
            if let Some(count) = state.wanted.get_mut(&self.uri) {
                *count -= 1;
                if *count == 0 {
                    state.wanted.remove(&self.uri);
                    state.refused.remove(&self.uri);
                }
            }
        });
    }
}

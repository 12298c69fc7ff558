use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::task::OwnedTask;

/// Maximum number of calls that wait for input at the same time.
const MAX_PARKED: usize = 256;
/// How long a call waits for input.
const INPUT_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// The start of the states of parked calls, which distinguishes them from those of servers.
const PREFIX: &str = "mcp-group:";

/// Calls of modern clients that wait for input, by the state in their `input_required` result.
///
/// Spec: basic/patterns/mrtr
pub(crate) struct Parked<T>(Mutex<HashMap<String, Entry<T>>>);

struct Entry<T> {
    call: T,
    /// The method and the target, which the repeated request must have too.
    key: String,
    /// Drops the entry when it expires.
    _expiry: OwnedTask,
}

impl<T> Default for Parked<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Send + 'static> Parked<T> {
    /// Parks a call, and returns its state. It is dropped, and so cancelled, if it is not taken within 10 min.
    ///
    /// # Errors
    /// Too many calls are parked, or the system has no random numbers.
    pub(crate) fn park(self: &Arc<Self>, key: &str, call: T) -> Result<String, &'static str> {
        let mut bytes = [0; 16];
        if getrandom::fill(&mut bytes).is_err() {
            return Err("the system has no random numbers for the state of the call");
        }
        // Unguessable, since other clients must not continue the call.
        let state = format!("{PREFIX}{:032x}", u128::from_le_bytes(bytes));
        let mut parked = self.lock();
        if parked.len() >= MAX_PARKED {
            return Err("too many calls wait for input");
        }
        let (of, expired) = (Arc::downgrade(self), state.clone());
        let expiry = OwnedTask::spawn(async move {
            tokio::time::sleep(INPUT_TIMEOUT).await;
            let entry = of.upgrade().and_then(|parked| parked.lock().remove(&expired));
            drop(entry);
        });
        parked.insert(state.clone(), Entry { call, key: key.to_owned(), _expiry: expiry });
        Ok(state)
    }

    /// Takes the call of a state. `None` if the state is not one of [`park`](Self::park).
    ///
    /// # Errors
    /// The call has ended, or is another one.
    pub(crate) fn take(&self, state: &str, key: &str) -> Option<Result<T, &'static str>> {
        if !state.starts_with(PREFIX) {
            return None;
        }
        let mut parked = self.lock();
        Some(match parked.get(state) {
            None => Err("the call of the requestState has ended"),
            Some(entry) if entry.key != key => Err("the requestState belongs to another call"),
            Some(_) => parked.remove(state).map(|entry| entry.call).ok_or("the call has ended"),
        })
    }

    /// Drops all calls.
    pub(crate) fn clear(&self) {
        let all = std::mem::take(&mut *self.lock());
        drop(all);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

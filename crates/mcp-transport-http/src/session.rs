use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use http::{HeaderMap, HeaderValue};
use mcp_core::{ProtocolVersion, Request};
use mcp_transport::{Envelope, Error, ErrorKind, OneWay};
use tokio::task::AbortHandle;

use crate::head::{Head, SESSION_ID};

/// A session of the legacy era, with all that it takes to begin another one like it.
///
/// Spec: 2025-11-25 basic/transports#session-management
pub(crate) struct Session {
    /// Absent where the server keeps none.
    pub(crate) id: Option<HeaderValue>,
    pub(crate) initialize: Envelope<Request>,
    initialized: OnceLock<Envelope<OneWay>>,
    listener: Mutex<Option<AbortHandle>>,
}

impl Session {
    pub(crate) fn new(id: Option<HeaderValue>, initialize: Envelope<Request>) -> Self {
        let (initialized, listener) = (OnceLock::new(), Mutex::new(None));
        Self { id, initialize, initialized, listener }
    }

    /// The handshake is complete, with this notification.
    pub(crate) fn complete(&self, initialized: &Envelope<OneWay>) {
        // A second one changes nothing.
        self.initialized.get_or_init(|| initialized.clone());
    }

    pub(crate) fn initialized(&self) -> Option<&Envelope<OneWay>> {
        self.initialized.get()
    }

    /// What was negotiated.
    pub(crate) fn version(&self) -> Option<ProtocolVersion> {
        self.initialized.get().and_then(|initialized| initialized.version)
    }

    /// The head of what is sent on behalf of the session rather than of one message.
    pub(crate) fn head(&self) -> Head {
        let mut envelope = Envelope::new(()).with_version(self.version());
        if let Some(initialized) = self.initialized.get() {
            envelope.extensions = initialized.extensions.clone();
        }
        // The same extensions have passed before, with the notification.
        Head::legacy(&envelope).unwrap_or_default()
    }

    /// Sets who listens, in place of the one before.
    pub(crate) fn set_listener(&self, listener: Option<AbortHandle>) {
        let before = {
            let mut slot = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *slot, listener)
        };
        // A listener may be the one who found out that the session is gone: it ends by itself.
        if let Some(before) = before
            && tokio::task::try_id() != Some(before.id())
        {
            before.abort();
        }
    }
}

/// The session that messages belong to now.
#[derive(Default)]
pub(crate) struct Sessions {
    current: Mutex<Option<Arc<Session>>>,
    /// Held by the one who begins a new session in place of a lost one. What it guards is the outcome of
    /// the last attempt that failed.
    pub(crate) renewing: tokio::sync::Mutex<Option<Error>>,
    /// How many attempts to renew a session have failed.
    pub(crate) failures: AtomicU64,
    /// How many have not.
    pub(crate) renewals: AtomicU64,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, Option<Arc<Session>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn current(&self) -> Option<Arc<Session>> {
        self.lock().clone()
    }

    /// Replaces the session; nobody listens for the one before any more.
    pub(crate) fn replace(&self, session: Option<Arc<Session>>) -> Option<Arc<Session>> {
        let before = std::mem::replace(&mut *self.lock(), session);
        if let Some(before) = &before {
            before.set_listener(None);
        }
        before
    }

    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Acquire)
    }
}

/// The session id in the answer to `initialize`, of which the characters are checked.
pub(crate) fn session_id(headers: &HeaderMap) -> Result<Option<HeaderValue>, Error> {
    let Some(id) = headers.get(SESSION_ID) else { return Ok(None) };
    if id.is_empty() || !id.as_bytes().iter().all(|byte| (0x21..=0x7E).contains(byte)) {
        let text =
            "initialize: the session id of the server is not made of visible ASCII characters";
        return Err(Error::new(ErrorKind::Protocol, text));
    }
    let mut id = id.clone();
    id.set_sensitive(true);
    Ok(Some(id))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn session_ids_are_checked() {
        let read = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert("MCP-Session-Id", HeaderValue::from_bytes(value).unwrap());
            session_id(&headers)
        };
        let id = read(b"a!~9").unwrap().unwrap();
        assert!(id.is_sensitive());
        assert_eq!(id, "a!~9");
        for value in [&b""[..], b"a b", b"\xc3\xa4", b"a\tb"] {
            assert!(read(value).is_err(), "{value:?}");
        }
        assert!(session_id(&HeaderMap::new()).unwrap().is_none());
    }
}

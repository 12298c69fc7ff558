use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{HeaderMap, HeaderValue};
use mcp_core::{Request, method};
use mcp_http::HttpService;
use mcp_transport::{Envelope, Error, ErrorKind, handshake::Handshake, util::SingleFlight};
use tokio::{runtime::Handle, task::AbortHandle};

use crate::{
    endpoint::HttpEndpoint,
    headers::{RequestHeaders, SESSION_ID},
};

/// Timeout of deleting a session.
const DELETE_TIMEOUT: Duration = Duration::from_secs(2);

/// A session of the legacy era. If it is dropped without being deleted, it is deleted in the background.
///
/// Spec: 2025-11-25 basic/transports#session-management
pub(crate) struct Session<S: HttpService> {
    /// `None` if the server has no session ids.
    pub(crate) id: Option<HeaderValue>,
    pub(crate) handshake: Handshake,
    /// Whether it was opened by another transport, so that its stream is resumed.
    pub(crate) is_resumed: bool,
    pub(crate) resumed_after: Option<HeaderValue>,
    /// Whether it replaced a lost session.
    pub(crate) is_replacement: bool,
    listener: Mutex<Option<AbortHandle>>,
    /// Whether the server has lost it.
    is_over: AtomicBool,
    /// Whether the listener has ended with its runtime.
    pub(crate) lost_listener: AtomicBool,
    endpoint: Arc<HttpEndpoint<S>>,
    runtime: Handle,
}

impl<S: HttpService> Session<S> {
    pub(crate) fn new(
        id: Option<HeaderValue>,
        initialize: Envelope<Request>,
        endpoint: &Arc<HttpEndpoint<S>>,
        runtime: &Handle,
    ) -> Self {
        Self {
            id,
            handshake: Handshake::new(initialize),
            is_resumed: false,
            resumed_after: None,
            is_replacement: false,
            listener: Mutex::new(None),
            is_over: AtomicBool::new(false),
            lost_listener: AtomicBool::new(false),
            endpoint: Arc::clone(endpoint),
            runtime: runtime.clone(),
        }
    }

    /// The headers of messages of the session itself rather than of a caller.
    pub(crate) fn headers(&self) -> RequestHeaders {
        // The same extensions were valid in the handshake.
        RequestHeaders::legacy(&self.handshake.envelope(())).unwrap_or_default()
    }

    /// Sets the task that reads the server stream, replacing the previous one.
    pub(crate) fn set_listener(&self, listener: Option<AbortHandle>) {
        let before = {
            let mut slot = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *slot, listener)
        };
        // A listener that detects the loss of the session ends by itself.
        if let Some(before) = before
            && tokio::task::try_id() != Some(before.id())
        {
            before.abort();
        }
    }

    /// Whether a listener task runs or has run.
    pub(crate) fn has_listener(&self) -> bool {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Marks it as lost: there is nothing to delete.
    pub(crate) fn set_lost(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Whether the server has lost it.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Deletes the session at the server, within 2 s. A failure is logged: the server may not allow it, and its session
    /// expires in any case.
    pub(crate) async fn delete(&self) {
        let is_kept = self.endpoint.keep_session || self.is_lost();
        if let (Some(id), false) = (&self.id, is_kept) {
            delete(&self.endpoint, &self.headers().in_background(), id).await;
        }
        self.set_lost();
    }
}

impl<S: HttpService> Drop for Session<S> {
    fn drop(&mut self) {
        self.set_listener(None);
        let is_kept = self.endpoint.keep_session || self.is_lost();
        if let (Some(id), false) = (self.id.take(), is_kept) {
            let (endpoint, headers) = (Arc::clone(&self.endpoint), self.headers().in_background());
            self.runtime.spawn(async move { delete(&endpoint, &headers, &id).await });
        }
    }
}

async fn delete<S: HttpService>(
    endpoint: &HttpEndpoint<S>,
    headers: &RequestHeaders,
    id: &HeaderValue,
) {
    match tokio::time::timeout(DELETE_TIMEOUT, endpoint.delete(headers, id)).await {
        Ok(Ok(response)) if !response.status().is_server_error() => {}
        Ok(Ok(response)) => tracing::debug!(status = %response.status(), "session not deleted"),
        Ok(Err(error)) => tracing::debug!(%error, "session not deleted"),
        Err(_) => tracing::debug!("session not deleted within {DELETE_TIMEOUT:?}"),
    }
}

/// The current session of messages.
pub(crate) struct Sessions<S: HttpService> {
    current: Mutex<Option<Arc<Session<S>>>>,
    /// One caller replaces a lost session, and concurrent ones share the outcome.
    pub(crate) replacing: SingleFlight<Result<Option<Arc<Session<S>>>, Error>>,
    /// The number of replaced sessions.
    pub(crate) replaced: AtomicU64,
}

impl<S: HttpService> Default for Sessions<S> {
    fn default() -> Self {
        Self {
            current: Mutex::new(None),
            replacing: SingleFlight::default(),
            replaced: AtomicU64::new(0),
        }
    }
}

impl<S: HttpService> Sessions<S> {
    fn lock(&self) -> MutexGuard<'_, Option<Arc<Session<S>>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn current(&self) -> Option<Arc<Session<S>>> {
        self.lock().clone()
    }

    /// Makes `session` the current one if `is_open` returns true under the lock. Returns whether it did.
    pub(crate) fn install(
        &self,
        session: &Arc<Session<S>>,
        is_open: impl FnOnce() -> bool,
    ) -> bool {
        let before = {
            let mut current = self.lock();
            if !is_open() {
                return false;
            }
            current.replace(Arc::clone(session))
        };
        if let Some(before) = before {
            before.set_listener(None);
            if before.id == session.id {
                before.set_lost();
            }
        }
        true
    }

    /// Takes the current session.
    pub(crate) fn take(&self) -> Option<Arc<Session<S>>> {
        self.lock().take()
    }
}

/// The session id in the response to `initialize`. Its characters are validated.
pub(crate) fn session_id(headers: &HeaderMap) -> Result<Option<HeaderValue>, Error> {
    let Some(id) = headers.get(SESSION_ID) else { return Ok(None) };
    if id.is_empty() || !id.as_bytes().iter().all(|byte| (0x21..=0x7E).contains(byte)) {
        let text = "the server's session id has characters other than visible ASCII";
        return Err(Error::new(ErrorKind::Protocol, text).with_method(method::INITIALIZE));
    }
    // Copied, since it is part of the buffer in which the head was received.
    let mut id = HeaderValue::from_bytes(id.as_bytes()).expect("it is a header value");
    id.set_sensitive(true);
    Ok(Some(id))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn session_ids_are_validated() {
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

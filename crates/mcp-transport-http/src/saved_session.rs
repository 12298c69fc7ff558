use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use futures_core::Stream;
use http::HeaderValue;
use mcp_core::{Message, RawJson};
use mcp_transport::{Error, Exchange};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A legacy session that is open at its server, for another transport to resume:
/// [`StreamableHttp::resume_session`](crate::StreamableHttp::resume_session). Can be stored with serde.
///
/// The id is a secret: knowing it may be sufficient to use the session.
///
/// Spec: 2025-11-25 basic/transports#session-management
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedSession {
    session_id: String,
    /// The server's result of `initialize`.
    initialize_result: Box<RawValue>,
    /// The last event id of the standalone GET stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_event_id: Option<String>,
}

/// A view of the current session of a transport; see
/// [`StreamableHttp::session_handle`](crate::StreamableHttp::session_handle). Shows the transport that connected last.
/// Clones share it.
#[derive(Clone, Default)]
pub struct SessionHandle(Arc<Mutex<Option<SavedSession>>>);

impl SavedSession {
    /// The session id.
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// The id of the last event of the server's stream, after which it is resumed.
    ///
    /// Spec: 2025-11-25 basic/transports#resumability-and-redelivery
    pub fn last_event_id(&self) -> Option<&str> {
        self.last_event_id.as_deref()
    }

    /// `None` if it is not valid in a header.
    pub(crate) fn id_header(&self) -> Option<HeaderValue> {
        let mut id = HeaderValue::from_str(&self.session_id).ok().filter(|id| !id.is_empty())?;
        id.set_sensitive(true);
        Some(id)
    }

    pub(crate) fn position(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(self.last_event_id.as_deref()?).ok()
    }

    pub(crate) fn initialize_result(&self) -> Result<RawJson, serde_json::Error> {
        RawJson::from_text(self.initialize_result.get().to_owned())
    }
}

impl SessionHandle {
    /// A handle that is not connected to a transport yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The current session; `None` before it is open, and if the server has no session ids.
    pub fn saved(&self) -> Option<SavedSession> {
        self.lock().clone()
    }

    pub(crate) fn set(&self, saved: Option<SavedSession>) {
        *self.lock() = saved;
    }

    /// Records a new session.
    pub(crate) fn opened(&self, id: Option<&HeaderValue>, result: &RawJson) {
        let saved = id.and_then(|id| {
            let session_id = id.to_str().ok()?.to_owned();
            let initialize_result = result.decode::<Box<RawValue>>().ok()?;
            Some(SavedSession { session_id, initialize_result, last_event_id: None })
        });
        self.set(saved);
    }

    /// Records the id of a replacement session.
    pub(crate) fn replaced(&self, id: Option<&HeaderValue>) {
        let mut saved = self.lock();
        let id = id.and_then(|id| id.to_str().ok());
        match (&mut *saved, id) {
            (Some(saved), Some(id)) => {
                (saved.session_id, saved.last_event_id) = (id.to_owned(), None);
            }
            (saved, _) => *saved = None,
        }
    }

    /// Records the position of the server's stream.
    pub(crate) fn moved(&self, session: Option<&HeaderValue>, position: Option<&HeaderValue>) {
        let mut saved = self.lock();
        if let Some(saved) = &mut *saved
            && session.is_some_and(|id| id.as_bytes() == saved.session_id.as_bytes())
        {
            saved.last_event_id = position.and_then(|it| it.to_str().ok()).map(str::to_owned);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<SavedSession>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The messages for an `initialize` whose response is saved.
pub(crate) struct Saving {
    pub(crate) exchange: Exchange,
    pub(crate) handle: SessionHandle,
    pub(crate) session: Option<HeaderValue>,
}

impl Stream for Saving {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.exchange.poll_item(cx);
        if let Poll::Ready(Some(Ok(Message::Response(response)))) = &polled
            && let Ok(result) = &response.outcome
        {
            self.handle.opened(self.session.as_ref(), result);
        }
        polled
    }
}

impl fmt::Debug for SavedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SavedSession").finish_non_exhaustive()
    }
}

impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionHandle").finish_non_exhaustive()
    }
}

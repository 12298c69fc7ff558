//! The state of one client.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp_core::{ClientCapabilities, InitializeRequestParams, LoggingLevel, ProtocolVersion};
use serde_json::value::RawValue;

use crate::params::RequestMeta;

/// The length of the largest `_meta` that is remembered, in bytes.
const MAX_META: usize = 4 << 10;

/// The state of one client. Revisions since 2026-07-28 need none.
#[derive(Debug, Default)]
pub(crate) struct ClientState {
    state: Mutex<State>,
    /// The last `_meta`: most requests of a client have the same, so that it is not parsed again.
    meta: Mutex<Option<Arc<KnownMeta>>>,
}

/// A `_meta` as it was received, and its reserved members.
#[derive(Debug)]
pub(crate) struct KnownMeta {
    pub(crate) json: Box<RawValue>,
    pub(crate) meta: Arc<RequestMeta>,
}

#[derive(Debug, Default)]
struct State {
    version: Option<ProtocolVersion>,
    capabilities: ClientCapabilities,
    log_severity: Option<u8>,
}

impl ClientState {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last `_meta`.
    pub(crate) fn known_meta(&self) -> Option<Arc<KnownMeta>> {
        self.meta.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The reserved members of the `_meta` of a request.
    pub(crate) fn meta(&self, json: &RawValue) -> Result<Arc<RequestMeta>, serde_json::Error> {
        let mut last = self.meta.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*last
            && known.json.get() == json.get()
        {
            return Ok(Arc::clone(&known.meta));
        }
        let meta = Arc::new(serde_json::from_str(json.get())?);
        if json.get().len() <= MAX_META {
            *last = Some(Arc::new(KnownMeta { json: json.to_owned(), meta: Arc::clone(&meta) }));
        }
        Ok(meta)
    }

    /// Opens the connection of a client in this revision.
    pub(crate) fn initialize(&self, version: ProtocolVersion, params: InitializeRequestParams) {
        let capabilities = params.capabilities;
        *self.lock() = State { version: Some(version), capabilities, log_severity: None };
    }

    /// The negotiated revision.
    pub(crate) fn version(&self) -> Option<ProtocolVersion> {
        self.lock().version
    }

    pub(crate) fn capabilities(&self) -> ClientCapabilities {
        self.lock().capabilities.clone()
    }

    /// The minimum severity of log messages for the client.
    pub(crate) fn log_severity(&self) -> u8 {
        const INFO: u8 = 1;
        self.lock().log_severity.unwrap_or(INFO)
    }

    /// Returns `false` for an unknown level.
    pub(crate) fn set_log_level(&self, level: &LoggingLevel) -> bool {
        let severity = level.severity();
        if severity.is_some() {
            self.lock().log_severity = severity;
        }
        severity.is_some()
    }
}

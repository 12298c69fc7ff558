//! The state of one client.

use std::sync::{Mutex, MutexGuard, PoisonError};

use mcp_core::{ClientCapabilities, InitializeRequestParams, LoggingLevel, ProtocolVersion};

/// The state of one client. Revisions since 2026-07-28 need none.
#[derive(Debug, Default)]
pub(crate) struct ClientState(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    version: Option<ProtocolVersion>,
    capabilities: ClientCapabilities,
    log_severity: Option<u8>,
}

impl ClientState {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// The least severity of the log messages that the client wants.
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

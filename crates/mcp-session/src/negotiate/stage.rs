use std::{
    borrow::Cow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mcp_core::method;
use mcp_transport::{Connect, SharedConnect, SharedTransport};
use tokio::time::Instant;

use crate::{
    Error, ErrorKind, diagnostics::explained, error::Order, server_requests::ServerRequests,
};

/// The progress of an opening, for the error if it times out.
#[derive(Default)]
pub(super) struct Stage(Mutex<State>);

#[derive(Default)]
struct State {
    transport: Option<SharedTransport>,
    server_requests: Option<Arc<ServerRequests>>,
    /// The method of the last message.
    method: Option<Cow<'static, str>>,
    /// The failure or silence of the probe.
    probe: Option<Error>,
}

impl Stage {
    /// Records the connection.
    pub(super) fn connected(
        &self,
        transport: &SharedTransport,
        server_requests: &Arc<ServerRequests>,
    ) {
        let mut state = self.lock();
        state.transport = Some(transport.clone());
        state.server_requests = Some(Arc::clone(server_requests));
    }

    /// Records a message being sent.
    pub(super) fn sending(&self, method: Cow<'static, str>) {
        self.lock().method = Some(method);
    }

    /// Records that the probe has failed or timed out.
    pub(super) fn probe_failed(&self, error: &Error) {
        self.lock().probe = Some(error.clone());
    }

    /// The end of the last wait for a user, by connecting or by the server.
    pub(super) fn held_until(&self, connect: &SharedConnect) -> Option<Instant> {
        let of_connect = connect.hold().and_then(|hold| hold.held_until());
        let state = self.lock();
        let of_server = state.server_requests.as_ref().and_then(|it| it.hold().held_until());
        of_connect.max(of_server)
    }

    /// The error of a start that exceeded `limit`.
    pub(super) fn late(&self, server: &Arc<str>, limit: Duration) -> Error {
        let message = format!("the server did not start within {limit:?}");
        let error = Error::new(ErrorKind::Timeout, Arc::clone(server), message);
        let State { transport, method, probe, .. } = &*self.lock();
        let error = match transport {
            Some(transport) => explained(error, transport),
            None => error,
        };
        let error = match method {
            Some(method) => error.with_method(method.clone()),
            None => error,
        };
        match probe {
            Some(probe) if error.method() != Some(method::SERVER_DISCOVER) => {
                error.with_other(Order::Before, probe.clone())
            }
            _ => error,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

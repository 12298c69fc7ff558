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

/// How far an opening got, for the error when it takes too long.
#[derive(Default)]
pub(super) struct Stage(Mutex<State>);

#[derive(Default)]
struct State {
    transport: Option<SharedTransport>,
    server_requests: Option<Arc<ServerRequests>>,
    /// The method of the last message.
    method: Option<Cow<'static, str>>,
    /// Why the probe failed, or how long it was silent.
    probe: Option<Error>,
}

impl Stage {
    /// There is a connection.
    pub(super) fn connected(
        &self,
        transport: &SharedTransport,
        server_requests: &Arc<ServerRequests>,
    ) {
        let mut state = self.lock();
        state.transport = Some(transport.clone());
        state.server_requests = Some(Arc::clone(server_requests));
    }

    /// A message is about to be sent.
    pub(super) fn sending(&self, method: Cow<'static, str>) {
        self.lock().method = Some(method);
    }

    /// The probe has failed, or was not answered in its time.
    pub(super) fn probe_failed(&self, error: &Error) {
        self.lock().probe = Some(error.clone());
    }

    /// When connecting, or the server, last waited for a person.
    pub(super) fn held_until(&self, connect: &SharedConnect) -> Option<Instant> {
        let of_connect = connect.hold().and_then(|hold| hold.held_until());
        let state = self.lock();
        let of_server = state.server_requests.as_ref().and_then(|it| it.hold().held_until());
        of_connect.max(of_server)
    }

    /// The error of a start that took longer than `limit`.
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

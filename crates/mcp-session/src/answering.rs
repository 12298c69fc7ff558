//! Requests of the server on the wire: handed to the application, answered, cancelled.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mcp_core::{
    CancelledNotificationParams, Era, ErrorObject, Notification, ProtocolVersion, RawJson, Request,
    RequestId, Response, error_code, method,
};
use mcp_transport::{Envelope, SharedTransport, Transport};
use tokio::{task::AbortHandle, time::Instant};
use tracing::Instrument;

use crate::{
    handlers::{Asked, CallInfo, Handlers, RawRequest},
    trace::{Traced, Tracing},
};

/// Requests of one server that are worked on at a time; more are refused.
const LIMIT: usize = 64;

/// Answers what one server asks: a task for each request, all of which end with the session.
pub(crate) struct Answering {
    transport: SharedTransport,
    server: Arc<str>,
    version: ProtocolVersion,
    handlers: Handlers,
    tracing: Arc<Tracing>,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    tasks: HashMap<RequestId, Work>,
    /// When the server last got out of the application what it waited for.
    last_done: Option<Instant>,
}

struct Work {
    task: AbortHandle,
    /// Whether the server waits for the application, and not for its own reading of the answer.
    is_open: bool,
}

impl Answering {
    pub(crate) fn new(
        transport: SharedTransport,
        server: Arc<str>,
        version: ProtocolVersion,
        handlers: Handlers,
        tracing: Arc<Tracing>,
    ) -> Self {
        Self { transport, server, version, handlers, tracing, running: Mutex::default() }
    }

    /// Takes a request. In the modern era the server may not ask, and nothing may be said to it.
    pub(crate) fn take(self: &Arc<Self>, request: Request, call: Option<CallInfo>) {
        if self.version.era() == Era::Modern {
            tracing::debug!(method = %request.method, "a request of the server, which may not ask");
            return;
        }
        let this = Arc::clone(self);
        let mut running = self.running();
        let is_busy = running.tasks.len() >= LIMIT;
        if running.tasks.len() >= 2 * LIMIT {
            tracing::warn!(server = %self.server, "a server that asks and takes no answers");
            return;
        }
        let id = request.id.clone();
        let is_open = !is_busy && request.method != method::PING;
        // Begun here, within the call of ours that it serves, if it does.
        let mut traced = self.asked(&request.method, Some(&id));
        let task = tokio::spawn(async move {
            let id = request.id.clone();
            let outcome = match is_busy {
                true => Err(ErrorObject::new(error_code::INTERNAL_ERROR, "too many requests")),
                false => {
                    let outcome = this.outcome(request.method, request.params, call, None);
                    outcome.instrument(traced.span()).await
                }
            };
            traced.answered(&outcome);
            drop(traced);
            this.running().done(&id);
            let answer = match outcome {
                Ok(result) => Response::result(id.clone(), result),
                Err(error) => Response::error(id.clone(), error),
            };
            let envelope = Envelope::new(answer.into()).with_version(this.version);
            // The server may go on without it; if not, its own answer tells.
            if let Err(error) = this.transport.send(envelope).await {
                tracing::debug!(%error, "an answer to the server was lost");
            }
            this.running().tasks.remove(&id);
        });
        let work = Work { task: task.abort_handle(), is_open };
        if let Some(replaced) = running.tasks.insert(id, work) {
            replaced.task.abort();
        }
    }

    /// Ends the work on the request that a `notifications/cancelled` names.
    pub(crate) fn cancelled(&self, notification: &Notification) {
        let params = mcp_core::decode_params::<CancelledNotificationParams>;
        match params(notification.params.as_ref()) {
            Ok(cancelled) => {
                let id = cancelled.request_id;
                if let Some(work) = id.and_then(|id| self.running().tasks.remove(&id)) {
                    work.task.abort();
                }
            }
            Err(error) => tracing::debug!(%error, "a cancellation that cannot be read"),
        }
    }

    /// Ends all work.
    pub(crate) fn end(&self) {
        self.running().tasks.drain().for_each(|(_, work)| work.task.abort());
    }

    /// The span of a request of the server's.
    pub(crate) fn asked(&self, method: &str, id: Option<&RequestId>) -> Traced {
        self.tracing.asked(method, self.version, id)
    }

    /// What the application gives for a request, `call` being the one of ours that it serves, and
    /// `server` the one of a group that asks.
    pub(crate) async fn outcome(
        &self,
        method: Cow<'static, str>,
        params: Option<RawJson>,
        call: Option<CallInfo>,
        server: Option<Arc<str>>,
    ) -> Result<RawJson, ErrorObject> {
        if method == method::PING {
            return Ok(RawJson::trusted("{}"));
        }
        let params = RawRequest { method, params };
        let server = server.unwrap_or_else(|| Arc::clone(&self.server));
        self.handlers.answer(Asked { server, call, params }).await
    }

    /// The same in a span of its own, for what was not asked on the wire.
    pub(crate) async fn traced_outcome(
        &self,
        method: Cow<'static, str>,
        params: Option<RawJson>,
        call: Option<CallInfo>,
        server: Option<Arc<str>>,
    ) -> Result<RawJson, ErrorObject> {
        let mut traced = self.asked(&method, None);
        let outcome = self.outcome(method, params, call, server).instrument(traced.span()).await;
        traced.answered(&outcome);
        outcome
    }

    /// Until when the server has waited for the application, such as for a person: now, if it still does.
    pub(crate) fn waited_until(&self) -> Option<Instant> {
        let running = self.running();
        match running.tasks.values().any(|work| work.is_open) {
            true => Some(Instant::now()),
            false => running.last_done,
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn done(&mut self, id: &RequestId) {
        if let Some(work) = self.tasks.get_mut(id)
            && std::mem::take(&mut work.is_open)
        {
            self.last_done = Some(Instant::now());
        }
    }
}

//! Server requests: passing them to handlers, responding, cancelling.

use std::{
    borrow::Cow,
    collections::HashMap,
    error::Error as StdError,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use mcp_core::{
    CancelledNotificationParams, ClientCapabilities, Era, ErrorObject, Meta, Notification,
    ProtocolVersion, RawJson, Request, RequestId, Response, decode_params, method,
};
use mcp_transport::{Envelope, Hold, HoldGuard, SharedTransport, Transport};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::AbortHandle,
};
use tracing::Instrument;

use crate::{
    handlers::{CallInfo, Handlers, RawRequest, ServerRequest, internal},
    join::all,
    trace::{MessageSpan, Tracing},
};

/// Maximum number of concurrent requests of one server, from all sources: on the wire, in a round of a call, or for an
/// extension.
const MAX_REQUESTS: usize = 64;

/// Maximum number of responses that the server has not accepted yet. Further requests get no response.
const MAX_ANSWERS: usize = 128;

/// Maximum number of ping responses that the server has not accepted yet, counted separately.
const MAX_PINGS: usize = 64;

/// The `_meta` key of the task that a message belongs to.
const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";

/// Serves the requests of one server. All work ends with the session.
pub(crate) struct ServerRequests {
    transport: SharedTransport,
    server: Arc<str>,
    /// Set when the session is open. Only legacy servers send requests before that.
    version: OnceLock<ProtocolVersion>,
    handlers: Handlers,
    declared: ClientCapabilities,
    tracing: Arc<Tracing>,
    places: Arc<Semaphore>,
    hold: Hold,
    requests: Mutex<OpenRequests>,
}

#[derive(Default)]
struct OpenRequests {
    by_id: HashMap<RequestId, Work>,
    /// The number of pings among them.
    pings: usize,
    last: u64,
}

/// A request on the wire being served.
struct Work {
    /// Distinguishes it from later requests with the same id.
    number: u64,
    is_ping: bool,
    task: AbortHandle,
}

/// A request being handled, for which the server waits.
struct Place {
    _permit: OwnedSemaphorePermit,
    _hold: HoldGuard,
}

/// How to respond to a request on the wire.
enum Plan {
    Ping,
    Handle(Place),
    Refuse,
}

/// An input request, with the name that the server assigned.
pub(crate) struct NamedRequest<'a> {
    pub(crate) name: &'a str,
    /// The request, or its decoding error.
    pub(crate) request: Result<RawRequest, ErrorObject>,
}

/// The reason why requested input cannot be provided.
#[derive(Debug, Clone)]
pub struct InputError(String);

impl ServerRequests {
    pub(crate) fn new(
        transport: SharedTransport,
        server: Arc<str>,
        handlers: Handlers,
        stated: &ClientCapabilities,
        tracing: Arc<Tracing>,
    ) -> Self {
        let declared = handlers.declared(stated);
        let places = Arc::new(Semaphore::new(MAX_REQUESTS));
        let (version, hold, requests) = (OnceLock::new(), Hold::new(), Mutex::default());
        Self { transport, server, version, handlers, declared, tracing, places, hold, requests }
    }

    /// Records that the session is open, in this revision.
    pub(crate) fn opened(&self, version: ProtocolVersion) {
        self.version.get_or_init(|| version);
    }

    fn version(&self) -> Option<ProtocolVersion> {
        self.version.get().copied()
    }

    /// Whether root changes are reported to the server.
    pub(crate) fn reports_roots(&self) -> bool {
        self.declared.roots.as_ref().is_some_and(|roots| roots.list_changed == Some(true))
    }

    /// The waits for handlers, for example for a user.
    pub(crate) fn hold(&self) -> &Hold {
        &self.hold
    }

    /// Serves a request on the wire that belongs to `call`. Modern servers send none, and must not get a response.
    pub(crate) fn answer(self: &Arc<Self>, request: Request, call: Option<CallInfo>) {
        if self.version().is_some_and(|version| version.era() == Era::Modern) {
            tracing::debug!(method = %request.method, "ignored a request of a modern server");
            return;
        }
        let mut requests = self.requests();
        // A ping is answered independently of the handlers.
        let is_ping = request.method == method::PING;
        let (open, limit) = match is_ping {
            true => (requests.pings, MAX_PINGS),
            false => (requests.by_id.len() - requests.pings, MAX_REQUESTS + MAX_ANSWERS),
        };
        if open >= limit {
            tracing::warn!(server = %self.server, "a server sends requests but does not read the responses");
            return;
        }
        let plan = self.plan(&request);
        requests.last += 1;
        let (id, number) = (request.id.clone(), requests.last);
        // Started here, within the client's call that it belongs to.
        let span = self.span(&request.method, Some(&id));
        let task = tokio::spawn(Arc::clone(self).work(request, call, plan, span, number));
        let work = Work { number, is_ping, task: task.abort_handle() };
        if let Some(replaced) = requests.insert(id, work) {
            replaced.task.abort();
        }
    }

    fn plan(&self, request: &Request) -> Plan {
        if request.method == method::PING {
            return Plan::Ping;
        }
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(permit) => Plan::Handle(Place { _permit: permit, _hold: self.hold.begin() }),
            Err(_) => Plan::Refuse,
        }
    }

    async fn work(
        self: Arc<Self>,
        request: Request,
        call: Option<CallInfo>,
        plan: Plan,
        mut span: MessageSpan,
        number: u64,
    ) {
        let Request { id, method, params, .. } = request;
        let outcome = match plan {
            Plan::Ping => Ok(RawJson::trusted("{}")),
            Plan::Refuse => Err(internal("too many requests")),
            Plan::Handle(place) => {
                let task = params.as_ref().and_then(related_task);
                let request = RawRequest::new(method, params);
                let outcome = self.outcome(request, call, None).instrument(span.span()).await;
                drop(place);
                match task {
                    Some(task) => outcome.map(|result| with_related_task(result, task)),
                    None => outcome,
                }
            }
        };
        span.answered(&outcome);
        drop(span);
        let answer = match outcome {
            Ok(result) => Response::result(id.clone(), result),
            Err(error) => Response::error(id.clone(), error),
        };
        let envelope = Envelope::new(answer.into()).with_version(self.version());
        // The server may not need the response; if it does, its own response reports it.
        if let Err(error) = self.transport.send(envelope).await {
            tracing::debug!(%error, "cannot send a response to the server");
        }
        self.requests().finish(&id, number);
    }

    /// Passes all input requests to handlers concurrently, while the server works on `call`, and returns the results in
    /// the same order. `server` is the group member that requests them.
    ///
    /// # Errors
    /// The server requests too much at once, in which case no handler is called; or an input fails.
    pub(crate) async fn obtain(
        &self,
        inputs: Vec<NamedRequest<'_>>,
        call: Option<&CallInfo>,
        server: Option<Arc<str>>,
    ) -> Result<Vec<RawJson>, InputError> {
        let count = inputs.len();
        if count > MAX_REQUESTS {
            let text =
                format!("the server requests {count} inputs at once, more than {MAX_REQUESTS}");
            return Err(InputError(text));
        }
        // Never closed.
        let _places = self.places.acquire_many(u32::try_from(count).unwrap_or(u32::MAX)).await;
        let obtaining = inputs.into_iter().map(|NamedRequest { name, request }| {
            let server = server.clone();
            async move {
                let outcome = match request {
                    Ok(request) => {
                        let mut span = self.span(&request.method, None);
                        let outcome = self.outcome(request, call.cloned(), server);
                        let outcome = outcome.instrument(span.span()).await;
                        span.answered(&outcome);
                        outcome
                    }
                    Err(error) => Err(error),
                };
                outcome.map_err(|error| InputError::new(name, &error))
            }
        });
        all(obtaining).await
    }

    /// Cancels the request named by a `notifications/cancelled`.
    pub(crate) fn cancelled(&self, notification: &Notification) {
        match decode_params::<CancelledNotificationParams>(notification.params.as_ref()) {
            Ok(CancelledNotificationParams { request_id: Some(id), reason, .. }) => {
                let work = self.requests().cancel(&id);
                tracing::debug!(
                    server = %self.server, %id, reason, found = work.is_some(),
                    "the server cancels a request of its own"
                );
                work.into_iter().for_each(|work| work.task.abort());
            }
            Ok(_) => tracing::debug!("a cancellation that matches no request"),
            Err(error) => tracing::debug!(%error, "cannot decode a cancellation"),
        }
    }

    /// Ends all work.
    pub(crate) fn end(&self) {
        let mut requests = self.requests();
        requests.pings = 0;
        requests.by_id.drain().for_each(|(_, work)| work.task.abort());
    }

    fn span(&self, method: &str, id: Option<&RequestId>) -> MessageSpan {
        self.tracing.server_span(method, self.version(), id)
    }

    async fn outcome(
        &self,
        request: RawRequest,
        call: Option<CallInfo>,
        server: Option<Arc<str>>,
    ) -> Result<RawJson, ErrorObject> {
        let server = server.unwrap_or_else(|| Arc::clone(&self.server));
        self.handlers.answer(ServerRequest::new(server, call, request), &self.declared).await
    }

    fn requests(&self) -> MutexGuard<'_, OpenRequests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task of revision 2025-11-25 that a request belongs to.
///
/// Spec: 2025-11-25 basic/utilities/tasks#related-task-metadata
fn related_task(params: &RawJson) -> Option<Value> {
    #[derive(Deserialize)]
    struct Params {
        #[serde(rename = "_meta")]
        meta: Meta,
    }
    memchr::memmem::find(params.as_bytes(), RELATED_TASK.as_bytes())?;
    let Params { meta } = params.decode().ok()?;
    meta.get(RELATED_TASK).cloned()
}

/// Adds the task to the response.
fn with_related_task(result: RawJson, task: Value) -> RawJson {
    let Ok(mut fields) = result.decode::<Map<String, Value>>() else { return result };
    let meta = fields.entry("_meta").or_insert_with(|| Value::Object(Map::new()));
    if let Some(meta) = meta.as_object_mut() {
        meta.entry(RELATED_TASK).or_insert(task);
    }
    RawJson::from_serialize(&fields).unwrap_or(result)
}

impl OpenRequests {
    fn insert(&mut self, id: RequestId, work: Work) -> Option<Work> {
        self.pings += usize::from(work.is_ping);
        let replaced = self.by_id.insert(id, work);
        self.pings -= usize::from(replaced.as_ref().is_some_and(|it| it.is_ping));
        replaced
    }

    fn remove(&mut self, id: &RequestId) -> Option<Work> {
        let work = self.by_id.remove(id)?;
        self.pings -= usize::from(work.is_ping);
        Some(work)
    }

    /// Removes a request that the server cancels. The server may write a numeric id as a string.
    fn cancel(&mut self, id: &RequestId) -> Option<Work> {
        self.remove(id).or_else(|| self.remove(&id.to_number()?))
    }

    /// Removes a completed request, unless a later one uses its id.
    fn finish(&mut self, id: &RequestId, number: u64) {
        if self.by_id.get(id).is_some_and(|work| work.number == number) {
            self.remove(id);
        }
    }
}

impl InputError {
    pub(crate) fn new(name: &str, error: &ErrorObject) -> Self {
        Self(format!("could not obtain the input {name:?}: {}", error.message))
    }

    /// The text for an error message.
    pub(crate) fn into_message(self) -> Cow<'static, str> {
        self.0.into()
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for InputError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_completed_request_does_not_affect_a_later_one_with_its_id() {
        let work = |number| {
            let task = tokio::spawn(std::future::pending::<()>()).abort_handle();
            Work { number, is_ping: false, task }
        };
        let id = RequestId::from(7);
        let mut requests = OpenRequests::default();
        requests.insert(id.clone(), work(1));
        requests.insert(id.clone(), work(2));
        requests.finish(&id, 1);
        assert!(requests.by_id.contains_key(&id), "it can be cancelled still");
        requests.finish(&id, 2);
        assert!(requests.by_id.is_empty());
    }
}

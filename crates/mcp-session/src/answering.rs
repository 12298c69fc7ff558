//! What the server asks of the client: handed to the application, answered, cancelled.

use std::{
    borrow::Cow,
    collections::HashMap,
    fmt,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use mcp_core::{
    CancelledNotificationParams, EmptyResult, Era, ErrorObject, Notification, ProtocolVersion,
    RawJson, Request, RequestId, Response, error_code, method,
};
use mcp_transport::{Envelope, SharedTransport, Transport};
use tokio::task::AbortHandle;

/// Requests of one server that are worked on at a time; more are refused.
const LIMIT: usize = 64;

/// A request of the server's: sampling, elicitation, roots, or any other.
#[derive(Clone)]
#[non_exhaustive]
pub struct ServerRequest {
    /// The server that asks, by the name that errors have for it.
    pub server: Arc<str>,
    /// The method.
    pub method: Cow<'static, str>,
    /// The parameters, as they came.
    pub params: Option<RawJson>,
}

impl fmt::Debug for ServerRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerRequest")
            .field("server", &self.server)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// Answers requests of the server's; see [`SessionOptions::on_request`](crate::SessionOptions).
pub type RequestHandler = Arc<dyn Fn(ServerRequest) -> Answer + Send + Sync>;

/// The work on a request of the server's: the result as JSON, or the error that the server gets.
pub type Answer = Pin<Box<dyn Future<Output = Result<RawJson, ErrorObject>> + Send>>;

/// Answers what one server asks: a task for each request, all of which end with the session.
pub(crate) struct Answering {
    transport: SharedTransport,
    server: Arc<str>,
    version: ProtocolVersion,
    handler: Option<RequestHandler>,
    running: Mutex<HashMap<RequestId, AbortHandle>>,
}

impl Answering {
    pub(crate) fn new(
        transport: SharedTransport,
        server: Arc<str>,
        version: ProtocolVersion,
        handler: Option<RequestHandler>,
    ) -> Self {
        Self { transport, server, version, handler, running: Mutex::default() }
    }

    /// Takes a request. In the modern era the server may not ask, and nothing may be said to it.
    pub(crate) fn take(self: &Arc<Self>, request: Request) {
        if self.version.era() == Era::Modern {
            tracing::debug!(method = %request.method, "a request of the server, which may not ask");
            return;
        }
        let this = Arc::clone(self);
        let mut running = self.running();
        let is_busy = running.len() >= LIMIT;
        if running.len() >= 2 * LIMIT {
            tracing::warn!(server = %self.server, "a server that asks and takes no answers");
            return;
        }
        let id = request.id.clone();
        let task = tokio::spawn(async move {
            let id = request.id.clone();
            let outcome = match is_busy {
                true => Err(ErrorObject::new(error_code::INTERNAL_ERROR, "too many requests")),
                false => this.outcome(request).await,
            };
            let answer = match outcome {
                Ok(result) => Response::result(id.clone(), result),
                Err(error) => Response::error(id.clone(), error),
            };
            let envelope = Envelope::new(answer.into()).with_version(this.version);
            // The server may go on without it; if not, its own answer tells.
            if let Err(error) = this.transport.send(envelope).await {
                tracing::debug!(%error, "an answer to the server was lost");
            }
            this.running().remove(&id);
        });
        running.insert(id, task.abort_handle());
    }

    /// Ends the work on the request that a `notifications/cancelled` names.
    pub(crate) fn cancelled(&self, notification: &Notification) {
        let params = mcp_core::decode_params::<CancelledNotificationParams>;
        match params(notification.params.as_ref()) {
            Ok(cancelled) => {
                let id = cancelled.request_id;
                if let Some(task) = id.and_then(|id| self.running().remove(&id)) {
                    task.abort();
                }
            }
            Err(error) => tracing::debug!(%error, "a cancellation that cannot be read"),
        }
    }

    /// Ends all work.
    pub(crate) fn end(&self) {
        self.running().drain().for_each(|(_, task)| task.abort());
    }

    async fn outcome(&self, request: Request) -> Result<RawJson, ErrorObject> {
        let internal = |text: String| ErrorObject::new(error_code::INTERNAL_ERROR, text);
        if request.method == method::PING {
            return RawJson::from_serialize(&EmptyResult::default())
                .map_err(|error| internal(error.to_string()));
        }
        let Some(handler) = &self.handler else {
            let message = format!("this client does not offer {}", request.method);
            return Err(ErrorObject::new(error_code::METHOD_NOT_FOUND, message));
        };
        let method = request.method.clone();
        // What is wrong with a handler is told to whoever asked, and does not end the session.
        let panicked = |_| {
            tracing::error!(server = %self.server, %method, "the handler of requests panicked");
            internal(format!("the client failed at {method}"))
        };
        let request = ServerRequest {
            server: Arc::clone(&self.server),
            method: request.method,
            params: request.params,
        };
        let mut work = catch_unwind(AssertUnwindSafe(|| handler(request))).map_err(panicked)?;
        poll_fn(|cx| {
            let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
            polled.unwrap_or_else(|panic| Poll::Ready(Err(panicked(panic))))
        })
        .await
    }

    fn running(&self) -> MutexGuard<'_, HashMap<RequestId, AbortHandle>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! What arrives outside calls: answered, handed on, or the end of the connection.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use mcp_core::{
    EmptyResult, Era, ErrorObject, Message, Notification, ProtocolVersion, RawJson, Request,
    Response, error_code, method,
};
use mcp_transport::{Envelope, Inbound, SharedTransport, Transport};
use tokio::task::JoinHandle;

use crate::NotificationHandler;

/// Watches a connection, until it is dropped.
pub(crate) struct Incoming {
    over: Arc<AtomicBool>,
    task: Option<JoinHandle<()>>,
}

impl Incoming {
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Release);
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Begins to read what belongs to no call.
pub(crate) fn watch(
    mut inbound: Inbound,
    transport: SharedTransport,
    version: ProtocolVersion,
    on_notification: Option<NotificationHandler>,
) -> Incoming {
    let over = Arc::new(AtomicBool::new(false));
    if inbound.is_none() {
        return Incoming { over, task: None };
    }
    let ended = Arc::clone(&over);
    let task = tokio::spawn(async move {
        while let Some(item) = inbound.next().await {
            match item {
                Ok(Message::Request(request)) => {
                    let Some(answer) = answer(request, version) else {
                        continue;
                    };
                    let envelope = Envelope::new(answer.into()).with_version(version);
                    if let Err(error) = transport.send(envelope).await {
                        tracing::debug!(%error, "an answer to the server was lost");
                    }
                }
                Ok(Message::Notification(notification)) => {
                    if let Some(on_notification) = &on_notification {
                        tell(on_notification, &notification);
                    }
                }
                Ok(Message::Response(response)) => {
                    tracing::debug!(?response.id, "an answer to no request of ours");
                }
                Err(error) if error.is_closed() => tracing::debug!(%error, "connection over"),
                Err(error) => tracing::warn!(%error, "messages of the server were lost"),
            }
        }
        ended.store(true, Ordering::Release);
    });
    Incoming { over, task: Some(task) }
}

/// Hands a notification on. A handler that panics is the application's mistake, and no reason to leave the
/// server without answers from here on.
fn tell(handler: &NotificationHandler, notification: &Notification) {
    let told = catch_unwind(AssertUnwindSafe(|| handler(notification)));
    if told.is_err() {
        tracing::error!(method = %notification.method, "the handler of notifications panicked");
    }
}

/// The answer to a request of the server. In the modern era there are none, and nothing may be said.
pub(crate) fn answer(request: Request, version: ProtocolVersion) -> Option<Response> {
    if version.era() == Era::Modern {
        tracing::debug!(method = %request.method, "a request of the server, which may not ask");
        return None;
    }
    if request.method == method::PING {
        let result = RawJson::from_serialize(&EmptyResult::default()).ok()?;
        return Some(Response::result(request.id, result));
    }
    let message = format!("this client does not offer {}", request.method);
    let error = ErrorObject::new(error_code::METHOD_NOT_FOUND, message);
    Some(Response::error(request.id, error))
}

//! The context of a request: progress and log messages.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context as TaskContext, Poll, Waker},
};

use mcp_core::{
    ClientCapabilities, Entries, InputResponse, InputResponseRequestParams, LoggingLevel,
    LoggingMessageNotificationParams, Message, Meta, Notification, Number,
    ProgressNotificationParams, ProgressToken, ProtocolVersion, RawJson, Request, RequestId,
    RequestParams, method,
};
use serde_json::Value;

use crate::{client_state::ClientState, params::RequestMeta};

/// Maximum number of unread messages in an exchange before its handler waits.
const MAX_QUEUED: usize = 32;

/// The context of a request: sends progress and log messages before the response.
///
/// Clones share the context. Messages sent after the handler has returned, or after the client has
/// cancelled the request, are dropped.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    request: RequestId,
    version: ProtocolVersion,
    params: Option<RawJson>,
    progress_token: Option<ProgressToken>,
    /// The minimum severity of log messages for the client.
    log_severity: Option<u8>,
    client: Arc<ClientState>,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Message>,
    progress: Option<f64>,
    closed: bool,
    reader: Option<Waker>,
    /// Senders that wait for capacity.
    writers: Vec<Waker>,
}

impl Context {
    pub(crate) fn new(
        request: &Request,
        version: ProtocolVersion,
        meta: Option<&RequestMeta>,
        client: &Arc<ClientState>,
    ) -> Self {
        let log_severity = match version.era() {
            // Spec: server/utilities/logging: no messages unless the request asks for them.
            mcp_core::Era::Modern => meta.and_then(|meta| meta.log_level.as_ref()?.severity()),
            mcp_core::Era::Legacy => Some(client.log_severity()),
        };
        Self(Arc::new(Inner {
            request: request.id.clone(),
            version,
            params: request.params.clone(),
            progress_token: meta.and_then(|meta| meta.progress_token.clone()),
            log_severity,
            client: Arc::clone(client),
            queue: Mutex::default(),
        }))
    }

    /// The id of the request.
    pub fn request_id(&self) -> &RequestId {
        &self.0.request
    }

    /// The revision that the request is written in.
    pub fn protocol_version(&self) -> ProtocolVersion {
        self.0.version
    }

    /// The `_meta` of the request. Default: empty.
    pub fn meta(&self) -> Meta {
        let params =
            self.0.params.as_ref().and_then(|params| params.decode::<RequestParams>().ok());
        params.and_then(|params| params.meta).unwrap_or_default()
    }

    /// The capabilities that the client declared: with this request, or, before 2026-07-28, with `initialize`.
    pub fn client_capabilities(&self) -> ClientCapabilities {
        match self.0.version.era() {
            mcp_core::Era::Modern => self.meta().client_capabilities().unwrap_or_default(),
            mcp_core::Era::Legacy => self.0.client.capabilities(),
        }
    }

    /// The client's responses to the input requests of the previous round, by name; empty in the first round.
    ///
    /// Spec: basic/patterns/mrtr
    pub fn input_responses(&self) -> Entries<InputResponse> {
        self.round().input_responses.unwrap_or_default()
    }

    /// The state that the previous round returned to the client. Untrusted: the client may change it.
    ///
    /// Spec: basic/patterns/mrtr#server-requirements
    pub fn request_state(&self) -> Option<String> {
        self.round().request_state
    }

    fn round(&self) -> InputResponseRequestParams {
        let params = self.0.params.as_ref().and_then(|params| params.decode().ok());
        params.unwrap_or_default()
    }

    /// Reports progress in any unit, when awaited.
    ///
    /// Nothing is sent if the client did not request progress, or if the value does not exceed the previous one.
    ///
    /// ```
    /// # async fn work(cx: mcp_server::Context) {
    /// cx.progress(3).total(10).message("reading shelf 3").await;
    /// # }
    /// ```
    ///
    /// Spec: basic/patterns/progress
    pub fn progress(&self, progress: impl Into<Number>) -> Progress<'_> {
        Progress { context: self, progress: progress.into(), total: None, message: None }
    }

    /// Sends a log message to the client if the client requested this level: since 2026-07-28 for the request, before
    /// that for the connection. Default level: `info`.
    ///
    /// Spec: server/utilities/logging
    pub fn log(&self, level: LoggingLevel, data: impl Into<Value>) -> Sending<'_> {
        let wanted = level.severity() >= self.0.log_severity && self.0.log_severity.is_some();
        let message = wanted.then(|| {
            let params = LoggingMessageNotificationParams::new(level, data);
            notification(method::NOTIFICATIONS_MESSAGE, &params)
        });
        Sending { context: self, message, progress: None }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the oldest message.
    pub(crate) fn pop(&self) -> Option<Message> {
        let mut queue = self.queue();
        let message = queue.messages.pop_front()?;
        let writers = std::mem::take(&mut queue.writers);
        drop(queue);
        writers.into_iter().for_each(Waker::wake);
        Some(message)
    }

    pub(crate) fn is_drained(&self) -> bool {
        self.queue().messages.is_empty()
    }

    /// Registers for the next message; returns `false` if there is one already.
    pub(crate) fn park(&self, cx: &TaskContext<'_>) -> bool {
        let mut queue = self.queue();
        if !queue.messages.is_empty() {
            return false;
        }
        match &mut queue.reader {
            Some(waker) => waker.clone_from(cx.waker()),
            None => queue.reader = Some(cx.waker().clone()),
        }
        true
    }

    /// Drops all messages, now and later.
    pub(crate) fn close(&self) {
        let mut queue = self.queue();
        queue.closed = true;
        queue.messages.clear();
        let writers = std::mem::take(&mut queue.writers);
        drop(queue);
        writers.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("request", &self.0.request)
            .field("version", &self.0.version)
            .finish_non_exhaustive()
    }
}

fn notification(method: &'static str, params: &impl serde::Serialize) -> Message {
    let params = RawJson::from_serialize(params).expect("protocol types are JSON objects");
    Notification::new(method).with_params(params).into()
}

/// A progress notification, sent when awaited; created by [`Context::progress`].
#[derive(Debug)]
#[must_use = "the message is sent only when this is awaited"]
pub struct Progress<'a> {
    context: &'a Context,
    progress: Number,
    total: Option<Number>,
    message: Option<String>,
}

impl Progress<'_> {
    /// Sets the total.
    pub fn total(mut self, total: impl Into<Number>) -> Self {
        self.total = Some(total.into());
        self
    }

    /// Sets a text for the current step.
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }
}

impl<'a> IntoFuture for Progress<'a> {
    type Output = ();
    type IntoFuture = Sending<'a>;

    fn into_future(self) -> Sending<'a> {
        let Self { context, progress, total, message } = self;
        let value = progress.to_f64();
        let notification = context.0.progress_token.clone().map(|token| {
            let mut params = ProgressNotificationParams::new(token, progress);
            params.total = total;
            params.message = message;
            notification(method::NOTIFICATIONS_PROGRESS, &params)
        });
        Sending { context, message: notification, progress: Some(value) }
    }
}

/// Sends a message to the client once there is capacity.
///
/// Cancel safe: if it is dropped before it completes, the message is not sent.
#[derive(Debug)]
#[must_use = "the message is sent only when this is awaited"]
pub struct Sending<'a> {
    context: &'a Context,
    message: Option<Message>,
    progress: Option<f64>,
}

impl Future for Sending<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.message.is_none() {
            return Poll::Ready(());
        }
        let mut queue = this.context.queue();
        if queue.closed || (this.progress.is_some() && this.progress <= queue.progress) {
            this.message = None;
            return Poll::Ready(());
        }
        if queue.messages.len() >= MAX_QUEUED {
            if !queue.writers.iter().any(|waker| waker.will_wake(cx.waker())) {
                queue.writers.push(cx.waker().clone());
            }
            return Poll::Pending;
        }
        queue.messages.extend(this.message.take());
        queue.progress = this.progress.or(queue.progress);
        let reader = queue.reader.take();
        drop(queue);
        if let Some(reader) = reader {
            reader.wake();
        }
        Poll::Ready(())
    }
}

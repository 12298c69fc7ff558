//! A call without its result type.

use std::{
    any::{Any, TypeId},
    borrow::Cow,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use mcp_core::{
    CallToolResult, Era, ListToolsResult, LoggingLevel, Meta, MethodResult, RawJson, Request,
    error_code, method,
};
use mcp_transport::{Delivery, Routing};
use serde::de::Error as _;

use super::{
    era::{NO_LEVEL, replacement, undeclared},
    misfit,
};
use crate::{
    CacheMode, CallInfo, Error, ErrorKind, Session, Timeout,
    cache::Ticket,
    deadline::Deadline,
    exchange::{First, Opening, Outgoing, invalid},
    handlers::ProgressHandler,
    input_required::InputRequired,
    negotiate::Confirmed,
    param_headers,
    params::Params,
    task_progress::TaskProgressGuard,
    task_tools::is_created,
    trace::MessageSpan,
};

/// The methods that a server may answer with an input request.
const MAY_REQUIRE_INPUT: [&str; 3] =
    [method::TOOLS_CALL, method::PROMPTS_GET, method::RESOURCES_READ];

/// A request being built.
pub(crate) struct CallRequest {
    pub(crate) session: Session,
    pub(crate) method: Cow<'static, str>,
    pub(crate) params: Result<Params, Arc<serde_json::Error>>,
    pub(crate) meta: Option<Meta>,
    pub(crate) log_level: Option<LoggingLevel>,
    /// The timeout of this call, if set.
    pub(crate) timeout: Option<Timeout>,
    pub(crate) on_progress: Option<ProgressHandler>,
    pub(crate) cache: CacheMode,
    pub(crate) is_manual: bool,
    /// Whether the caller validates a raw result.
    pub(crate) skips_validation: bool,
    pub(crate) tag: Option<u64>,
    /// The target that HTTP mirrors in a header, for methods of extensions.
    pub(crate) routing_name: Option<String>,
    /// Whether a tool with optional task support runs as a task.
    pub(crate) prefers_task: bool,
    /// Whether it is sent as a task of revision 2025-11-25.
    pub(crate) as_task: AtomicBool,
    /// Progress of the last request sent as a task.
    task_progress: Mutex<Option<TaskProgressGuard>>,
}

/// A result and its raw bytes.
pub(crate) struct Received<R> {
    pub(crate) value: R,
    pub(crate) bytes: usize,
}

/// The outcome of sending a request once.
pub(crate) enum RoundOutcome<R> {
    Done(Received<R>),
    /// A result of a kind that the method does not have, and the decoding error.
    Other(RawJson, Error),
}

impl CallRequest {
    pub(crate) fn new(
        session: Session,
        method: impl Into<Cow<'static, str>>,
        params: Result<Params, serde_json::Error>,
    ) -> Self {
        Self {
            session,
            method: method.into(),
            params: params.map_err(Arc::new),
            meta: None,
            log_level: None,
            timeout: None,
            on_progress: None,
            cache: CacheMode::Use,
            is_manual: false,
            skips_validation: false,
            tag: None,
            routing_name: None,
            prefers_task: false,
            as_task: AtomicBool::new(false),
            task_progress: Mutex::new(None),
        }
    }

    /// Whether it is sent as a task of revision 2025-11-25.
    pub(crate) fn is_as_task(&self) -> bool {
        self.as_task.load(Ordering::Relaxed)
    }

    /// The tool or prompt name, or the resource URI.
    pub(crate) fn target(&self) -> Option<String> {
        self.params.as_ref().ok().and_then(Params::target)
    }

    pub(crate) fn info(&self) -> CallInfo {
        CallInfo { tag: self.tag, ..CallInfo::new(self.method.clone(), self.target()) }
    }

    /// The span of the call, including all of its rounds.
    pub(crate) fn span(&self) -> MessageSpan {
        let version = self.session.protocol_version();
        self.session.inner().tracing.client_span(&self.method, Some(version), || self.target())
    }

    /// The progress handler of the call or of the session.
    pub(crate) fn on_progress(&self) -> Option<&ProgressHandler> {
        self.on_progress.as_ref().or(self.session.inner().on_progress.as_ref())
    }

    /// The ticket to cache the result; `None` for most calls.
    pub(crate) fn ticket(&self) -> Option<Box<Ticket>> {
        let params = self.params.as_ref().ok()?;
        let Self { session, cache, method, meta, .. } = self;
        let ticket = Ticket::new(session.cache(), *cache, method, params, meta.as_ref())?;
        // A closed session returns no results, even cached ones.
        (!session.is_closed()).then(|| Box::new(ticket))
    }

    /// The cached result, if any.
    pub(crate) async fn cached<R: MethodResult + 'static>(
        &self,
        ticket: &mut Ticket,
    ) -> Option<Received<R>> {
        let raw = ticket.get().await?;
        match self.decode(&raw) {
            Ok(value) => Some(Received { value, bytes: raw.len() }),
            Err(_) => {
                ticket.reject();
                None
            }
        }
    }

    /// Whether nothing but its response is expected of the call, and nothing has to be done around it.
    pub(crate) fn is_plain(&self) -> bool {
        #[cfg(feature = "validation")]
        let is_checked = self.session.inner().outputs.has_checks();
        #[cfg(not(feature = "validation"))]
        let is_checked = false;
        !is_checked && !self.may_be_task() && self.method != method::SUBSCRIPTIONS_LISTEN
    }

    /// Begins to send a [plain](Self::is_plain) call without a span.
    ///
    /// # Errors
    /// It cannot be sent.
    pub(crate) fn begin_plain<R: 'static>(&self) -> Result<Opening, Error> {
        let (request, outgoing) = self.prepare(is_decoded::<R>(), &[], |_| {})?;
        Ok(self.session.begin(request, outgoing))
    }

    /// The result of a [plain](Self::is_plain) call, if it is all that [`send`](Self::send) would return.
    pub(crate) fn plain_result<R: MethodResult + 'static>(
        &self,
        first: &First,
    ) -> Option<Received<R>> {
        let First::End(Ok(raw)) = first else { return None };
        if self.session.inner().is_unconfirmed() {
            return None;
        }
        let value = self.decode(raw).ok()?;
        Some(Received { value, bytes: raw.len() })
    }

    /// Sends the request once, decodes its result, and caches it if there is a `ticket`. `responses` are the responses
    /// to input requests. The request has been sent if there is a `first`.
    pub(crate) async fn send<R: MethodResult + 'static>(
        &self,
        first: Option<First>,
        responses: &[u8],
        ticket: Option<Box<Ticket>>,
        deadline: &mut Deadline,
        span: &mut MessageSpan,
    ) -> Result<RoundOutcome<R>, Error> {
        let before = self.session.shared();
        let answered = self.round(first, is_decoded::<R>(), responses, deadline, span).await;
        // The cache of another session.
        let mut ticket = ticket.filter(|_| Arc::ptr_eq(before, self.session.shared()));
        let raw = match answered {
            Ok(raw) => raw,
            Err(error) => outdated(ticket.take(), error)?,
        };
        // A task could be decoded as a result without content.
        let is_task = self.is_as_task()
            && TypeId::of::<R>() == TypeId::of::<CallToolResult>()
            && is_created(&raw);
        if is_task {
            let error = self.undecodable(&raw, serde_json::Error::custom("the result is a task"));
            return Ok(RoundOutcome::Other(raw, error));
        }
        match self.decode(&raw) {
            Ok(value) => {
                if let Some(ticket) = ticket {
                    // The result is available, whether or not it is cached in time.
                    let mut putting = Box::pin(ticket.put(&raw));
                    let _ = deadline.limit_total(putting.as_mut()).await;
                }
                Ok(RoundOutcome::Done(Received { value, bytes: raw.len() }))
            }
            Err(error) => {
                self.check_json(&raw)?;
                let error = self.undecodable(&raw, error);
                Ok(RoundOutcome::Other(raw, error))
            }
        }
    }

    /// Checks why a result cannot be decoded that the transport has not validated.
    #[cold]
    fn check_json(&self, raw: &RawJson) -> Result<(), Error> {
        match invalid(raw) {
            None => Ok(()),
            Some(Ok(error)) => {
                Err(self.session.transport_error(error).with_method(self.method.clone()))
            }
            Some(Err(error)) => Err(self.undecodable(raw, error)),
        }
    }

    /// The request, and how it is sent. `with_id` is called with its id, before its trace context is taken.
    fn prepare(
        &self,
        is_decoded: bool,
        responses: &[u8],
        with_id: impl FnOnce(i64),
    ) -> Result<(Request, Outgoing), Error> {
        let Self { session, method, params, meta, log_level, .. } = self;
        let inner = session.inner();
        let has_foreign_level = log_level.is_some() && session.era() == Era::Legacy;
        let instead = replacement(method, session.era()).or(has_foreign_level.then_some(NO_LEVEL));
        if let Some(instead) = instead {
            let error = session.error(ErrorKind::Unsupported, instead);
            return Err(error.with_delivery(Delivery::NotSent).with_method(method.clone()));
        }
        let on_progress = self.on_progress();
        let id = inner.next_id();
        with_id(id);
        let trace = inner.tracing.context(|| match params {
            Ok(params) => params.caller_meta(meta.as_ref()),
            Err(_) => None,
        });
        let token = on_progress.is_some().then_some(id);
        if let Some(handler) = on_progress.filter(|_| self.is_as_task()) {
            let tokens = &inner.notifications.task_progress;
            let guard = tokens.register(id, Arc::clone(handler));
            *self.task_progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(guard);
        }
        let meta = inner.log_level.added_to(log_level.as_ref(), meta.as_ref());
        let (meta, trace_entries) = (meta.as_deref(), trace.as_deref());
        let responses = if self.is_as_task() { br#""task":{}"# } else { responses };
        let params = match params {
            Ok(params) => params
                .encode_with(&inner.meta, token, meta, trace_entries, responses)
                .map_err(|error| session.unsendable(error)),
            Err(error) => Err(session.unsendable(Arc::clone(error))),
        };
        let named = |error: Error| error.with_method(method.clone());
        let mut request = Request::new(id, method.clone());
        request.params = params.map_err(named)?;
        let outgoing = Outgoing {
            idle_limit: session.idle_limit(self.timeout),
            skips_validation: is_decoded || self.skips_validation,
            routing: self.routing().map_err(|error| named(session.unsendable(error)))?,
            trace,
        };
        Ok((request, outgoing))
    }

    async fn round(
        &self,
        first: Option<First>,
        is_decoded: bool,
        responses: &[u8],
        deadline: &mut Deadline,
        span: &mut MessageSpan,
    ) -> Result<RawJson, Error> {
        let session = &self.session;
        let inner = session.inner();
        let on_progress = self.on_progress().map(|it| &**it);
        let call = || self.info();
        let mut asked = match first {
            Some(First::End(outcome)) => outcome,
            Some(First::Item(first)) => session.read(*first, on_progress, deadline, call).await,
            None => {
                let (request, outgoing) =
                    self.prepare(is_decoded, responses, |id| span.set_id(id))?;
                session.ask(request, outgoing, on_progress, deadline, call).await
            }
        };
        if inner.is_unconfirmed() {
            match Box::pin(session.confirm(inner, asked, deadline)).await {
                Confirmed::Answer(answer) => asked = answer,
                Confirmed::Again => {
                    return Box::pin(self.round(None, is_decoded, responses, deadline, span)).await;
                }
            }
        }
        asked.map_err(|error| self.explained(error.with_method(self.method.clone())))
    }

    /// Values that HTTP mirrors in headers: the target, and the tool arguments annotated in its schema.
    fn routing(&self) -> Result<Option<Box<Routing>>, serde_json::Error> {
        let (true, Ok(params)) = (self.session.sends_headers(), &self.params) else {
            return Ok(None);
        };
        let name = self.routing_name.clone().or_else(|| params.cheap_target());
        let is_tool = self.method == method::TOOLS_CALL;
        let tool = || name.clone().or_else(|| params.target());
        let annotated = is_tool.then(|| self.session.inner().param_table.of(tool)).flatten();
        if name.is_none() && annotated.is_none() {
            return Ok(None);
        }
        let mut routing = Box::new(Routing::new());
        if let Some(annotated) = annotated {
            routing.params = param_headers::headers(&annotated, &params.arguments()?)?;
        }
        routing.name = name;
        Ok(Some(routing))
    }

    /// Whether the server reports missing or wrong headers.
    pub(crate) fn has_wrong_headers(&self, error: &Error) -> bool {
        self.method == method::TOOLS_CALL
            && error.answer().is_some_and(|answer| answer.code == error_code::HEADER_MISMATCH)
            && self.session.sends_headers()
    }

    /// The input that the server requests, if any.
    pub(crate) fn input_required<'a>(&self, result: &'a RawJson) -> Option<InputRequired<'a>> {
        let may_ask =
            self.session.era() == Era::Modern && MAY_REQUIRE_INPUT.contains(&&*self.method);
        may_ask.then(|| InputRequired::read(result))?
    }

    /// Decodes a result, and records the tools of lists.
    pub(crate) fn decode<R: MethodResult + 'static>(
        &self,
        raw: &RawJson,
    ) -> Result<R, serde_json::Error> {
        let mut decoded = R::decode_in(raw, self.session.protocol_version());
        // In place, since a result is large and should not be moved.
        let Ok(result) = &mut decoded else { return decoded };
        self.session.inner().listed.learn(result);
        let any: &mut dyn Any = result;
        if let Some(result) = any.downcast_mut::<CallToolResult>() {
            misfit::take_old_content(result);
        }
        if let Some(list) = any.downcast_mut::<ListToolsResult>() {
            let inner = self.session.inner();
            if self.session.sends_headers() {
                inner.param_table.learn(&inner.server, list);
            }
            inner.outputs.learn(list);
            if self.session.runs_tasks() {
                inner.task_tools.learn(list);
            }
        }
        decoded
    }

    pub(crate) fn undecodable(&self, raw: &RawJson, error: serde_json::Error) -> Error {
        let server = Arc::clone(&self.session.inner().server);
        // An input request is decoded separately.
        let asks = memchr::memmem::find(raw.as_bytes(), b"\"input_required\"").is_some();
        let place = if asks { None } else { misfit::place(&self.method, raw) };
        Error::from_shape(server, error, place, raw.clone()).with_method(self.method.clone())
    }

    /// Adds the target of this call, and a suggestion for its name, to an error.
    #[cold]
    pub(crate) fn named(&self, error: Error) -> Error {
        let Some(target) = self.target().filter(|_| error.method() == Some(&*self.method)) else {
            return error;
        };
        let hint = self.session.inner().listed.suggestion_for(&error, &target);
        hint.into_iter().fold(error.with_target(target), Error::with_hint)
    }

    /// Explains an error response to this request, based on the server's state.
    fn explained(&self, error: Error) -> Error {
        let session = &self.session;
        match error.answer().map(|answer| answer.code) {
            Some(error_code::METHOD_NOT_FOUND) => {
                match undeclared(&self.method, session.capabilities()) {
                    Some(capability) if session.server_info().is_some() => {
                        let text = format!(
                            "the server does not support this: it declares no {capability}"
                        );
                        error.into_kind(ErrorKind::Unsupported, text)
                    }
                    _ => error,
                }
            }
            Some(error_code::UNSUPPORTED_PROTOCOL_VERSION) if session.era() == Era::Modern => {
                let version = session.protocol_version();
                let text = format!("the server no longer supports {version}");
                error.into_kind(ErrorKind::Version, text)
            }
            _ => error,
        }
    }
}

/// Whether the result is decoded by the call. A raw one is passed on unread.
fn is_decoded<R: 'static>() -> bool {
    TypeId::of::<R>() != TypeId::of::<RawJson>()
}

/// The stale cached result to use instead of an error; otherwise the error.
#[cold]
fn outdated(ticket: Option<Box<Ticket>>, error: Error) -> Result<RawJson, Error> {
    let Some(ticket) = ticket else { return Err(error) };
    ticket.failed(&error);
    ticket.stale(&error).ok_or(error)
}

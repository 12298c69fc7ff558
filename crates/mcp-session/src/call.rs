use std::{borrow::Cow, fmt, future::IntoFuture, marker::PhantomData, pin::Pin, sync::Arc};

use mcp_core::{
    CallToolResult, Era, GetPromptResult, LoggingLevel, Meta, MethodResult,
    ProgressNotificationParams, RawJson, Request, error_code, method,
};
use mcp_transport::{Delivery, ParamHeaders};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use crate::{
    CacheMode, CallInfo, Error, ErrorKind, ForeignResult, ManualCall, ResultAs, Session, Timeout,
    cache::Ticket,
    extension::taker,
    handlers::ProgressHandler,
    output::Settled,
    param_headers,
    params::Params,
    rounds::{Answers, Wanted, endless, refused},
    trace::Traced,
};

/// A call that is being put together: `.await` it to send it.
///
/// Nothing is sent before that. Dropping the future cancels the call at the server.
///
/// ```
/// # use mcp_session::{Error, Session, Timeout};
/// # async fn call(session: Session) -> Result<(), Error> {
/// let result = session
///     .call_tool("search_books")
///     .arg("query", "Dune")
///     .on_progress(|progress| eprintln!("{:?}", progress.message))
///     .timeout(Timeout::idle(std::time::Duration::from_secs(20)))
///     .await?;
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent unless the call is awaited"]
pub struct Call<R> {
    session: Session,
    method: Cow<'static, str>,
    params: Result<Params, Arc<serde_json::Error>>,
    meta: Option<Meta>,
    log_level: Option<LoggingLevel>,
    pub(crate) timeout: Option<Timeout>,
    on_progress: Option<ProgressHandler>,
    cache: CacheMode,
    is_manual: bool,
    result: PhantomData<fn() -> R>,
}

impl<R> Call<R> {
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
            result: PhantomData,
        }
    }

    /// Limits the time of this call instead of the session's own limit: a [`Duration`] for the whole
    /// call, or a [`Timeout`].
    ///
    /// [`Duration`]: std::time::Duration
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.timeout = Some(timeout.into());
        self
    }

    /// Asks for progress and hands it on, in order and all of it before the call returns. It must not
    /// block.
    ///
    /// Spec: basic/patterns/progress
    pub fn on_progress(
        mut self,
        handler: impl Fn(ProgressNotificationParams) + Send + Sync + 'static,
    ) -> Self {
        self.on_progress = Some(Arc::new(handler));
        self
    }

    /// Sends `meta` as the `_meta` of the request, beside what the protocol puts there.
    pub fn meta(mut self, meta: Meta) -> Self {
        self.meta = Some(meta);
        self
    }

    /// Sets the least severe messages that the server shall log for this call, whatever the session's
    /// level. Only the modern era has levels for single calls: in the legacy era the call fails unsent,
    /// with [`ErrorKind::Unsupported`], and [`set_log_level`](Session::set_log_level) holds for all.
    ///
    /// Spec: server/utilities/logging
    pub fn log_level(mut self, level: LoggingLevel) -> Self {
        self.log_level = Some(level);
        self
    }

    /// Whether the answer may come from the [cache](crate::Cache), which concerns the pages of lists and
    /// the reading of resources. Default: [`CacheMode::Use`].
    ///
    /// Spec: server/utilities/caching
    pub fn cache(mut self, mode: CacheMode) -> Self {
        self.cache = mode;
        self
    }

    /// Hands what the server asks for meanwhile to the caller, in place of the handlers: see [`Input`](crate::Input).
    ///
    /// Spec: basic/patterns/mrtr
    pub fn manual_input(mut self) -> ManualCall<R> {
        self.is_manual = true;
        ManualCall::new(self)
    }

    /// Reads the result as another type, such as one of an extension. The rounds in which a server asks
    /// for input go on as long as the result is not of that type.
    pub fn returning<S>(self) -> Call<S> {
        let Self { session, method, params, meta, log_level, timeout, .. } = self;
        let Self { on_progress, cache, is_manual, .. } = self;
        let result = PhantomData;
        Call {
            session,
            method,
            params,
            meta,
            log_level,
            timeout,
            on_progress,
            cache,
            is_manual,
            result,
        }
    }

    /// The session that is called.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The tool or prompt by its name, or the resource by its URI.
    pub(crate) fn target(&self) -> Option<String> {
        self.params.as_ref().ok().and_then(Params::target)
    }

    /// The method, and what it is about.
    pub fn info(&self) -> CallInfo {
        CallInfo::new(self.method.clone(), self.target())
    }

    fn change(mut self, change: impl FnOnce(&mut Params) -> Result<(), serde_json::Error>) -> Self {
        self.params = self.params.and_then(|mut params| match change(&mut params) {
            Ok(()) => Ok(params),
            Err(error) => Err(Arc::new(error)),
        });
        self
    }
}

impl Call<CallToolResult> {
    /// Sets all arguments, from anything that is an object as JSON.
    pub fn args(self, args: impl Serialize) -> Self {
        self.change(|params| params.set_arguments(&args))
    }

    /// Sets one argument, beside those set before.
    pub fn arg(self, name: impl Into<String>, value: impl Serialize) -> Self {
        self.change(|params| params.set_argument(name.into(), &value))
    }
}

impl Call<CallToolResult> {
    /// Gives the result as data of type `T`, and an error where the tool failed; see [`ResultAs`].
    pub fn result_as<T: DeserializeOwned>(self) -> ResultAs<T> {
        ResultAs::new(self)
    }
}

impl Call<GetPromptResult> {
    /// Sets all arguments, from anything that is an object of strings as JSON.
    pub fn args(self, args: impl Serialize) -> Self {
        self.change(|params| params.set_arguments(&args))
    }

    /// Sets one argument, beside those set before.
    pub fn arg(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.change(|params| params.set_argument(name.into(), &value.into()))
    }
}

/// A page that the server refuses says something of the others.
pub(crate) fn failed(ticket: &Option<Box<Ticket>>, error: &Error) {
    if let Some(ticket) = ticket {
        ticket.failed(error);
    }
}

/// The methods that a server may answer with a wish for input.
const ASKING: [&str; 3] = [method::TOOLS_CALL, method::PROMPTS_GET, method::RESOURCES_READ];

/// What to do instead of setting the level of one call.
const NO_LEVEL: &str = "the legacy era has no log level for one call: use set_log_level";

/// What to do instead of calling a method of the other era.
fn foreign(method: &str, era: Era) -> Option<&'static str> {
    Some(match (era, method) {
        (Era::Modern, method::PING) => {
            "the modern era has no ping: any other call is a sign of life"
        }
        (Era::Modern, method::LOGGING_SET_LEVEL) => {
            "the modern era says it with each request: use set_log_level"
        }
        (Era::Modern, method::RESOURCES_SUBSCRIBE | method::RESOURCES_UNSUBSCRIBE) => {
            "the modern era has subscriptions/listen in its place"
        }
        (Era::Modern, method::INITIALIZE) => "the modern era has no sessions to begin",
        (Era::Legacy, method::SUBSCRIPTIONS_LISTEN) => {
            "the legacy era has resources/subscribe in its place, and tells of changed lists unasked"
        }
        (Era::Legacy, method::SERVER_DISCOVER) => {
            "the legacy era tells it with initialize: see the session's verdict"
        }
        _ => return None,
    })
}

/// What came of sending a call once.
pub(crate) enum Read<R> {
    Done(R),
    /// A result of another kind than the method has, and the error of taking it for one.
    Other(RawJson, Error),
}

impl<R: MethodResult + Send + 'static> Call<R> {
    async fn send(mut self) -> Result<R, Error> {
        let mut ticket = self.ticket();
        if let Some(ticket) = &mut ticket
            && let Some(kept) = Box::pin(self.kept(ticket)).await
        {
            return Ok(kept);
        }
        let mut traced = self.traced();
        let span = traced.span();
        let result = self.rounds(ticket, &mut traced).instrument(span).await;
        traced.ended(&result);
        result
    }

    async fn rounds(
        &mut self,
        mut ticket: Option<Box<Ticket>>,
        traced: &mut Traced,
    ) -> Result<R, Error> {
        let mut answers = Answers::new();
        let mut round = 0;
        let limit = self.limit();
        let end = limit.total.and_then(|total| Instant::now().checked_add(total));
        let mut corrected = false;
        loop {
            let (result, error) = match self.once(&answers, ticket.take(), end, traced).await {
                Ok(Read::Done(done)) => return Ok(done),
                Ok(Read::Other(result, error)) => (result, error),
                Err(error) if !corrected && self.has_wrong_headers(&error) => {
                    corrected = true;
                    Box::pin(self.correct(limit, end)).await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            // Only a result that is not the expected one is looked at a second time.
            let Some(wanted) = self.wanted(&result) else { return Err(error) };
            round += 1;
            if round > self.session.max_rounds() {
                return Err(endless(self, &result, round - 1).with_method(self.method.clone()));
            }
            let call = self.info();
            let gathering = wanted.answers(self.session.answering(), &call, round);
            // A handler may wait for a person, and nobody would get the answer.
            let gathering = Box::pin(self.session.until_closed(gathering));
            let gathered = match end {
                Some(end) => timeout_at(end, gathering).await,
                None => Ok(gathering.await),
            };
            let late = |_| self.session.late(limit.total.unwrap_or_default());
            answers = gathered
                .map_err(late)
                .and_then(|gathered| gathered?.map_err(|why| refused(self, &result, why)))
                .map_err(|error| error.with_method(self.method.clone()))?;
            self.take_rest(limit, end);
        }
    }

    /// Learns anew what the server wants to have in headers, by `end` at the latest; `limit` was that of the
    /// call at its beginning.
    pub(crate) async fn correct(
        &mut self,
        limit: Timeout,
        end: Option<Instant>,
    ) -> Result<(), Error> {
        let listing = self.session.list_tools().cache(CacheMode::Refresh);
        let listing = listing.timeout(Timeout { total: None, ..limit });
        match end {
            Some(end) => timeout_at(end, listing).await.map_err(|_| {
                let late = self.session.late(limit.total.unwrap_or_default());
                // What the server refused has done nothing.
                late.with_delivery(Delivery::Answered).with_method(self.method.clone())
            })?,
            None => listing.await,
        }?;
        self.take_rest(limit, end);
        Ok(())
    }

    /// The limit on the whole call is one on all that is done for it.
    fn take_rest(&mut self, limit: Timeout, end: Option<Instant>) {
        let rest = end.map(|end| end.saturating_duration_since(Instant::now()));
        self.timeout = Some(Timeout { total: rest, ..limit });
    }

    /// Sends the request once, and reads what comes: by an extension where it is of a kind of its own. What
    /// there is a `ticket` for is kept.
    pub(crate) async fn once(
        &self,
        answers: &[u8],
        ticket: Option<Box<Ticket>>,
        end: Option<Instant>,
        traced: &mut Traced,
    ) -> Result<Read<R>, Error> {
        let result = self.round(answers, traced).await.inspect_err(|error| {
            failed(&ticket, error);
            if self.has_wrong_headers(error) {
                // What is known of the tool is out of date.
                self.session.tools_changed();
            }
        })?;
        let error = match self.settle(&result) {
            Ok(Settled::Done(done)) => {
                if let Some(ticket) = ticket {
                    Box::pin(ticket.keep(&result)).await;
                }
                return Ok(Read::Done(done));
            }
            Ok(Settled::Later(later)) => return later.await.map(Read::Done),
            Err(error) => self.undecodable(error),
        };
        let Some(finished) = self.finished(&result, end).await? else {
            return Ok(Read::Other(result, error));
        };
        match self.settle(&finished) {
            Ok(Settled::Done(done)) => Ok(Read::Done(done)),
            Ok(Settled::Later(later)) => later.await.map(Read::Done),
            Err(error) => Ok(Read::Other(finished, self.undecodable(error))),
        }
    }

    /// What is needed to keep the answer; `None` for nearly all calls.
    pub(crate) fn ticket(&self) -> Option<Box<Ticket>> {
        let params = self.params.as_ref().ok()?;
        let Self { session, cache, method, meta, .. } = self;
        let ticket = Ticket::new(session.cache(), *cache, method, params, meta.as_ref())?;
        // A session that is over has no answers, whatever is kept for others.
        (!session.is_closed()).then(|| Box::new(ticket))
    }

    /// The result, if it is in the cache.
    pub(crate) async fn kept(&self, ticket: &mut Ticket) -> Option<R> {
        let kept = ticket.find().await?;
        match self.settle(&kept) {
            Ok(Settled::Done(result)) => Some(result),
            Ok(Settled::Later(_)) | Err(_) => {
                ticket.is_of_no_use();
                None
            }
        }
    }

    /// What an extension makes of a result of its own kind, by `end` at the latest.
    pub(crate) async fn finished(
        &self,
        result: &RawJson,
        end: Option<Instant>,
    ) -> Result<Option<RawJson>, Error> {
        let taker = taker(self.session.extensions(), &self.method, result);
        let Some((extension, result_type)) = taker else { return Ok(None) };
        let limit = self.limit();
        let rest = end.map(|end| end.saturating_duration_since(Instant::now()));
        let on_progress = self.on_progress.as_ref().or(self.session.on_progress());
        let finishing = extension.finish(ForeignResult {
            session: self.session.clone(),
            call: self.info(),
            result_type,
            result: result.clone(),
            timeout: Timeout { total: rest, ..limit },
            is_manual: self.is_manual,
            on_progress: on_progress.cloned(),
        });
        let finished = match end {
            Some(end) => timeout_at(end, finishing).await,
            None => Ok(finishing.await),
        };
        let late = |_| Err(self.session.late(limit.total.unwrap_or_default()));
        let finished = finished.unwrap_or_else(late);
        finished.map(Some).map_err(|error| error.with_method(self.method.clone()))
    }

    /// What the server wants before it answers, if that is what it says.
    pub(crate) fn wanted<'a>(&self, result: &'a RawJson) -> Option<Wanted<'a>> {
        Wanted::read(result).filter(|_| ASKING.contains(&&*self.method))
    }

    pub(crate) fn limit(&self) -> Timeout {
        self.timeout.unwrap_or_else(|| self.session.default_timeout())
    }

    /// Sends the request once, with what the server has asked for, and gives the result as it came.
    pub(crate) async fn round(
        &self,
        answers: &[u8],
        traced: &mut Traced,
    ) -> Result<RawJson, Error> {
        let Self { session, method, params, meta, on_progress, log_level, .. } = self;
        let levelled = log_level.is_some() && session.era() == Era::Legacy;
        let levelled = levelled.then_some(NO_LEVEL);
        if let Some(instead) = foreign(method, session.era()).or(levelled) {
            let error = session.error(ErrorKind::Unsupported, instead);
            return Err(error.with_method(method.clone()));
        }
        let on_progress = on_progress.as_ref().or(session.on_progress());
        let id = session.next_id();
        traced.has_id(id);
        let trace = session.tracing().context(|| match params {
            Ok(params) => params.meta_by_hand(meta.as_ref()),
            Err(_) => None,
        });
        let token = on_progress.is_some().then_some(id);
        let meta = session.log_level().beside(log_level.as_ref(), meta.as_ref());
        let params = match params {
            Ok(params) => params
                .encode_with(
                    session.common_meta(),
                    token,
                    meta.as_deref(),
                    trace.as_deref(),
                    answers,
                )
                .map_err(|error| session.unsendable(error)),
            Err(error) => Err(session.unsendable(Arc::clone(error))),
        };
        let mut request = Request::new(id, method.clone());
        request.params = params.map_err(|error| error.with_method(method.clone()))?;
        let repeated = self.param_headers()?;
        session
            .ask(request, self.limit(), on_progress.map(|it| &**it), repeated, trace, || {
                self.info()
            })
            .await
            .map_err(|error| error.with_method(method.clone()))
    }

    /// The arguments that HTTP repeats in headers.
    fn param_headers(&self) -> Result<Option<ParamHeaders>, Error> {
        let (true, Ok(params)) = (self.method == method::TOOLS_CALL, &self.params) else {
            return Ok(None);
        };
        let Some(annotated) = self.session.annotated(|| params.target()) else {
            return Ok(None);
        };
        let headers = params.arguments().and_then(|it| param_headers::headers(&annotated, &it));
        let unsendable = |error| self.session.unsendable(error).with_method(self.method.clone());
        headers.map(Some).map_err(unsendable)
    }

    /// Whether the server misses headers, or found others than it wanted.
    pub(crate) fn has_wrong_headers(&self, error: &Error) -> bool {
        self.method == method::TOOLS_CALL
            && error.answer().is_some_and(|answer| answer.code == error_code::HEADER_MISMATCH)
            && self.session.sends_headers()
    }

    pub(crate) fn undecodable(&self, error: serde_json::Error) -> Error {
        self.session.decode_error(error).with_method(self.method.clone())
    }

    /// The span of the call, all of its rounds included.
    pub(crate) fn traced(&self) -> Traced {
        let version = self.session.protocol_version();
        self.session.tracing().asking(&self.method, Some(version), || self.target())
    }
}

impl<R: MethodResult + Send + 'static> IntoFuture for Call<R> {
    type Output = Result<R, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

impl<R> fmt::Debug for Call<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("method", &self.method).finish_non_exhaustive()
    }
}

mod sending;

use std::{borrow::Cow, fmt, future::IntoFuture, marker::PhantomData, pin::Pin, sync::Arc};

use mcp_core::{
    CallToolResult, GetPromptResult, LoggingLevel, Meta, MethodResult, ProgressNotificationParams,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    CacheMode, CallInfo, Error, ManualCall, ResultAs, Session, Timeout, handlers::ProgressHandler,
    params::Params,
};

pub(crate) use sending::Read;

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
    /// with [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported), and [`set_log_level`](Session::set_log_level) holds for all.
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

mod era;
mod listed;
mod manual;
mod misfit;
mod request;
mod rounds;
mod running;
mod tools;

use std::{
    borrow::Cow,
    fmt,
    future::IntoFuture,
    marker::PhantomData,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use mcp_core::{
    CallToolResult, GetPromptResult, LoggingLevel, Meta, MethodResult, ProgressNotificationParams,
    RawJson,
};
use serde::Serialize;

use crate::{CacheMode, CallInfo, Error, Session, Timeout, params::Params};

pub(crate) use listed::ListedNames;
pub use manual::{Input, InputRound, ManualCall};
use request::CallRequest;
pub(crate) use request::Received;
pub use running::CallFuture;
use running::Running;
#[cfg(feature = "validation")]
pub(crate) use tools::list_tools;

/// A call being built: `.await` it to send it.
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
#[must_use = "the call is sent only when it is awaited"]
pub struct Call<R> {
    request: Box<CallRequest>,
    result: PhantomData<fn() -> R>,
}

impl<R> Call<R> {
    pub(crate) fn new(
        session: Session,
        method: impl Into<Cow<'static, str>>,
        params: Result<Params, serde_json::Error>,
    ) -> Self {
        let request = Box::new(CallRequest::new(session, method, params));
        Self { request, result: PhantomData }
    }

    /// Sets the timeout of this call, overriding that of the session: a [`Duration`] for the whole call, or a
    /// [`Timeout`].
    ///
    /// [`Duration`]: std::time::Duration
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.request.timeout = Some(timeout.into());
        self
    }

    /// Requests progress and sets its handler. Called in order, and for the last time before the call returns. It must
    /// not block.
    ///
    /// Spec: basic/patterns/progress
    pub fn on_progress(
        mut self,
        handler: impl FnMut(ProgressNotificationParams) + Send + 'static,
    ) -> Self {
        let handler = Mutex::new(handler);
        self.request.on_progress = Some(Arc::new(move |progress| {
            let mut handler = handler.lock().unwrap_or_else(PoisonError::into_inner);
            (*handler)(progress);
        }));
        self
    }

    /// Sets the `_meta` of the request. The protocol adds its own members.
    pub fn meta(mut self, meta: Meta) -> Self {
        self.request.meta = Some(meta);
        self
    }

    /// Sets the minimum level of log messages for this call, overriding that of the session. Only for the modern era:
    /// in the legacy era the call fails unsent with [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported), and
    /// [`set_log_level`](Session::set_log_level) applies to all calls.
    ///
    /// Spec: server/utilities/logging
    pub fn log_level(mut self, level: LoggingLevel) -> Self {
        self.request.log_level = Some(level);
        self
    }

    /// Sets whether the result may come from the [cache](crate::Cache), for list pages and resource contents. Default:
    /// [`CacheMode::Use`].
    ///
    /// Spec: server/utilities/caching
    pub fn cache(mut self, mode: CacheMode) -> Self {
        self.request.cache = mode;
        self
    }

    /// Sets a number by which handlers recognise the call in [`CallInfo::tag`], for example in a proxy that forwards
    /// the requests of the server to the client of the call. It is not sent.
    pub fn tag(mut self, tag: u64) -> Self {
        self.request.tag = Some(tag);
        self
    }

    /// Returns the server's input requests to the caller instead of calling the handlers: see [`Input`].
    ///
    /// Spec: basic/patterns/mrtr
    pub fn manual_input(mut self) -> ManualCall<R> {
        self.request.is_manual = true;
        ManualCall::new(*self.request)
    }

    /// Decodes the result as another type, for example of an extension. Rounds of input continue as long as the result
    /// is not of that type.
    pub fn returning<S>(self) -> Call<S> {
        Call { request: self.request, result: PhantomData }
    }

    /// The session of the call.
    pub fn session(&self) -> &Session {
        &self.request.session
    }

    /// The method and the target of the call.
    pub fn info(&self) -> CallInfo {
        self.request.info()
    }

    /// Sends the call as a task of revision 2025-11-25 if the tool may run as one.
    pub(crate) fn preferring_task(mut self) -> Self {
        self.request.prefers_task = true;
        self
    }

    /// Sets the target that HTTP mirrors in a header.
    pub(crate) fn routing_name(mut self, name: &str) -> Self {
        self.request.routing_name = Some(name.to_owned());
        self
    }

    /// The tool or prompt name, or the resource URI.
    pub(crate) fn target(&self) -> Option<String> {
        self.request.target()
    }

    fn change(mut self, change: impl FnOnce(&mut Params) -> Result<(), serde_json::Error>) -> Self {
        self.request.params =
            self.request.params.and_then(|mut params| match change(&mut params) {
                Ok(()) => Ok(params),
                Err(error) => Err(Arc::new(error)),
            });
        self
    }
}

impl Call<RawJson> {
    /// Declares that the caller validates the result as JSON, or passes it on to a reader that does: see
    /// [`Envelope::skips_validation`](mcp_transport::Envelope::skips_validation).
    pub fn without_validation(mut self) -> Self {
        self.request.skips_validation = true;
        self
    }
}

impl Call<CallToolResult> {
    /// Sets all arguments, from any value that serializes as a JSON object.
    pub fn args(self, args: impl Serialize) -> Self {
        self.change(|params| params.set_arguments(&args))
    }

    /// Sets one argument, in addition to those set before.
    pub fn arg(self, name: impl AsRef<str>, value: impl Serialize) -> Self {
        self.change(|params| params.set_argument(name.as_ref(), &value))
    }
}

impl Call<GetPromptResult> {
    /// Sets all arguments, from any value that serializes as a JSON object. Prompt arguments are strings: any other
    /// value is converted to its JSON text, such as `7`.
    ///
    /// Spec: server/prompts#getting-a-prompt
    pub fn args(self, args: impl Serialize) -> Self {
        self.change(|params| params.set_text_arguments(&args))
    }

    /// Sets one argument, in addition to those set before. A value that is no text is
    /// written as JSON, as by [`args`](Self::args).
    pub fn arg(self, name: impl AsRef<str>, value: impl Serialize) -> Self {
        self.change(|params| params.set_text_argument(name.as_ref(), &value))
    }
}

impl<R: MethodResult + Send + 'static> Call<R> {
    /// Sends the call. Returns the result and its raw bytes.
    pub(crate) fn received(
        self,
    ) -> Pin<Box<dyn Future<Output = Result<Received<R>, Error>> + Send>> {
        Box::pin(Running::new(self.request))
    }
}

impl<R: MethodResult + Send + 'static> IntoFuture for Call<R> {
    type Output = Result<R, Error>;
    type IntoFuture = CallFuture<R>;

    fn into_future(self) -> CallFuture<R> {
        CallFuture(Running::new(self.request))
    }
}

impl<R> fmt::Debug for Call<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("method", &self.request.method).finish_non_exhaustive()
    }
}

mod era;
mod listed;
mod manual;
mod misfit;
mod request;
mod rounds;
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
};
use serde::Serialize;

use crate::{CacheMode, CallInfo, Error, Session, Timeout, params::Params};

pub(crate) use listed::ListedNames;
pub use manual::{Input, InputRound, ManualCall};
use request::CallRequest;
pub(crate) use request::Received;
#[cfg(feature = "validation")]
pub(crate) use tools::list_tools;

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
    request: CallRequest,
    result: PhantomData<fn() -> R>,
}

impl<R> Call<R> {
    pub(crate) fn new(
        session: Session,
        method: impl Into<Cow<'static, str>>,
        params: Result<Params, serde_json::Error>,
    ) -> Self {
        Self { request: CallRequest::new(session, method, params), result: PhantomData }
    }

    /// Limits the time of this call instead of the session's limit: a [`Duration`] for the whole call, or a
    /// [`Timeout`].
    ///
    /// [`Duration`]: std::time::Duration
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.request.timeout = Some(timeout.into());
        self
    }

    /// Asks for progress and sets its handler, which is called in order, and for the last time before the call
    /// returns. It must not block.
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

    /// Sets the `_meta` of the request, to which the protocol adds its own members.
    pub fn meta(mut self, meta: Meta) -> Self {
        self.request.meta = Some(meta);
        self
    }

    /// Sets the least severe messages that the server shall log for this call, whatever the session's
    /// level. Only the modern era has levels for single calls: in the legacy era the call fails unsent, with
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported), and
    /// [`set_log_level`](Session::set_log_level) is for all calls.
    ///
    /// Spec: server/utilities/logging
    pub fn log_level(mut self, level: LoggingLevel) -> Self {
        self.request.log_level = Some(level);
        self
    }

    /// Sets whether the result may come from the [cache](crate::Cache), for the pages of lists and the
    /// contents of resources. Default: [`CacheMode::Use`].
    ///
    /// Spec: server/utilities/caching
    pub fn cache(mut self, mode: CacheMode) -> Self {
        self.request.cache = mode;
        self
    }

    /// Returns the server's requests for input to the caller, instead of calling the handlers: see
    /// [`Input`].
    ///
    /// Spec: basic/patterns/mrtr
    pub fn manual_input(mut self) -> ManualCall<R> {
        self.request.is_manual = true;
        ManualCall::new(self.request)
    }

    /// Decodes the result as another type, such as one of an extension. The rounds in which a server asks for
    /// input continue as long as the result is not of that type.
    pub fn returning<S>(self) -> Call<S> {
        Call { request: self.request, result: PhantomData }
    }

    /// The session that is called.
    pub fn session(&self) -> &Session {
        &self.request.session
    }

    /// The method and the target of the call.
    pub fn info(&self) -> CallInfo {
        self.request.info()
    }

    /// Sends it as a task of revision 2025-11-25 where the tool may run as one.
    pub(crate) fn preferring_task(mut self) -> Self {
        self.request.prefers_task = true;
        self
    }

    /// Sets the target that HTTP repeats in a header.
    pub(crate) fn routing_name(mut self, name: &str) -> Self {
        self.request.routing_name = Some(name.to_owned());
        self
    }

    /// The tool or prompt by its name, or the resource by its URI.
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

impl Call<CallToolResult> {
    /// Sets all arguments, from anything that is an object as JSON.
    pub fn args(self, args: impl Serialize) -> Self {
        self.change(|params| params.set_arguments(&args))
    }

    /// Sets one argument, in addition to those set before.
    pub fn arg(self, name: impl AsRef<str>, value: impl Serialize) -> Self {
        self.change(|params| params.set_argument(name.as_ref(), &value))
    }
}

impl Call<GetPromptResult> {
    /// Sets all arguments, from anything that is an object as JSON. Arguments of prompts are texts: a value of
    /// another type is written as JSON, such as `7`.
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
    /// Sends it: the result, and the bytes that it came in.
    pub(crate) fn received(
        self,
    ) -> Pin<Box<dyn Future<Output = Result<Received<R>, Error>> + Send>> {
        let request = self.request;
        Box::pin(async move { rounds::run(&request).await })
    }
}

impl<R: MethodResult + Send + 'static> IntoFuture for Call<R> {
    type Output = Result<R, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        // Moved into the future once, as it is.
        let request = self.request;
        Box::pin(async move { Ok(rounds::run(&request).await?.value) })
    }
}

impl<R> fmt::Debug for Call<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("method", &self.request.method).finish_non_exhaustive()
    }
}

use std::{borrow::Cow, fmt, future::IntoFuture, marker::PhantomData, pin::Pin};

use mcp_core::{
    CallToolResult, Era, GetPromptResult, InputRequiredResult, Meta, MethodResult,
    ProgressNotificationParams, Request, method,
};
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Session, Timeout, params::Params};

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
    params: Result<Params, serde_json::Error>,
    meta: Option<Meta>,
    timeout: Option<Timeout>,
    on_progress: Option<ProgressHandler>,
    result: PhantomData<fn() -> R>,
}

type ProgressHandler = Box<dyn Fn(ProgressNotificationParams) + Send + Sync>;

impl<R> Call<R> {
    pub(crate) fn new(
        session: Session,
        method: impl Into<Cow<'static, str>>,
        params: Result<Params, serde_json::Error>,
    ) -> Self {
        Self {
            session,
            method: method.into(),
            params,
            meta: None,
            timeout: None,
            on_progress: None,
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
        self.on_progress = Some(Box::new(handler));
        self
    }

    /// Sends `meta` as the `_meta` of the request, beside what the protocol puts there.
    pub fn meta(mut self, meta: Meta) -> Self {
        self.meta = Some(meta);
        self
    }

    fn change(mut self, change: impl FnOnce(&mut Params) -> Result<(), serde_json::Error>) -> Self {
        self.params = self.params.and_then(|mut params| change(&mut params).map(|()| params));
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

impl<R: MethodResult> Call<R> {
    async fn send(self) -> Result<R, Error> {
        let Self { session, method, params, meta, timeout, on_progress, .. } = self;
        if method == method::PING && session.era() == Era::Modern {
            let message = "the modern era has no ping: any other call is a sign of life";
            return Err(session.error(ErrorKind::Unsupported, message).with_method(method));
        }
        let id = session.next_id();
        let token = on_progress.is_some().then_some(id);
        let params = params
            .and_then(|params| params.encode(session.common_meta(), token, meta.as_ref()))
            .map_err(|error| session.unsendable(error).with_method(method.clone()))?;
        let mut request = Request::new(id, method.clone());
        request.params = params;
        let timeout = timeout.unwrap_or_else(|| session.default_timeout());
        let result = session
            .ask(request, timeout, on_progress.as_deref())
            .await
            .map_err(|error| error.with_method(method.clone()))?;
        R::decode(&result).map_err(|error| {
            // Only a result that is not the expected one is looked at a second time.
            let error = match input_required(&result) {
                Some(input) => session.input_required(input),
                None => session.decode_error(error),
            };
            error.with_method(method)
        })
    }
}

/// The result, if it is one that asks for input.
fn input_required(result: &mcp_core::RawJson) -> Option<InputRequiredResult> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Kind {
        result_type: String,
    }
    let kind: Kind = result.decode().ok()?;
    (kind.result_type == "input_required").then(|| result.decode().ok()).flatten()
}

impl<R: MethodResult + 'static> IntoFuture for Call<R> {
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

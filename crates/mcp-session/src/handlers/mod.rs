//! What an application does for servers, and the capabilities that this declares.

mod form;

use std::{
    borrow::Cow,
    fmt,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::Poll,
};

use mcp_core::{
    ClientCapabilities, CreateMessageRequestParams, CreateMessageResult, ElicitRequestFormParams,
    ElicitRequestParams, ElicitRequestUrlParams, ElicitResult, ElicitationCapability, ErrorObject,
    ListRootsResult, LoggingMessageNotificationParams, ProgressNotificationParams, RawJson, Root,
    RootsCapability, SamplingCapability, error_code, method,
};
use serde::Serialize;

/// Something that a server asks of the client, with who asks and while doing what.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Asked<P> {
    /// The server that asks, by the name that errors have for it.
    pub server: Arc<str>,
    /// The call of ours that it serves meanwhile, where that is known: for requests always in the modern
    /// era; before it, and for log messages, only over HTTP.
    pub call: Option<CallInfo>,
    /// What it asks.
    pub params: P,
}

/// A call of ours that a server is working on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallInfo {
    /// Its method.
    pub method: Cow<'static, str>,
    /// The tool or prompt by its name, or the resource by its URI.
    pub target: Option<String>,
}

impl CallInfo {
    pub(crate) fn new(method: Cow<'static, str>, target: Option<String>) -> Self {
        Self { method, target }
    }
}

/// A request of the server's: sampling, elicitation, roots, or any other.
pub type ServerRequest = Asked<RawRequest>;

/// A request as it came.
#[derive(Clone)]
#[non_exhaustive]
pub struct RawRequest {
    /// The method.
    pub method: Cow<'static, str>,
    /// The parameters.
    pub params: Option<RawJson>,
}

impl fmt::Debug for RawRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawRequest").field("method", &self.method).finish_non_exhaustive()
    }
}

/// What a handler gives: the result, or a `Result` of it. An error becomes the answer to that request:
/// an [`ErrorObject`] as it is, anything else as an internal error with its text.
pub trait Reply<T> {
    /// Takes it for what the server gets.
    ///
    /// # Errors
    /// What the handler says.
    fn into_reply(self) -> Result<T, ErrorObject>;
}

impl<T> Reply<T> for T {
    fn into_reply(self) -> Result<T, ErrorObject> {
        Ok(self)
    }
}

impl<T, E: Into<Box<dyn std::error::Error + Send + Sync>>> Reply<T> for Result<T, E> {
    fn into_reply(self) -> Result<T, ErrorObject> {
        self.map_err(|error| match error.into().downcast::<ErrorObject>() {
            Ok(error) => *error,
            Err(error) => internal(error.to_string()),
        })
    }
}

/// Answers requests of the server's as JSON.
pub type RequestHandler = Arc<dyn Fn(ServerRequest) -> Answer + Send + Sync>;

/// The work on a request of the server's: the result as JSON, or the error that the server gets.
pub type Answer = Pin<Box<dyn Future<Output = Result<RawJson, ErrorObject>> + Send>>;

/// What an application does for servers. To set a handler is to declare the capability; what has none is
/// answered with the error that the specification wants.
///
/// Handlers run concurrently. They end when the server cancels or the session does, and a panic is the
/// error of that request alone. The same ones answer what a server of the legacy era asks on the wire, and
/// what one of the modern era asks for in rounds.
#[derive(Clone, Default)]
pub struct Handlers {
    form: Option<RequestHandler>,
    url: Option<RequestHandler>,
    sampling: Option<RequestHandler>,
    sampling_tools: bool,
    roots: Option<RequestHandler>,
    pub(crate) other: Option<RequestHandler>,
    pub(crate) log: Option<LogHandler>,
    pub(crate) progress: Option<ProgressHandler>,
}

pub(crate) type LogHandler = Arc<dyn Fn(Asked<LoggingMessageNotificationParams>) + Send + Sync>;
pub(crate) type ProgressHandler = Arc<dyn Fn(ProgressNotificationParams) + Send + Sync>;

impl Handlers {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks a person to fill in a form. Fields that an accepted form leaves out get the defaults of the
    /// form; what does not fit it then is an error, and is not sent.
    ///
    /// Spec: client/elicitation#form-mode-elicitation-requests
    #[must_use]
    pub fn on_elicitation<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(Asked<ElicitRequestFormParams>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<ElicitResult>> + Send + 'static,
    {
        self.form = Some(typed::<_, ElicitResult, _, _>(
            move |asked: Asked<ElicitRequestFormParams>| {
                let schema = asked.params.requested_schema.clone();
                let work = handler(asked);
                async move { work.await.into_reply().and_then(|result| form::checked(result, &schema)) }
            },
        ));
        self
    }

    /// Asks a person to visit a web page. The URL is the server's: show all of it, and open it only if
    /// the person agrees. `accept` means that they agreed, not that they are done.
    ///
    /// Spec: client/elicitation#url-mode-elicitation-requests
    #[must_use]
    pub fn on_url_elicitation<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(Asked<ElicitRequestUrlParams>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<ElicitResult>> + Send + 'static,
    {
        self.url = Some(typed::<_, ElicitResult, _, _>(move |asked| {
            let work = handler(asked);
            async move { work.await.into_reply().map(form::without_content) }
        }));
        self
    }

    /// Asks a model, without tools: a request that brings some is refused.
    ///
    /// Spec: client/sampling
    #[must_use]
    pub fn on_sampling<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(Asked<CreateMessageRequestParams>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<CreateMessageResult>> + Send + 'static,
    {
        self.sampling = Some(typed::<_, CreateMessageResult, _, _>(handler));
        self.sampling_tools = false;
        self
    }

    /// Asks a model, and gives it the tools that the server names.
    ///
    /// Spec: client/sampling#tools-in-sampling
    #[must_use]
    pub fn on_sampling_with_tools<F, A>(self, handler: F) -> Self
    where
        F: Fn(Asked<CreateMessageRequestParams>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<CreateMessageResult>> + Send + 'static,
    {
        Self { sampling_tools: true, ..self.on_sampling(handler) }
    }

    /// Names roots that stay as they are; [`on_roots`](Self::on_roots) is for others.
    ///
    /// Spec: client/roots
    #[must_use]
    pub fn roots(self, roots: impl IntoIterator<Item = Root>) -> Self {
        let roots: Vec<Root> = roots.into_iter().collect();
        self.on_roots(move |_| std::future::ready(roots.clone()))
    }

    /// Names the roots. When they change, [`Session::roots_changed`](crate::Session::roots_changed) tells.
    ///
    /// Spec: client/roots
    #[must_use]
    pub fn on_roots<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(Asked<()>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<Vec<Root>>> + Send + 'static,
    {
        self.roots = Some(Arc::new(move |request| {
            let work = handler(Asked { server: request.server, call: request.call, params: () });
            Box::pin(async move {
                let roots = work.await.into_reply()?;
                json(&ListRootsResult::new(roots))
            })
        }));
        self
    }

    /// Takes what servers log.
    ///
    /// Spec: server/utilities/logging
    #[must_use]
    pub fn on_log(
        mut self,
        handler: impl Fn(Asked<LoggingMessageNotificationParams>) + Send + Sync + 'static,
    ) -> Self {
        self.log = Some(Arc::new(handler));
        self
    }

    /// Takes the progress of calls that do not take it themselves; all calls then ask for it.
    ///
    /// Spec: basic/patterns/progress
    #[must_use]
    pub fn on_progress(
        mut self,
        handler: impl Fn(ProgressNotificationParams) + Send + Sync + 'static,
    ) -> Self {
        self.progress = Some(Arc::new(handler));
        self
    }

    /// Answers, as JSON, all requests that have no handler of their own. What it declares has to be said
    /// in [`SessionOptions::capabilities`](crate::SessionOptions::capabilities).
    #[must_use]
    pub fn on_request<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(ServerRequest) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<RawJson>> + Send + 'static,
    {
        self.other = Some(Arc::new(move |request| {
            let work = handler(request);
            Box::pin(async move { work.await.into_reply() })
        }));
        self
    }

    /// Without the handlers of logs and progress: for a session whose notifications another one hands on.
    #[must_use]
    pub fn without_listeners(self) -> Self {
        Self { log: None, progress: None, ..self }
    }

    /// What the handlers declare, beside `stated`.
    pub(crate) fn declared(&self, stated: &ClientCapabilities) -> ClientCapabilities {
        let mut declared = stated.clone();
        if self.form.is_some() || self.url.is_some() {
            // An empty one that was stated means forms.
            let has_stated = declared.elicitation.as_ref().is_some_and(|it| it.url.is_none());
            let elicitation =
                declared.elicitation.get_or_insert_with(ElicitationCapability::default);
            if self.form.is_some() || has_stated {
                elicitation.form.get_or_insert_default();
            }
            if self.url.is_some() {
                elicitation.url.get_or_insert_default();
            }
        }
        if self.sampling.is_some() {
            let sampling = declared.sampling.get_or_insert_with(SamplingCapability::default);
            if self.sampling_tools {
                sampling.tools.get_or_insert_default();
            }
        }
        if self.roots.is_some() {
            let roots = declared.roots.get_or_insert_with(RootsCapability::default);
            roots.list_changed.get_or_insert(true);
        }
        declared
    }

    /// Answers a request. What goes wrong in a handler is told to whoever asked.
    pub(crate) async fn answer(&self, request: ServerRequest) -> Result<RawJson, ErrorObject> {
        let method = request.params.method.clone();
        let server = Arc::clone(&request.server);
        let handler = self.handler(&request)?;
        let panicked = |_| {
            tracing::error!(%server, %method, "the handler of a request panicked");
            internal(format!("the client failed at {method}"))
        };
        let mut work = catch_unwind(AssertUnwindSafe(|| handler(request))).map_err(panicked)?;
        poll_fn(|cx| {
            let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
            polled.unwrap_or_else(|panic| Poll::Ready(Err(panicked(panic))))
        })
        .await
    }

    fn handler(&self, request: &ServerRequest) -> Result<&RequestHandler, ErrorObject> {
        let method = &*request.params.method;
        let (found, rest_is_declared) = match method {
            method::ELICITATION_CREATE => match decode(&request.params)? {
                ElicitRequestParams::Form(_) => (self.form.as_ref(), self.url.is_some()),
                ElicitRequestParams::Url(_) => (self.url.as_ref(), self.form.is_some()),
                _ => (None, self.form.is_some() || self.url.is_some()),
            },
            method::SAMPLING_CREATE_MESSAGE => {
                let params: CreateMessageRequestParams = decode(&request.params)?;
                let with_tools = params.tools.is_some() || params.tool_choice.is_some();
                let fits = self.sampling_tools || !with_tools;
                (self.sampling.as_ref().filter(|_| fits), self.sampling.is_some())
            }
            method::ROOTS_LIST => (self.roots.as_ref(), false),
            _ => (None, false),
        };
        match found.or(self.other.as_ref()) {
            Some(handler) => Ok(handler),
            None if rest_is_declared => Err(ErrorObject::new(
                error_code::INVALID_PARAMS,
                format!("this client does not offer this way of {method}"),
            )),
            None => Err(ErrorObject::new(
                error_code::METHOD_NOT_FOUND,
                format!("this client does not offer {method}"),
            )),
        }
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("elicitation", &self.form.is_some())
            .field("url_elicitation", &self.url.is_some())
            .field("sampling", &self.sampling.is_some())
            .field("roots", &self.roots.is_some())
            .field("other", &self.other.is_some())
            .finish_non_exhaustive()
    }
}

/// A handler of decoded parameters as one of JSON.
fn typed<P, R, F, A>(handler: F) -> RequestHandler
where
    P: serde::de::DeserializeOwned + Send + 'static,
    R: Serialize + Send,
    F: Fn(Asked<P>) -> A + Send + Sync + 'static,
    A: Future<Output: Reply<R>> + Send + 'static,
{
    Arc::new(move |request| {
        let work = decode(&request.params)
            .map(|params| handler(Asked { server: request.server, call: request.call, params }));
        Box::pin(async move { json(&work?.await.into_reply()?) })
    })
}

fn decode<P: serde::de::DeserializeOwned>(request: &RawRequest) -> Result<P, ErrorObject> {
    mcp_core::decode_params(request.params.as_ref()).map_err(|error| {
        let message = format!("the parameters of {} cannot be read: {error}", request.method);
        ErrorObject::new(error_code::INVALID_PARAMS, message)
    })
}

fn json(result: &impl Serialize) -> Result<RawJson, ErrorObject> {
    RawJson::from_serialize(result).map_err(|error| internal(error.to_string()))
}

fn internal(text: String) -> ErrorObject {
    ErrorObject::new(error_code::INTERNAL_ERROR, text)
}

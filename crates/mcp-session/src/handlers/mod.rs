//! Client-side handlers for the requests of servers.

mod form;
mod format;
mod reply;
mod request;
mod sampling;

use std::{
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
    ListRootsResult, ProgressNotificationParams, RawJson, Root, RootsCapability,
    SamplingCapability, error_code, method,
};
use serde::{Serialize, de::DeserializeOwned};

pub use form::check_form_field;
pub use reply::Reply;
pub(crate) use reply::internal;
pub use request::{CallInfo, LogMessage, RawRequest, ServerRequest};

pub(crate) type LogHandler = Arc<dyn Fn(LogMessage) + Send + Sync>;
pub(crate) type ProgressHandler = Arc<dyn Fn(ProgressNotificationParams) + Send + Sync>;

/// Handles a request as JSON.
type Handler = Arc<dyn Fn(ServerRequest<RawRequest>) -> Response + Send + Sync>;
/// Reads what determines the handler of a request.
type Read<T> = fn(&RawRequest) -> Result<T, ErrorObject>;
type Response = Pin<Box<dyn Future<Output = Result<RawJson, ErrorObject>> + Send>>;

/// Client-side handlers for server requests. Setting a handler declares the matching capability; a request without a
/// handler receives the error required by the specification.
///
/// Handlers run concurrently. They are cancelled when the server cancels the request or the session ends; a panic fails
/// only its request. The same handlers serve requests of legacy servers and input requests of modern ones.
#[derive(Clone, Default)]
pub struct Handlers {
    form: Option<Handler>,
    url: Option<Handler>,
    sampling: Option<Handler>,
    sampling_tools: bool,
    roots: Option<Handler>,
    other: Option<Handler>,
    /// How to read the requests that have handlers of several kinds. Set together with a handler, so that a client
    /// without one does not contain the decoders.
    read_elicitation: Option<Read<Elicitation>>,
    read_sampling: Option<Read<Sampling>>,
    pub(crate) log: Option<LogHandler>,
    pub(crate) progress: Option<ProgressHandler>,
}

/// The kind of an elicitation.
enum Elicitation {
    Form,
    Url(String),
    Other,
}

/// What a sampling request needs, and whether its messages are valid.
struct Sampling {
    with_tools: bool,
    checked: Result<(), ErrorObject>,
}

impl Handlers {
    /// No handlers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the handler that asks the user to fill in a form. Fields missing in an accepted form get their defaults; if
    /// the content then does not match the form, an error is sent instead.
    ///
    /// Spec: client/elicitation#form-mode-elicitation-requests
    #[must_use]
    pub fn on_elicitation<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(ServerRequest<ElicitRequestFormParams>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<ElicitResult>> + Send + 'static,
    {
        self.form = Some(typed::<_, ElicitResult, _, _>(
            move |request: ServerRequest<ElicitRequestFormParams>| {
                let schema = request.params.requested_schema.clone();
                let work = handler(request);
                async move { work.await.into_reply().and_then(|result| form::checked(result, &schema)) }
            },
        ));
        self.read_elicitation = Some(elicitation);
        self
    }

    /// Sets the handler that asks the user to visit a web page. Do not trust the URL: show it in full, and open it only
    /// with the user's consent. `accept` means consent, not completion.
    ///
    /// Spec: client/elicitation#url-mode-elicitation-requests
    #[must_use]
    pub fn on_url_elicitation<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(ServerRequest<ElicitRequestUrlParams>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<ElicitResult>> + Send + 'static,
    {
        self.url = Some(typed::<_, ElicitResult, _, _>(move |request| {
            let work = handler(request);
            async move { work.await.into_reply().map(form::without_content) }
        }));
        self.read_elicitation = Some(elicitation);
        self
    }

    /// Sets the handler that requests a message from a model, without tools: a request with tools is refused.
    ///
    /// Spec: client/sampling
    #[must_use]
    pub fn on_sampling<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(ServerRequest<CreateMessageRequestParams>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<CreateMessageResult>> + Send + 'static,
    {
        self.sampling = Some(typed::<_, CreateMessageResult, _, _>(handler));
        self.sampling_tools = false;
        self.read_sampling = Some(sampling);
        self
    }

    /// Sets the handler that requests a message from a model, with the tools of the request.
    ///
    /// Spec: client/sampling#tools-in-sampling
    #[must_use]
    pub fn on_sampling_with_tools<F, A>(self, handler: F) -> Self
    where
        F: Fn(ServerRequest<CreateMessageRequestParams>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<CreateMessageResult>> + Send + 'static,
    {
        Self { sampling_tools: true, ..self.on_sampling(handler) }
    }

    /// Sets constant roots; use [`on_roots`](Self::on_roots) for roots that change.
    ///
    /// Spec: client/roots
    #[must_use]
    pub fn roots(self, roots: impl IntoIterator<Item = Root>) -> Self {
        let roots: Vec<Root> = roots.into_iter().collect();
        self.on_roots(move |_| std::future::ready(roots.clone()))
    }

    /// Sets the handler that lists the roots, which must be `file:` URIs: if one is not, an error is sent.
    /// [`Session::roots_changed`](crate::Session::roots_changed) notifies the server of changes.
    ///
    /// Spec: client/roots
    #[must_use]
    pub fn on_roots<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(ServerRequest<()>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<Vec<Root>>> + Send + 'static,
    {
        self.roots = Some(Arc::new(move |request| {
            let work = handler(request.with_params(()));
            Box::pin(async move {
                let roots = work.await.into_reply()?;
                match roots.iter().find(|root| !is_file(&root.uri)) {
                    Some(other) => {
                        Err(internal(format!("the root {:?} is not a file URI", other.uri)))
                    }
                    None => json(&ListRootsResult::new(roots)),
                }
            })
        }));
        self
    }

    /// Sets the callback for log messages. It must not block. Without one they become `tracing` events with the target
    /// `mcp_session::log`.
    ///
    /// Spec: server/utilities/logging
    #[must_use]
    pub fn on_log(mut self, handler: impl Fn(LogMessage) + Send + Sync + 'static) -> Self {
        self.log = Some(Arc::new(handler));
        self
    }

    /// Sets the callback for progress of calls that have none themselves; all calls then request progress. It must not
    /// block.
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

    /// Sets the handler for all requests that have no other handler, as JSON. Declare the required capabilities in
    /// [`SessionOptions::capabilities`](crate::SessionOptions::capabilities): a protocol request that needs an
    /// undeclared capability is refused without calling the handler.
    #[must_use]
    pub fn on_request<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(ServerRequest<RawRequest>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<RawJson>> + Send + 'static,
    {
        self.other = Some(Arc::new(move |request| {
            let work = handler(request);
            Box::pin(async move { work.await.into_reply() })
        }));
        self.read_elicitation = Some(elicitation);
        self.read_sampling = Some(sampling);
        self
    }

    /// Adds the handlers of `others`, replacing those of the same kind.
    #[must_use]
    pub fn merge(self, others: Self) -> Self {
        let has_sampling = others.sampling.is_some();
        Self {
            form: others.form.or(self.form),
            url: others.url.or(self.url),
            sampling_tools: if has_sampling { others.sampling_tools } else { self.sampling_tools },
            sampling: others.sampling.or(self.sampling),
            roots: others.roots.or(self.roots),
            other: others.other.or(self.other),
            read_elicitation: others.read_elicitation.or(self.read_elicitation),
            read_sampling: others.read_sampling.or(self.read_sampling),
            log: others.log.or(self.log),
            progress: others.progress.or(self.progress),
        }
    }

    /// The same handlers without those of log messages and progress, for a session whose notifications are forwarded to
    /// another.
    #[must_use]
    pub fn without_listeners(self) -> Self {
        Self { log: None, progress: None, ..self }
    }

    /// The capabilities of the handlers, added to those in `stated`.
    pub(crate) fn declared(&self, stated: &ClientCapabilities) -> ClientCapabilities {
        let mut declared = stated.clone();
        if self.form.is_some() || self.url.is_some() {
            // An empty elicitation capability means forms.
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

    /// Handles a request. Refuses requests that need a capability that is not `declared`.
    pub(crate) async fn answer(
        &self,
        request: ServerRequest<RawRequest>,
        declared: &ClientCapabilities,
    ) -> Result<RawJson, ErrorObject> {
        let method = request.params.method.clone();
        let server = Arc::clone(&request.server);
        let handler = self.handler(&request, declared)?;
        let panicked = |_| {
            tracing::error!(%server, %method, "a request handler panicked");
            internal(format!("the handler of {method} failed"))
        };
        let mut work = catch_unwind(AssertUnwindSafe(|| handler(request))).map_err(panicked)?;
        poll_fn(|cx| {
            let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
            polled.unwrap_or_else(|panic| Poll::Ready(Err(panicked(panic))))
        })
        .await
    }

    fn handler(
        &self,
        request: &ServerRequest<RawRequest>,
        declared: &ClientCapabilities,
    ) -> Result<&Handler, ErrorObject> {
        let method = &*request.params.method;
        // The matching handler, whether its kind is declared, and whether another kind of the method is.
        let (found, is_declared, is_other_declared) = match method {
            method::ELICITATION_CREATE => {
                let elicitation = declared.elicitation.as_ref();
                let has_form = elicitation.is_some_and(ElicitationCapability::supports_form);
                let has_url = elicitation.is_some_and(|it| it.url.is_some());
                match self.read_elicitation.map(|read| read(&request.params)).transpose()? {
                    Some(Elicitation::Form) => (self.form.as_ref(), has_form, has_url),
                    Some(Elicitation::Url(url)) => {
                        if has_url {
                            checked_url(&url)?;
                        }
                        (self.url.as_ref(), has_url, has_form)
                    }
                    Some(Elicitation::Other) | None => (None, false, has_form || has_url),
                }
            }
            method::SAMPLING_CREATE_MESSAGE => {
                let asked = self.read_sampling.map(|read| read(&request.params)).transpose()?;
                let Sampling { with_tools, checked } =
                    asked.unwrap_or(Sampling { with_tools: false, checked: Ok(()) });
                let sampling = declared.sampling.as_ref();
                let has_tools = sampling.is_some_and(|it| it.tools.is_some());
                if sampling.is_some() {
                    checked?;
                }
                let fits = self.sampling_tools || !with_tools;
                let handler = self.sampling.as_ref().filter(|_| fits);
                (handler, sampling.is_some() && (has_tools || !with_tools), sampling.is_some())
            }
            method::ROOTS_LIST => (self.roots.as_ref(), declared.roots.is_some(), false),
            _ => (None, true, false),
        };
        match found.or(self.other.as_ref()).filter(|_| is_declared) {
            Some(handler) => Ok(handler),
            None if is_other_declared => Err(ErrorObject::new(
                error_code::INVALID_PARAMS,
                format!("this client does not support this kind of {method}"),
            )),
            None => Err(ErrorObject::new(
                error_code::METHOD_NOT_FOUND,
                format!("this client does not support {method}"),
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

fn elicitation(request: &RawRequest) -> Result<Elicitation, ErrorObject> {
    Ok(match decode(request)? {
        ElicitRequestParams::Form(_) => Elicitation::Form,
        ElicitRequestParams::Url(params) => Elicitation::Url(params.url),
        _ => Elicitation::Other,
    })
}

fn sampling(request: &RawRequest) -> Result<Sampling, ErrorObject> {
    let params: CreateMessageRequestParams = decode(request)?;
    let with_tools = params.tools.is_some() || params.tool_choice.is_some();
    Ok(Sampling { with_tools, checked: sampling::checked(&params.messages) })
}

/// Wraps a typed handler as one of JSON.
fn typed<P, R, F, A>(handler: F) -> Handler
where
    P: DeserializeOwned + Send + 'static,
    R: Serialize + Send,
    F: Fn(ServerRequest<P>) -> A + Send + Sync + 'static,
    A: Future<Output: Reply<R>> + Send + 'static,
{
    Arc::new(move |request| {
        let work = decode(&request.params).map(|params| handler(request.with_params(params)));
        Box::pin(async move { json(&work?.await.into_reply()?) })
    })
}

/// Spec: client/roots#data-types
fn is_file(uri: &str) -> bool {
    uri.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file://"))
}

/// The page that a user is asked to visit must have a host and a scheme that browsers display.
///
/// Spec: client/elicitation#safe-url-handling
fn checked_url(url: &str) -> Result<(), ErrorObject> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let is_web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let has_host = !host.is_empty() && !host.starts_with(':');
    let is_plain = !url.contains(|it: char| it.is_control() || it.is_whitespace());
    match is_web && has_host && is_plain {
        true => Ok(()),
        false => Err(ErrorObject::new(
            error_code::INVALID_PARAMS,
            "the URL of the page is not an http or https URL with a host",
        )),
    }
}

fn decode<P: DeserializeOwned>(request: &RawRequest) -> Result<P, ErrorObject> {
    mcp_core::decode_params(request.params.as_ref()).map_err(|error| {
        let message = format!("the parameters of {} cannot be decoded: {error}", request.method);
        ErrorObject::new(error_code::INVALID_PARAMS, message)
    })
}

fn json(result: &impl Serialize) -> Result<RawJson, ErrorObject> {
    RawJson::from_serialize(result).map_err(|error| internal(error.to_string()))
}

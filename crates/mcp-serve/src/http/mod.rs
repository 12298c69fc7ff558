//! Streamable HTTP as a tower service.

mod answer;
mod body;
mod event_log;
mod guard;
mod headers;
mod legacy;
mod mirrored;
mod modern;
mod random_id;
mod routes;
mod service;
mod session_table;
mod sessions;
#[cfg(feature = "sse")]
mod sse;

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, request::Parts};
use http_body_util::{BodyExt, Limited};
use mcp_core::{
    Era, ErrorObject, Message, ParseError, ParseErrorKind, ProtocolVersion, RawJson, error_code,
};
use mcp_transport::Serve;

use self::{
    guard::Guard,
    headers::{PROTOCOL_VERSION, header, refuse_media_types},
    mirrored::MirroredFields,
    session_table::SharedTable,
    sessions::Sessions,
};
use crate::version::requested_version;

#[cfg(feature = "sse")]
pub use self::sse::HttpSse;
pub use self::{
    body::Body,
    guard::{Authenticate, BearerToken, Unauthenticated},
    routes::Routes,
    session_table::SessionTable,
};

/// Serves any [`Serve`] over Streamable HTTP, in both eras at one path: a [`tower` service](tower_service::Service) for axum, hyper,
/// or any other server that calls it in a tokio runtime. The path of a request is ignored.
///
/// - A response is sent as JSON if it is the first message of the server and comes within 15 s, otherwise as an event
///   stream, with a comment after each 15 s without an event. In a session of an earlier revision, only a response that
///   is available at once is JSON, since a stream can be resumed.
/// - Revisions before 2026-07-28 have sessions: one server [for each client](Serve::for_client), a stream for messages
///   outside exchanges (GET), and streams that can be resumed for 60 s after a disconnect (`Last-Event-ID`), within 1
///   MiB of events for each stream. A session ends when the client deletes it (DELETE), 30 min after its last request,
///   or, while one of its streams is being read, after 24 h.
/// - In the modern era all clients share the server. Closing the connection cancels the request. Headers are compared
///   with the body.
/// - Requests are refused if their `Host` or `Origin` is neither this machine nor [allowed](Self::allow_host), or if
///   the body exceeds 4 MiB.
///
/// A client that does not read delays only its own streams. The HTTP server that calls this service should have a write
/// timeout, as the listener of this crate does.
///
/// ```
/// # fn routes(server: impl mcp_transport::Serve) {
/// use mcp_serve::{BearerToken, Http};
///
/// let service = Http::new(server)
///     .allow_host("mcp.example.com")
///     .authenticate(BearerToken::new("secret"));
/// // axum: Router::new().route_service("/mcp", service)
/// # let _ = service;
/// # }
/// ```
///
/// Spec: [Streamable
/// HTTP](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http)
pub struct Http<S> {
    server: Arc<S>,
    sessions: Sessions<S>,
    settings: Arc<Settings>,
}

#[derive(Clone)]
struct Settings {
    guard: Guard,
    max_body: usize,
    max_sessions: usize,
    session_timeout: Duration,
    table: Option<SharedTable>,
}

impl<S: Serve> Http<S> {
    /// Serves `server`.
    pub fn new(server: S) -> Self {
        let settings = Settings {
            guard: Guard::default(),
            max_body: 4 << 20,
            max_sessions: 10_000,
            session_timeout: Duration::from_secs(30 * 60),
            table: None,
        };
        Self { server: Arc::new(server), sessions: Sessions::new(), settings: Arc::new(settings) }
    }

    /// Allows requests to this host, such as `mcp.example.com`, in addition to those to this machine.
    #[must_use]
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.settings().guard.hosts.push(host.into());
        self
    }

    /// Allows requests to any host. Use it only for a server that browsers cannot reach, or behind a proxy that checks
    /// the host: the check protects against DNS rebinding.
    #[must_use]
    pub fn allow_any_host(mut self) -> Self {
        self.settings().guard.any_host = true;
        self
    }

    /// Allows requests from pages of this origin, such as `https://example.com`, and lets them read the responses
    /// (CORS).
    #[must_use]
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.settings().guard.origins.push(origin.into());
        self
    }

    /// Requires credentials, such as a [`BearerToken`]. Checked after host and origin, before all else. Default: all
    /// requests are allowed.
    #[must_use]
    pub fn authenticate(mut self, auth: impl Authenticate) -> Self {
        self.settings().guard.auth = Some(Arc::new(auth));
        self
    }

    /// Sets the size limit on the body of a request, in bytes. Default: 4 MiB.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.settings().max_body = bytes;
        self
    }

    /// Sets the maximum number of open sessions; further ones are refused with status 503. Default: 10,000.
    #[must_use]
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.settings().max_sessions = sessions;
        self
    }

    /// Sets the idle timeout of a session. Default: 30 min after its last request.
    #[must_use]
    pub fn session_timeout(mut self, time: Duration) -> Self {
        self.settings().session_timeout = time;
        self
    }

    /// Records the sessions of revisions before 2026-07-28 in a table that several replicas of the server share, so that
    /// each replica can serve any session. Default: none; a session belongs to the process that opened it.
    ///
    /// A replica that receives a request of a session of another replica opens the session at its own server: it repeats
    /// `initialize` with the parameters of the client. State that a server keeps in a session is not transferred, and
    /// neither are requests in flight nor events of streams. While the table is unavailable, such requests are refused
    /// with status 503.
    #[must_use]
    pub fn session_table(mut self, table: impl SessionTable) -> Self {
        self.settings().table = Some(SharedTable::new(table));
        self
    }

    fn settings(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }

    /// A service with the same server and settings over HTTP+SSE, for clients of revision 2024-11-05.
    #[cfg(feature = "sse")]
    pub fn http_sse(&self) -> HttpSse<S> {
        HttpSse::new(self.clone())
    }

    /// A service with the same settings for another server, with its own sessions and without a
    /// [table](Self::session_table) of them.
    #[must_use]
    pub fn with_server<T: Serve>(&self, server: T) -> Http<T> {
        let settings = Arc::new(Settings { table: None, ..Settings::clone(&self.settings) });
        Http { server: Arc::new(server), sessions: Sessions::new(), settings }
    }

    /// The number of open sessions.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Ends all sessions and their streams, and closes the server. Later requests open new sessions.
    pub async fn close(&self) {
        self.sessions.close().await;
        self.server.close().await;
    }

    async fn respond<B>(self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let origin = self.settings.guard.allowed_origin(&head.headers);
        let mut response = match self.settings.guard.check(&head).await {
            Some(response) => response,
            None => self.dispatch(&head, body).await,
        };
        self.settings.guard.add_cors(origin, &mut response);
        response
    }

    async fn dispatch<B>(&self, head: &Parts, body: B) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match head.method {
            Method::POST => {}
            // Boxed as all but the request of the modern era, which would enlarge its future.
            Method::GET => return Box::pin(self.open_stream(&head.headers)).await,
            Method::DELETE => return Box::pin(self.end_session(&head.headers)).await,
            _ => return answer::method_not_allowed("GET, POST, DELETE"),
        }
        if let Some(refused) = refuse_media_types(&head.headers) {
            return refused;
        }
        let body = match read_body(body, self.settings.max_body).await {
            Ok(body) => body,
            Err(refused) => return *refused,
        };
        let version = match header(&head.headers, PROTOCOL_VERSION).map(str::parse) {
            None => None,
            Some(Ok(version)) => Some(version),
            // The response lists the supported revisions.
            Some(Err(_)) if names_version(&body) => Some(ProtocolVersion::LATEST_MODERN),
            Some(Err(_)) => {
                let text = "the header mcp-protocol-version names an unsupported revision";
                return answer::refusal(StatusCode::BAD_REQUEST, text);
            }
        };
        let is_modern =
            version.is_some_and(|version: ProtocolVersion| version.era() == Era::Modern);
        let body = match is_modern {
            false => body,
            // Its parameters are validated by reading the fields that headers repeat.
            true => match mcp_core::Request::read_unvalidated(body) {
                Ok(request) => match MirroredFields::of(&request) {
                    Some(fields) => {
                        let checked = fields.checked(&request, &head.headers);
                        return self.modern_request(version, request, checked).await;
                    }
                    None => request.params.map(RawJson::into_frame).unwrap_or_default(),
                },
                Err(body) => body,
            },
        };
        let message = match Message::parse(body.clone()) {
            Ok(message) => message,
            Err(ParseError { kind: ParseErrorKind::Batch, .. }) => {
                return Box::pin(self.legacy_batch(&head.headers, body)).await;
            }
            Err(error) => return unreadable(&error),
        };
        let is_modern = is_modern
            || matches!(&message, Message::Request(it) if requested_version(it).is_some());
        match is_modern {
            true => Box::pin(self.modern(&head.headers, version, message)).await,
            false => Box::pin(self.legacy(&head.headers, message)).await,
        }
    }
}

async fn read_body<B>(body: B, limit: usize) -> Result<Bytes, Box<Response<Body>>>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => Err(Box::new(match error.is::<http_body_util::LengthLimitError>() {
            true => {
                let text = format!("the body exceeds {limit} bytes");
                answer::refusal(StatusCode::PAYLOAD_TOO_LARGE, &text)
            }
            false => answer::refusal(StatusCode::BAD_REQUEST, "the body is incomplete"),
        })),
    }
}

/// Whether the request names its revision.
fn names_version(body: &Bytes) -> bool {
    match Message::parse(body.clone()) {
        Ok(Message::Request(request)) => requested_version(&request).is_some(),
        _ => false,
    }
}

fn unreadable(error: &ParseError) -> Response<Body> {
    let code = match &error.kind {
        ParseErrorKind::Json(json) if !json.is_data() => error_code::PARSE_ERROR,
        _ => error_code::INVALID_REQUEST,
    };
    let object = ErrorObject::new(code, error.to_string());
    answer::error(StatusCode::BAD_REQUEST, error.id.clone(), object)
}

impl<S> Clone for Http<S> {
    fn clone(&self) -> Self {
        Self {
            server: Arc::clone(&self.server),
            sessions: self.sessions.clone(),
            settings: Arc::clone(&self.settings),
        }
    }
}

impl<S: Serve> fmt::Debug for Http<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("server", &self.server.name())
            .field("sessions", &self.sessions.len())
            .finish_non_exhaustive()
    }
}

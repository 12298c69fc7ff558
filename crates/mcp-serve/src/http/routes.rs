//! Several servers by path.

use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc};

use bytes::Bytes;
use futures_util::future::join_all;
#[cfg(feature = "listener")]
use http::request::Parts;
use http::{Request, Response, StatusCode};
use mcp_core::{ErrorObject, Excerpt, RawJson, error_code};
use mcp_transport::Serve;
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::{Http, answer, body::Body};

/// The first segment of the path of a named server.
const SERVERS: &str = "/servers/";

/// Serves several servers by path: a [`tower` service](tower_service::Service), which a `Listener` serves too.
///
/// The main server is at `/mcp`, and each named one at `/servers/NAME/mcp`, with its name percent-encoded. Each has its
/// own sessions. For an unknown name the response has status 404 and a JSON-RPC error whose text and `data.servers`
/// list the names; other paths have status 404 without a body.
///
/// ```
/// # fn routes(all: impl mcp_transport::Serve, weather: impl mcp_transport::Serve) {
/// use mcp_serve::{Http, Routes, mcp_transport::SharedServe};
///
/// // Servers of different types.
/// let all = Http::new(SharedServe::new(all));
/// let routes = Routes::new(all).server("weather", SharedServe::new(weather));
/// # let _ = routes;
/// # }
/// ```
pub struct Routes<S>(Arc<Table<S>>);

struct Table<S> {
    main: Served<S>,
    named: BTreeMap<Arc<str>, Served<S>>,
    path: Arc<str>,
    #[cfg(feature = "sse")]
    sse_path: Option<Arc<str>>,
}

/// One server.
struct Served<S> {
    http: Http<S>,
    #[cfg(feature = "sse")]
    sse: super::HttpSse<S>,
}

/// The protocol of a path.
#[derive(Clone, Copy)]
enum Carrier {
    Streamable,
    #[cfg(feature = "sse")]
    Sse,
}

impl<S: Serve> Routes<S> {
    /// Serves `main` at `/mcp`.
    pub fn new(main: Http<S>) -> Self {
        Self(Arc::new(Table {
            main: Served::new(main),
            named: BTreeMap::new(),
            path: "/mcp".into(),
            #[cfg(feature = "sse")]
            sse_path: None,
        }))
    }

    /// Also serves `server` at `/servers/NAME/mcp`, with the settings of the main one. The limit of sessions applies to
    /// each server. A server of the same name is replaced.
    #[must_use]
    pub fn server(mut self, name: impl Into<Arc<str>>, server: S) -> Self {
        let served = Served::new(self.0.main.http.with_server(server));
        self.table().named.insert(name.into(), served);
        self
    }

    /// Sets the path, which is also the end of the paths of named servers. Default: `/mcp`.
    #[must_use]
    pub fn path(mut self, path: impl Into<Arc<str>>) -> Self {
        self.table().path = path.into();
        self
    }

    /// Also serves HTTP+SSE at this path, such as `/sse`, and at `/servers/NAME/sse`. Default: not served.
    #[cfg(feature = "sse")]
    #[must_use]
    pub fn sse_path(mut self, path: impl Into<Arc<str>>) -> Self {
        self.table().sse_path = Some(path.into());
        self
    }

    fn table(&mut self) -> &mut Table<S> {
        Arc::make_mut(&mut self.0)
    }

    /// The names of the named servers, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.named.keys().map(|name| &**name)
    }

    /// The number of open sessions of all servers.
    pub fn sessions(&self) -> usize {
        self.all().map(|served| served.http.sessions()).sum()
    }

    /// [Closes](Http::close) all servers, concurrently.
    pub async fn close(&self) {
        join_all(self.all().map(|served| served.http.close())).await;
    }

    fn all(&self) -> impl Iterator<Item = &Served<S>> {
        std::iter::once(&self.0.main).chain(self.0.named.values())
    }

    /// Refuses a request as the servers would, or returns `None`.
    #[cfg(feature = "listener")]
    pub(crate) async fn refuse(&self, head: &Parts) -> Option<Response<Body>> {
        self.0.main.http.settings.guard.check(head).await
    }

    pub(super) async fn respond<B>(self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let path = request.uri().path();
        let mut unknown = None;
        for (end, carrier) in self.paths() {
            let served = match name_in(path, end) {
                _ if path == end => Some(&self.0.main),
                Some(name) => {
                    let served = self.0.named.get(&*name);
                    unknown = unknown.or_else(|| Some(name.into_owned()));
                    served
                }
                None => None,
            };
            if let Some(served) = served {
                return served.respond(carrier, request).await;
            }
        }
        let Some(name) = unknown else { return answer::empty(StatusCode::NOT_FOUND) };
        let (head, _) = request.into_parts();
        let guard = &self.0.main.http.settings.guard;
        let mut response = match guard.check(&head).await {
            Some(refused) => refused,
            None => self.unknown(&name),
        };
        guard.add_cors(guard.allowed_origin(&head.headers), &mut response);
        response
    }

    fn paths(&self) -> impl Iterator<Item = (&str, Carrier)> {
        let streamable = std::iter::once((&*self.0.path, Carrier::Streamable));
        #[cfg(feature = "sse")]
        let streamable = streamable.chain(self.0.sse_path.iter().map(|it| (&**it, Carrier::Sse)));
        streamable
    }

    fn unknown(&self, name: &str) -> Response<Body> {
        let names: Vec<&str> = self.names().collect();
        let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        let list = match &quoted[..] {
            [] => "there are no named servers".to_owned(),
            quoted => format!("the servers are {}", quoted.join(", ")),
        };
        let text = format!("there is no server {}: {list}", Excerpt(name));
        let error = ErrorObject::new(error_code::INVALID_REQUEST, text);
        let data = RawJson::from_serialize(&json!({ "servers": names }));
        let error = data.map_or(error.clone(), |data| error.with_data(data));
        answer::error(StatusCode::NOT_FOUND, None, error)
    }
}

impl<S: Serve> Served<S> {
    fn new(http: Http<S>) -> Self {
        Self {
            #[cfg(feature = "sse")]
            sse: http.http_sse(),
            http,
        }
    }

    async fn respond<B>(&self, carrier: Carrier, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match carrier {
            Carrier::Streamable => self.http.clone().respond(request).await,
            #[cfg(feature = "sse")]
            Carrier::Sse => self.sse.clone().respond(request).await,
        }
    }
}

/// The name in `/servers/NAME{end}`.
fn name_in<'a>(path: &'a str, end: &str) -> Option<Cow<'a, str>> {
    let name = path.strip_prefix(SERVERS)?.strip_suffix(end)?;
    let is_segment = !name.is_empty() && !name.contains('/');
    is_segment.then(|| percent_decode_str(name).decode_utf8().ok()).flatten()
}

/// The main server alone.
impl<S: Serve> From<Http<S>> for Routes<S> {
    fn from(main: Http<S>) -> Self {
        Self::new(main)
    }
}

impl<S> Clone for Routes<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> Clone for Table<S> {
    fn clone(&self) -> Self {
        Self {
            main: self.main.clone(),
            named: self.named.clone(),
            path: Arc::clone(&self.path),
            #[cfg(feature = "sse")]
            sse_path: self.sse_path.clone(),
        }
    }
}

impl<S> Clone for Served<S> {
    fn clone(&self) -> Self {
        Self {
            http: self.http.clone(),
            #[cfg(feature = "sse")]
            sse: self.sse.clone(),
        }
    }
}

impl<S: Serve> fmt::Debug for Routes<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes")
            .field("path", &self.0.path)
            .field("servers", &self.names().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

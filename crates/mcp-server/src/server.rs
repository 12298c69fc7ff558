//! The server, and the revision of each request.

use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context as TaskContext, Poll, Waker},
};

use mcp_core::{
    Era, ErrorObject, Implementation, ProtocolVersion, Request, ServerCapabilities, error_code,
    method,
};
use mcp_transport::{Envelope, Exchange, Serve};

use crate::{
    call::start,
    catalog::Catalog,
    client_state::ClientState,
    dispatch::dispatch,
    incoming::Incoming,
    params::{Params, RequestMeta, invalid_params},
};

/// An MCP server in this process, for both eras; created by [`Server::builder`].
///
/// Clones are cheap and serve the same client: revisions before 2026-07-28 have state for each connection (the
/// negotiated revision, the log level), and [`for_client`](Server::for_client) returns a server with new state.
///
/// Its [`Serve`] methods never wait: a request calls its handler, and the exchange polls the rest of the handler's
/// work.
#[derive(Clone)]
pub struct Server {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) client: Arc<ClientState>,
}

impl Server {
    /// The same server for another client.
    #[must_use]
    pub fn for_client(&self) -> Self {
        Self { catalog: Arc::clone(&self.catalog), client: Arc::default() }
    }

    /// The name and version of the server.
    pub fn info(&self) -> &Implementation {
        &self.catalog.stamp.info
    }

    /// The capabilities, derived from what was added to the server.
    pub fn capabilities(&self) -> &ServerCapabilities {
        &self.catalog.capabilities
    }

    /// Calls the handler of a request and polls its work once.
    pub(crate) fn start(&self, request: &Envelope<Request>, cx: &mut TaskContext<'_>) -> Exchange {
        start(request.message.id.clone(), cx, || dispatch(&self.catalog, &self.incoming(request)?))
    }

    fn incoming<'a>(&'a self, request: &'a Envelope<Request>) -> Result<Incoming<'a>, ErrorObject> {
        let known = self.client.known_meta();
        let read = known.as_deref().and_then(|known| {
            Some((
                Params::behind(known.json.get(), &request.message)?,
                Some(Arc::clone(&known.meta)),
            ))
        });
        let (params, meta) = match read {
            Some(read) => read,
            None => {
                let params = Params::of(&request.message)?;
                let meta = params.meta.map(|meta| self.client.meta(meta)).transpose();
                (params, meta.map_err(|error| invalid_params(error.to_string()))?)
            }
        };
        let version = self.version(request, meta.as_deref())?;
        let (request, client, stamp) = (&request.message, &self.client, &self.catalog.stamp);
        Ok(Incoming { request, params, meta, version, client, stamp })
    }

    /// The revision of a request.
    ///
    /// A request that names a revision in `_meta` belongs to the modern era, regardless of earlier requests. Any other
    /// belongs to the connection opened by `initialize`.
    ///
    /// Spec: basic/versioning#servers
    fn version(
        &self,
        request: &Envelope<Request>,
        meta: Option<&RequestMeta>,
    ) -> Result<ProtocolVersion, ErrorObject> {
        let catalog = &*self.catalog;
        let method = &*request.message.method;
        let speaks = |era| catalog.versions.iter().any(|version| version.era() == era);
        if speaks(Era::Modern) && method != method::INITIALIZE {
            let requested = meta.and_then(|meta| meta.protocol_version.as_ref());
            if let (Some(meta), Some(requested)) = (meta, requested) {
                let version = requested.parse().ok().filter(|version: &ProtocolVersion| {
                    version.era() == Era::Modern && catalog.versions.contains(version)
                });
                let version = version.ok_or_else(|| catalog.unsupported(requested))?;
                let capabilities = meta.client_capabilities.as_ref().map(|raw| raw.get());
                if !capabilities.is_some_and(|raw| raw.starts_with('{')) {
                    return Err(missing("clientCapabilities"));
                }
                return match &meta.log_level {
                    Some(level) if level.severity().is_none() => {
                        Err(invalid_params(format!("unknown log level {:?}", level.as_str())))
                    }
                    _ => Ok(version),
                };
            }
        }
        let legacy = match request.version {
            Some(version) if version.era() == Era::Legacy => Some(version),
            Some(_) => None,
            None => self.client.version(),
        };
        // Before `initialize`, only `ping` is allowed.
        let may_be_first = matches!(method, method::INITIALIZE | method::PING);
        match legacy {
            Some(version) if speaks(Era::Legacy) => Ok(version),
            _ if may_be_first => Ok(ProtocolVersion::LATEST_LEGACY),
            _ if speaks(Era::Modern) => Err(missing("protocolVersion")),
            _ => {
                let text = "the first request must be initialize";
                Err(ErrorObject::new(error_code::INVALID_REQUEST, text))
            }
        }
    }
}

/// Spec: basic/index#per-request-protocol-fields
fn missing(key: &str) -> ErrorObject {
    invalid_params(format!("missing `io.modelcontextprotocol/{key}` in `_meta`"))
}

impl Serve for Server {
    fn for_client(&self) -> Option<Self> {
        Some(self.for_client())
    }

    async fn request(&self, request: Envelope<Request>) -> Exchange {
        poll_fn(|cx| Poll::Ready(self.start(&request, cx))).await
    }

    fn try_request(&self, request: &mut Option<Envelope<Request>>) -> Option<Exchange> {
        let request = request.take()?;
        // Work that is not complete is polled again by the reader of the exchange.
        Some(self.start(&request, &mut TaskContext::from_waker(Waker::noop())))
    }

    fn name(&self) -> String {
        self.catalog.stamp.info.name.clone()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.catalog.stamp.info.name)
            .field("version", &self.catalog.stamp.info.version)
            .field("versions", &self.catalog.versions)
            .finish_non_exhaustive()
    }
}

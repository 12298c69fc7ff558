use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context as TaskContext, Poll},
};

use mcp_core::{
    Era, ErrorObject, Implementation, ProtocolVersion, RawJson, Request, ServerCapabilities,
    UnsupportedProtocolVersionData, error_code, method,
};
use mcp_transport::{Envelope, Exchange, Serve};

use crate::{
    ServerBuilder,
    call::{Run, start},
    client::Client,
    dispatch::dispatch,
    input::{Incoming, Params, RequestMeta, invalid_params},
    listing::Listing,
    resource::ReadRun,
    template::Template,
};

/// An MCP server in this process, of both eras; from [`Server::builder`].
///
/// A clone is cheap and is the same server to the same client: revisions before 2026-07-28 have state
/// for each connection (the revision agreed on, the log level), which [`for_client`](Server::for_client)
/// begins anew.
///
/// As a [`Serve`] it never waits: a request calls its handler, and what the handler does not do at once
/// is done by whoever polls the exchange.
#[derive(Clone)]
pub struct Server {
    pub(crate) shared: Arc<Shared>,
    pub(crate) client: Arc<Client>,
}

/// All that was built.
pub(crate) struct Shared {
    pub(crate) info: Implementation,
    pub(crate) instructions: Option<String>,
    pub(crate) capabilities: ServerCapabilities,
    /// What is spoken, the newest first.
    pub(crate) versions: Vec<ProtocolVersion>,
    pub(crate) tools: Listing<Run>,
    pub(crate) resources: Listing<ReadRun>,
    pub(crate) templates: Listing<(Option<Template>, ReadRun)>,
    pub(crate) prompts: Listing<Run>,
    pub(crate) completion: Option<Run>,
    pub(crate) page_size: usize,
    /// The answer to `server/discover`, always the same.
    pub(crate) discover: RawJson,
    /// The members that results since 2026-07-28 end with.
    pub(crate) tail: String,
    /// The members that lists since 2026-07-28 have besides.
    pub(crate) cache_hints: String,
}

impl Server {
    /// Begins to describe a server of this name.
    pub fn builder(name: impl Into<String>) -> ServerBuilder {
        ServerBuilder::new(name.into())
    }

    /// The same server for another client.
    #[must_use]
    pub fn for_client(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), client: Arc::default() }
    }

    /// Which program this is.
    pub fn info(&self) -> &Implementation {
        &self.shared.info
    }

    /// What it offers, as it follows from what was added to it.
    pub fn capabilities(&self) -> &ServerCapabilities {
        &self.shared.capabilities
    }

    /// Begins to answer a request, and polls what is begun once.
    pub(crate) fn start(&self, request: &Envelope<Request>, cx: &mut TaskContext<'_>) -> Exchange {
        start(request.message.id.clone(), cx, || dispatch(&self.incoming(request)?))
    }

    fn incoming<'a>(&'a self, request: &'a Envelope<Request>) -> Result<Incoming<'a>, ErrorObject> {
        let params = Params::of(&request.message)?;
        let version = self.version(request, params.meta.as_ref())?;
        Ok(Incoming { server: self, request: &request.message, params, version })
    }

    /// The revision that a request is written in.
    ///
    /// One that names a revision in `_meta` is of the modern era, whatever went before. Any other is of
    /// the connection that `initialize` opened.
    ///
    /// Spec: basic/versioning#servers
    fn version(
        &self,
        request: &Envelope<Request>,
        meta: Option<&RequestMeta<'_>>,
    ) -> Result<ProtocolVersion, ErrorObject> {
        let shared = &*self.shared;
        let method = &*request.message.method;
        let speaks = |era| shared.versions.iter().any(|version| version.era() == era);
        if speaks(Era::Modern) && method != method::INITIALIZE {
            let requested = meta.and_then(|meta| meta.protocol_version.as_ref());
            if let (Some(meta), Some(requested)) = (meta, requested) {
                let version = requested.0.parse().ok().filter(|version: &ProtocolVersion| {
                    version.era() == Era::Modern && shared.versions.contains(version)
                });
                let version = version.ok_or_else(|| self.unsupported(&requested.0))?;
                let capabilities = meta.client_capabilities.map(|raw| raw.get());
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
        // Before `initialize` there is nothing but `ping`.
        let may_be_first = matches!(method, method::INITIALIZE | method::PING);
        match legacy {
            Some(version) if speaks(Era::Legacy) => Ok(version),
            _ if may_be_first => Ok(ProtocolVersion::LATEST_LEGACY),
            _ if speaks(Era::Modern) => Err(missing("protocolVersion")),
            _ => {
                let text = "the first request has to be initialize";
                Err(ErrorObject::new(error_code::INVALID_REQUEST, text))
            }
        }
    }

    /// Spec: basic/versioning#protocol-version-negotiation
    pub(crate) fn unsupported(&self, requested: &str) -> ErrorObject {
        let versions = self.shared.versions.iter();
        let supported: Vec<String> = versions.map(ToString::to_string).collect();
        UnsupportedProtocolVersionData::new(supported, requested).into()
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

    fn name(&self) -> String {
        self.shared.info.name.clone()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.shared.info.name)
            .field("version", &self.shared.info.version)
            .field("versions", &self.shared.versions)
            .finish_non_exhaustive()
    }
}

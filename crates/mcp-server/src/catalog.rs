//! Everything that a server offers.

use std::sync::Arc;

use mcp_core::{
    ErrorObject, ProtocolVersion, RawJson, ServerCapabilities, UnsupportedProtocolVersionData,
};

use crate::{
    call::ErasedHandler, listing::Listing, reply::Stamp, resource::ErasedRead, template::Template,
};

/// Everything that a builder collected, shared by all clients of a server.
pub(crate) struct Catalog {
    pub(crate) stamp: Arc<Stamp>,
    pub(crate) instructions: Option<String>,
    pub(crate) capabilities: ServerCapabilities,
    /// The supported revisions, newest first.
    pub(crate) versions: Vec<ProtocolVersion>,
    pub(crate) tools: Listing<ErasedHandler>,
    pub(crate) resources: Listing<ErasedRead>,
    pub(crate) templates: Listing<(Option<Template>, ErasedRead)>,
    pub(crate) prompts: Listing<ErasedHandler>,
    pub(crate) completion: Option<ErasedHandler>,
    pub(crate) page_size: usize,
    /// The result of `server/discover`, which never changes.
    pub(crate) discover: RawJson,
}

impl Catalog {
    /// Spec: basic/versioning#protocol-version-negotiation
    pub(crate) fn unsupported(&self, requested: &str) -> ErrorObject {
        let supported: Vec<String> = self.versions.iter().map(ToString::to_string).collect();
        UnsupportedProtocolVersionData::new(supported, requested).into()
    }
}

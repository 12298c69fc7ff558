//! The revision named in a message.

use std::borrow::Cow;

use mcp_core::{Era, ProtocolVersion, Request, Response};
use serde::Deserialize;

/// The revision that a request names in its `_meta`, unparsed.
///
/// Spec: basic/index#per-request-protocol-fields
pub(crate) fn requested_version(request: &Request) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow, rename = "_meta")]
        meta: Meta<'a>,
    }
    #[derive(Deserialize)]
    struct Meta<'a> {
        #[serde(borrow, rename = "io.modelcontextprotocol/protocolVersion")]
        version: Cow<'a, str>,
    }
    let params: Params<'_> = request.params.as_ref()?.decode().ok()?;
    Some(params.meta.version)
}

/// The same, if it is a known revision of the modern era.
pub(crate) fn modern_version(request: &Request) -> Option<ProtocolVersion> {
    let version = requested_version(request)?.parse().ok();
    version.filter(|version: &ProtocolVersion| version.era() == Era::Modern)
}

/// The revision selected by the response to `initialize`.
pub(crate) fn negotiated_version(response: &Response) -> Option<ProtocolVersion> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Initialized<'a> {
        #[serde(borrow)]
        protocol_version: Cow<'a, str>,
    }
    let result = response.outcome.as_ref().ok()?;
    let Initialized { protocol_version } = result.decode().ok()?;
    protocol_version.parse().ok()
}

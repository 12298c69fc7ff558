//! `server/discover` and `initialize`.

use std::time::Duration;

use mcp_core::{
    CacheScope, Cacheable, DiscoverResult, Era, InitializeRequestParams, InitializeResult,
    ProtocolVersion, RawJson,
};

use crate::{
    error::RequestError,
    info::{capabilities, instructions, server_info},
    request::IncomingRequest,
};

/// Spec: server/discover
pub(crate) async fn discover(request: &IncomingRequest) -> Result<RawJson, RequestError> {
    request.group.start(&request.client).await?;
    let modern = ProtocolVersion::ALL.into_iter().filter(|it| it.era() == Era::Modern);
    let versions: Vec<String> = modern.map(|version| version.to_string()).collect();
    let mut result = DiscoverResult::new(versions, capabilities(&request.group));
    result.instructions = instructions(&request.group);
    // Servers may be added and removed.
    result.set_cache(Duration::ZERO, CacheScope::Private);
    request.result(result)
}

/// Spec: 2025-11-25 basic/lifecycle#version-negotiation
pub(crate) async fn initialize(request: &IncomingRequest) -> Result<RawJson, RequestError> {
    let params: InitializeRequestParams = request.decode()?;
    request.group.start(&request.client).await?;
    let version = params.protocol_version.parse().ok();
    let version = version.filter(|version: &ProtocolVersion| version.era() == Era::Legacy);
    let version = version.unwrap_or(ProtocolVersion::LATEST_LEGACY);
    request.client.initialized(version, params.capabilities);
    let (capabilities, info) = (capabilities(&request.group), server_info(&request.group));
    let mut result = InitializeResult::new(version.as_str(), capabilities, info);
    result.instructions = instructions(&request.group);
    request.result(result)
}

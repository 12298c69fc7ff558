//! Who the group is, and what it offers.

use std::{sync::Arc, time::Duration};

use mcp_core::{
    CacheScope, Cacheable, DiscoverResult, Era, Implementation, InitializeRequestParams,
    InitializeResult, ListCapability, ProtocolVersion, ResourcesCapability, ServerCapabilities,
};
use mcp_session::Verdict;
use serde_json::Map;

use crate::{asked::Asked, member::Member, relay::Answer, shared::Shared};

/// Spec: server/discover
pub(crate) async fn discover(asked: &Asked) -> Answer {
    asked.shared.begin().await?;
    let modern = ProtocolVersion::ALL.into_iter().filter(|it| it.era() == Era::Modern);
    let versions: Vec<String> = modern.map(|version| version.to_string()).collect();
    let mut result = DiscoverResult::new(versions, capabilities(&asked.shared));
    result.instructions = instructions(&asked.shared);
    // Servers come and go.
    result.set_cache(Duration::ZERO, CacheScope::Private);
    asked.result(result)
}

/// Spec: 2025-11-25 basic/lifecycle#version-negotiation
pub(crate) async fn initialize(asked: &Asked) -> Answer {
    let params: InitializeRequestParams = asked.decode()?;
    asked.shared.begin().await?;
    let version = params.protocol_version.parse().ok();
    let version = version.filter(|version: &ProtocolVersion| version.era() == Era::Legacy);
    let version = version.unwrap_or(ProtocolVersion::LATEST_LEGACY);
    asked.client.begin(version);
    let (capabilities, info) = (capabilities(&asked.shared), info(&asked.shared));
    let mut result = InitializeResult::new(version.as_str(), capabilities, info);
    result.instructions = instructions(&asked.shared);
    asked.result(result)
}

/// The name of the only server, or of the group.
pub(crate) fn info(shared: &Shared) -> Implementation {
    let straight = shared.straight().and_then(|member| member.verdict()?.server_info);
    straight.unwrap_or_else(|| shared.info.clone())
}

/// What any server offers; with the lists of a group, which can change at any time.
fn capabilities(shared: &Shared) -> ServerCapabilities {
    if let Some(member) = shared.straight() {
        return member.verdict().map(|verdict| verdict.capabilities).unwrap_or_default();
    }
    let members = shared.members();
    let verdicts: Vec<Option<Verdict>> = members.iter().map(|member| member.verdict()).collect();
    // One that was never there may have everything.
    let has = |offers: fn(&ServerCapabilities) -> bool| {
        verdicts.iter().any(|it| it.as_ref().is_none_or(|it| offers(&it.capabilities)))
    };
    let list = || ListCapability::new().with_list_changed(true);
    let mut capabilities = ServerCapabilities::new();
    capabilities.tools = has(|it| it.tools.is_some()).then(list);
    capabilities.prompts = has(|it| it.prompts.is_some()).then(list);
    capabilities.completions = has(|it| it.completions.is_some()).then(Map::new);
    capabilities.logging = has(|it| it.logging.is_some()).then(Map::new);
    if has(|it| it.resources.is_some()) {
        let subscribe = has(crate::listening::can_subscribe);
        let mut resources = ResourcesCapability::new().with_list_changed(true);
        resources.subscribe = subscribe.then_some(true);
        capabilities.resources = Some(resources);
    }
    capabilities
}

/// What each server says of its use, under its name.
fn instructions(shared: &Shared) -> Option<String> {
    let of = |member: &Arc<Member>| member.verdict()?.instructions;
    if let Some(member) = shared.straight() {
        return of(&member);
    }
    let members = shared.members();
    let parts = members.iter().filter_map(|member| {
        let text = of(member).filter(|text| !text.trim().is_empty())?;
        Some(format!("## {}\n\n{}", member.name, text.trim()))
    });
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

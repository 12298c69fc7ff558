//! Identity, capabilities and instructions of a group.

use std::sync::Arc;

use mcp_core::{Implementation, ListCapability, ResourcesCapability, ServerCapabilities};
use mcp_session::Verdict;
use serde_json::Map;

use crate::{member::Member, resource_subscription::can_subscribe, state::GroupState};

/// The name of the only server, or of the group.
pub(crate) fn server_info(group: &GroupState) -> Implementation {
    let of_server = group.sole_server().and_then(|member| member.verdict()?.server_info);
    of_server.unwrap_or_else(|| group.info.clone())
}

/// The union of the servers' capabilities, with lists that can change at any time.
pub(crate) fn capabilities(group: &GroupState) -> ServerCapabilities {
    if let Some(member) = group.sole_server() {
        return member.verdict().map(|verdict| verdict.capabilities).unwrap_or_default();
    }
    let members = group.members();
    let verdicts: Vec<Option<Verdict>> = members.iter().map(|member| member.verdict()).collect();
    // A server that was never connected may have any capability.
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
        let mut resources = ResourcesCapability::new().with_list_changed(true);
        resources.subscribe = has(can_subscribe).then_some(true);
        capabilities.resources = Some(resources);
    }
    capabilities
}

/// The instructions of each server, under its name.
pub(crate) fn instructions(group: &GroupState) -> Option<String> {
    let of = |member: &Arc<Member>| member.verdict()?.instructions;
    if let Some(member) = group.sole_server() {
        return of(&member);
    }
    let members = group.members();
    let parts = members.iter().filter_map(|member| {
        let text = of(member).filter(|text| !text.trim().is_empty())?;
        Some(format!("## {}\n\n{}", member.name, text.trim()))
    });
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

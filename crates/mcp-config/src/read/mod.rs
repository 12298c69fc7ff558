//! Reads an entry of a document as a [`Server`].

mod auth;
mod foreign;
mod nested;
mod oauth;
mod references;
mod target;
mod timeouts;
mod tools;

use serde_json::Value;

use crate::error::Finding;
use crate::fields::{Fields, kind};
use crate::manner::Manner;
use crate::path::Path;
use crate::server::{ProtocolEra, Server, Stdio, Target};
use crate::suggest;
use crate::{Application, ProblemKind};

pub(crate) use target::check_url;

/// The server of an entry, unless a finding is fatal.
pub(crate) fn server(
    entry: &Value,
    manner: Manner,
    path: Path,
    findings: &mut Vec<Finding>,
) -> Option<Server> {
    let Value::Object(map) = entry else {
        let message = format!("found {}, expected an object", kind(entry));
        findings.push(Finding { kind: ProblemKind::Invalid, path, message });
        return None;
    };
    let before = findings.len();
    references::check(entry, manner, &path, findings);
    let mut fields = Fields::new(map.clone(), path, findings);
    nested::flatten(&mut fields);
    let target = target::read(&mut fields, manner);
    let mut server = Server::new(target.unwrap_or(Target::Stdio(Stdio::default())));
    timeouts::read(&mut fields, manner, &mut server);
    server.keep_alive = fields.flag(&["keep_alive", "keepAlive"]);
    server.disabled = is_disabled(&mut fields);
    server.always_allow = fields.texts(&["alwaysAllow", "autoApprove"]).unwrap_or_default();
    tools::read(&mut fields, manner, &mut server);
    server.protocol_era = era(&mut fields);
    server.protocol_version = version(&mut fields);
    server.description = fields.text(&["description"]);
    server.icon = fields.text(&["icon", "logoUrl", "faviconUrl"]);
    let is_fatal = |finding: &Finding| finding.kind != ProblemKind::Doubtful;
    let is_usable = !fields.findings()[before..].iter().any(is_fatal);
    foreign::check(&mut fields, is_usable);
    server.extra = fields.into_rest();
    is_usable.then_some(server)
}

/// Each application has its own flag to disable a server; any one of them is enough.
fn is_disabled(fields: &mut Fields<'_>) -> bool {
    let off = ["disabled", "disable"].map(|name| fields.flag(&[name]) == Some(true));
    let on = ["enabled", "isActive", "is_active"].map(|name| fields.flag(&[name]) == Some(false));
    off.contains(&true) || on.contains(&true)
}

fn era(fields: &mut Fields<'_>) -> Option<ProtocolEra> {
    let name = ["protocolEra", "versionNegotiation", "protocol"]
        .into_iter()
        .find(|name| fields.has(name))?;
    let path = fields.at(name);
    let written = fields.text(&[name])?;
    match &*written {
        "legacy" => Some(ProtocolEra::Legacy),
        "auto" => Some(ProtocolEra::Auto),
        "modern" => Some(ProtocolEra::Modern),
        // Hermes probes for the modern era first and falls back.
        "stateless" if name == "protocol" => Some(ProtocolEra::Auto),
        _ => {
            let hint = suggest::hint(&written, ["legacy", "auto", "modern"]);
            fields
                .invalid(path, format!("found {written:?}, expected legacy, auto or modern{hint}"));
            None
        }
    }
}

fn version(fields: &mut Fields<'_>) -> Option<String> {
    let name = ["protocolVersion", "protocol_version"].into_iter().find(|name| fields.has(name))?;
    let path = fields.at(name);
    let written = fields.text(&[name])?;
    let parts: Vec<&str> = written.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let is_digits = parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if lengths == [4, 2, 2] && is_digits {
        return Some(written);
    }
    fields.invalid(path, format!("found {written:?}, expected a revision such as \"2025-06-18\""));
    None
}

/// The application whose time unit or spelling applies.
fn name_of(manner: Manner) -> &'static str {
    manner.application.map_or("this file", Application::name)
}

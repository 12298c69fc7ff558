//! Sample values for every definition, built with the public API and with all members set.

mod client;
mod common;
mod forms;
mod messages;
mod server;
mod tasks;

use mcp_core::*;
use serde::Serialize;
use serde_json::{Map, Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Revision {
    /// 2025-11-25.
    Legacy,
    /// 2026-07-28.
    Modern,
}

impl Revision {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Legacy => ProtocolVersion::LATEST_LEGACY.as_str(),
            Self::Modern => ProtocolVersion::LATEST_MODERN.as_str(),
        }
    }
}

/// A value that must be valid for a definition in some revisions.
pub(crate) struct Case {
    pub(crate) definition: &'static str,
    pub(crate) revisions: &'static [Revision],
    pub(crate) value: Value,
}

pub(crate) fn values() -> Vec<Case> {
    let mut values = Values(Vec::new());
    common::add(&mut values);
    server::add(&mut values);
    client::add(&mut values);
    forms::add(&mut values);
    tasks::add(&mut values);
    messages::add(&mut values);
    values.0
}

struct Values(Vec<Case>);

impl Values {
    fn add(
        &mut self,
        revisions: &'static [Revision],
        definition: &'static str,
        value: impl Serialize,
    ) {
        let value = serde_json::to_value(value).unwrap();
        self.0.push(Case { definition, revisions, value });
    }

    fn both(&mut self, definition: &'static str, value: impl Serialize) {
        self.add(&[Revision::Legacy, Revision::Modern], definition, value);
    }

    fn legacy(&mut self, definition: &'static str, value: impl Serialize) {
        self.add(&[Revision::Legacy], definition, value);
    }

    fn modern(&mut self, definition: &'static str, value: impl Serialize) {
        self.add(&[Revision::Modern], definition, value);
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}

fn any_meta() -> Meta {
    Meta::new().with("com.example/key", json!({"deep": [1, "two", true]}))
}

/// The required and optional metadata of a modern request.
fn request_meta() -> Meta {
    any_meta()
        .with_protocol_version(Revision::Modern.name())
        .with_client_capabilities(ClientCapabilities::new().with_roots(RootsCapability::new()))
        .with_client_info(implementation())
        .with_log_level(LoggingLevel::Warning)
        .with_progress_token("token-1")
}

fn result_meta() -> Meta {
    any_meta().with_server_info(implementation())
}

fn notification_meta() -> Meta {
    any_meta().with_subscription_id("listen-1")
}

fn implementation() -> Implementation {
    Implementation::new("bookshop", "1.2.3")
        .with_title("Bookshop")
        .with_description("Sells books")
        .with_icons([icon()])
        .with_website_url("https://example.com")
}

fn icon() -> Icon {
    Icon::new("https://example.com/icon.png")
        .with_mime_type("image/png")
        .with_sizes(["48x48".to_owned(), "any".to_owned()])
        .with_theme(IconTheme::Dark)
}

fn annotations() -> Annotations {
    Annotations::new()
        .with_audience([Role::User, Role::Assistant])
        .with_last_modified("2025-01-12T15:00:58Z")
        .with_priority(0.5)
}

fn cached<T: Cacheable + ServerResult>(mut result: T) -> T {
    result.set_cache(std::time::Duration::from_secs(60), CacheScope::Public);
    complete(result)
}

fn complete<T: ServerResult>(mut result: T) -> T {
    result.set_result_type(Some(ResultType::Complete));
    *result.meta_mut() = Some(result_meta());
    result
}

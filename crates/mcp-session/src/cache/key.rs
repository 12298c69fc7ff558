use std::{borrow::Cow, collections::BTreeMap};

use mcp_core::{Meta, meta_key, method};
use serde::Deserialize;
use serde_json::Value;

/// Spec: ext-skills skills#listing-skills
const SKILLS_LIST: &str = "skills/list";

/// The kinds of cached results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Tools,
    Prompts,
    Resources,
    Templates,
    /// Of the skills extension. A skill is a resource.
    Skills,
    Reads,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] =
        [Self::Tools, Self::Prompts, Self::Resources, Self::Templates, Self::Skills, Self::Reads];

    pub(crate) fn of(method: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.method() == method)
    }

    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Tools => method::TOOLS_LIST,
            Self::Prompts => method::PROMPTS_LIST,
            Self::Resources => method::RESOURCES_LIST,
            Self::Templates => method::RESOURCES_TEMPLATES_LIST,
            Self::Skills => SKILLS_LIST,
            Self::Reads => method::RESOURCES_READ,
        }
    }
}

/// Identifies a request whose result is cached: the method and the relevant parameters.
///
/// Spec: server/utilities/caching#cache-key
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct CacheKey {
    pub(crate) kind: Kind,
    /// The cursor of a page after the first, or the URI to read.
    pub(crate) target: Option<String>,
    /// The caller's `_meta` members that may influence the result.
    meta: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known<'a> {
    #[serde(default, borrow)]
    cursor: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    uri: Option<Cow<'a, str>>,
    #[serde(default, rename = "_meta")]
    meta: Option<Meta>,
}

impl CacheKey {
    /// The key of a request with these parameters, and a separate `_meta`. `None` if there are unknown members: the
    /// result may depend on data that must not be cached, such as user input.
    pub(crate) fn new(kind: Kind, params: &[u8], meta_apart: Option<&Meta>) -> Option<Self> {
        let Known { cursor, uri, meta } = serde_json::from_slice(params).ok()?;
        let target = match (kind, cursor, uri) {
            (Kind::Reads, None, Some(uri)) => Some(uri),
            (Kind::Reads, ..) | (_, _, Some(_)) => return None,
            (_, cursor, None) => cursor,
        };
        let metas = [meta.as_ref(), meta_apart].into_iter().flatten();
        let relevant: BTreeMap<&str, &Value> = metas
            .flat_map(|meta| meta.iter())
            .map(|(key, value)| (&**key, value))
            .filter(|(key, _)| !is_irrelevant(key))
            .collect();
        let meta = match relevant.is_empty() {
            true => String::new(),
            false => serde_json::to_string(&relevant).ok()?,
        };
        Some(Self { kind, target: target.map(Cow::into_owned), meta })
    }

    /// The key as text, for a store.
    pub(crate) fn parts(&self) -> [Option<&str>; 3] {
        [Some(self.kind.method()), self.target.as_deref(), Some(&self.meta)]
    }

    pub(crate) fn bytes(&self) -> usize {
        self.target.as_ref().map_or(0, String::len) + self.meta.len()
    }
}

/// Whether a `_meta` key has no influence on the result.
fn is_irrelevant(key: &str) -> bool {
    use meta_key as known;
    [
        known::PROTOCOL_VERSION,
        known::CLIENT_CAPABILITIES,
        known::CLIENT_INFO,
        known::LOG_LEVEL,
        known::PROGRESS_TOKEN,
        known::TRACEPARENT,
        known::TRACESTATE,
        known::BAGGAGE,
    ]
    .contains(&key)
}

/// Whether the URIs are equal or one is below the other.
pub(crate) fn is_related(one: &str, other: &str) -> bool {
    let below = |above: &str, uri: &str| {
        let above = above.trim_end_matches('/');
        uri.strip_prefix(above)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
    };
    below(one, other) || below(other, one)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn key(kind: Kind, params: Value) -> Option<CacheKey> {
        CacheKey::new(kind, params.to_string().as_bytes(), None)
    }

    #[test]
    fn only_known_parameters_are_part_of_a_key() {
        let first = key(Kind::Tools, json!({})).unwrap();
        assert_eq!(key(Kind::Tools, json!({ "cursor": null })).unwrap(), first);
        assert_ne!(key(Kind::Tools, json!({ "cursor": "" })).unwrap(), first);
        assert_ne!(key(Kind::Prompts, json!({})).unwrap(), first);
        let read = key(Kind::Reads, json!({ "uri": "a://b" })).unwrap();
        assert_eq!(read.target.as_deref(), Some("a://b"));
        for (kind, params) in [
            (Kind::Reads, json!({})),
            (Kind::Reads, json!({ "uri": 1 })),
            (Kind::Reads, json!({ "uri": "a://b", "requestState": "s" })),
            (Kind::Reads, json!({ "uri": "a://b", "inputResponses": {} })),
            (Kind::Reads, json!({ "uri": "a://b", "cursor": "c" })),
            (Kind::Tools, json!({ "uri": "a://b" })),
            (Kind::Tools, json!({ "filter": "b" })),
        ] {
            assert_eq!(key(kind, params.clone()), None, "{params}");
        }
    }

    #[test]
    fn relevant_meta_members_are_part_of_the_key() {
        let plain = key(Kind::Tools, json!({})).unwrap();
        let irrelevant = json!({ "progressToken": 1, "traceparent": "00", "io.modelcontextprotocol/logLevel": "debug" });
        assert_eq!(key(Kind::Tools, json!({ "_meta": irrelevant })).unwrap(), plain);
        let one = key(Kind::Tools, json!({ "_meta": { "version": 1 } })).unwrap();
        let two = key(Kind::Tools, json!({ "_meta": { "version": 2 } })).unwrap();
        assert!(one != two && one != plain);
        let apart = Meta::new().with("version", 2);
        assert_eq!(CacheKey::new(Kind::Tools, b"{}", Some(&apart)).unwrap(), two);
    }

    #[test]
    fn uris_are_related_along_their_paths() {
        for (one, other, related) in [
            ("file:///a", "file:///a", true),
            ("file:///a", "file:///a/", true),
            ("file:///a", "file:///a/b/c", true),
            ("file:///a/b", "file:///a", true),
            ("db://t", "db://t?row=1", true),
            ("db://t", "db://t#1", true),
            ("file:///a", "file:///ab", false),
            ("file:///a/b", "file:///a/c", false),
            ("db://t", "file:///t", false),
        ] {
            assert_eq!(is_related(one, other), related, "{one} {other}");
        }
    }
}

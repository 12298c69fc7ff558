//! The server's description in the opening result, decoded leniently: only the revision is required.

use mcp_core::{
    DiscoverResult, Excerpt, Implementation, InitializeResult, MethodResult as _, RawJson,
    ServerCapabilities,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::Verdict;

/// The server's description of itself.
pub(super) struct Offer {
    /// The supported revisions, or the one of the session.
    pub(super) versions: Vec<String>,
    server_info: Option<Implementation>,
    capabilities: ServerCapabilities,
    instructions: Option<String>,
}

impl Offer {
    /// The verdict for a server with this description.
    pub(super) fn into_verdict(self, mut verdict: Verdict) -> Verdict {
        verdict.server_info = self.server_info;
        verdict.capabilities = self.capabilities;
        verdict.instructions = self.instructions;
        verdict
    }

    /// Spec: server/discover
    pub(super) fn discovered(raw: &RawJson) -> Result<Self, serde_json::Error> {
        match DiscoverResult::decode(raw) {
            Ok(result) => Ok(Self {
                server_info: result.server_info(),
                versions: result.supported_versions,
                capabilities: result.capabilities,
                instructions: result.instructions,
            }),
            Err(error) => Self::leniently(raw, error, |fields| {
                let is_complete = matches!(fields.get("resultType"), None | Some(Value::Null))
                    || fields.get("resultType").is_some_and(|kind| kind == "complete");
                let versions = fields.get("supportedVersions")?.as_array()?;
                is_complete.then(|| versions.iter().filter_map(text).collect())
            }),
        }
    }

    /// Spec: 2025-11-25 basic/lifecycle#initialization
    pub(super) fn initialized(raw: &RawJson) -> Result<Self, serde_json::Error> {
        match InitializeResult::decode_in(raw, mcp_core::ProtocolVersion::LATEST_LEGACY) {
            Ok(result) => Ok(Self {
                versions: vec![result.protocol_version],
                server_info: Some(result.server_info),
                capabilities: result.capabilities,
                instructions: result.instructions,
            }),
            Err(error) => Self::leniently(raw, error, |fields| {
                Some(vec![fields.get("protocolVersion").and_then(text)?])
            }),
        }
    }

    fn leniently(
        raw: &RawJson,
        error: serde_json::Error,
        versions: impl FnOnce(&Map<String, Value>) -> Option<Vec<String>>,
    ) -> Result<Self, serde_json::Error> {
        let Ok(fields) = raw.decode::<Map<String, Value>>() else { return Err(error) };
        let Some(versions) = versions(&fields) else { return Err(error) };
        let reason = error.to_string();
        tracing::warn!(error = %Excerpt(&reason), "some members of the server's opening result cannot be decoded");
        let meta = fields.get("_meta").and_then(Value::as_object);
        let of_meta = meta.and_then(|meta| meta.get(mcp_core::meta_key::SERVER_INFO));
        Ok(Self {
            versions,
            server_info: fields.get("serverInfo").or(of_meta).and_then(server_info),
            capabilities: fields.get("capabilities").map(capabilities).unwrap_or_default(),
            instructions: fields.get("instructions").and_then(text),
        })
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Decodes through the text, so that each type has one decoder.
fn decode<T: DeserializeOwned>(value: &impl Serialize) -> Option<T> {
    RawJson::from_serialize(value).ok()?.decode().ok()
}

fn server_info(value: &Value) -> Option<Implementation> {
    decode::<Implementation>(value).or_else(|| {
        let name = value.get("name").and_then(text)?;
        let version = value.get("version").and_then(text).unwrap_or_default();
        Some(Implementation::new(name, version))
    })
}

/// All capabilities that can be decoded. One of another type counts as present without details, unless it is false.
fn capabilities(value: &Value) -> ServerCapabilities {
    let Some(all) = value.as_object() else { return ServerCapabilities::default() };
    let read = |name: &str, value: &Value| {
        let alone = Map::from_iter([(name.to_owned(), value.clone())]);
        decode::<ServerCapabilities>(&alone).is_some()
    };
    let plain = || Value::Object(Map::new());
    let readable = all.iter().filter_map(|(name, value)| match value {
        value if read(name, value) => Some((name.clone(), value.clone())),
        Value::Null | Value::Bool(false) => None,
        _ => read(name, &plain()).then(|| (name.clone(), plain())),
    });
    decode(&readable.collect::<Map<_, _>>()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn raw(value: Value) -> RawJson {
        RawJson::from_serialize(&value).unwrap()
    }

    #[test]
    fn an_invalid_field_does_not_affect_others() {
        let result = json!({
            "supportedVersions": ["2026-07-28", 7],
            "capabilities": {
                "tools": { "listChanged": "yes" }, "prompts": true, "logging": false,
                "resources": { "subscribe": true }, "x": 1,
            },
            "ttlMs": 1.5, "cacheScope": 7, "instructions": ["no text"],
            "_meta": { "io.modelcontextprotocol/serverInfo": { "name": "shop" } },
        });
        let offer = Offer::discovered(&raw(result)).unwrap();
        assert_eq!(offer.versions, ["2026-07-28"]);
        assert_eq!(offer.server_info.unwrap().name, "shop");
        assert!(offer.capabilities.tools.is_some() && offer.capabilities.prompts.is_some());
        assert!(offer.capabilities.logging.is_none());
        assert_eq!(offer.capabilities.resources.unwrap().subscribe, Some(true));
        assert_eq!(offer.instructions, None);

        let result = json!({ "protocolVersion": "2025-06-18", "resultType": 7 });
        let offer = Offer::initialized(&raw(result)).unwrap();
        assert_eq!((offer.versions[0].as_str(), offer.server_info), ("2025-06-18", None));
    }

    #[test]
    fn the_revision_is_required() {
        for result in [json!({}), json!([]), json!({ "supportedVersions": "2026-07-28" })] {
            assert!(Offer::discovered(&raw(result.clone())).is_err(), "{result}");
            assert!(Offer::initialized(&raw(result)).is_err());
        }
        let other = json!({ "supportedVersions": ["2026-07-28"], "resultType": "input_required" });
        assert!(Offer::discovered(&raw(other)).is_err());
    }
}

use super::{
    CacheScope, ClientCapabilities, Implementation, Meta, ResultType, ServerCapabilities,
    meta::with_meta,
    results::{cacheable, server_result},
};

wire_struct! {
    /// Parameters of `initialize`. Until 2025-11-25.
    ///
    /// Spec: 2025-11-25 basic/lifecycle#initialization
    pub struct InitializeRequestParams {
        required {
            /// The newest revision that the client speaks.
            protocol_version: String = "protocolVersion";
            /// What it can do.
            capabilities: ClientCapabilities = "capabilities";
            /// Which program it is.
            client_info: Implementation = "clientInfo";
        }
        optional {
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// The answer to `initialize`. Until 2025-11-25.
    ///
    /// Spec: 2025-11-25 basic/lifecycle#initialization
    pub struct InitializeResult {
        required {
            /// The revision that is spoken from here on; [`str::parse`] makes a
            /// [`ProtocolVersion`](crate::ProtocolVersion) of it.
            protocol_version: String = "protocolVersion";
            /// What the server offers.
            capabilities: ServerCapabilities = "capabilities";
            /// Which program it is.
            server_info: Implementation = "serverInfo";
        }
        optional {
            /// How to use the server, for models.
            instructions: String = "instructions", with_instructions;
            /// Not a member of these revisions; kept where a server sends it.
            result_type: ResultType = "resultType", with_result_type;
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// The answer to `server/discover`. Since 2026-07-28.
    ///
    /// Spec: server/discover
    pub struct DiscoverResult {
        required {
            /// The revisions that the server speaks in this way.
            supported_versions: Vec<String> = "supportedVersions";
            /// What it offers.
            capabilities: ServerCapabilities = "capabilities";
        }
        optional {
            /// How to use the server, for models.
            instructions: String = "instructions", with_instructions;
            /// Milliseconds for which the result is fresh; see [`Cacheable`](super::Cacheable).
            ttl_ms: i64 = "ttlMs" via Integer, with_ttl_ms;
            /// Who may share it.
            cache_scope: CacheScope = "cacheScope", with_cache_scope;
            /// Always `complete`.
            result_type: ResultType = "resultType", with_result_type;
            /// Holds which program answers; see [`server_info`](Self::server_info).
            meta: Meta = "_meta", with_meta;
        }
    }
}

impl DiscoverResult {
    /// Which program answers: from `_meta`, or from a member `serverInfo` as drafts had it.
    pub fn server_info(&self) -> Option<Implementation> {
        self.meta
            .as_ref()
            .and_then(Meta::server_info)
            .or_else(|| serde::Deserialize::deserialize(self.extra.get("serverInfo")?).ok())
    }
}

with_meta!(InitializeRequestParams);
server_result!(InitializeResult, DiscoverResult);
cacheable!(DiscoverResult);

use super::{
    CacheScope, ClientCapabilities, Implementation, Meta, ResultType, ServerCapabilities,
    meta::with_meta,
    results::{cacheable, server_result},
};
use crate::rpc::from_value;

wire_struct! {
    /// Parameters of `initialize`. Until 2025-11-25.
    ///
    /// Spec:
    /// [Initialization](https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#initialization)
    pub struct InitializeRequestParams {
        required {
            /// The latest protocol version that the client supports.
            protocol_version: String = "protocolVersion";
            /// The capabilities of the client.
            capabilities: ClientCapabilities = "capabilities";
            /// The name and version of the client.
            client_info: Implementation = "clientInfo";
        }
        optional {
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// The result of `initialize`. Until 2025-11-25.
    ///
    /// Spec:
    /// [Initialization](https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#initialization)
    pub struct InitializeResult {
        required {
            /// The protocol version of the session. [`str::parse`] converts it into a
            /// [`ProtocolVersion`](crate::ProtocolVersion).
            protocol_version: String = "protocolVersion";
            /// The capabilities of the server.
            capabilities: ServerCapabilities = "capabilities";
            /// The name and version of the server.
            server_info: Implementation = "serverInfo";
        }
        optional {
            /// Instructions for models on how to use the server.
            instructions: String = "instructions", with_instructions;
            /// The kind of the result. Not part of these revisions; stored if a server sends it.
            result_type: ResultType = "resultType", with_result_type;
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// The result of `server/discover`. Since 2026-07-28.
    ///
    /// Spec: [Discovery](https://modelcontextprotocol.io/specification/2026-07-28/server/discover)
    pub struct DiscoverResult {
        required {
            /// The modern protocol versions that the server supports.
            supported_versions: Vec<String> = "supportedVersions";
            /// The capabilities of the server.
            capabilities: ServerCapabilities = "capabilities";
        }
        optional {
            /// Instructions for models on how to use the server.
            instructions: String = "instructions", with_instructions;
            /// How long the result is fresh, in milliseconds; see [`Cacheable`](super::Cacheable). Since
            /// 2026-07-28.
            ttl_ms: i64 = "ttlMs" via Milliseconds, with_ttl_ms;
            /// Who may share the cached result. Since 2026-07-28.
            cache_scope: CacheScope = "cacheScope" via Hint, with_cache_scope;
            /// Always `complete`.
            result_type: ResultType = "resultType", with_result_type;
            /// Metadata with the name and version of the server; see [`server_info`](Self::server_info).
            meta: Meta = "_meta", with_meta;
        }
    }
}

impl DiscoverResult {
    /// The name and version of the server: from `_meta`, or from a member `serverInfo`, as in drafts of the
    /// revision.
    pub fn server_info(&self) -> Option<Implementation> {
        self.meta
            .as_ref()
            .and_then(Meta::server_info)
            .or_else(|| from_value(self.extra.get("serverInfo")?).ok())
    }
}

with_meta!(InitializeRequestParams);
server_result!(InitializeResult, DiscoverResult);
cacheable!(DiscoverResult);

use super::{LenientList, Meta, RequestParams, meta::with_meta, sampling::client_result};

wire_struct! {
    /// A directory or file that a server may work in. Deprecated since 2026-07-28.
    ///
    /// Spec: [Root](https://modelcontextprotocol.io/specification/2026-07-28/client/roots#root)
    pub struct Root {
        required {
            /// A `file://` URI. Not parsed.
            uri: String = "uri";
        }
        optional {
            /// The human-readable name.
            name: String = "name", with_name;
            /// Metadata. Since 2025-06-18.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// The result of `roots/list`, sent by the client. Deprecated since 2026-07-28.
    ///
    /// Spec: [Roots](https://modelcontextprotocol.io/specification/2026-07-28/client/roots)
    pub struct ListRootsResult {
        required {
            /// The roots.
            roots: LenientList<Root> = "roots";
        }
        optional {
            /// Metadata. Until 2025-11-25.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// A `roots/list` request in an [`InputRequiredResult`](super::InputRequiredResult). Since 2026-07-28,
    /// deprecated.
    ///
    /// Spec: [Roots](https://modelcontextprotocol.io/specification/2026-07-28/client/roots)
    #[derive(Default)]
    pub struct ListRootsRequest {
        tag "method" = "roots/list";
        optional {
            /// The parameters.
            params: RequestParams = "params", with_params;
        }
    }
}

with_meta!(ListRootsResult);
client_result!(ListRootsResult);

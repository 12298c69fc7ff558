use super::{List, Meta, RequestParams, meta::with_meta, sampling::client_result};

wire_struct! {
    /// A folder or file that a server may work in. Deprecated since 2026-07-28.
    ///
    /// Spec: client/roots#root
    pub struct Root {
        required {
            /// A `file://` URI. Not parsed.
            uri: String = "uri";
        }
        optional {
            /// Its name for people.
            name: String = "name", with_name;
            /// Since 2025-06-18.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// The client's answer to `roots/list`.
    pub struct ListRootsResult {
        required {
            /// The roots.
            roots: List<Root> = "roots";
        }
        optional {
            /// Until 2025-11-25.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// A `roots/list` inside an [`InputRequiredResult`](super::InputRequiredResult).
    #[derive(Default)]
    pub struct ListRootsRequest {
        tag "method" = "roots/list";
        optional {
            /// Nothing but `_meta`.
            params: RequestParams = "params", with_params;
        }
    }
}

with_meta!(ListRootsResult);
client_result!(ListRootsResult);

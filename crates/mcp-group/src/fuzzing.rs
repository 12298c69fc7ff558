//! URIs of groups, for fuzzing alone.

/// The URI of a server as its group shows it.
pub fn expose(server: &str, uri: &str) -> String {
    crate::uri::expose(server, uri)
}

/// The server and its own URI, of a URI that a group showed.
pub fn original(uri: &str) -> Option<(String, String)> {
    crate::uri::original(uri)
}

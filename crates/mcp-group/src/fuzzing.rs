//! URIs of groups, for fuzzing only.

/// The group's URI for a URI of a server.
pub fn expose(server: &str, uri: &str) -> String {
    crate::uri::expose(server, uri)
}

/// The server and its original URI for a URI of the group.
pub fn original(uri: &str) -> Option<(String, String)> {
    crate::uri::original(uri)
}

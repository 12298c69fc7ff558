//! Settings of a client.

use crate::support::repository;

/// Session options whose client setters have another name.
const RENAMED: [(&str, &str); 2] =
    [("extensions", "extension"), ("output_checks", "validate_output")];

#[test]
fn every_option_of_a_session_has_a_setter_of_a_client() {
    let read = |path: &str| std::fs::read_to_string(repository().join(path)).unwrap();
    let options = read("crates/mcp-session/src/options.rs");
    let settings = read("crates/mcp-client/src/client/settings.rs");
    let fields = options.split("pub struct SessionOptions {").nth(1).unwrap();
    let fields = fields.split("\n}").next().unwrap().lines();
    let names: Vec<&str> = fields
        .filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':').map(|(name, _)| name))
        .collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        let setter = RENAMED.iter().find(|(option, _)| *option == name).map_or(name, |it| it.1);
        let is_there = [format!("pub fn {setter}("), format!("pub fn {setter}<")]
            .iter()
            .any(|signature| settings.contains(signature));
        assert!(is_there, "Client::{setter}");
    }
}

/// Spec: basic/transports#custom-transports
#[test]
fn a_transport_of_our_own_documents_connection_framing_and_cancellation() {
    let path = "crates/mcp-transport-memory/src/lib.rs";
    let text = std::fs::read_to_string(repository().join(path)).unwrap();
    for topic in ["Connection", "Framing", "Cancellation"] {
        let line = format!("//! - {topic}: ");
        let documented = text.lines().find_map(|it| it.strip_prefix(&*line));
        assert!(documented.is_some_and(|text| text.len() > 10), "{topic}");
    }
}

//! URIs of a group: a round trip for any server and any URI, and no panic for any text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_group::fuzzing::{expose, original};

fuzz_target!(|input: (&str, &str)| {
    let (server, uri) = input;
    let shown = expose(server, uri);
    assert_eq!(original(&shown), Some((server.to_owned(), uri.to_owned())));
    if let Some((server, uri)) = original(uri) {
        assert!(!server.is_empty() || shown.contains('%'));
        assert_eq!(original(&expose(&server, &uri)), Some((server, uri)));
    }
});

//! Challenges in `WWW-Authenticate`: any text parses to its end, every parsed part is part of the text, and valid text
//! parses as with `http-auth`.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// Maximum number of parsed challenges.
const MAX_CHALLENGES: usize = 16;

fuzz_target!(|text: &str| {
    let challenges = mcp_http::challenge::parse(text);
    for challenge in &challenges {
        assert!(!challenge.scheme.is_empty() && text.contains(&challenge.scheme));
        for (name, value) in &challenge.params {
            assert!(!name.is_empty() && value.len() <= text.len());
        }
    }
    mcp_auth::fuzzing::challenge(text.as_bytes());
    let Ok(expected) = http_auth::parse_challenges(text) else { return };
    let expected: Vec<_> = expected
        .iter()
        .take(MAX_CHALLENGES)
        .map(|it| {
            let params = it.params.iter();
            let params =
                params.map(|(name, value)| (name.to_ascii_lowercase(), value.to_unescaped()));
            (it.scheme.to_owned(), params.collect::<Vec<_>>())
        })
        .collect();
    let found: Vec<_> = challenges.into_iter().map(|it| (it.scheme, it.params)).collect();
    assert_eq!(found, expected);
});

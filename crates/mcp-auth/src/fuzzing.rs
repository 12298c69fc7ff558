//! Decoders of input from peers and files, for fuzzing only.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header::WWW_AUTHENTICATE};

use crate::agent::redirect::Redirect;
use crate::discovery::fetch::{Fetched, read};
use crate::discovery::resource::ResourceMetadata;
use crate::discovery::server::ServerMetadata;
use crate::flow::challenge::Challenged;
use crate::identity::registered::Identity;
use crate::secret::Secret;
use crate::token::response;
use crate::token::set::Tokens;

/// Parses a challenge.
pub fn challenge(value: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(value) {
        let headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, value)]);
        let _ = Challenged::of(StatusCode::UNAUTHORIZED, &headers);
    }
}

/// Parses the metadata of a server and of an authorization server.
pub fn metadata(body: &[u8]) {
    let _ = read::<ResourceMetadata>(body);
    let _ = read::<ServerMetadata>(body);
}

/// Parses the response of a token endpoint. Returns whether it has a token that can be sent in a header.
pub fn token_answer(status: u16, body: &[u8]) -> bool {
    let answer = Fetched {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::OK),
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body),
        place: "https://as/token".to_owned(),
        sent: Vec::new(),
    };
    match response::read(&answer) {
        Ok(Ok(token)) => {
            let text = token.access_token.expose();
            assert!(!text.is_empty() && HeaderValue::from_str(text).is_ok());
            true
        }
        _ => false,
    }
}

/// Parses a redirect URL.
pub fn redirect(text: &str) {
    let Ok(redirect) = Redirect::parse(text) else { return };
    let names: Vec<_> = redirect.names().collect();
    assert!(names.contains(&"state"));
    assert_eq!(format!("{redirect:?}"), format!("{names:?}"));
    if !text.contains(['?', '#']) {
        let url = format!("http://127.0.0.1:1/callback?{}", text.trim());
        assert!(Redirect::parse(&url).is_ok_and(|again| again == redirect));
    }
}

/// Parses a stored value. A parsed value can be written and parsed again.
pub fn stored(text: &str) {
    if let Some(tokens) = Tokens::from_stored(&Secret::new(text)) {
        let stored = tokens.to_stored();
        let again = Tokens::from_stored(&stored).expect("what was written is a value");
        assert!(again.to_stored() == stored);
        let _ = tokens.left();
    }
    if let Ok(client) = serde_json::from_str::<Identity>(text) {
        let stored = serde_json::to_string(&client).expect("a client has no map without text keys");
        assert!(serde_json::from_str::<Identity>(&stored).is_ok_and(|again| again == client));
    }
}

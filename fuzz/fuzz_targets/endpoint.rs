//! The `endpoint` event of HTTP+SSE: messages always go to the server's origin, without credentials, and errors name no
//! secret.
#![no_main]

use http::Uri;
use libfuzzer_sys::fuzz_target;
use mcp_transport_sse::fuzzing::post_url;

const STREAMS: [&str; 4] = [
    "https://host/a/sse?key=hidden",
    "http://host:8000/sse",
    "http://[::1]:80/sse",
    "https://user:hidden@host/sse",
];

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (stream, has_prefix, data) = input;
    let stream = Uri::from_static(STREAMS[usize::from(stream) % STREAMS.len()]);
    let prefix = has_prefix.then_some("/app");
    match post_url(&stream, data, prefix) {
        Ok(url) => {
            let port = |url: &Uri| {
                url.port_u16().or(match url.scheme_str() {
                    Some("https") => Some(443),
                    _ => Some(80),
                })
            };
            assert_eq!((url.scheme(), url.host()), (stream.scheme(), stream.host()));
            assert_eq!(port(&url), port(&stream));
            assert!(!url.authority().expect("it is absolute").as_str().contains('@'));
            if let Some(prefix) = prefix {
                assert!(url.path().starts_with(prefix), "{url}");
            }
        }
        Err(error) => {
            let text = error.to_string();
            assert!(
                !text.contains("hidden") || data.windows(6).any(|it| it == b"hidden"),
                "{text}"
            );
        }
    }
});

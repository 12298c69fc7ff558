//! Redirects: for any locations, requests stay at the server's origin and terminate, and an error names no secret of
//! the URL.
#![no_main]

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::{Ready, ready},
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use futures_util::FutureExt;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header::LOCATION};
use libfuzzer_sys::fuzz_target;
use mcp_http::{Body, HttpService};
use tower_service::Service;

/// Responds with these statuses and locations, and records the requested URLs.
#[derive(Clone)]
struct Server(Arc<Mutex<(VecDeque<(u8, Vec<u8>)>, Vec<Uri>)>>);

impl Service<Request<Body>> for Server {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut state = self.0.lock().expect("nothing panics with the lock");
        state.1.push(request.uri().clone());
        let mut response = Response::new(Body::empty());
        if let Some((status, location)) = state.0.pop_front() {
            let status = [301, 302, 303, 307, 308][usize::from(status) % 5];
            *response.status_mut() = StatusCode::from_u16(status).expect("is a status");
            if let Ok(location) = HeaderValue::from_bytes(&location) {
                response.headers_mut().insert(LOCATION, location);
            }
        }
        ready(Ok(response))
    }
}

fuzz_target!(|input: (bool, Vec<(u8, Vec<u8>)>)| {
    let (posts, answers) = input;
    let named: Vec<u8> = answers.iter().flat_map(|(_, location)| location.clone()).collect();
    let server = Server(Arc::new(Mutex::new((answers.into(), Vec::new()))));
    let url = Uri::from_static("https://host:8000/mcp?key=hidden");
    let method = if posts { Method::POST } else { Method::GET };
    let exchange = server.exchange(&url, None, |url| {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method.clone();
        *request.uri_mut() = url.clone();
        request
    });
    let outcome = exchange.now_or_never().expect("nothing waits");
    let asked = &server.0.lock().expect("nothing panics with the lock").1;
    assert!((1..=6).contains(&asked.len()));
    for asked in asked {
        let origin = (asked.scheme_str(), asked.host(), asked.port_u16());
        assert_eq!(origin, (Some("https"), Some("host"), Some(8000)), "{asked}");
        assert!(!asked.authority().expect("it is absolute").as_str().contains('@'));
    }
    if let Err(error) = outcome {
        let text = error.to_string();
        assert!(!text.contains("hidden") || named.windows(6).any(|it| it == b"hidden"), "{text}");
    }
});

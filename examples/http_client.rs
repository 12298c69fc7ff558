//! A custom HTTP client below custom layers: each request is traced, and retried where that cannot execute it twice.
//!
//! ```text
//! RUST_LOG=tower_http=debug cargo run --example http_client -- https://example.com/mcp
//! ```
//!
//! Without a URL it uses a small local server, which is busy at first.

#![allow(clippy::print_stdout, reason = "an example")]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use mcp_client::http::{Body, Error, HttpClient};
use mcp_client::transport::{Envelope, Serve};
use mcp_client::types::Message;
use mcp_client::{Client, Server, StreamableHttp};
use tokio::net::TcpListener;
use tower::ServiceBuilder;
use tower::retry::{Policy, RetryLayer};
use tower_http::trace::TraceLayer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let url = match std::env::args().nth(1) {
        Some(url) => url,
        None => start_server().await?,
    };

    let client = HttpClient::builder()
        .connect_timeout(Duration::from_secs(5))
        .user_agent("http-client-example/1.0")
        .default_headers(HeaderMap::from_iter([(
            "x-tenant".parse()?,
            HeaderValue::from_static("blue"),
        )]))
        .on_request(|_request| async {
            let value = HeaderValue::try_from(format!("Bearer {}", fresh_token().await))?;
            let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
            Ok::<_, hyper::header::InvalidHeaderValue>(headers)
        })
        .build()?;
    // The first layer is the outermost: the trace shows each attempt.
    let stack = ServiceBuilder::new()
        .layer(RetryLayer::new(Retries { left: 3 }))
        .layer(TraceLayer::new_for_http())
        .service(client);

    let server = StreamableHttp::new(url)?.with_service(stack);
    let session = Client::new(server)?.connect().await?;
    println!("connected to {} in {}", session.name(), session.protocol_version());
    for tool in session.list_tools().await? {
        println!("tool {}: {}", tool.name, tool.description.unwrap_or_default());
    }
    session.close().await?;
    Ok(())
}

/// A real program would read the token from a cache, or refresh it before it expires.
async fn fresh_token() -> &'static str {
    "token"
}

/// Retries a request only if the server has not executed it: it was not reached, or responded that it is unavailable.
/// Any other request may have been executed.
#[derive(Clone)]
struct Retries {
    left: u32,
}

/// Larger requests are not buffered for a retry.
const LARGEST: usize = 64 * 1024;

impl<B> Policy<Request<Body>, Response<B>, Error> for Retries {
    type Future = tokio::time::Sleep;

    fn retry(
        &mut self,
        _: &mut Request<Body>,
        result: &mut Result<Response<B>, Error>,
    ) -> Option<Self::Future> {
        let is_undone = match result {
            Ok(response) => response.status() == StatusCode::SERVICE_UNAVAILABLE,
            Err(error) => error.is_not_sent(),
        };
        if !is_undone {
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        println!("the server refused it: retrying");
        Some(tokio::time::sleep(Duration::from_millis(100)))
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        (request.body().len() <= LARGEST).then(|| request.clone())
    }
}

/// Starts a server that is busy for its first request, and returns its URL.
async fn start_server() -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/mcp", listener.local_addr()?);
    let server = Server::builder("Sloth").tool("nap", "Sleeps", |()| async { "slept" }).build();
    let server = Arc::new(server);
    // It ends with the program.
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let server = server.clone();
            let service =
                hyper::service::service_fn(move |request| answer(server.clone(), request));
            let io = hyper_util::rt::TokioIo::new(stream);
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service));
        }
    });
    Ok(url)
}

async fn answer(
    server: Arc<Server>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    static IS_BUSY: AtomicBool = AtomicBool::new(true);
    if IS_BUSY.swap(false, Ordering::Relaxed) {
        return Ok(status(StatusCode::SERVICE_UNAVAILABLE));
    }
    let is_known = request.headers().get(AUTHORIZATION).is_some_and(|it| it == "Bearer token");
    if !is_known {
        return Ok(status(StatusCode::UNAUTHORIZED));
    }
    let Ok(body) = request.into_body().collect().await else {
        return Ok(status(StatusCode::BAD_REQUEST));
    };
    let Ok(Message::Request(request)) = Message::parse(body.to_bytes()) else {
        return Ok(status(StatusCode::ACCEPTED));
    };
    let Ok(answer) = server.request(Envelope::new(request)).await.response().await else {
        return Ok(status(StatusCode::INTERNAL_SERVER_ERROR));
    };
    let mut json = Vec::new();
    answer.encode(&mut json);
    let mut response = Response::new(Full::from(json));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

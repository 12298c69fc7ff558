//! The HTTP front of the server as a tower service: no sockets, but all faults of a request in transit.

use std::{
    future::pending,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Method, Request, Response};
use tokio::{sync::oneshot, time::sleep};
use tower_service::Service;

use crate::{
    body::{Body, Broken, collect},
    exchange::{Received, status},
    sse, streamable,
    world::World,
};

/// A client of the HTTP front.
#[derive(Clone)]
pub(crate) struct Http(pub(crate) World);

/// The fate of a request.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Delivered,
    /// Lost before it reaches the server.
    Lost,
    /// Its response is lost on the way back.
    ResponseLost,
    /// No response arrives.
    Stalled,
    /// A gateway responds instead of the server.
    Refused(u16),
    /// A gateway responds after the server has executed the request.
    Executed(u16),
}

impl Service<Request<mcp_http::Body>> for Http {
    type Response = Response<Body>;
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Broken>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        match self.0.is_down() || self.0.fails("a connection is refused") {
            true => Poll::Ready(Err(Broken)),
            false => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, request: Request<mcp_http::Body>) -> Self::Future {
        let world = self.0.clone();
        let mut breaks = world.breaks();
        Box::pin(async move {
            tokio::select! {
                biased;
                _ = breaks.changed() => Err(Broken),
                response = carry(world, request) => response,
            }
        })
    }
}

async fn carry(world: World, request: Request<mcp_http::Body>) -> Result<Response<Body>, Broken> {
    let fate = match world.fails("a request or its response is lost") {
        false => Fate::Delivered,
        true => world.random(|random| {
            // A stream that never starts, on a live connection, hides a loss.
            let silent = match request.method() {
                &Method::GET => Fate::ResponseLost,
                _ => Fate::Stalled,
            };
            random.pick(&[
                Fate::Lost,
                Fate::ResponseLost,
                silent,
                Fate::Refused(503),
                Fate::Refused(429),
                Fate::Executed(502),
                Fate::Executed(500),
            ])
        }),
    };
    let (there, back) = world.random(|random| (random.millis(0, 50), random.millis(0, 50)));
    if !matches!(fate, Fate::Delivered) {
        world.note(format_args!("{} {}: {fate:?}", request.method(), request.uri()));
    }
    sleep(there).await;
    match fate {
        Fate::Lost => return Err(Broken),
        Fate::Refused(code) => return Ok(status(code)),
        _ => {}
    }
    let (head, body) = request.into_parts();
    let received = Received { head, body: collect(body).await };
    // The server's work does not end with the client.
    let (responding, responded) = oneshot::channel();
    let server = world.clone();
    world.spawn(async move {
        let response = respond(received, &server).await;
        sleep(back).await;
        // Fails if the client has disconnected.
        let _ = responding.send(response);
    });
    let response = responded.await.map_err(|_| Broken);
    match fate {
        Fate::ResponseLost => Err(Broken),
        Fate::Stalled => pending().await,
        Fate::Executed(code) => response.map(|_| status(code)),
        _ => response,
    }
}

/// The server's response.
async fn respond(received: Received, world: &World) -> Response<Body> {
    let message = received.message().unwrap_or_default();
    let label = message["method"].as_str().unwrap_or_default();
    world.note(format_args!("received {} {} {label}", received.head.method, received.head.uri));
    match received.head.uri.path() {
        "/mcp" => streamable::respond(&received, world).await,
        "/sse" => sse::open(world),
        "/message" => sse::accept(&received, world),
        _ => status(404),
    }
}

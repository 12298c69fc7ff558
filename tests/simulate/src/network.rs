//! The network of the world: connections between the client's pool and the server, of HTTP/1.1 or HTTP/2.

use std::{io, pin::pin};

use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use mcp_http::{HttpClient, simulation::Simulated};
use tokio::{
    io::{DuplexStream, duplex, split},
    time::sleep,
};
use tower_service::Service;

use crate::{
    body::{Body, Broken},
    front::Http,
    http2,
    plan::Network,
    wire::{End, Risks, carry, until_closed},
    world::World,
};

/// The client, with its pool.
pub(crate) fn client(world: &World) -> HttpClient {
    let world = world.clone();
    let builder = HttpClient::builder().no_proxy().simulated(move || open(world.clone()));
    builder.build().expect("the settings are valid")
}

/// Opens a connection.
async fn open(world: World) -> io::Result<Simulated> {
    sleep(world.random(|random| random.millis(0, 30))).await;
    if world.is_down() || world.fails("a connection is refused") {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    let is_http2 = world.plan().network == Network::Http2;
    let size = world.plan().pipe_size;
    let (stream, near) = duplex(size);
    let (far, server) = duplex(size);
    let end = End::new();
    let (from_client, to_client) = split(near);
    let (from_server, to_server) = split(far);
    // Over HTTP/1.1 nothing tells a lost connection from a server that takes its time.
    let silence = is_http2.then_some("a connection goes silent");
    let risks = Risks { cut: "a connection is cut", may_be_half: false, silence };
    end.spawn(&world, carry(world.clone(), from_client, to_server, risks, end.clone()));
    end.spawn(&world, carry(world.clone(), from_server, to_client, risks, end.clone()));
    match is_http2 {
        true => end.spawn(&world, http2::serve(world.clone(), server, end.clone())),
        false => end.spawn(&world, serve_http1(world.clone(), server)),
    }
    Ok(Simulated { stream, is_http2 })
}

async fn serve_http1(world: World, stream: DuplexStream) {
    let closes = until_closed(world.clone());
    let service = service_fn(move |request| respond(world.clone(), request));
    let mut connection =
        pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        biased;
        // Fails if the client disconnects or the response breaks, which is one of the faults.
        _ = &mut connection => return,
        () = closes => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn respond(world: World, request: Request<Incoming>) -> Result<Response<Body>, Broken> {
    let (head, mut body) = request.into_parts();
    let mut bytes = Vec::new();
    while let Some(frame) = crate::body::next(&mut body).await {
        bytes.extend(frame.map_err(|_| Broken)?.into_data().unwrap_or_default());
    }
    Http(world).call(Request::from_parts(head, mcp_http::Body::from(bytes))).await
}

//! The server's side of HTTP/2, with its faults: refused and reset streams, `GOAWAY` in both forms, few streams.

use std::{future::poll_fn, pin::pin};

use bytes::Bytes;
use h2::{
    Reason, RecvStream, SendStream,
    server::{Builder, SendResponse},
};
use http::{Request, Response};
use tokio::io::DuplexStream;
use tower_service::Service;

use crate::{
    body,
    front::Http,
    wire::{End, until_closed},
    world::World,
};

/// Serves one connection.
pub(crate) async fn serve(world: World, stream: DuplexStream, end: End) {
    let streams = world.random(|random| random.pick(&[1, 2, 8, 100]));
    let opening = Builder::new().max_concurrent_streams(streams).handshake(stream);
    let Ok(mut connection) = opening.await else { return };
    let mut closes = pin!(until_closed(world.clone()));
    let mut is_closing = false;
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = connection.accept() => accepted,
            () = &mut closes, if !is_closing => {
                is_closing = true;
                // At once, the streams that the server has not seen are lost and may be sent again.
                match world.random(|random| random.chance(50)) {
                    true => connection.graceful_shutdown(),
                    false => connection.abrupt_shutdown(Reason::NO_ERROR),
                }
                continue;
            }
        };
        let Some(Ok((request, mut answer))) = accepted else { return };
        if world.fails("a stream is refused") {
            answer.send_reset(Reason::REFUSED_STREAM);
            continue;
        }
        end.spawn(&world, respond(world.clone(), request, answer));
    }
}

async fn respond(world: World, request: Request<RecvStream>, mut answer: SendResponse<Bytes>) {
    let (head, mut body) = request.into_parts();
    let mut bytes = Vec::new();
    while let Some(data) = body.data().await {
        let Ok(data) = data else { return };
        let _ = body.flow_control().release_capacity(data.len());
        bytes.extend(data);
    }
    let request = Request::from_parts(head, mcp_http::Body::from(bytes));
    let response = tokio::select! {
        biased;
        _ = poll_fn(|cx| answer.poll_reset(cx)) => return,
        response = Http(world).call(request) => response,
    };
    let Ok(response) = response else { return answer.send_reset(Reason::INTERNAL_ERROR) };
    let (head, body) = response.into_parts();
    let is_empty = http_body::Body::is_end_stream(&body);
    let Ok(mut stream) = answer.send_response(Response::from_parts(head, ()), is_empty) else {
        return;
    };
    if !is_empty {
        let _ = send(&mut stream, body).await;
    }
}

/// Sends a body until its end or the client's reset.
async fn send(stream: &mut SendStream<Bytes>, mut body: body::Body) -> Result<(), h2::Error> {
    loop {
        let frame = tokio::select! {
            biased;
            _ = poll_fn(|cx| stream.poll_reset(cx)) => return Ok(()),
            frame = body::next(&mut body) => frame,
        };
        let mut data = match frame {
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            Some(Err(_)) => {
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Ok(());
            }
            None => return stream.send_data(Bytes::new(), true),
        };
        while !data.is_empty() {
            stream.reserve_capacity(data.len());
            // None after the client's reset.
            let Some(capacity) = poll_fn(|cx| stream.poll_capacity(cx)).await else {
                return Ok(());
            };
            let part = data.split_to(capacity?.min(data.len()));
            stream.send_data(part, false)?;
        }
    }
}

use std::{
    convert::Infallible,
    future::{poll_fn, ready},
    net::SocketAddr,
    task::Poll,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Frame, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use mcp_core::Message;
use mcp_transport::{Envelope, Serve};
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};

use super::ContractPeer;

/// A server over Streamable HTTP on a free port of 127.0.0.1. Dropping it stops it.
#[derive(Debug)]
pub struct HttpPeer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl HttpPeer {
    /// The URL of its endpoint: `http://127.0.0.1:<port>/mcp`.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }
}

impl Drop for HttpPeer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts a new [`ContractPeer`] over Streamable HTTP of revision 2026-07-28.
///
/// A response that is ready immediately is sent as JSON, any other as an event stream whose head is sent
/// immediately. A notification is answered with status 202. Closing the stream cancels the request.
///
/// Spec: [Streamable
/// HTTP](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http)
///
/// # Panics
/// If no port is free.
pub async fn contract_peer_http() -> HttpPeer {
    let peer = ContractPeer::new();
    listen(move |request| answer(peer.clone(), request)).await
}

/// Starts an HTTP server on a free port.
pub(crate) async fn listen<F, A>(answer: F) -> HttpPeer
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Response<ResponseBody>> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a listener has an address");
    let task = tokio::spawn(async move {
        // The connections end with the server.
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let answer = answer.clone();
            let service = service_fn(move |request| {
                let answered = answer(request);
                async move { Ok::<_, Infallible>(answered.await) }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            connections.spawn(connection);
            while connections.try_join_next().is_some() {}
        }
    });
    HttpPeer { address, task }
}

/// The body of a response.
pub(crate) type ResponseBody = UnsyncBoxBody<Bytes, Infallible>;

async fn answer(peer: ContractPeer, request: Request<Incoming>) -> Response<ResponseBody> {
    if request.method() != Method::POST {
        return empty(StatusCode::METHOD_NOT_ALLOWED);
    }
    let Ok(body) = request.into_body().collect().await else {
        return empty(StatusCode::BAD_REQUEST);
    };
    match Message::parse(body.to_bytes()) {
        Ok(Message::Request(request)) => {
            let mut exchange = peer.request(Envelope::new(request)).await;
            let first = poll_fn(|cx| Poll::Ready(exchange.poll_item(cx))).await;
            if let Poll::Ready(Some(Ok(message @ Message::Response(_)))) = first {
                let mut body = Vec::new();
                message.encode(&mut body);
                return response("application/json", Full::from(body).boxed_unsync());
            }
            let first = match first {
                Poll::Ready(Some(Ok(message))) => Some(message),
                _ => None,
            };
            // The exchanges of this peer never fail.
            let rest = exchange.filter_map(|item| ready(item.ok()));
            let events = stream::iter(first).chain(rest).map(event);
            response("text/event-stream", StreamBody::new(events).boxed_unsync())
        }
        Ok(Message::Notification(notification)) => {
            peer.send(Envelope::new(notification.into())).await;
            empty(StatusCode::ACCEPTED)
        }
        Ok(Message::Response(_)) => empty(StatusCode::BAD_REQUEST),
        Err(_) => {
            peer.received().junk += 1;
            empty(StatusCode::BAD_REQUEST)
        }
    }
}

pub(crate) fn empty(status: StatusCode) -> Response<ResponseBody> {
    let mut response = Response::new(Full::default().boxed_unsync());
    *response.status_mut() = status;
    response
}

pub(crate) fn response<B>(content_type: &'static str, body: B) -> Response<B> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

pub(crate) fn event(message: Message) -> Result<Frame<Bytes>, Infallible> {
    let mut event = b"event: message\ndata: ".to_vec();
    message.encode(&mut event);
    event.extend_from_slice(b"\n\n");
    Ok(Frame::data(event.into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use tokio::{
        io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
        net::TcpStream,
    };

    use super::*;

    async fn post(peer: &HttpPeer, body: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(peer.address).await.unwrap();
        let head = format!(
            "POST /mcp HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + body).as_bytes()).await.unwrap();
        BufReader::new(stream)
    }

    async fn answer(peer: &HttpPeer, method: &str, params: &str) -> String {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        let mut text = String::new();
        post(peer, &body).await.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn json_events_notifications_and_cancellation() {
        let peer = contract_peer_http().await;
        let text = answer(&peer, "contract/echo", r#"{"a":1}"#).await;
        assert!(text.contains("content-type: application/json\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":1}}"));

        let params = r#"{"count":2,"_meta":{"progressToken":7}}"#;
        let text = answer(&peer, "contract/stream", params).await;
        assert!(text.contains("content-type: text/event-stream\r\n"), "{text}");
        assert_eq!(text.matches("data: {").count(), 3);

        let mut silent =
            post(&peer, r#"{"jsonrpc":"2.0","id":"s","method":"contract/silent"}"#).await;
        let mut line = String::new();
        silent.read_line(&mut line).await.unwrap();
        assert_eq!(line, "HTTP/1.1 200 OK\r\n");
        drop(silent);

        let mut text = String::new();
        let mut notified = post(&peer, r#"{"jsonrpc":"2.0","method":"n"}"#).await;
        notified.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 202 "), "{text}");
        while !answer(&peer, "contract/received", "{}")
            .await
            .ends_with(r#"{"messages":[["n",null]],"cancelled":["s"],"junk":0}}"#)
        {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

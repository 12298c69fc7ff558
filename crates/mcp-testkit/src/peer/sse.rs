use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use mcp_core::Message;
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};

use super::{
    http::{ResponseBody, empty, event, response},
    streams::Exchanges,
};

/// A server of [`ContractPeer`](crate::ContractPeer)s over HTTP+SSE on a free port of 127.0.0.1. Dropping it
/// stops it.
#[derive(Debug)]
pub struct SsePeer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl SsePeer {
    /// The URL of its event stream: `http://127.0.0.1:<port>/sse`.
    pub fn url(&self) -> String {
        format!("http://{}/sse", self.address)
    }
}

impl Drop for SsePeer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts an HTTP+SSE server of revision 2024-11-05.
///
/// Each event stream is a session with a new [`ContractPeer`](crate::ContractPeer). Its first event has the
/// endpoint to which messages are POSTed. A POST is answered with status 202, before or after the response on
/// the stream.
///
/// Spec: [HTTP with
/// SSE](https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse)
///
/// # Panics
/// If no port is free.
pub async fn contract_peer_sse() -> SsePeer {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a listener has an address");
    let task = tokio::spawn(async move {
        let sessions = Sessions::default();
        // The connections end with the server.
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let sessions = sessions.clone();
            let service = service_fn(move |request| {
                let sessions = sessions.clone();
                async move { Ok::<_, Infallible>(sessions.answer(request).await) }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            connections.spawn(connection);
            while connections.try_join_next().is_some() {}
        }
    });
    SsePeer { address, task }
}

/// The sessions, by the queries of their endpoints.
#[derive(Clone, Default)]
struct Sessions(Arc<Mutex<ByEndpoint>>);

type ByEndpoint = HashMap<String, Arc<tokio::sync::Mutex<Exchanges>>>;

impl Sessions {
    async fn answer(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/sse") => self.open(),
            (&Method::POST, "/message") => self.post(request).await,
            _ => empty(StatusCode::NOT_FOUND),
        }
    }

    fn open(&self) -> Response<ResponseBody> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let name = format!("session={}", NEXT.fetch_add(1, Ordering::Relaxed));
        let (exchanges, mut answers) = Exchanges::new();
        self.all().insert(name.clone(), Arc::new(tokio::sync::Mutex::new(exchanges)));
        let first = format!("event: endpoint\ndata: /message?{name}\n\n");
        let first = stream::iter([Ok(Frame::data(Bytes::from(first)))]);
        let rest = stream::poll_fn(move |cx| answers.poll_recv(cx)).map(event);
        response("text/event-stream", StreamBody::new(first.chain(rest)).boxed_unsync())
    }

    async fn post(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        let name = request.uri().query().unwrap_or_default();
        let Some(session) = self.all().get(name).cloned() else {
            return empty(StatusCode::NOT_FOUND);
        };
        let Ok(body) = request.into_body().collect().await else {
            return empty(StatusCode::BAD_REQUEST);
        };
        let mut exchanges = session.lock().await;
        match Message::parse(body.to_bytes()) {
            Ok(message) => {
                exchanges.receive(message).await;
                empty(StatusCode::ACCEPTED)
            }
            Err(_) => {
                exchanges.count_junk();
                empty(StatusCode::BAD_REQUEST)
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, ByEndpoint> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

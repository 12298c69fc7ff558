//! The floors: the minimum that a client must do on each carrier, with the same bytes and the same decoding, and
//! without error handling.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use mcp_client::types::{CallToolResult, ListToolsResult};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    sync::oneshot,
};

use crate::{
    measure::{Carrier, Case, Load, Measured, drive},
    ours::{ARGS, Args},
    peer,
};

pub(crate) const META: &str = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"mcp-client","version":"0.1.0"}}"#;

const TAIL: &str = r#","resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"bench","version":"0.0.0"}}}"#;

pub(crate) async fn run(case: Case, calls: usize) -> Measured {
    match (case.carrier, case.load) {
        (Carrier::Memory, load) => memory(load, calls).await,
        (Carrier::Stdio, Load::Many) => pipe_window(calls).await,
        (Carrier::Stdio, load) => {
            let mut child = peer::spawn();
            let (reader, writer) = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
            pipe(load, calls, reader, writer).await
        }
        (Carrier::Duplex | Carrier::Served, load) => {
            let (reader, writer) = peer::duplex();
            pipe(load, calls, reader, writer).await
        }
        (Carrier::HttpJson | Carrier::HttpToken | Carrier::HttpSse, load) => {
            post(case.carrier, load, calls).await
        }
        #[cfg(feature = "full")]
        (Carrier::Https | Carrier::Http2, load) => post_by_tls(case.carrier, load, calls).await,
        _ => unreachable!("no case of the table"),
    }
}

/// The same request that this library sends.
pub(crate) fn request(id: i64, load: Load, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct Request<'a> {
        jsonrpc: &'a str,
        id: i64,
        method: &'a str,
        params: Params<'a>,
    }
    #[derive(Serialize)]
    struct Params<'a> {
        _meta: &'a RawValue,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        arguments: Option<Args>,
    }
    thread_local! {
        static RAW: Box<RawValue> = RawValue::from_string(META.to_owned()).unwrap();
    }
    RAW.with(|meta| {
        let tool = (load != Load::List).then(|| load.tool());
        let params = Params { _meta: meta, name: tool, arguments: tool.map(|_| ARGS) };
        let request = Request { jsonrpc: "2.0", id, method: load.method(), params };
        serde_json::to_writer(out, &request).unwrap();
    });
}

#[derive(Deserialize)]
struct Response<'a> {
    #[allow(dead_code, reason = "checked to be a string")]
    jsonrpc: &'a str,
    id: i64,
    #[serde(borrow)]
    result: &'a RawValue,
}

fn decode(load: Load, result: &str) {
    if load == Load::List {
        let result: ListToolsResult = serde_json::from_str(result).unwrap();
        std::hint::black_box(result);
        return;
    }
    let result: CallToolResult = serde_json::from_str(result).unwrap();
    std::hint::black_box(result);
}

/// A direct call: arguments and result go through JSON, and nothing else happens.
async fn memory(load: Load, calls: usize) -> Measured {
    #[derive(Deserialize)]
    struct Search {
        #[allow(dead_code, reason = "decoded as a tool would")]
        query: String,
        #[allow(dead_code, reason = "decoded as a tool would")]
        limit: u32,
    }
    #[derive(Deserialize)]
    struct Request<'a> {
        #[allow(dead_code, reason = "decoded as a server would")]
        method: &'a str,
        #[serde(borrow)]
        params: Params<'a>,
    }
    #[derive(Deserialize)]
    struct Params<'a> {
        #[allow(dead_code, reason = "decoded as a server would")]
        name: &'a str,
        arguments: Search,
    }
    let text: Arc<str> = peer::text(load).into();
    drive(load, calls, move |_| {
        let text = text.clone();
        async move {
            let mut out = Vec::new();
            request(1, load, &mut out);
            let request: Request<'_> = serde_json::from_slice(&out).unwrap();
            std::hint::black_box(request.params.arguments);
            let result = CallToolResult::from_text(text.to_string());
            let mut answer = serde_json::to_vec(&result).unwrap();
            // Members that every result of the revision has.
            answer.pop();
            answer.extend_from_slice(TAIL.as_bytes());
            let result: CallToolResult = serde_json::from_slice(&answer).unwrap();
            std::hint::black_box(result);
        }
    })
    .await
}

/// A pipe, a task that parses and dispatches each result to its caller, and a map between them.
async fn pipe<R, W>(load: Load, calls: usize, reader: R, writer: W) -> Measured
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    type Waiting = Arc<Mutex<HashMap<i64, oneshot::Sender<Box<RawValue>>>>>;
    let writer = Arc::new(tokio::sync::Mutex::new(writer));
    let waiting = Waiting::default();
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    let table = Arc::clone(&waiting);
    let demultiplexer = tokio::spawn(async move {
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).await.unwrap() > 0 {
            let response: Response<'_> = serde_json::from_slice(&line).unwrap();
            let caller = table.lock().unwrap().remove(&response.id).unwrap();
            caller.send(response.result.to_owned()).unwrap();
            line.clear();
        }
    });
    let next = Arc::new(AtomicI64::new(1));
    let measured = drive(load, calls, move |_| {
        let (waiting, writer, next) =
            (Arc::clone(&waiting), Arc::clone(&writer), Arc::clone(&next));
        async move {
            let id = next.fetch_add(1, Ordering::Relaxed);
            let (sender, receiver) = oneshot::channel();
            waiting.lock().unwrap().insert(id, sender);
            let mut line = Vec::new();
            request(id, load, &mut line);
            line.push(b'\n');
            writer.lock().await.write_all(&line).await.unwrap();
            decode(load, receiver.await.unwrap().get());
        }
    })
    .await;
    demultiplexer.abort();
    measured
}

/// One loop that keeps 64 requests in the pipe: no tasks, no channels, minimal system calls.
async fn pipe_window(calls: usize) -> Measured {
    let mut child = peer::spawn();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let in_flight = Load::Many.in_flight();
    let (mut sent, mut received) = (0, 0);
    let mut started = HashMap::new();
    let mut times = Vec::with_capacity(calls);
    let mut input = Vec::with_capacity(1 << 16);
    let mut output = Vec::new();
    let start = Instant::now();
    while received < calls {
        while sent < calls && sent - received < in_flight {
            started.insert(sent as i64, Instant::now());
            request(sent as i64, Load::Many, &mut output);
            output.push(b'\n');
            sent += 1;
        }
        stdin.write_all(&output).await.unwrap();
        output.clear();
        stdout.read_buf(&mut input).await.unwrap();
        let mut at = 0;
        while let Some(end) = memchr::memchr(b'\n', &input[at..]) {
            let response: Response<'_> = serde_json::from_slice(&input[at..at + end]).unwrap();
            times.push(started.remove(&response.id).unwrap().elapsed());
            decode(Load::Many, response.result.get());
            received += 1;
            at += end + 1;
        }
        input.drain(..at);
    }
    Measured { calls: times, total: start.elapsed() }
}

pub(crate) fn head(url: &str, load: Load) -> http::request::Builder {
    http::Request::post(url)
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", load.method())
        .header("mcp-name", load.tool())
}

#[cfg(feature = "full")]
/// The same over TLS: on a separate connection, or on a stream of the shared HTTP/2 connection.
async fn post_by_tls(carrier: Carrier, load: Load, calls: usize) -> Measured {
    use rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    };

    let peer = crate::peer_tls::Https::start(carrier);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(peer.pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let is_http2 = carrier == Carrier::Http2;
    config.alpn_protocols = vec![if is_http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let connect = async || {
        let host = format!("127.0.0.1:{}", peer.port());
        let stream = tokio::net::TcpStream::connect(host).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        hyper_util::rt::TokioIo::new(connector.connect(name, stream).await.unwrap())
    };
    let (mut own, mut shared) = (Vec::new(), None);
    if is_http2 {
        let executor = hyper_util::rt::TokioExecutor::new();
        let handshake = hyper::client::conn::http2::handshake(executor, connect().await);
        let (sender, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        shared = Some(sender);
    } else {
        for _ in 0..load.in_flight() {
            let handshake = hyper::client::conn::http1::handshake(connect().await);
            let (sender, connection) = handshake.await.unwrap();
            tokio::spawn(connection);
            own.push(tokio::sync::Mutex::new(sender));
        }
    }
    let (own, next, url) = (Arc::new(own), Arc::new(AtomicI64::new(1)), peer.url());
    let measured = drive(load, calls, move |worker| {
        let (own, shared, next) = (Arc::clone(&own), shared.clone(), Arc::clone(&next));
        let url = url.clone();
        async move {
            let id = next.fetch_add(1, Ordering::Relaxed);
            let mut body = Vec::new();
            request(id, load, &mut body);
            let body = Full::<Bytes>::new(body.into());
            let response = match shared {
                Some(mut sender) => {
                    sender.ready().await.unwrap();
                    sender.send_request(head(&url, load).body(body).unwrap()).await
                }
                None => {
                    let mut sender = own[worker].lock().await;
                    sender.ready().await.unwrap();
                    let head = head("/mcp", load).header("host", "127.0.0.1");
                    sender.send_request(head.body(body).unwrap()).await
                }
            };
            let body = response.unwrap().into_body().collect().await.unwrap().to_bytes();
            let response: Response<'_> = serde_json::from_slice(&body).unwrap();
            assert_eq!(response.id, id);
            decode(load, response.result.get());
        }
    })
    .await;
    drop(peer);
    measured
}

/// A connection for each call in flight.
pub(crate) async fn connections(host: &str, load: Load) -> Arc<Vec<Connection>> {
    let mut connections = Vec::new();
    for _ in 0..load.in_flight() {
        let stream = tokio::net::TcpStream::connect(host).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let io = hyper_util::rt::TokioIo::new(stream);
        let (sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        connections.push(tokio::sync::Mutex::new(sender));
    }
    Arc::new(connections)
}

pub(crate) type Connection = tokio::sync::Mutex<SendRequest<Full<Bytes>>>;

/// A POST on a separate connection, with the same headers and the same parsing of the response.
async fn post(carrier: Carrier, load: Load, calls: usize) -> Measured {
    let peer = peer::Http::start(carrier);
    let host = format!("127.0.0.1:{}", peer.port());
    let connections = connections(&host, load).await;
    let next = Arc::new(AtomicI64::new(1));
    let measured = drive(load, calls, move |worker| {
        let (connections, next, host) = (Arc::clone(&connections), Arc::clone(&next), host.clone());
        async move {
            let id = next.fetch_add(1, Ordering::Relaxed);
            let mut body = Vec::new();
            request(id, load, &mut body);
            let mut head = head("/mcp", load).header("host", host);
            if carrier == Carrier::HttpToken {
                head = head.header("authorization", peer::AUTHORIZATION);
            }
            let request = head.body(Full::new(body.into())).unwrap();
            let mut sender = connections[worker].lock().await;
            sender.ready().await.unwrap();
            let response = sender.send_request(request).await.unwrap();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let json = match carrier {
                Carrier::HttpSse => {
                    let start = memchr::memmem::find(&body, b"data: ").unwrap() + 6;
                    let end = memchr::memchr(b'\n', &body[start..]).unwrap();
                    &body[start..start + end]
                }
                _ => &body[..],
            };
            let response: Response<'_> = serde_json::from_slice(json).unwrap();
            assert_eq!(response.id, id);
            decode(load, response.result.get());
        }
    })
    .await;
    drop(peer);
    measured
}

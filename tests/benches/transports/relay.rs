//! A server between HTTP clients and an HTTP server: both HTTP sides of a call in one process.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1::SendRequest, service::service_fn};
use hyper_util::rt::TokioIo;
use mcp_client::{
    Client,
    serve::{Http, Listener},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::process::Command;

use crate::{
    floor,
    measure::{Carrier, Load, Measured},
    peer,
};

/// `Client::bridge` behind a `Listener`, as in an application.
pub(crate) async fn ours(load: Load, calls: usize) -> Measured {
    let peer = peer::Http::start(Carrier::HttpJson);
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let bridge = Client::new(peer.url()).unwrap().bridge().unwrap();
    let driver = spawn_driver(port, load, calls);
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let serving = listener.serve(Http::new(bridge), async move { drop(receiver.await) });
    let measured = async move {
        let measured = driver.await;
        sender.send(()).unwrap();
        measured
    };
    let ((), measured) = tokio::join!(serving, measured);
    measured
}

/// The minimum: a server and a client that replace the ids of requests and responses, with a connection to the server
/// for each one of a client.
pub(crate) async fn floor(load: Load, calls: usize) -> Measured {
    let peer = peer::Http::start(Carrier::HttpJson);
    let target: Arc<str> = format!("127.0.0.1:{}", peer.port()).into();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::spawn(floor_connection(stream, Arc::clone(&target), load));
        }
    });
    let measured = spawn_driver(port, load, calls).await;
    serving.abort();
    measured
}

async fn floor_connection(stream: tokio::net::TcpStream, target: Arc<str>, load: Load) {
    let upstream = tokio::net::TcpStream::connect(&*target).await.unwrap();
    upstream.set_nodelay(true).unwrap();
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(upstream));
    let (sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let sender: Arc<tokio::sync::Mutex<SendRequest<Full<Bytes>>>> =
        Arc::new(tokio::sync::Mutex::new(sender));
    let service = service_fn(move |request: http::Request<Incoming>| {
        let (sender, target) = (Arc::clone(&sender), Arc::clone(&target));
        async move {
            let body = request.into_body().collect().await?.to_bytes();
            let (id, body) = with_id(&body, "1");
            let head = floor::head("/mcp", load).header("host", &*target);
            let mut sender = sender.lock().await;
            sender.ready().await?;
            let response = sender.send_request(head.body(Full::new(body.into())).unwrap()).await?;
            let body = response.into_body().collect().await?.to_bytes();
            let (_, body) = with_id(&body, &id);
            let response = http::Response::builder()
                .header("content-type", "application/json")
                .body(Full::<Bytes>::new(body.into()))
                .unwrap();
            Ok::<_, hyper::Error>(response)
        }
    });
    let builder = hyper::server::conn::http1::Builder::new();
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// The id of a message, and the message with another one.
fn with_id(message: &[u8], id: &str) -> (String, Vec<u8>) {
    #[derive(Deserialize, Serialize)]
    struct Envelope<'a> {
        jsonrpc: &'a str,
        #[serde(borrow)]
        id: &'a RawValue,
        #[serde(borrow, skip_serializing_if = "Option::is_none")]
        method: Option<&'a str>,
        #[serde(borrow, skip_serializing_if = "Option::is_none")]
        params: Option<&'a RawValue>,
        #[serde(borrow, skip_serializing_if = "Option::is_none")]
        result: Option<&'a RawValue>,
    }
    let mut envelope: Envelope<'_> = serde_json::from_slice(message).unwrap();
    let old = envelope.id.get().to_owned();
    let new = RawValue::from_string(id.to_owned()).unwrap();
    envelope.id = &new;
    (old, serde_json::to_vec(&envelope).unwrap())
}

/// Runs the client, in a separate process, so that only the relay is measured. It prints the nanoseconds of each call
/// and of all calls.
async fn spawn_driver(port: u16, load: Load, calls: usize) -> Measured {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--drive", &port.to_string(), load.name(), &calls.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "the driver failed");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut times = text.lines().map(|line| Duration::from_nanos(line.parse().unwrap()));
    let total = times.next().unwrap();
    Measured { calls: times.collect(), total }
}

/// The client: a thread for each call in flight, with its own connection.
pub(crate) fn drive(port: u16, load: Load, calls: usize) {
    let start = Instant::now();
    let in_flight = load.in_flight();
    let workers: Vec<_> = (0..in_flight)
        .map(|worker| std::thread::spawn(move || calls_of(port, load, calls / in_flight, worker)))
        .collect();
    let times: Vec<Duration> =
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
    let mut out = String::new();
    for time in std::iter::once(start.elapsed()).chain(times) {
        out.push_str(&format!("{}\n", time.as_nanos()));
    }
    std::io::stdout().write_all(out.as_bytes()).unwrap();
}

fn calls_of(port: u16, load: Load, calls: usize, worker: usize) -> Vec<Duration> {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut input = BufReader::with_capacity(1 << 16, &stream);
    let mut output = &stream;
    let (mut body, mut line) = (Vec::new(), String::new());
    let mut times = Vec::with_capacity(calls);
    for call in 0..calls {
        let start = Instant::now();
        let id = (worker * calls + call) as i64 + 1;
        body.clear();
        floor::request(id, load, &mut body);
        let mut request = format!(
            "POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\n\
             mcp-method: tools/call\r\nmcp-name: {}\r\ncontent-length: {}\r\n\r\n",
            load.tool(),
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(&body);
        output.write_all(&request).unwrap();
        let (mut length, mut is_chunked) = (0, false);
        loop {
            line.clear();
            assert!(input.read_line(&mut line).unwrap() > 0, "the relay closed the connection");
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            is_chunked |= header == "transfer-encoding: chunked";
        }
        body.clear();
        if is_chunked {
            loop {
                line.clear();
                input.read_line(&mut line).unwrap();
                let chunk = usize::from_str_radix(line.trim_end(), 16).unwrap();
                let at = body.len();
                body.resize(at + chunk + 2, 0);
                input.read_exact(&mut body[at..]).unwrap();
                body.truncate(at + chunk);
                if chunk == 0 {
                    break;
                }
            }
        } else {
            body.resize(length, 0);
            input.read_exact(&mut body).unwrap();
        }
        let expected = format!(r#""id":{id},"result":{{"resultType":"complete","content""#);
        assert!(
            memchr::memmem::find(&body, expected.as_bytes()).is_some(),
            "{}",
            String::from_utf8_lossy(&body)
        );
        times.push(start.elapsed());
    }
    times
}

//! The smallest clients without an SDK: one connection, a task that dispatches responses by their id, and serde on the
//! result, into types with only the members that are read.

use std::{
    collections::HashMap,
    io::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt, Full};
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::oneshot,
};

use crate::{
    floor::{META, connections},
    measure::{Carrier, Case, Load, Measured, drive},
    ours::ARGS,
    peer,
};

pub(crate) async fn run(case: Case, calls: usize) -> Measured {
    match case.carrier {
        Carrier::Stdio => {
            let mut child = peer::spawn();
            let (reader, writer) = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
            pipe(case.load, calls, reader, writer).await
        }
        Carrier::Duplex => {
            let (reader, writer) = peer::duplex();
            pipe(case.load, calls, reader, writer).await
        }
        _ => post(case, calls).await,
    }
}

/// The request as one line.
fn request(id: i64, load: Load) -> Vec<u8> {
    let mut line = Vec::with_capacity(512);
    let (method, tool) = (load.method(), load.tool());
    write!(line, r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{"_meta":{META}"#)
        .unwrap();
    if load != Load::List {
        let (query, limit) = (ARGS.query, ARGS.limit);
        write!(line, r#","name":"{tool}","arguments":{{"query":"{query}","limit":{limit}}}"#)
            .unwrap();
    }
    line.extend_from_slice(b"}}\n");
    line
}

#[derive(Deserialize)]
struct Response {
    result: Result,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoded as a client would")]
struct Result {
    #[serde(default)]
    content: Vec<Content>,
    #[serde(default)]
    is_error: bool,
    #[serde(default)]
    tools: Vec<Tool>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[allow(dead_code, reason = "decoded as a client would")]
enum Content {
    Text {
        text: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoded as a client would")]
struct Tool {
    name: String,
    title: Option<String>,
    description: Option<String>,
    input_schema: Value,
    output_schema: Option<Value>,
    annotations: Option<Value>,
}

fn decode(response: &[u8]) {
    let response: Response = serde_json::from_slice(response).unwrap();
    std::hint::black_box(response.result);
}

/// The id of a response that begins with it, as usual.
fn id(line: &[u8]) -> i64 {
    let rest = line.strip_prefix(br#"{"jsonrpc":"2.0","id":"#).unwrap();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |id, digit| id * 10 + i64::from(digit - b'0'))
}

async fn pipe<R, W>(load: Load, calls: usize, mut reader: R, writer: W) -> Measured
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    type Waiting = Arc<Mutex<HashMap<i64, oneshot::Sender<Vec<u8>>>>>;
    let writer = Arc::new(tokio::sync::Mutex::new(writer));
    let waiting = Waiting::default();
    let table = Arc::clone(&waiting);
    let dispatching = tokio::spawn(async move {
        let (mut input, mut searched) = (Vec::with_capacity(1 << 16), 0);
        while reader.read_buf(&mut input).await.unwrap() > 0 {
            let mut start = 0;
            while let Some(end) = memchr::memchr(b'\n', &input[searched..]) {
                let end = searched + end;
                let line = &input[start..end];
                let caller = table.lock().unwrap().remove(&id(line)).unwrap();
                caller.send(line.to_vec()).unwrap();
                (start, searched) = (end + 1, end + 1);
            }
            input.drain(..start);
            searched = input.len();
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
            let line = request(id, load);
            writer.lock().await.write_all(&line).await.unwrap();
            decode(&receiver.await.unwrap());
        }
    })
    .await;
    dispatching.abort();
    measured
}

/// A POST on a separate connection for each call in flight.
async fn post(Case { carrier, load }: Case, calls: usize) -> Measured {
    let peer = peer::Http::start(carrier);
    let host = format!("127.0.0.1:{}", peer.port());
    let connections = connections(&host, load).await;
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", load.method()),
        ("mcp-name", load.tool()),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("host", HeaderValue::from_str(&host).unwrap());
    let (headers, next) = (Arc::new(headers), Arc::new(AtomicI64::new(1)));
    let measured = drive(load, calls, move |worker| {
        let (connections, headers, next) =
            (Arc::clone(&connections), Arc::clone(&headers), Arc::clone(&next));
        async move {
            let id = next.fetch_add(1, Ordering::Relaxed);
            let mut request = Request::new(Full::new(request(id, load).into()));
            *request.method_mut() = Method::POST;
            *request.uri_mut() = Uri::from_static("/mcp");
            *request.headers_mut() = HeaderMap::clone(&headers);
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
            decode(json);
        }
    })
    .await;
    drop(peer);
    measured
}

//! A small HTTP/1.1 server whose every answer is written by the test, byte by byte if need be.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
    /// Which connection it came on.
    pub(crate) connection: usize,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The JSON-RPC method, or the HTTP method where there is no body.
    pub(crate) fn rpc(&self) -> String {
        match &self.json()["method"] {
            Value::String(method) => method.clone(),
            _ if self.body.is_empty() => self.method.clone(),
            _ => "response".to_owned(),
        }
    }

    pub(crate) fn id(&self) -> Value {
        self.json()["id"].clone()
    }

    /// The answer to this request with `result`.
    pub(crate) fn result(&self, result: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, self.id())
    }
}

/// Where the answer to one request is written.
pub(crate) struct Reply {
    stream: BufReader<TcpStream>,
    keep_alive: bool,
}

impl Reply {
    pub(crate) async fn raw(&mut self, bytes: impl AsRef<[u8]>) {
        if self.stream.get_mut().write_all(bytes.as_ref()).await.is_err() {
            self.keep_alive = false;
        }
    }

    /// A whole answer. `head` are header lines.
    pub(crate) async fn full(
        mut self,
        status: u16,
        head: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Self {
        let body = body.as_ref();
        let mut text = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in head {
            text += &format!("{name}: {value}\r\n");
        }
        text += "\r\n";
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(body);
        self.raw(bytes).await;
        self
    }

    pub(crate) async fn json(self, status: u16, body: impl AsRef<[u8]>) -> Self {
        self.full(status, &[("content-type", "application/json")], body).await
    }

    pub(crate) async fn empty(self, status: u16) -> Self {
        self.full(status, &[], "").await
    }

    /// The head of a stream of events.
    pub(crate) async fn sse(mut self) -> Self {
        self.raw(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
             transfer-encoding: chunked\r\n\r\n",
        )
        .await;
        self
    }

    /// One chunk of a stream of events.
    pub(crate) async fn chunk(&mut self, text: impl AsRef<str>) {
        let text = text.as_ref();
        self.raw(format!("{:x}\r\n{text}\r\n", text.len())).await;
    }

    pub(crate) async fn event(&mut self, data: impl AsRef<str>) {
        self.chunk(format!("data: {}\n\n", data.as_ref())).await;
    }

    /// The end of a stream of events.
    pub(crate) async fn end(mut self) -> Self {
        self.raw("0\r\n\r\n").await;
        self
    }

    /// Closes the connection, in whatever state.
    pub(crate) fn cut(mut self) -> Self {
        self.keep_alive = false;
        self
    }

    /// Waits until the client closes the connection.
    pub(crate) async fn until_closed(mut self) -> Self {
        let mut rest = Vec::new();
        let _ = self.stream.read_to_end(&mut rest).await;
        self.cut()
    }
}

/// The server, which ends when it is dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    log: Arc<Mutex<Vec<Received>>>,
    connections: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start<F, A>(answer: F) -> Self
    where
        F: Fn(Received, Reply) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let log = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        let (seen, count) = (log.clone(), connections.clone());
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let connection = count.fetch_add(1, Ordering::SeqCst);
                let (seen, answer) = (seen.clone(), answer.clone());
                open.spawn(async move {
                    let mut stream = BufReader::new(stream);
                    while let Some(request) = read_request(&mut stream, connection).await {
                        seen.lock().unwrap().push(request.clone());
                        let reply = answer(request, Reply { stream, keep_alive: true }).await;
                        if !reply.keep_alive {
                            return;
                        }
                        stream = reply.stream;
                    }
                });
            }
        });
        Self { url, log, connections, _tasks: tasks }
    }

    /// All requests so far.
    pub(crate) fn log(&self) -> Vec<Received> {
        self.log.lock().unwrap().clone()
    }

    /// Those with this JSON-RPC (or HTTP) method.
    pub(crate) fn logged(&self, rpc: &str) -> Vec<Received> {
        self.log().into_iter().filter(|request| request.rpc() == rpc).collect()
    }

    /// Waits until `count` requests with this method have come.
    pub(crate) async fn wait_for(&self, rpc: &str, count: usize) -> Vec<Received> {
        for _ in 0..500 {
            let found = self.logged(rpc);
            if found.len() >= count {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{rpc} did not come {count} times: {:#?}", self.log());
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn read_request(stream: &mut BufReader<TcpStream>, connection: usize) -> Option<Received> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let body = String::from_utf8(body).unwrap();
    Some(Received { method, path, headers, body, connection })
}

//! A small HTTP/1.1 server with one stream of events after the other, whose every answer the test says.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Received {
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

    /// The answer to this request with `result`.
    pub(crate) fn result(&self, result: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, self.json()["id"])
    }
}

/// How a GET is answered.
pub(crate) enum Get {
    /// With a stream that begins with this text.
    Stream(String),
    /// With status, content type and body.
    Full(u16, &'static str, &'static str),
    /// Not at all.
    Hang,
    /// By closing the connection.
    Cut,
}

impl Get {
    /// A stream with an endpoint event.
    pub(crate) fn endpoint(data: &str) -> Self {
        Self::Stream(format!(": hello\n\nevent: endpoint\ndata: {data}\n\n"))
    }
}

/// How a POST is answered.
#[derive(Clone)]
pub(crate) enum Post {
    Status(u16, String),
    /// 202 after a while.
    Late(Duration),
    Hang,
    Cut,
}

impl Post {
    pub(crate) fn accepted() -> Self {
        Self::Status(202, "Accepted".to_owned())
    }
}

/// The newest stream.
#[derive(Clone, Default)]
pub(crate) struct Stream(Arc<Mutex<Option<mpsc::UnboundedSender<String>>>>);

impl Stream {
    /// Writes text as it is.
    pub(crate) fn write(&self, text: impl Into<String>) {
        if let Some(stream) = &*self.0.lock().unwrap() {
            let _ = stream.send(text.into());
        }
    }

    /// Writes an event.
    pub(crate) fn push(&self, data: impl AsRef<str>) {
        self.write(format!("event: message\ndata: {}\n\n", data.as_ref()));
    }

    /// Ends in order.
    pub(crate) fn end(&self) {
        self.0.lock().unwrap().take();
    }

    /// Ends in the middle.
    pub(crate) fn cut(&self) {
        self.write("CUT");
    }
}

/// The server, which ends when it is dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) stream: Stream,
    log: Arc<Mutex<Vec<Received>>>,
    /// How many streams the client has closed.
    closed: Arc<Mutex<usize>>,
    tasks: JoinSet<()>,
}

impl Server {
    /// `get` is told how many GETs there were before.
    pub(crate) async fn start(
        get: impl Fn(usize) -> Get + Send + Sync + 'static,
        post: impl Fn(&Received, &Stream) -> Post + Send + Sync + 'static,
    ) -> Self {
        Self::start_at("127.0.0.1:0", get, post).await
    }

    pub(crate) async fn start_at(
        address: &str,
        get: impl Fn(usize) -> Get + Send + Sync + 'static,
        post: impl Fn(&Received, &Stream) -> Post + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}/sse", listener.local_addr().unwrap());
        let (stream, log) = (Stream::default(), Arc::new(Mutex::new(Vec::new())));
        let closed = Arc::new(Mutex::new(0));
        let mut tasks = JoinSet::new();
        let connection = Arc::new(Connection {
            get: Box::new(get),
            post: Box::new(post),
            stream: stream.clone(),
            log: Arc::clone(&log),
            closed: Arc::clone(&closed),
        });
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                socket.set_nodelay(true).unwrap();
                let connection = Arc::clone(&connection);
                open.spawn(async move {
                    let mut socket = BufReader::new(socket);
                    while let Some(request) = read_request(&mut socket).await {
                        if connection.answer(request, &mut socket).await.is_none() {
                            return;
                        }
                    }
                });
            }
        });
        Self { url, stream, log, closed, tasks }
    }

    /// One whose POSTs are all accepted, and whose requests are answered with `{}` or what the
    /// handshake needs.
    pub(crate) async fn friendly() -> Self {
        Self::start(|nth| Get::endpoint(&format!("/message?session={nth}")), friendly).await
    }

    pub(crate) fn log(&self) -> Vec<Received> {
        self.log.lock().unwrap().clone()
    }

    /// The JSON-RPC (or HTTP) methods and the paths, in order.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.log().iter().map(|request| format!("{} {}", request.rpc(), request.path)).collect()
    }

    /// Waits until `count` requests with this method have come.
    pub(crate) async fn wait_for(&self, rpc: &str, count: usize) -> Vec<Received> {
        for _ in 0..500 {
            let mut found = self.log();
            found.retain(|request| request.rpc() == rpc);
            if found.len() >= count {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{rpc} did not come {count} times: {:#?}", self.seen());
    }

    /// Waits until the client has closed a stream.
    pub(crate) async fn wait_for_close(&self) {
        for _ in 0..500 {
            if *self.closed.lock().unwrap() > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the stream was not closed");
    }

    /// Ends all of it, so that nothing listens.
    pub(crate) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Accepts and answers.
pub(crate) fn friendly(request: &Received, stream: &Stream) -> Post {
    match &*request.rpc() {
        "initialize" => stream.push(request.result(r#"{"protocolVersion":"2025-11-25"}"#)),
        _ if !request.json()["id"].is_null() => stream.push(request.result("{}")),
        _ => {}
    }
    Post::accepted()
}

type OnPost = dyn Fn(&Received, &Stream) -> Post + Send + Sync;

struct Connection {
    get: Box<dyn Fn(usize) -> Get + Send + Sync>,
    post: Box<OnPost>,
    stream: Stream,
    log: Arc<Mutex<Vec<Received>>>,
    closed: Arc<Mutex<usize>>,
}

impl Connection {
    /// Answers; `None` when the connection is over.
    async fn answer(&self, request: Received, socket: &mut BufReader<TcpStream>) -> Option<()> {
        let gets = {
            let mut log = self.log.lock().unwrap();
            log.push(request.clone());
            log.iter().filter(|request| request.method == "GET").count()
        };
        if request.method == "GET" {
            return match (self.get)(gets - 1) {
                Get::Stream(first) => {
                    let (sender, events) = mpsc::unbounded_channel();
                    *self.stream.0.lock().unwrap() = Some(sender);
                    self.play(first, events, socket).await
                }
                Get::Full(status, kind, body) => full(socket, status, kind, body).await,
                Get::Hang => std::future::pending().await,
                Get::Cut => None,
            };
        }
        let post = (self.post)(&request, &self.stream);
        match post {
            Post::Status(status, body) => full(socket, status, "text/plain", &body).await,
            Post::Late(time) => {
                tokio::time::sleep(time).await;
                full(socket, 202, "text/plain", "Accepted").await
            }
            Post::Hang => std::future::pending().await,
            Post::Cut => None,
        }
    }

    async fn play(
        &self,
        first: String,
        mut events: mpsc::UnboundedReceiver<String>,
        socket: &mut BufReader<TcpStream>,
    ) -> Option<()> {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
                    transfer-encoding: chunked\r\n\r\n";
        let mut text = format!("{head}{:x}\r\n{first}\r\n", first.len());
        loop {
            socket.get_mut().write_all(text.as_bytes()).await.ok()?;
            let mut end = [0];
            tokio::select! {
                event = events.recv() => match event.as_deref() {
                    Some("CUT") => return None,
                    Some(event) => text = format!("{:x}\r\n{event}\r\n", event.len()),
                    None => {
                        socket.get_mut().write_all(b"0\r\n\r\n").await.ok()?;
                        return Some(());
                    }
                },
                _ = socket.read(&mut end) => {
                    *self.closed.lock().unwrap() += 1;
                    return None;
                }
            }
        }
    }
}

async fn full(
    socket: &mut BufReader<TcpStream>,
    status: u16,
    kind: &str,
    body: &str,
) -> Option<()> {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    socket.get_mut().write_all(text.as_bytes()).await.ok()
}

async fn read_request(socket: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    socket.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        socket.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.ok()?;
    Some(Received { method, path, headers, body: String::from_utf8(body).unwrap() })
}

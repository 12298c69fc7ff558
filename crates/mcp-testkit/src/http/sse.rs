use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::mpsc;

use super::{Received, Reply, Server};
use crate::until;

/// The response to a GET.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Get {
    /// An event stream that starts with this text.
    Stream(String),
    /// A response with status, content type and body.
    Full(u16, &'static str, &'static str),
    /// No response.
    Hang,
    /// Closes the connection.
    Cut,
}

impl Get {
    /// An event stream that starts with an `endpoint` event.
    pub fn endpoint(data: &str) -> Self {
        Self::Stream(format!(": hello\n\nevent: endpoint\ndata: {data}\n\n"))
    }
}

/// The response to a POST.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Post {
    /// A response with status and body.
    Status(u16, String),
    /// Status 202 after a delay.
    Late(Duration),
    /// No response.
    Hang,
    /// Closes the connection.
    Cut,
}

impl Post {
    /// Status 202.
    pub fn accepted() -> Self {
        Self::Status(202, "Accepted".to_owned())
    }
}

/// The latest event stream of an [`SseServer`].
#[derive(Debug, Clone, Default)]
pub struct Stream(Arc<Mutex<Option<mpsc::UnboundedSender<Command>>>>);

#[derive(Debug)]
enum Command {
    Write(String),
    Cut,
}

impl Stream {
    /// Writes text unchanged.
    pub fn write(&self, text: impl Into<String>) {
        self.command(Command::Write(text.into()));
    }

    /// Writes a `message` event with this data.
    pub fn push(&self, data: impl AsRef<str>) {
        self.write(format!("event: message\ndata: {}\n\n", data.as_ref()));
    }

    /// Ends the stream gracefully.
    pub fn end(&self) {
        self.sender().take();
    }

    /// Closes the connection without ending the stream.
    pub fn cut(&self) {
        self.command(Command::Cut);
    }

    fn command(&self, command: Command) {
        if let Some(stream) = &*self.sender() {
            let _ = stream.send(command);
        }
    }

    fn sender(&self) -> MutexGuard<'_, Option<mpsc::UnboundedSender<Command>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An HTTP+SSE server with one event stream at a time, whose responses are decided by the test.
#[derive(Debug)]
pub struct SseServer {
    /// `http://127.0.0.1:<port>/sse`.
    pub url: String,
    /// The latest event stream.
    pub stream: Stream,
    server: Server,
    closed: Arc<AtomicUsize>,
}

impl SseServer {
    /// Starts a server on a free port. `get` is called with the number of earlier GETs.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(
        get: impl Fn(usize) -> Get + Send + Sync + 'static,
        post: impl Fn(&Received, &Stream) -> Post + Send + Sync + 'static,
    ) -> Self {
        Self::start_at("127.0.0.1:0", get, post).await
    }

    /// Starts a server at this address.
    ///
    /// # Panics
    /// If the address is not available.
    pub async fn start_at(
        address: &str,
        get: impl Fn(usize) -> Get + Send + Sync + 'static,
        post: impl Fn(&Received, &Stream) -> Post + Send + Sync + 'static,
    ) -> Self {
        let (stream, closed) = (Stream::default(), Arc::new(AtomicUsize::new(0)));
        let (gets, newest, count) = (AtomicUsize::new(0), stream.clone(), Arc::clone(&closed));
        let answers = Arc::new((get, post, gets));
        let server = Server::start_at(address, move |request, reply| {
            let (answers, stream, closed) = (Arc::clone(&answers), newest.clone(), count.clone());
            async move {
                let (get, post, gets) = &*answers;
                match &*request.method {
                    "GET" => {
                        let get = get(gets.fetch_add(1, Ordering::SeqCst));
                        answer_get(get, reply, &stream, &closed).await
                    }
                    _ => answer_post(post(&request, &stream), reply).await,
                }
            }
        });
        let server = server.await;
        let url = server.url.replace("/mcp", "/sse");
        Self { url, stream, server, closed }
    }

    /// Starts a server that accepts all POSTs, and responds to requests with `{}`, or with a version to
    /// `initialize`.
    pub async fn friendly() -> Self {
        let get = |nth| Get::endpoint(&format!("/message?session={nth}"));
        Self::start(get, Self::answer).await
    }

    /// Handles a POST as a [friendly](Self::friendly) server does.
    pub fn answer(request: &Received, stream: &Stream) -> Post {
        match &*request.rpc() {
            "initialize" => stream.push(request.result(r#"{"protocolVersion":"2025-11-25"}"#)),
            _ if !request.id().is_null() => stream.push(request.result("{}")),
            _ => {}
        }
        Post::accepted()
    }

    /// All requests so far.
    pub fn log(&self) -> Vec<Received> {
        self.server.log()
    }

    /// The JSON-RPC (or HTTP) methods and the paths of all requests, in order.
    pub fn seen(&self) -> Vec<String> {
        self.log().iter().map(|request| format!("{} {}", request.rpc(), request.path)).collect()
    }

    /// Waits until `count` requests with this method have arrived.
    ///
    /// # Panics
    /// After 60 s.
    pub async fn wait_for(&self, rpc: &str, count: usize) -> Vec<Received> {
        self.server.wait_for(rpc, count).await
    }

    /// Waits until the client has closed a stream.
    ///
    /// # Panics
    /// After 60 s.
    pub async fn wait_for_close(&self) {
        until("the end of a stream", || self.closed.load(Ordering::SeqCst) > 0).await;
    }

    /// The underlying HTTP server.
    pub fn http(&self) -> &Server {
        &self.server
    }

    /// Stops the server and closes all connections. Further connections are refused.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

async fn answer_get(get: Get, reply: Reply, stream: &Stream, closed: &AtomicUsize) -> Reply {
    match get {
        Get::Stream(first) => {
            let (sender, commands) = mpsc::unbounded_channel();
            *stream.sender() = Some(sender);
            serve_stream(first, commands, reply, closed).await
        }
        Get::Full(status, kind, body) => reply.full(status, &[("content-type", kind)], body).await,
        Get::Hang => std::future::pending().await,
        Get::Cut => reply.cut(),
    }
}

async fn answer_post(post: Post, reply: Reply) -> Reply {
    let text = [("content-type", "text/plain")];
    match post {
        Post::Status(status, body) => reply.full(status, &text, body).await,
        Post::Late(time) => {
            tokio::time::sleep(time).await;
            reply.full(202, &text, "Accepted").await
        }
        Post::Hang => std::future::pending().await,
        Post::Cut => reply.cut(),
    }
}

async fn serve_stream(
    first: String,
    mut commands: mpsc::UnboundedReceiver<Command>,
    reply: Reply,
    closed: &AtomicUsize,
) -> Reply {
    let mut reply = reply.sse().await;
    reply.chunk(first).await;
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(Command::Write(text)) => reply.chunk(text).await,
                Some(Command::Cut) => return reply.cut(),
                None => return reply.end().await,
            },
            () = reply.touched() => {
                closed.fetch_add(1, Ordering::SeqCst);
                return reply.cut();
            }
        }
    }
}

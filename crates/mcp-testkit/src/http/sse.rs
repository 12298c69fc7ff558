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

/// How a GET is answered.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Get {
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
    /// A stream that begins with an `endpoint` event.
    pub fn endpoint(data: &str) -> Self {
        Self::Stream(format!(": hello\n\nevent: endpoint\ndata: {data}\n\n"))
    }
}

/// How a POST is answered.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Post {
    /// With this status and body.
    Status(u16, String),
    /// With 202 after a while.
    Late(Duration),
    /// Not at all.
    Hang,
    /// By closing the connection.
    Cut,
}

impl Post {
    /// With 202.
    pub fn accepted() -> Self {
        Self::Status(202, "Accepted".to_owned())
    }
}

/// The newest stream of an [`SseServer`].
#[derive(Debug, Clone, Default)]
pub struct Stream(Arc<Mutex<Option<mpsc::UnboundedSender<Order>>>>);

#[derive(Debug)]
enum Order {
    Write(String),
    Cut,
}

impl Stream {
    /// Writes text as it is.
    pub fn write(&self, text: impl Into<String>) {
        self.order(Order::Write(text.into()));
    }

    /// Writes a `message` event with this data.
    pub fn push(&self, data: impl AsRef<str>) {
        self.write(format!("event: message\ndata: {}\n\n", data.as_ref()));
    }

    /// Ends the stream in order.
    pub fn end(&self) {
        self.sender().take();
    }

    /// Closes its connection in the middle.
    pub fn cut(&self) {
        self.order(Order::Cut);
    }

    fn order(&self, order: Order) {
        if let Some(stream) = &*self.sender() {
            let _ = stream.send(order);
        }
    }

    fn sender(&self) -> MutexGuard<'_, Option<mpsc::UnboundedSender<Order>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server of HTTP+SSE with one stream of events after the other, whose every answer the test decides.
#[derive(Debug)]
pub struct SseServer {
    /// `http://127.0.0.1:<port>/sse`.
    pub url: String,
    /// The newest stream.
    pub stream: Stream,
    server: Server,
    closed: Arc<AtomicUsize>,
}

impl SseServer {
    /// Starts a server on a free port. `get` gets the number of GETs before this one.
    ///
    /// # Panics
    /// When there is no port to listen on.
    pub async fn start(
        get: impl Fn(usize) -> Get + Send + Sync + 'static,
        post: impl Fn(&Received, &Stream) -> Post + Send + Sync + 'static,
    ) -> Self {
        Self::start_at("127.0.0.1:0", get, post).await
    }

    /// Starts a server at this address.
    ///
    /// # Panics
    /// When it cannot be listened at.
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

    /// Starts a server whose POSTs are all accepted, and whose requests are answered with `{}` or what the
    /// handshake needs.
    pub async fn friendly() -> Self {
        let get = |nth| Get::endpoint(&format!("/message?session={nth}"));
        Self::start(get, Self::answer).await
    }

    /// Accepts and answers, as a [friendly](Self::friendly) server does.
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

    /// The JSON-RPC (or HTTP) methods and the paths, in order.
    pub fn seen(&self) -> Vec<String> {
        self.log().iter().map(|request| format!("{} {}", request.rpc(), request.path)).collect()
    }

    /// Waits until `count` requests with this method have arrived.
    ///
    /// # Panics
    /// When they do not arrive within a minute.
    pub async fn wait_for(&self, rpc: &str, count: usize) -> Vec<Received> {
        self.server.wait_for(rpc, count).await
    }

    /// Waits until the client has closed a stream.
    ///
    /// # Panics
    /// When it does not within a minute.
    pub async fn wait_for_close(&self) {
        until("the end of a stream", || self.closed.load(Ordering::SeqCst) > 0).await;
    }

    /// The HTTP server, which counts connections.
    pub fn http(&self) -> &Server {
        &self.server
    }

    /// Ends the server with all its connections, so that nothing listens.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

async fn answer_get(get: Get, reply: Reply, stream: &Stream, closed: &AtomicUsize) -> Reply {
    match get {
        Get::Stream(first) => {
            let (sender, orders) = mpsc::unbounded_channel();
            *stream.sender() = Some(sender);
            play(first, orders, reply, closed).await
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

async fn play(
    first: String,
    mut orders: mpsc::UnboundedReceiver<Order>,
    reply: Reply,
    closed: &AtomicUsize,
) -> Reply {
    let mut reply = reply.sse().await;
    reply.chunk(first).await;
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Write(text)) => reply.chunk(text).await,
                Some(Order::Cut) => return reply.cut(),
                None => return reply.end().await,
            },
            () = reply.touched() => {
                closed.fetch_add(1, Ordering::SeqCst);
                return reply.cut();
            }
        }
    }
}

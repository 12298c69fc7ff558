use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::Received;
use crate::until;

/// Writes the response to one request. Return it when the response is complete, so that the connection can
/// read the next request.
#[derive(Debug)]
pub struct Reply {
    stream: BufReader<TcpStream>,
    keep_alive: bool,
}

impl Reply {
    /// Writes bytes unchanged.
    pub async fn raw(&mut self, bytes: impl AsRef<[u8]>) {
        if self.stream.get_mut().write_all(bytes.as_ref()).await.is_err() {
            self.keep_alive = false;
        }
    }

    /// Writes a complete response. `head` are the headers except `content-length`.
    #[must_use]
    pub async fn full(
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

    /// Writes a complete JSON response.
    #[must_use]
    pub async fn json(self, status: u16, body: impl AsRef<[u8]>) -> Self {
        self.full(status, &[("content-type", "application/json")], body).await
    }

    /// Writes a response without a body.
    #[must_use]
    pub async fn empty(self, status: u16) -> Self {
        self.full(status, &[], "").await
    }

    /// Writes the head of an event stream.
    #[must_use]
    pub async fn sse(mut self) -> Self {
        self.raw(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
             transfer-encoding: chunked\r\n\r\n",
        )
        .await;
        self
    }

    /// Writes one chunk of an event stream.
    pub async fn chunk(&mut self, text: impl AsRef<str>) {
        let text = text.as_ref();
        self.raw(format!("{:x}\r\n{text}\r\n", text.len())).await;
    }

    /// Writes an event with this data.
    pub async fn event(&mut self, data: impl AsRef<str>) {
        self.chunk(format!("data: {}\n\n", data.as_ref())).await;
    }

    /// Ends an event stream gracefully.
    #[must_use]
    pub async fn end(mut self) -> Self {
        self.raw("0\r\n\r\n").await;
        self
    }

    /// Closes the connection, even in the middle of a response.
    #[must_use]
    pub fn cut(mut self) -> Self {
        self.keep_alive = false;
        self
    }

    /// Waits until the client closes the connection.
    #[must_use]
    pub async fn until_closed(mut self) -> Self {
        let mut rest = Vec::new();
        let _ = self.stream.read_to_end(&mut rest).await;
        self.cut()
    }

    /// Waits until the client sends another byte or closes the connection.
    pub async fn touched(&mut self) {
        let _ = self.stream.read(&mut [0]).await;
        self.keep_alive = false;
    }
}

/// The server. Dropping it stops it.
pub struct Server {
    /// `http://127.0.0.1:<port>/mcp`.
    pub url: String,
    log: Arc<Log>,
    tasks: JoinSet<()>,
}

#[derive(Default)]
struct Log {
    received: Mutex<Vec<Received>>,
    connections: AtomicUsize,
    open: AtomicUsize,
    most: AtomicUsize,
}

impl Log {
    fn received(&self) -> MutexGuard<'_, Vec<Received>> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// Starts a server on a free port. `answer` writes the response to each request.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start<F, A>(answer: F) -> Self
    where
        F: Fn(Received, Reply) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Reply> + Send + 'static,
    {
        Self::start_at("127.0.0.1:0", answer).await
    }

    /// Starts a server at this address.
    ///
    /// # Panics
    /// If the address is not available.
    pub async fn start_at<F, A>(address: &str, answer: F) -> Self
    where
        F: Fn(Received, Reply) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.expect("the address is free");
        let address = listener.local_addr().expect("a listener has an address");
        let log = Arc::new(Log::default());
        let mut tasks = JoinSet::new();
        let connection_log = Arc::clone(&log);
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let connection = Connection::new(Arc::clone(&connection_log));
                let answer = answer.clone();
                open.spawn(async move {
                    let mut stream = BufReader::new(stream);
                    while let Some(request) = Received::read(&mut stream, connection.number).await {
                        connection.log.received().push(request.clone());
                        let keep_alive = request.header("connection") != Some("close");
                        let reply = answer(request, Reply { stream, keep_alive }).await;
                        if !reply.keep_alive {
                            return;
                        }
                        stream = reply.stream;
                    }
                });
                while open.try_join_next().is_some() {}
            }
        });
        Self { url: format!("http://{address}/mcp"), log, tasks }
    }

    /// All requests so far.
    pub fn log(&self) -> Vec<Received> {
        self.log.received().clone()
    }

    /// The requests with this JSON-RPC (or HTTP) method.
    pub fn logged(&self, rpc: &str) -> Vec<Received> {
        self.log().into_iter().filter(|request| request.rpc() == rpc).collect()
    }

    /// Waits until `count` requests with this method have arrived.
    ///
    /// # Panics
    /// After 60 s.
    pub async fn wait_for(&self, rpc: &str, count: usize) -> Vec<Received> {
        until(&format!("{count} x {rpc}"), || self.logged(rpc).len() >= count).await;
        self.logged(rpc)
    }

    /// The number of connections so far.
    pub fn connections(&self) -> usize {
        self.log.connections.load(Ordering::SeqCst)
    }

    /// The number of open connections.
    pub fn open_connections(&self) -> usize {
        self.log.open.load(Ordering::SeqCst)
    }

    /// The largest number of connections open at the same time.
    pub fn most_connections(&self) -> usize {
        self.log.most.load(Ordering::SeqCst)
    }

    /// Stops the server and closes all connections. Further connections are refused.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let methods: Vec<String> = self.log().iter().map(Received::rpc).collect();
        f.debug_struct("Server").field("url", &self.url).field("log", &methods).finish()
    }
}

/// Counts a connection while it is open.
struct Connection {
    number: usize,
    log: Arc<Log>,
}

impl Connection {
    fn new(log: Arc<Log>) -> Self {
        let number = log.connections.fetch_add(1, Ordering::SeqCst);
        let open = log.open.fetch_add(1, Ordering::SeqCst) + 1;
        log.most.fetch_max(open, Ordering::SeqCst);
        Self { number, log }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.log.open.fetch_sub(1, Ordering::SeqCst);
    }
}

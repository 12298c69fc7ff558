use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use super::{Ending, Script, play};

/// A TCP server on a free port of 127.0.0.1 that runs a script for each connection. Dropping it stops it.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    log: Arc<Mutex<Log>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Log {
    connections: usize,
    requests: Vec<Vec<u8>>,
}

impl HttpServer {
    /// Starts a server. The first connection runs the first script, and so on. All further connections run
    /// the last script.
    ///
    /// # Panics
    /// If no port is free, or there is no script.
    pub async fn start(scripts: impl IntoIterator<Item = Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let log = Arc::new(Mutex::new(Log::default()));
        let mut scripts: VecDeque<Script> = scripts.into_iter().collect();
        assert!(!scripts.is_empty(), "a server needs a script");
        let connection_log = Arc::clone(&log);
        let task = tokio::spawn(async move {
            // The connections end with the server.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let script = match scripts.len() {
                    1 => scripts[0].clone(),
                    _ => scripts.pop_front().unwrap_or_default(),
                };
                connection_log.lock().unwrap_or_else(PoisonError::into_inner).connections += 1;
                connections.spawn(serve(stream, script, Arc::clone(&connection_log)));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, log, task }
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:<port>/mcp`.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// The number of connections so far.
    pub fn connections(&self) -> usize {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).connections
    }

    /// The requests (or lines) that were read completely, with head and body, in the order of their ends.
    pub fn requests(&self) -> Vec<String> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.requests.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, script: Script, log: Arc<Mutex<Log>>) -> io::Result<()> {
    // Each write of a script is sent as one segment.
    stream.set_nodelay(true)?;
    let (reader, writer) = stream.split();
    let ending = play(&script, reader, writer, |bytes| {
        log.lock().unwrap_or_else(PoisonError::into_inner).requests.push(bytes.to_vec());
    });
    if ending.await? == Ending::Reset {
        stream.set_zero_linger()?;
    }
    Ok(())
}

/// An address of 127.0.0.1 without a listener, which refuses connections.
///
/// # Panics
/// If no port is free.
pub async fn refused() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    listener.local_addr().expect("a listener has an address")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn each_connection_runs_its_script() {
        let hello = Script::new().read_line().write("hello\n");
        let server = HttpServer::start([Script::new().read_line().reset(), hello]).await;
        let mut read = Vec::new();
        for turn in 0..3 {
            let mut stream = TcpStream::connect(server.address()).await.unwrap();
            stream.write_all(b"line\n").await.unwrap();
            let mut text = String::new();
            let end = stream.read_to_string(&mut text).await;
            match turn {
                0 => assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset),
                _ => assert!(end.is_ok()),
            }
            read.push(text);
        }
        assert_eq!(read, ["", "hello\n", "hello\n"]);
        assert_eq!((server.connections(), server.requests().len()), (3, 3));
        let refused = TcpStream::connect(refused().await).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
}

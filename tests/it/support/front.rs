use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::{JoinHandle, JoinSet},
};

/// A proxy in front of a remote server, which records the requests.
pub(crate) struct Front {
    /// The server's URL with the proxy's address.
    pub(crate) url: String,
    sent: Sent,
    task: JoinHandle<()>,
}

/// The bytes of each connection.
type Sent = Arc<Mutex<Vec<Vec<u8>>>>;

impl Front {
    pub(crate) async fn before(url: &str) -> Self {
        let rest = url.strip_prefix("http://").unwrap();
        let (server, path) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/{path}", listener.local_addr().unwrap());
        let sent = Sent::default();
        let task = tokio::spawn(forward(listener, server.to_owned(), Arc::clone(&sent)));
        Self { url, sent, task }
    }

    /// The number of requests that start with `start`, such as `GET /path `.
    pub(crate) fn count(&self, start: &str) -> usize {
        let sent = self.sent.lock().unwrap();
        sent.iter().map(|bytes| String::from_utf8_lossy(bytes).matches(start).count()).sum()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(listener: TcpListener, server: String, sent: Sent) {
    // Connections end with the proxy.
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let Ok(server) = TcpStream::connect(&server).await else { return };
        let ((from_client, mut to_client), (mut from_server, to_server)) =
            (client.into_split(), server.into_split());
        connections.spawn(keep(from_client, to_server, Arc::clone(&sent)));
        connections.spawn(async move {
            let _ = copy(&mut from_server, &mut to_client).await;
        });
    }
}

async fn keep(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, sent: Sent) {
    let connection = {
        let mut sent = sent.lock().unwrap();
        sent.push(Vec::new());
        sent.len() - 1
    };
    let mut buffer = vec![0; 8192];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        sent.lock().unwrap()[connection].extend_from_slice(&buffer[..read]);
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

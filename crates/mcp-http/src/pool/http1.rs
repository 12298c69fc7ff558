use std::sync::Arc;

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::runtime;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::body::Body;
use crate::io::{Conn, ConnState};

/// An HTTP/1.1 connection for one request at a time.
#[derive(Debug)]
pub(crate) struct Http1 {
    pub(super) sender: http1::SendRequest<Body>,
    pub(super) state: Arc<ConnState>,
    /// The runtime that drives the connection.
    pub(super) runtime: runtime::Id,
    /// When the server closes the connection if it stays idle, as announced.
    pub(super) expiry: Option<Instant>,
    task: AbortHandle,
}

impl Http1 {
    /// Starts HTTP/1.1 on a connection, driven by the current runtime.
    pub(super) async fn open(io: Conn, state: Arc<ConnState>) -> Result<Self, hyper::Error> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(io)).await?;
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "HTTP/1.1 connection ended");
            }
        });
        let (task, runtime) = (task.abort_handle(), runtime::Handle::current().id());
        sender.ready().await?;
        Ok(Self { sender, state, runtime, expiry: None, task })
    }
}

/// The connection owns its task.
impl Drop for Http1 {
    fn drop(&mut self) {
        self.task.abort();
    }
}

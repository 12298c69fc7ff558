use std::{fmt, sync::Arc};

use mcp_core::Request;
use mcp_transport::{
    Delivery, Diagnostics, Envelope, Error, ErrorKind, Exchange, OneWay, Transport,
    multiplex::Multiplex,
};
use tokio::{runtime::Handle, sync::watch};

use crate::{process::Process, stderr::Tail};

/// The transport of a server that runs as a child process. Cloning is cheap, and clones can be used from any
/// task.
///
/// # Exit
///
/// When the process exits, every open exchange fails within 100 ms with an error of kind
/// [`Closed`](ErrorKind::Closed) whose source is an [`ExitError`](crate::ExitError). Responses that are
/// already in the pipe are delivered first. Later requests fail immediately with the same error.
///
/// # Shutdown
///
/// [`close`](Transport::close) rejects new requests, writes queued messages, closes the stdin of the process,
/// sends SIGTERM to the process group, sends SIGKILL, and reaps the process. [`Stdio`](crate::Stdio) sets the
/// time-out of each step. `close` is idempotent, and dropping its future does not stop the shutdown. It fails
/// only if the process has not exited after it was killed.
///
/// Dropping the last clone starts the same shutdown in the background. Outside a runtime, or if the runtime
/// is shut down before the end, the process group is killed immediately, which blocks for a few milliseconds.
/// If this program exits without a drop, the stdin of the server is closed by the operating system.
///
/// Spec:
/// [Shutdown](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/stdio#shutdown)
#[derive(Clone)]
pub struct StdioTransport(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) multiplex: Multiplex,
    pub(crate) process: Arc<Process>,
    pub(crate) tail: Tail,
    pub(crate) command: String,
    /// Dropping the sender requests a close too.
    pub(crate) closing: watch::Sender<bool>,
    pub(crate) closed: watch::Receiver<Option<Result<(), Error>>>,
}

impl StdioTransport {
    /// The process id. On Unix it is also the id of the process group.
    pub fn pid(&self) -> u32 {
        self.0.process.id()
    }

    /// The number of lines on the server's stdout that were skipped because they are not JSON-RPC.
    pub fn skipped_lines(&self) -> u64 {
        self.0.multiplex.skipped()
    }

    /// The last part of the server's stderr so far, at most 8 KiB. Bytes that are not UTF-8 are replaced. It
    /// may explain why a server does not respond.
    pub fn stderr_tail(&self) -> String {
        self.0.tail.text()
    }
}

impl Transport for StdioTransport {
    fn request(
        &self,
        request: Envelope<Request>,
    ) -> impl Future<Output = Result<Exchange, Error>> + Send {
        self.0.multiplex.request(request)
    }

    fn try_request(
        &self,
        request: &mut Option<Envelope<Request>>,
    ) -> Option<Result<Exchange, Error>> {
        self.0.multiplex.try_request(request)
    }

    fn send(&self, message: Envelope<OneWay>) -> impl Future<Output = Result<(), Error>> + Send {
        self.0.multiplex.send(message)
    }

    fn closed(&self) -> impl Future<Output = Error> + Send {
        self.0.multiplex.closed()
    }

    fn diagnostics(&self) -> Diagnostics {
        self.0.multiplex.diagnostics().with_stderr_tail(self.stderr_tail())
    }

    async fn close(&self) -> Result<(), Error> {
        self.0.closing.send_replace(true);
        let mut closed = self.0.closed.clone();
        match closed.wait_for(Option::is_some).await {
            Ok(result) => result.clone().unwrap_or(Ok(())),
            Err(_) => {
                let text = "the process was killed because its runtime was shut down";
                Err(Error::new(ErrorKind::Closed, text))
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // In a runtime, the supervisor shuts down gracefully. Outside, it may not be running any more.
        if Handle::try_current().is_err() {
            let error = Error::new(ErrorKind::Closed, "the connection was closed");
            self.multiplex.fail(&error.with_delivery(Delivery::Unknown));
            self.process.kill_and_reap();
        }
    }
}

impl fmt::Debug for StdioTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdioTransport")
            .field("command", &self.0.command)
            .field("pid", &self.pid())
            .finish_non_exhaustive()
    }
}

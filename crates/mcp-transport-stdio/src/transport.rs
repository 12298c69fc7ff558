use std::{fmt, sync::Arc};

use mcp_core::Request;
use mcp_transport::{
    Delivery, Diagnostics, Envelope, Error, ErrorKind, Exchange, OneWay, Transport,
    multiplex::Multiplex,
};
use tokio::{runtime::Handle, sync::watch};

use crate::{process::Process, stderr::Tail};

/// A connection to a server that runs as a child process. Cloning is cheap; any task may use any clone.
///
/// When the process ends, every open exchange fails within 100 ms with an error of kind
/// [`Closed`](ErrorKind::Closed) whose source is an [`ExitError`](crate::ExitError); answers that it had
/// written before are delivered first. Later requests fail the same way at once.
///
/// [`close`](Transport::close) stops accepting, writes what is queued, closes the process's stdin, waits,
/// sends SIGTERM to its process group, waits, sends SIGKILL and reaps; [`Stdio`](crate::Stdio) has the
/// waits. It is idempotent, and dropping its future does not stop it. It fails only when the process did
/// not end even when it was killed.
///
/// Dropping the last clone does the same in the background of the runtime. Outside a runtime, and when
/// the runtime is shut down meanwhile, the group is killed at once instead, which blocks for the few
/// milliseconds until it is reaped. When this whole program ends without a drop, the server still sees
/// the end of its stdin, and nobody waits for it.
///
/// Spec: basic/transports/stdio#shutdown
#[derive(Clone)]
pub struct StdioTransport(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) multiplex: Multiplex,
    pub(crate) process: Arc<Process>,
    pub(crate) tail: Tail,
    pub(crate) command: String,
    /// The supervisor takes its end for a close as well.
    pub(crate) closing: watch::Sender<bool>,
    pub(crate) closed: watch::Receiver<Option<Result<(), Error>>>,
}

impl StdioTransport {
    /// The id of the process, which is also that of its group on Unix.
    pub fn pid(&self) -> u32 {
        self.0.process.id()
    }

    /// How many lines on the server's stdout were no JSON-RPC and have been skipped.
    pub fn skipped_lines(&self) -> u64 {
        self.0.multiplex.skipped()
    }

    /// At most the last 8 KiB that the server wrote on stderr so far; bytes that are not UTF-8 are
    /// replaced. Tells what a server is doing that does not answer.
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
                let text = "the process was killed since its runtime was shut down";
                Err(Error::new(ErrorKind::Closed, text))
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // In a runtime the supervisor does it in order. Elsewhere nobody knows whether it still runs.
        if Handle::try_current().is_err() {
            let error = Error::new(ErrorKind::Closed, "the connection was closed");
            self.multiplex.fail(&error.with_delivery(Delivery::Unknown));
            self.process.destroy();
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

//! The task that owns a connection: waits for its end, reports the reason, and shuts the process down.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use mcp_transport::{
    Error, ErrorKind,
    multiplex::{LineDriver, Multiplex},
};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    ExitError,
    config::ShutdownTimeouts,
    pipes::{Reads, Stdin, Stdout},
    process::{Exit, Process},
    stderr::Tail,
};

/// The longest time without output before the drain of a pipe stops, after the exit. Another process may
/// keep the pipe open, but the output of the server is in it by then.
const DRAIN_IDLE_TIMEOUT: Duration = Duration::from_millis(50);
/// The longest time to drain a pipe after the exit.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest time to wait for the exit after the end of stdout: the exit status is a better reason.
const EXIT_TIMEOUT: Duration = Duration::from_millis(100);
/// The longest time to wait for the exit after SIGKILL.
const KILL_TIMEOUT: Duration = Duration::from_secs(2);

/// The driver of a pipe that has ended, and its reason. Dropping the driver ends open exchanges, so it is
/// stored until a more specific reason is known.
pub(crate) type EndedDriver = (LineDriver<Stdout, Stdin>, Error);

pub(crate) struct Supervisor {
    pub(crate) process: Arc<Process>,
    pub(crate) multiplex: Multiplex,
    pub(crate) stdin: Stdin,
    pub(crate) reads: Reads,
    pub(crate) driver: Task<EndedDriver>,
    pub(crate) stderr: Task<()>,
    pub(crate) tail: Tail,
    pub(crate) command: String,
    pub(crate) timeouts: ShutdownTimeouts,
    /// True, or closed, when the connection should be closed.
    pub(crate) close_requested: watch::Receiver<bool>,
    pub(crate) closed: watch::Sender<Option<Result<(), Error>>>,
}

#[expect(clippy::large_enum_variant, reason = "there is one of them for each connection")]
enum End {
    CloseRequested,
    Exited(Exit),
    PipeEnded(Option<EndedDriver>),
}

impl Supervisor {
    /// Runs until the process and its descendants have ended.
    pub(crate) async fn run(mut self) {
        self.serve().await;
        let ended = self.shut_down().await;
        self.closed.send_replace(Some(ended));
    }

    /// Waits for the end of the connection, and fails open exchanges with its reason.
    async fn serve(&mut self) {
        match self.end().await {
            End::CloseRequested => {
                // Before stdin is closed, since many servers exit then.
                self.process.find_detached().await;
                let _flushed = self.multiplex.close_within(self.timeouts.flush).await;
                #[cfg(feature = "tracing")]
                if let Err(error) = _flushed {
                    tracing::debug!(command = self.command, %error, "closing the connection");
                }
            }
            End::Exited(exit) => {
                let deadline = Instant::now() + DRAIN_IDLE_TIMEOUT;
                // Responses in the pipe are delivered first. The driver is dropped after that.
                let _driver = self.drain_stdout().await;
                self.fail_exited(exit, deadline).await;
            }
            End::PipeEnded(driver) => match timeout(EXIT_TIMEOUT, self.process.exited()).await {
                Ok(exit) => self.fail_exited(exit, Instant::now() + DRAIN_IDLE_TIMEOUT).await,
                Err(_) => {
                    let text =
                        format!("{} closed its stdout or stdin but is still running", self.command);
                    let mut error = Error::new(ErrorKind::Closed, text);
                    if let Some((_, reason)) = &driver {
                        error = error.with_source(reason.clone());
                    }
                    self.multiplex.fail(&error);
                }
            },
        }
    }

    /// Reads stdout after the exit, until it ends or is idle.
    async fn drain_stdout(&mut self) -> Option<EndedDriver> {
        let started = Instant::now();
        loop {
            let before = self.reads.count();
            match timeout(DRAIN_IDLE_TIMEOUT, &mut self.driver).await {
                Ok(driver) => return driver,
                Err(_) if self.reads.count() == before || started.elapsed() > DRAIN_TIMEOUT => {
                    return None;
                }
                Err(_) => {}
            }
        }
    }

    async fn end(&mut self) -> End {
        let mut close_requested = pin!(self.close_requested.wait_for(|requested| *requested));
        let mut exited = pin!(self.process.exited());
        let driver = &mut self.driver;
        poll_fn(|cx| {
            if close_requested.as_mut().poll(cx).is_ready() {
                return Poll::Ready(End::CloseRequested);
            }
            if let Poll::Ready(exit) = exited.as_mut().poll(cx) {
                return Poll::Ready(End::Exited(exit));
            }
            Pin::new(&mut *driver).poll(cx).map(End::PipeEnded)
        })
        .await
    }

    async fn fail_exited(&mut self, exit: Exit, deadline: Instant) {
        // The last output may still be in the pipe.
        let _ = timeout_at(deadline, &mut self.stderr).await;
        let exit = ExitError {
            command: self.command.clone(),
            status: exit,
            stderr_tail: self.tail.text(),
        };
        let text = match self.multiplex.skipped() {
            0 => "the server's process has ended".into(),
            // The program is not an MCP server, or it logs to stdout.
            1 => "the server's process has ended, after 1 line of non-JSON-RPC output".into(),
            lines => {
                format!(
                    "the server's process has ended, after {lines} lines of non-JSON-RPC output"
                )
            }
        };
        let error = Error::new(ErrorKind::Closed, text);
        self.multiplex.fail(&error.with_source(exit));
    }

    /// Ends the process and its descendants step by step. Stdout and stderr are read during the shutdown,
    /// since a process that is blocked on a full pipe cannot exit.
    ///
    /// Fails only if a process is still running in the end.
    ///
    /// Spec: basic/transports/stdio#shutdown
    async fn shut_down(&mut self) -> Result<(), Error> {
        let process = &self.process;
        self.stdin.close();
        let _ = timeout(self.timeouts.close_stdin, process.exited()).await;
        if process.terminate() {
            let _ = timeout(self.timeouts.terminate, process.tree_exited()).await;
        }
        #[cfg(feature = "tracing")]
        if !process.has_exited() {
            tracing::debug!(command = self.command, "the server did not exit; killing it");
        }
        let mut has_exited = process.has_tree_exited();
        if !has_exited {
            process.kill();
            has_exited = timeout(KILL_TIMEOUT, process.tree_exited()).await.is_ok();
        }
        let _ = timeout(DRAIN_IDLE_TIMEOUT, &mut self.stderr).await;
        match has_exited {
            true => Ok(()),
            false => {
                let text = format!("{} was killed but has not exited", self.command);
                Err(Error::new(ErrorKind::Timeout, text))
            }
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // Has no effect after a complete shutdown, but the runtime may have been shut down before that.
        self.process.kill_and_reap();
    }
}

/// A task that is aborted when it is dropped. Resolves to `None` if it panicked, or was ready before.
pub(crate) struct Task<T>(Option<JoinHandle<T>>);

impl<T: Send + 'static> Task<T> {
    pub(crate) fn spawn(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(tokio::spawn(future)))
    }
}

impl<T> Future for Task<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Some(handle) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let joined = ready!(Pin::new(handle).poll(cx)).ok();
        self.0 = None;
        Poll::Ready(joined)
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.abort();
        }
    }
}

//! The task that owns a connection: it waits for its end, reports the reason, and cleans up.

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

/// How long a pipe that brings nothing is read after the exit. Another process may hold it open for ever,
/// but what the server has written is in it by now.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(50);
/// How long a pipe that still brings something is read after the exit.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);
/// How long the exit is waited for after the end of stdout, since it says more.
const EXIT_TIMEOUT: Duration = Duration::from_millis(100);
/// How long the end is waited for after SIGKILL.
const KILL_TIMEOUT: Duration = Duration::from_secs(2);

/// What came out of a pipe that has ended. The driver ends open exchanges when it is dropped, so it is
/// kept until there is a reason to give them.
pub(crate) type Pumped = (LineDriver<Stdout, Stdin>, Error);

pub(crate) struct Supervisor {
    pub(crate) process: Arc<Process>,
    pub(crate) multiplex: Multiplex,
    pub(crate) stdin: Stdin,
    pub(crate) reads: Reads,
    pub(crate) pump: Task<Pumped>,
    pub(crate) stderr: Task<()>,
    pub(crate) tail: Tail,
    pub(crate) command: String,
    pub(crate) timeouts: ShutdownTimeouts,
    /// Says true, or is gone, when the connection shall be closed.
    pub(crate) closing: watch::Receiver<bool>,
    pub(crate) closed: watch::Sender<Option<Result<(), Error>>>,
}

#[expect(clippy::large_enum_variant, reason = "there is one of them a connection")]
enum End {
    Asked,
    Exited(Exit),
    Silent(Option<Pumped>),
}

impl Supervisor {
    /// Runs until nothing is left of the connection.
    pub(crate) async fn run(mut self) {
        self.serve().await;
        let ended = self.shut_down().await;
        self.closed.send_replace(Some(ended));
    }

    /// Runs until the connection has to end, and gives the reason to all who wait.
    async fn serve(&mut self) {
        match self.end().await {
            End::Asked => {
                // Before the end of its stdin, which many servers exit at.
                self.process.find_strays().await;
                let _flushed = self.multiplex.close_within(self.timeouts.flush).await;
                #[cfg(feature = "tracing")]
                if let Err(error) = _flushed {
                    tracing::debug!(command = self.command, %error, "closing the connection");
                }
            }
            End::Exited(exit) => {
                let deadline = Instant::now() + DRAIN_TIMEOUT;
                // Answers that are in the pipe come first. The pump owns the driver until then.
                let _pumped = self.drain_stdout().await;
                self.fail_exited(exit, deadline).await;
            }
            End::Silent(pumped) => match timeout(EXIT_TIMEOUT, self.process.exited()).await {
                Ok(exit) => self.fail_exited(exit, Instant::now() + DRAIN_TIMEOUT).await,
                Err(_) => {
                    let text =
                        format!("{} closed its stdout or stdin and still runs", self.command);
                    let mut error = Error::new(ErrorKind::Closed, text);
                    if let Some((_, reason)) = &pumped {
                        error = error.with_source(reason.clone());
                    }
                    self.multiplex.fail(&error);
                }
            },
        }
    }

    /// Reads stdout after the exit, as long as it brings something.
    async fn drain_stdout(&mut self) -> Option<Pumped> {
        let begun = Instant::now();
        loop {
            let before = self.reads.count();
            match timeout(DRAIN_TIMEOUT, &mut self.pump).await {
                Ok(pumped) => return pumped,
                Err(_) if self.reads.count() == before || begun.elapsed() > DRAIN_LIMIT => {
                    return None;
                }
                Err(_) => {}
            }
        }
    }

    async fn end(&mut self) -> End {
        let mut asked = pin!(self.closing.wait_for(|closing| *closing));
        let mut exited = pin!(self.process.exited());
        let pump = &mut self.pump;
        poll_fn(|cx| {
            if asked.as_mut().poll(cx).is_ready() {
                return Poll::Ready(End::Asked);
            }
            if let Poll::Ready(exit) = exited.as_mut().poll(cx) {
                return Poll::Ready(End::Exited(exit));
            }
            Pin::new(&mut *pump).poll(cx).map(End::Silent)
        })
        .await
    }

    async fn fail_exited(&mut self, exit: Exit, deadline: Instant) {
        // The last words may still be in the pipe.
        let _ = timeout_at(deadline, &mut self.stderr).await;
        let exit = ExitError {
            command: self.command.clone(),
            status: exit,
            stderr_tail: self.tail.text(),
        };
        let text = match self.multiplex.skipped() {
            0 => "the server's process has ended".into(),
            // A program that is no server at all, or one that logs to the wrong stream.
            lines => {
                format!("the server's process has ended, after {lines} lines that are no messages")
            }
        };
        let error = Error::new(ErrorKind::Closed, text);
        self.multiplex.fail(&error.with_source(exit));
    }

    /// Ends the process and all that it has started, one step after the other. Stdout and stderr are read
    /// all the while: a process that is blocked on them cannot end.
    ///
    /// Fails only when something is left.
    ///
    /// Spec: basic/transports/stdio#shutdown
    async fn shut_down(&mut self) -> Result<(), Error> {
        let process = &self.process;
        self.stdin.close();
        let _ = timeout(self.timeouts.close_stdin, process.exited()).await;
        if process.terminate() {
            let _ = timeout(self.timeouts.terminate, process.gone()).await;
        }
        #[cfg(feature = "tracing")]
        if !process.has_exited() {
            tracing::debug!(command = self.command, "the server did not end by itself: killing it");
        }
        let mut is_gone = process.is_gone();
        if !is_gone {
            process.kill();
            is_gone = timeout(KILL_TIMEOUT, process.gone()).await.is_ok();
        }
        let _ = timeout(DRAIN_TIMEOUT, &mut self.stderr).await;
        match is_gone {
            true => Ok(()),
            false => {
                let text = format!("{} was killed and has not ended", self.command);
                Err(Error::new(ErrorKind::Timeout, text))
            }
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // Nothing to do after an orderly end; but the runtime may have been shut down before that.
        self.process.destroy();
    }
}

/// A task that ends with its owner. Gives `None` where it has panicked, or has told before.
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

//! The task that owns a connection: it waits for the end, tells why it came, and cleans up.

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
    process::ChildStdout,
    sync::watch,
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    ExitError,
    config::Waits,
    pipes::Stdin,
    process::{Exit, Process},
    stderr::Tail,
};

/// How long the pipes are read after the exit. Somebody whom the process has started may hold them
/// open for ever, but what it has written itself is in them by now.
const DRAIN: Duration = Duration::from_millis(50);
/// How long the exit is waited for after the end of stdout, since it tells more.
const EXIT: Duration = Duration::from_millis(100);
/// How long the end is waited for after SIGKILL.
const KILL: Duration = Duration::from_secs(2);

/// What came out of a pipe that has ended. The driver ends open exchanges when it is dropped, so it is
/// kept until there is a reason to give them.
pub(crate) type Pumped = (LineDriver<ChildStdout, Stdin>, Error);

pub(crate) struct Supervisor {
    pub(crate) process: Arc<Process>,
    pub(crate) multiplex: Multiplex,
    pub(crate) stdin: Stdin,
    pub(crate) pump: Task<Pumped>,
    pub(crate) stderr: Task<()>,
    pub(crate) tail: Tail,
    pub(crate) command: String,
    pub(crate) waits: Waits,
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
        let flushed = self.serve().await;
        let ended = self.shut_down().await;
        self.closed.send_replace(Some(flushed.and(ended)));
    }

    /// Runs until the connection has to end, and gives the reason to everybody who waits.
    async fn serve(&mut self) -> Result<(), Error> {
        match self.end().await {
            End::Asked => return self.multiplex.close_within(self.waits.flush).await,
            End::Exited(exit) => {
                let deadline = Instant::now() + DRAIN;
                // Answers that are in the pipe come first.
                let _pumped = timeout_at(deadline, &mut self.pump).await;
                self.fail_exited(exit, deadline).await;
            }
            End::Silent(pumped) => match timeout(EXIT, self.process.exited()).await {
                Ok(exit) => self.fail_exited(exit, Instant::now() + DRAIN).await,
                Err(_) => {
                    let text = format!("{} lives on but closed its stdout or stdin", self.command);
                    let mut error = Error::new(ErrorKind::Closed, text);
                    if let Some((_, reason)) = &pumped {
                        error = error.with_source(reason.clone());
                    }
                    self.multiplex.fail(&error);
                }
            },
        }
        Ok(())
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

    /// Ends the process and everybody whom it has started, one step after the other. Stdout and stderr
    /// are read all the while: a process that is blocked on them cannot end.
    ///
    /// Spec: basic/transports/stdio#shutdown
    async fn shut_down(&mut self) -> Result<(), Error> {
        let process = &*self.process;
        self.stdin.close();
        let _ = timeout(self.waits.close_stdin, process.exited()).await;
        if process.terminate() {
            let _ = timeout(self.waits.terminate, process.gone()).await;
        }
        let was_stubborn = !process.has_exited();
        if !process.is_gone() {
            process.kill();
            let _ = timeout(KILL, process.gone()).await;
        }
        let _ = timeout(DRAIN, &mut self.stderr).await;
        match was_stubborn {
            false => Ok(()),
            true => {
                let text = format!("{} did not end by itself and was killed", self.command);
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

//! Ctrl-C: the first one cancels the requests, the second one exits immediately.

use std::{io, time::Duration};

use crate::{context::Context, exit::Exit, failure::Failure, terminal};

/// Limit on the time to close the sessions after an interruption.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs the work of a command and closes its sessions. An interruption drops the work, which cancels the requests at
/// the servers; the sessions then have 2 s to close.
pub(crate) async fn until_interrupted(
    cx: &Context,
    work: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let outcome = {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            outcome = &mut work => Ok(outcome),
            // A command that serves shuts down gracefully, unless there is a second signal.
            () = signals.next() => match cx.stop() {
                true => tokio::select! {
                    outcome = &mut work => Ok(outcome),
                    () = signals.next() => Err(Failure::silent(Exit::Interrupted)),
                },
                false => Err(Failure::silent(Exit::Interrupted)),
            },
        }
    };
    match outcome {
        Ok(outcome) => tokio::select! {
            () = cx.close() => outcome,
            () = signals.next() => Err(Failure::silent(Exit::Interrupted)),
        },
        Err(interrupted) => {
            terminal::restore();
            tokio::select! {
                _ = tokio::time::timeout(CLOSE_TIMEOUT, cx.close()) => {}
                () = signals.next() => {}
            }
            Err(interrupted)
        }
    }
}

/// The termination signals.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}

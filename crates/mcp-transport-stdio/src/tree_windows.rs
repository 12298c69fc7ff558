//! A process and its descendants: a job object, which ends all of them when it is closed.

use std::{
    io,
    process::{ExitStatus, Stdio},
    task::{Context, Poll},
};

use process_wrap::tokio::{ChildWrapper, CommandWrap, CommandWrapper, JobObject, KillOnDrop};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};

pub(crate) struct Tree {
    job: Box<dyn ChildWrapper>,
    id: u32,
    killed: bool,
}

impl Tree {
    pub(crate) fn spawn(mut command: Command) -> io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let job =
            CommandWrap::from(command).wrap(KillOnDrop).wrap(JobObject).wrap(NoWindow).spawn()?;
        let id = job.id().ok_or_else(|| io::Error::other("the process has no id"))?;
        Ok(Self { job, id, killed: false })
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn take_pipes(&mut self) -> Option<(ChildStdin, ChildStdout, ChildStderr)> {
        let job = &mut self.job;
        Some((job.stdin().take()?, job.stdout().take()?, job.stderr().take()?))
    }

    /// Polls for the exit of the first process. Waiting for the whole job would block a thread.
    pub(crate) fn poll_exit(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        self.job.inner_mut().wait().as_mut().poll(cx)
    }

    pub(crate) fn try_exit(&mut self) -> io::Result<Option<ExitStatus>> {
        self.job.inner_mut().try_wait()
    }

    /// Whether other processes may be alive after the first one has exited.
    pub(crate) fn has_others(&self) -> bool {
        !self.killed
    }

    /// Has no effect: descendants cannot leave a job.
    pub(crate) fn find_detached(&mut self) {}

    /// The remaining processes, to check them without holding a lock.
    pub(crate) fn survivors(&self) -> Survivors {
        Survivors
    }

    /// Has no effect: Windows has no SIGTERM. The end of stdin was the request to exit.
    pub(crate) fn terminate(&mut self) -> bool {
        false
    }

    /// Ends all processes.
    pub(crate) fn kill(&mut self) {
        self.killed = self.job.start_kill().is_ok();
    }
}

/// The remaining processes of a job after its first process has exited. Unknown, so assumed alive.
pub(crate) struct Survivors;

impl Survivors {
    pub(crate) fn are_alive(&self) -> bool {
        true
    }
}

/// Prevents a console window for each server in programs with a graphical user interface.
#[derive(Debug)]
struct NoWindow;

impl CommandWrapper for NoWindow {
    fn pre_spawn(&mut self, command: &mut Command, _: &CommandWrap) -> io::Result<()> {
        // `CREATE_NO_WINDOW`, and `CREATE_SUSPENDED`, which the job object needs and has set before.
        command.creation_flags(0x0800_0000 | 0x0000_0004);
        Ok(())
    }
}

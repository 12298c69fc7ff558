//! A process and what it has started: a job object, which ends them all when it is closed.

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

    /// Polls for the end of the first process. That of the whole job would block a thread meanwhile.
    pub(crate) fn poll_exit(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        self.job.inner_mut().wait().as_mut().poll(cx)
    }

    pub(crate) fn try_exit(&mut self) -> io::Result<Option<ExitStatus>> {
        self.job.inner_mut().try_wait()
    }

    /// Whether others may live once the first process has ended.
    pub(crate) fn has_others(&self) -> bool {
        !self.killed
    }

    /// A job loses none of its descendants.
    pub(crate) fn find_strays(&mut self) {}

    /// The others, to look at them more closely.
    pub(crate) fn survivors(&self) -> Survivors {
        Survivors
    }

    /// There is no way to ask: the end of stdin was the request.
    pub(crate) fn terminate(&mut self) -> bool {
        false
    }

    /// Ends all.
    pub(crate) fn kill(&mut self) {
        self.killed = self.job.start_kill().is_ok();
    }
}

/// What is left of a job once its first process has ended: it is not known.
pub(crate) struct Survivors;

impl Survivors {
    pub(crate) fn are_alive(&self) -> bool {
        true
    }
}

/// Programs with windows of their own shall not open a console for each server.
#[derive(Debug)]
struct NoWindow;

impl CommandWrapper for NoWindow {
    fn pre_spawn(&mut self, command: &mut Command, _: &CommandWrap) -> io::Result<()> {
        // `CREATE_NO_WINDOW`, and the `CREATE_SUSPENDED` that the job object has set before and needs.
        command.creation_flags(0x0800_0000 | 0x0000_0004);
        Ok(())
    }
}

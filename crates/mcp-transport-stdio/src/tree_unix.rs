//! A process and its descendants: a process group.
//!
//! The id of a group is not reused before its leader is reaped, or while it has other members. Signals are
//! sent only then. On Linux, descendants that left the group are ended too.

use std::{
    io,
    pin::pin,
    process::{ExitStatus, Stdio},
    task::{Context, Poll},
};

#[cfg(target_os = "linux")]
use crate::detached::{self, Detached, Identity, Stat};
use rustix::process::{
    Pid, Signal, WaitOptions, kill_process_group, test_kill_process_group, waitpgid,
};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

pub(crate) struct Tree {
    leader: Child,
    group: Pid,
    #[cfg(target_os = "linux")]
    detached: Detached,
}

impl Tree {
    pub(crate) fn spawn(mut command: Command) -> io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut leader = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = leader.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let Some(group) = group else {
            leader.start_kill()?;
            return Err(io::Error::other("the process has no id"));
        };
        Ok(Self {
            leader,
            group,
            #[cfg(target_os = "linux")]
            detached: Detached::default(),
        })
    }

    /// Records the descendants that left the group, so that they are ended too. Call it while the leader is
    /// alive. Has an effect on Linux only.
    pub(crate) fn find_detached(&mut self) {
        #[cfg(target_os = "linux")]
        if self.leader.id().is_some() {
            self.detached.find(self.group, self.group);
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.group.as_raw_nonzero().get().cast_unsigned()
    }

    pub(crate) fn take_pipes(&mut self) -> Option<(ChildStdin, ChildStdout, ChildStderr)> {
        let leader = &mut self.leader;
        let stdout = leader.stdout.take()?;
        // Large responses need fewer reads. Optional: fails without the privilege or above the limit.
        #[cfg(target_os = "linux")]
        let _ = rustix::pipe::fcntl_setpipe_size(&stdout, 1 << 20);
        Some((leader.stdin.take()?, stdout, leader.stderr.take()?))
    }

    /// Polls for the exit of the leader, and reaps it.
    pub(crate) fn poll_exit(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        // The waker stays registered with the child, so the future need not be stored.
        pin!(self.leader.wait()).poll(cx)
    }

    /// Checks whether the leader has exited, and reaps it.
    pub(crate) fn try_exit(&mut self) -> io::Result<Option<ExitStatus>> {
        self.leader.try_wait()
    }

    /// Whether there are other processes after the leader is reaped, including zombies. Must not be called
    /// again after it returned `false`, since the id of the group may be reused.
    pub(crate) fn has_others(&self) -> bool {
        // Orphans become our children if this is the first process of a container. No other code reaps
        // them.
        while let Ok(Some(_)) = waitpgid(self.group, WaitOptions::NOHANG) {}
        #[cfg(target_os = "linux")]
        if self.detached.are_alive() {
            return true;
        }
        self.has_group()
    }

    fn has_group(&self) -> bool {
        test_kill_process_group(self.group).is_ok()
    }

    /// The remaining processes, to check them without holding a lock.
    pub(crate) fn survivors(&self) -> Survivors {
        Survivors {
            group: self.has_group().then_some(self.group),
            #[cfg(target_os = "linux")]
            detached: self.detached.identities(),
        }
    }

    /// Sends SIGTERM to all processes. Returns whether there are any to wait for.
    pub(crate) fn terminate(&mut self) -> bool {
        self.find_detached();
        self.signal(Signal::TERM)
    }

    /// Sends SIGKILL to all processes.
    pub(crate) fn kill(&mut self) {
        self.find_detached();
        self.signal(Signal::KILL);
    }

    /// Sends a signal to all processes. Returns whether one received it.
    fn signal(&self, signal: Signal) -> bool {
        #[cfg(target_os = "linux")]
        let has_detached = self.detached.are_alive();
        #[cfg(not(target_os = "linux"))]
        let has_detached = false;
        #[cfg(target_os = "linux")]
        self.detached.signal(signal);
        // Fails if no process is left, or none may be signalled. Neither can be handled.
        kill_process_group(self.group, signal).is_ok() || has_detached
    }
}

/// The remaining processes of a tree after its leader is reaped.
pub(crate) struct Survivors {
    /// `None` if the group is empty, since its id may be reused.
    group: Option<Pid>,
    #[cfg(target_os = "linux")]
    detached: Vec<Identity>,
}

impl Survivors {
    /// Whether any of them is alive, zombies excluded: the first process of many containers does not reap
    /// orphans, so their zombies remain. Reads the whole process table.
    pub(crate) fn are_alive(&self) -> bool {
        #[cfg(target_os = "linux")]
        if self.detached.iter().any(|process| detached::is_alive(*process)) {
            return true;
        }
        self.group.is_some_and(has_living)
    }
}

#[cfg(target_os = "linux")]
fn has_living(group: Pid) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return true;
    };
    processes.flatten().any(|process| {
        let is_process = process.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit);
        let stat = is_process.then(|| std::fs::read(process.path().join("stat")).ok()).flatten();
        let stat = stat.and_then(|line| Stat::parse(&line));
        stat.is_some_and(|stat| stat.is_living && stat.group == group.as_raw_nonzero().get())
    })
}

#[cfg(not(target_os = "linux"))]
fn has_living(_: Pid) -> bool {
    true
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_group_of_this_process_is_alive() {
        assert!(has_living(rustix::process::getpgrp()));
    }
}

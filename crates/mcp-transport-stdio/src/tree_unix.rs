//! A process and what it has started: a process group.
//!
//! The number of a group is not given to another one while its leader has not been reaped, or while it has
//! other members. So signals go out only then. On Linux, descendants that have left the group are ended too.

use std::{
    io,
    pin::pin,
    process::{ExitStatus, Stdio},
    task::{Context, Poll},
};

#[cfg(target_os = "linux")]
use crate::strays::{self, Identity, Stat, Strays};
use rustix::process::{
    Pid, Signal, WaitOptions, kill_process_group, test_kill_process_group, waitpgid,
};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

pub(crate) struct Tree {
    leader: Child,
    group: Pid,
    #[cfg(target_os = "linux")]
    strays: Strays,
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
            strays: Strays::default(),
        })
    }

    /// Notes the descendants that have left the group, as far as the system tells, so that they are ended
    /// too. To be called while the leader lives.
    pub(crate) fn find_strays(&mut self) {
        #[cfg(target_os = "linux")]
        if self.leader.id().is_some() {
            self.strays.find(self.group, self.group);
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.group.as_raw_nonzero().get().cast_unsigned()
    }

    pub(crate) fn take_pipes(&mut self) -> Option<(ChildStdin, ChildStdout, ChildStderr)> {
        let leader = &mut self.leader;
        let stdout = leader.stdout.take()?;
        // Large answers take fewer turns. No privilege, no room: it works without.
        #[cfg(target_os = "linux")]
        let _ = rustix::pipe::fcntl_setpipe_size(&stdout, 1 << 20);
        Some((leader.stdin.take()?, stdout, leader.stderr.take()?))
    }

    /// Polls for the end of the leader, which is reaped then.
    pub(crate) fn poll_exit(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        // The waker stays registered with the child, so the future need not be kept.
        pin!(self.leader.wait()).poll(cx)
    }

    /// Looks for the end of the leader, which is reaped then.
    pub(crate) fn try_exit(&mut self) -> io::Result<Option<ExitStatus>> {
        self.leader.try_wait()
    }

    /// Whether there are others once the leader is reaped, zombies included. Not to be asked again after a
    /// no.
    pub(crate) fn has_others(&self) -> bool {
        // Where orphans become our children, as in a container whose first process we are, no other code
        // reaps them.
        while let Ok(Some(_)) = waitpgid(self.group, WaitOptions::NOHANG) {}
        #[cfg(target_os = "linux")]
        if self.strays.are_alive() {
            return true;
        }
        self.has_group()
    }

    fn has_group(&self) -> bool {
        test_kill_process_group(self.group).is_ok()
    }

    /// The others, to look at them more closely.
    pub(crate) fn survivors(&self) -> Survivors {
        Survivors {
            group: self.has_group().then_some(self.group),
            #[cfg(target_os = "linux")]
            strays: self.strays.identities(),
        }
    }

    /// Asks all to end; whether it makes sense to wait for them.
    pub(crate) fn terminate(&mut self) -> bool {
        self.find_strays();
        self.signal(Signal::TERM)
    }

    /// Ends all.
    pub(crate) fn kill(&mut self) {
        self.find_strays();
        self.signal(Signal::KILL);
    }

    /// Sends a signal to all; whether there was one that got it.
    fn signal(&self, signal: Signal) -> bool {
        #[cfg(target_os = "linux")]
        let has_strays = self.strays.are_alive();
        #[cfg(not(target_os = "linux"))]
        let has_strays = false;
        #[cfg(target_os = "linux")]
        self.strays.signal(signal);
        // None is left, or none may be signalled: there is nothing more to do either way.
        kill_process_group(self.group, signal).is_ok() || has_strays
    }
}

/// What is left of a tree once its leader has been reaped.
pub(crate) struct Survivors {
    /// `None` where there is none any more, since its number may be given to others.
    group: Option<Pid>,
    #[cfg(target_os = "linux")]
    strays: Vec<Identity>,
}

impl Survivors {
    /// Whether any of them is more than a zombie: the first process of many containers leaves orphans
    /// unreaped, and they would look alive for ever. Looks at all processes of the system.
    pub(crate) fn are_alive(&self) -> bool {
        #[cfg(target_os = "linux")]
        if self.strays.iter().any(|stray| strays::is_alive(*stray)) {
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
    fn our_own_group_is_alive() {
        assert!(has_living(rustix::process::getpgrp()));
    }
}

//! A process and what it has started: a process group.
//!
//! The number of a group is not given to another one while its leader has not been reaped, or while it has
//! other members. So signals go out only then.

use std::{
    io,
    pin::pin,
    process::{ExitStatus, Stdio},
    task::{Context, Poll},
};

use rustix::process::{
    Pid, Signal, WaitOptions, kill_process_group, test_kill_process_group, waitpgid,
};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

pub(crate) struct Tree {
    leader: Child,
    group: Pid,
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
        Ok(Self { leader, group })
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
        test_kill_process_group(self.group).is_ok()
    }

    /// The others, to look at them more closely.
    pub(crate) fn survivors(&self) -> Survivors {
        Survivors(self.group)
    }

    /// Asks all to end; whether it makes sense to wait for them.
    pub(crate) fn terminate(&mut self) -> bool {
        kill_process_group(self.group, Signal::TERM).is_ok()
    }

    /// Ends all.
    pub(crate) fn kill(&mut self) {
        // Nobody is left, or nobody may be killed: there is nothing more to do either way.
        let _ = kill_process_group(self.group, Signal::KILL);
    }
}

/// What is left of a tree once its leader has been reaped.
pub(crate) struct Survivors(Pid);

impl Survivors {
    /// Whether any of them is more than a zombie: the first process of many containers leaves orphans
    /// unreaped, and they would look alive for ever. Looks at all processes of the system.
    pub(crate) fn are_alive(&self) -> bool {
        has_living(self.0)
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
        stat.is_some_and(|stat| is_living_member(&stat, group))
    })
}

#[cfg(not(target_os = "linux"))]
fn has_living(_: Pid) -> bool {
    true
}

/// Reads a line of `/proc/<pid>/stat`: `pid (name) state parent group ...`, where names hold anything.
#[cfg(target_os = "linux")]
fn is_living_member(stat: &[u8], group: Pid) -> bool {
    let name_end = stat.iter().rposition(|byte| *byte == b')').map_or(0, |at| at + 1);
    let rest = String::from_utf8_lossy(&stat[name_end..]);
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next();
    let member = fields.nth(1).and_then(|field| field.parse().ok());
    member == Some(group.as_raw_nonzero().get()) && !matches!(state, Some("Z" | "X"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn reads_members_of_a_group_and_leaves_zombies_out() {
        let group = Pid::from_raw(40).unwrap();
        assert!(is_living_member(b"41 (a) R) S 1 40 40 0", group));
        assert!(!is_living_member(b"41 (a) Z 1 40 40 0", group));
        assert!(!is_living_member(b"40 (a) S 1 41 40 0", group));
        assert!(!is_living_member(b"", group));
        assert!(has_living(rustix::process::getpgrp()));
    }
}

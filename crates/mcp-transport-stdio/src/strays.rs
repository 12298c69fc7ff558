//! Descendants of a process that have left its group, such as those in sessions of their own. They are
//! found by their parents, so only while these live: before the tree is ended, and not after.

use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// The most processes that are looked at.
const LIMIT: usize = 10_000;

/// Descendants that were found. Each is held by a handle, since its number may be given to another process.
#[derive(Default)]
pub(crate) struct Strays(Vec<Stray>);

struct Stray {
    pid: Pid,
    started: u64,
    handle: OwnedFd,
}

/// A process by its number and the time of its start.
pub(crate) type Identity = (Pid, u64);

impl Strays {
    /// Adds the present descendants of `leader`, and of those known, that are not in `group`.
    pub(crate) fn find(&mut self, leader: Pid, group: Pid) {
        let mut open: Vec<Pid> = self.0.iter().map(|stray| stray.pid).chain([leader]).collect();
        let mut looked_at = 0;
        while let Some(parent) = open.pop() {
            for child in children(parent) {
                looked_at += 1;
                if looked_at > LIMIT {
                    return;
                }
                open.push(child);
                let stat =
                    Stat::read(child).filter(|stat| stat.group != group.as_raw_nonzero().get());
                if let Some(stat) = stat
                    && self.0.iter().all(|stray| (stray.pid, stray.started) != (child, stat.started))
                    && let Ok(handle) = pidfd_open(child, PidfdFlags::empty())
                    // The number may have been given to another process meanwhile.
                    && Stat::read(child).is_some_and(|now| now.started == stat.started)
                {
                    self.0.push(Stray { pid: child, started: stat.started, handle });
                }
            }
        }
    }

    pub(crate) fn identities(&self) -> Vec<Identity> {
        self.0.iter().map(|stray| (stray.pid, stray.started)).collect()
    }

    pub(crate) fn are_alive(&self) -> bool {
        self.0.iter().any(|stray| is_alive((stray.pid, stray.started)))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        for stray in &self.0 {
            // One that has ended needs no signal.
            let _ = pidfd_send_signal(&stray.handle, signal);
        }
    }
}

/// Whether a process is there, and more than a zombie.
pub(crate) fn is_alive((pid, started): Identity) -> bool {
    Stat::read(pid).is_some_and(|stat| stat.started == started && stat.is_living)
}

/// The children of a process, of all its threads.
fn children(parent: Pid) -> Vec<Pid> {
    let tasks = format!("/proc/{}/task", parent.as_raw_nonzero());
    let Ok(threads) = std::fs::read_dir(tasks) else { return Vec::new() };
    let lists = threads
        .flatten()
        .map(|thread| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    let pids = |list: String| {
        let pids = list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok());
        pids.filter_map(Pid::from_raw).collect::<Vec<_>>()
    };
    lists.flat_map(pids).collect()
}

/// A line of `/proc/<pid>/stat`: `pid (name) state parent group ...`, where names hold anything.
pub(crate) struct Stat {
    pub(crate) is_living: bool,
    pub(crate) group: i32,
    started: u64,
}

impl Stat {
    fn read(pid: Pid) -> Option<Self> {
        Self::parse(&std::fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?)
    }

    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let name_end = line.iter().rposition(|byte| *byte == b')')?;
        let rest = String::from_utf8_lossy(&line[name_end + 1..]);
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?;
        let group = fields.nth(1)?.parse().ok()?;
        // The 22nd field of all.
        let started = fields.nth(16).and_then(|field| field.parse().ok()).unwrap_or(0);
        Some(Self { is_living: !matches!(state, "Z" | "X"), group, started })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_line_of_the_process_table_is_read_whatever_the_name() {
        let line = b"41 (a) R) S 1 40 40 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 98765 1 2 3";
        let stat = Stat::parse(line).unwrap();
        assert!(stat.is_living);
        assert_eq!((stat.group, stat.started), (40, 98765));
        assert!(!Stat::parse(b"41 (a) Z 1 40 40 0").unwrap().is_living);
        assert!(Stat::parse(b"").is_none());
        assert!(Stat::parse(b"41 (a)").is_none());
        let own = Pid::from_raw(std::process::id().cast_signed()).unwrap();
        assert!(Stat::read(own).unwrap().started > 0);
    }
}

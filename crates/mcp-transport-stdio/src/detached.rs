//! Descendants of a process that left its process group, for example by `setsid`. They are found through
//! their parents, so only while those are alive: before the tree is signalled, not after.

use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// The maximum number of processes visited by a search.
const MAX_PROCESSES: usize = 10_000;

/// The descendants found so far. Each has a process file descriptor, since its id may be reused.
#[derive(Default)]
pub(crate) struct Detached(Vec<DetachedProcess>);

struct DetachedProcess {
    pid: Pid,
    started: u64,
    handle: OwnedFd,
}

/// The id and the start time of a process, which together are unique.
pub(crate) type Identity = (Pid, u64);

impl Detached {
    /// Adds the current descendants of `leader` and of the known processes that are not in `group`.
    pub(crate) fn find(&mut self, leader: Pid, group: Pid) {
        let mut parents: Vec<Pid> =
            self.0.iter().map(|process| process.pid).chain([leader]).collect();
        let mut visited = 0;
        while let Some(parent) = parents.pop() {
            for child in children(parent) {
                visited += 1;
                if visited > MAX_PROCESSES {
                    return;
                }
                parents.push(child);
                let stat =
                    Stat::read(child).filter(|stat| stat.group != group.as_raw_nonzero().get());
                if let Some(stat) = stat
                    && self.0.iter().all(|known| (known.pid, known.started) != (child, stat.started))
                    && let Ok(handle) = pidfd_open(child, PidfdFlags::empty())
                    // The id may have been reused before the descriptor was opened.
                    && Stat::read(child).is_some_and(|now| now.started == stat.started)
                {
                    self.0.push(DetachedProcess { pid: child, started: stat.started, handle });
                }
            }
        }
    }

    pub(crate) fn identities(&self) -> Vec<Identity> {
        self.0.iter().map(|process| (process.pid, process.started)).collect()
    }

    pub(crate) fn are_alive(&self) -> bool {
        self.0.iter().any(|process| is_alive((process.pid, process.started)))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        for process in &self.0 {
            // Fails if the process has already ended.
            let _ = pidfd_send_signal(&process.handle, signal);
        }
    }
}

/// Whether a process exists and is not a zombie.
pub(crate) fn is_alive((pid, started): Identity) -> bool {
    Stat::read(pid).is_some_and(|stat| stat.started == started && stat.is_living)
}

/// The children of all threads of a process.
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

/// A line of `/proc/<pid>/stat`: `pid (name) state parent group ...`. The name may contain any character.
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
        // Field 22 of the line.
        let started = fields.nth(16).and_then(|field| field.parse().ok()).unwrap_or(0);
        Some(Self { is_living: !matches!(state, "Z" | "X"), group, started })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_stat_line_is_parsed_with_any_process_name() {
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

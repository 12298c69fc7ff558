use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// A process tree: a process and all its descendants, whatever their parents and process groups. All have the same
/// marker in their environment.
///
/// Reads `/proc`; on systems without it, every tree is empty.
#[derive(Debug)]
pub(crate) struct Tree {
    mark: String,
}

/// The environment variable of the marker.
const NAME: &str = "MCP_TEST_TREE";

impl Tree {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { mark: format!("{}-{next}", std::process::id()) }
    }

    /// The environment variable to set for the first process.
    pub(crate) fn variable(&self) -> (&'static str, &str) {
        (NAME, &self.mark)
    }

    /// The ids of running processes.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let Ok(processes) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        let mark = format!("{NAME}={}", self.mark).into_bytes();
        processes
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid: &u32| {
                let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                environment.split(|byte| *byte == 0).any(|variable| variable == mark)
            })
            .collect()
    }

    /// Fails unless a process runs, if that can be observed. Returns the running processes.
    pub(crate) fn running(&self) -> Vec<u32> {
        let pids = self.pids();
        assert!(!pids.is_empty() || !cfg!(target_os = "linux"), "nothing runs");
        pids
    }

    /// Waits until no process is left, including zombies of the processes that ran `before`.
    pub(crate) async fn gone(&self, before: &[u32], limit: Duration) {
        let begun = Instant::now();
        loop {
            let left = self.pids();
            let zombies: Vec<_> = before.iter().filter(|pid| is_our_zombie(**pid)).collect();
            if left.is_empty() && zombies.is_empty() {
                return;
            }
            let lines: Vec<_> = left.iter().map(|pid| command_line(*pid)).collect();
            assert!(
                begun.elapsed() < limit,
                "left running: {lines:?}, zombies: {zombies:?}, of {before:?}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn is_our_zombie(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.next() == Some("Z") && fields.next() == Some(&std::process::id().to_string())
}

fn command_line(pid: u32) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    format!("{pid} {}", String::from_utf8_lossy(&line).replace('\0', " "))
}

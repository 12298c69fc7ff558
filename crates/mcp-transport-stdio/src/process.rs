//! The child process and its descendants, and their exit.

use std::{
    future::poll_fn,
    process::ExitStatus,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use crate::tree::Tree;

/// The interval between polls for the exit of descendants, which is not reported. Doubles from the minimum
/// to the maximum.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(5);
const MAX_POLL_INTERVAL: Duration = Duration::from_millis(80);
/// The longest time to block for the exit of a killed process, outside async code.
const REAP_TIMEOUT: Duration = Duration::from_millis(100);

pub(crate) struct Process {
    state: Mutex<State>,
    id: u32,
}

struct State {
    tree: Tree,
    exit: Option<Exit>,
    /// All processes have exited. The id of the process group may be reused.
    tree_exited: bool,
}

/// The exit status of the leader; `None` if other code has collected it.
pub(crate) type Exit = Option<ExitStatus>;

impl Process {
    pub(crate) fn new(tree: Tree) -> Self {
        let id = tree.id();
        Self { state: Mutex::new(State { tree, exit: None, tree_exited: false }), id }
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Waits for the leader to exit.
    pub(crate) async fn exited(&self) -> Exit {
        poll_fn(|cx| self.lock().poll_exit(cx)).await
    }

    /// Waits for the leader and its descendants to exit.
    pub(crate) async fn tree_exited(&self) {
        self.exited().await;
        let mut interval = MIN_POLL_INTERVAL;
        while !self.has_tree_exited() {
            let survivors = self.lock().tree.survivors();
            // Reading the process table of a large system takes long.
            if let Ok(false) = tokio::task::spawn_blocking(move || survivors.are_alive()).await {
                return self.lock().ignore_zombies();
            }
            tokio::time::sleep(interval).await;
            interval = MAX_POLL_INTERVAL.min(interval * 2);
        }
    }

    /// Whether the leader and its descendants have exited, and no zombie is left.
    pub(crate) fn has_tree_exited(&self) -> bool {
        self.lock().has_tree_exited()
    }

    /// Whether the leader has exited.
    pub(crate) fn has_exited(&self) -> bool {
        self.lock().has_exited()
    }

    /// Records descendants that a signal to the process group would miss. Call it while the leader is alive.
    pub(crate) async fn find_detached(self: &Arc<Self>) {
        let process = Arc::clone(self);
        // Fails if the runtime is being shut down. `kill` searches again.
        let _ = tokio::task::spawn_blocking(move || process.lock().tree.find_detached()).await;
    }

    /// Sends SIGTERM to the remaining processes. Returns whether there are any to wait for.
    pub(crate) fn terminate(&self) -> bool {
        let mut state = self.lock();
        !state.has_tree_exited() && state.tree.terminate()
    }

    /// Kills the remaining processes.
    pub(crate) fn kill(&self) {
        let mut state = self.lock();
        if !state.has_tree_exited() {
            state.tree.kill();
        }
    }

    /// Kills and reaps the remaining processes, for callers outside async code.
    ///
    /// Blocks for a few milliseconds, and at most for [`REAP_TIMEOUT`].
    pub(crate) fn kill_and_reap(self: &Arc<Self>) {
        self.kill();
        if self.reap(REAP_TIMEOUT, Duration::from_millis(1)) || self.has_exited() {
            return;
        }
        // A large process needs time to free its memory, and no other code would reap it.
        let process = Arc::clone(self);
        let reaper = std::thread::Builder::new().name("mcp-reaper".into());
        let _ = reaper.spawn(move || process.reap(100 * REAP_TIMEOUT, MAX_POLL_INTERVAL));
    }

    fn reap(&self, timeout: Duration, interval: Duration) -> bool {
        let started = std::time::Instant::now();
        while !self.has_tree_exited() {
            if !self.lock().tree.survivors().are_alive() {
                self.lock().ignore_zombies();
                return true;
            }
            if started.elapsed() > timeout {
                return false;
            }
            std::thread::sleep(interval);
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn poll_exit(&mut self, cx: &mut Context<'_>) -> Poll<Exit> {
        if let Some(exit) = self.exit {
            return Poll::Ready(exit);
        }
        let exit = std::task::ready!(self.tree.poll_exit(cx)).ok();
        self.reaped(exit);
        Poll::Ready(exit)
    }

    fn has_exited(&mut self) -> bool {
        if self.exit.is_none() {
            match self.tree.try_exit() {
                Ok(None) => return false,
                Ok(Some(status)) => self.reaped(Some(status)),
                // Reaped by other code, such as a SIGCHLD handler that waits for all children.
                Err(_) => self.reaped(None),
            }
        }
        true
    }

    fn reaped(&mut self, exit: Exit) {
        self.exit = Some(exit);
        // Checked now: the id of the group may be reused from here on, unless the group has other members.
        self.tree_exited = !self.tree.has_others();
    }

    /// Called when only zombies are left. `has_others` reaps those that are our children.
    fn ignore_zombies(&mut self) {
        self.tree.has_others();
        self.tree_exited = true;
    }

    fn has_tree_exited(&mut self) -> bool {
        if self.has_exited() && !self.tree_exited {
            self.tree_exited = !self.tree.has_others();
        }
        self.tree_exited
    }
}

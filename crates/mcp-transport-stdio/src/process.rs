//! The child process, its end, and the ends of what it has started.

use std::{
    future::poll_fn,
    process::ExitStatus,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use crate::tree::Tree;

/// How often the rest of the tree is polled for, whose end is not reported: at first, and later on.
const FIRST_POLL: Duration = Duration::from_millis(5);
const LAST_POLL: Duration = Duration::from_millis(80);
/// How long a killed process is waited for where nothing can be awaited.
const REAP_TIMEOUT: Duration = Duration::from_millis(100);

pub(crate) struct Process {
    state: Mutex<State>,
    id: u32,
}

struct State {
    tree: Tree,
    exit: Option<Exit>,
    /// Nothing of the tree is left, and its number may belong to others by now.
    gone: bool,
}

/// The leader has ended; with which status, unless other code has collected it.
pub(crate) type Exit = Option<ExitStatus>;

impl Process {
    pub(crate) fn new(tree: Tree) -> Self {
        let id = tree.id();
        Self { state: Mutex::new(State { tree, exit: None, gone: false }), id }
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Waits for the leader to end.
    pub(crate) async fn exited(&self) -> Exit {
        poll_fn(|cx| self.lock().poll_exit(cx)).await
    }

    /// Waits for the leader and all others of the tree to end.
    pub(crate) async fn gone(&self) {
        self.exited().await;
        let mut pause = FIRST_POLL;
        while !self.is_gone() {
            let survivors = self.lock().tree.survivors();
            // Looking at all processes of a large system takes its time.
            if let Ok(false) = tokio::task::spawn_blocking(move || survivors.are_alive()).await {
                return self.lock().leave_zombies();
            }
            tokio::time::sleep(pause).await;
            pause = LAST_POLL.min(pause * 2);
        }
    }

    /// Whether nothing of the tree is left, not even a zombie.
    pub(crate) fn is_gone(&self) -> bool {
        self.lock().is_gone()
    }

    /// Whether the leader has ended.
    pub(crate) fn has_exited(&self) -> bool {
        self.lock().has_exited()
    }

    /// Notes descendants that a signal to the tree would miss: while the leader lives, off the runtime.
    pub(crate) async fn find_strays(self: &Arc<Self>) {
        let process = Arc::clone(self);
        // Where the runtime is being shut down, all that is found then is killed.
        let _ = tokio::task::spawn_blocking(move || process.lock().tree.find_strays()).await;
    }

    /// Asks all that is left to end; whether it makes sense to wait for that.
    pub(crate) fn terminate(&self) -> bool {
        let mut state = self.lock();
        !state.is_gone() && state.tree.terminate()
    }

    /// Ends all that is left.
    pub(crate) fn kill(&self) {
        let mut state = self.lock();
        if !state.is_gone() {
            state.tree.kill();
        }
    }

    /// Ends all that is left and reaps it, without a runtime: for callers that cannot wait.
    ///
    /// Blocks for the few milliseconds that this takes, and never longer than [`REAP_TIMEOUT`].
    pub(crate) fn destroy(self: &Arc<Self>) {
        self.kill();
        if self.reap(REAP_TIMEOUT, Duration::from_millis(1)) || self.has_exited() {
            return;
        }
        // A large process takes its time to free its memory, and no other code would reap it.
        let process = Arc::clone(self);
        let reaper = std::thread::Builder::new().name("mcp-reaper".into());
        let _ = reaper.spawn(move || process.reap(100 * REAP_TIMEOUT, LAST_POLL));
    }

    fn reap(&self, wait: Duration, step: Duration) -> bool {
        let begun = std::time::Instant::now();
        while !self.is_gone() {
            if !self.lock().tree.survivors().are_alive() {
                self.lock().leave_zombies();
                return true;
            }
            if begun.elapsed() > wait {
                return false;
            }
            std::thread::sleep(step);
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
                // Reaped by other code, such as a handler of SIGCHLD for all children.
                Err(_) => self.reaped(None),
            }
        }
        true
    }

    fn reaped(&mut self, exit: Exit) {
        self.exit = Some(exit);
        // At once: the number is free from now on, unless others of the tree have it.
        self.gone = !self.tree.has_others();
    }

    /// None of the others is alive: those that are ours to reap are reaped now.
    fn leave_zombies(&mut self) {
        self.tree.has_others();
        self.gone = true;
    }

    fn is_gone(&mut self) -> bool {
        if self.has_exited() && !self.gone {
            self.gone = !self.tree.has_others();
        }
        self.gone
    }
}

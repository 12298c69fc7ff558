use std::time::Duration;

use mcp_client::{Client, EraPolicy, Stdio, stdio::Stderr};

use super::{Expect, Log, Program, Row, Tree, bounded, exercise, within};

/// A server as a child process, with its process tree and log.
pub(crate) struct StdioPeer {
    pub(crate) log: Log,
    pub(crate) tree: Tree,
    stdio: Stdio,
}

impl StdioPeer {
    pub(crate) fn start(program: &Program) -> Self {
        Self::new(program.stdio())
    }

    pub(crate) fn new<R>(stdio: Stdio<R>) -> Self {
        let (log, tree) = (Log::new(), Tree::new());
        let (name, mark) = tree.variable();
        let lines = log.clone();
        let stdio = stdio.env(name, mark).stderr(Stderr::lines(move |line| lines.push(line)));
        Self { log, tree, stdio: stdio.into_program() }
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: &std::path::Path) -> Self {
        self.stdio = self.stdio.env(name, value);
        self
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.stdio.clone()).unwrap()
    }

    /// Everything: every kind of call, then a close that leaves nothing running.
    pub(crate) async fn exercise(&self, mode: EraPolicy, expect: &Expect) {
        let session = bounded(self.client().era(mode).connect()).await.unwrap();
        let row = Row::of(expect.server, &session);
        exercise(&session, &self.log, expect).await;
        let before = self.tree.running();
        within(Duration::from_secs(5), session.close()).await.unwrap();
        self.tree.gone(&before, Duration::ZERO).await;
        let error = bounded(session.list_tools()).await.unwrap_err();
        assert!(session.is_closed(), "{error}");
        row.passed();
    }

    /// Connects and drops the session immediately.
    pub(crate) async fn drop_it(&self) {
        let session = bounded(self.client().connect()).await.unwrap();
        let before = self.tree.running();
        drop(session);
        self.tree.gone(&before, Duration::from_secs(5)).await;
    }
}

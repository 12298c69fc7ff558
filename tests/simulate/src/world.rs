//! The state of a simulated world: its clock, its faults, the server's executions, and violations.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{sync::watch, task::AbortHandle, time::Instant};

use crate::{log::Log, plan::Plan, random::Random, tracked::Wakers};

/// A world. Clones share it.
#[derive(Clone)]
pub(crate) struct World(Arc<Shared>);

struct Shared {
    plan: Plan,
    wakers: Wakers,
    state: Mutex<State>,
    /// Each change breaks all connections.
    breaks: watch::Sender<u64>,
}

pub(crate) struct State {
    pub(crate) random: Random,
    /// Whether faults are disabled.
    pub(crate) is_calm: bool,
    /// The number of executions of each call, by key.
    pub(crate) executed: BTreeMap<String, u32>,
    /// The sessions of the server by their ids.
    pub(crate) sessions: BTreeMap<String, ServerSession>,
    pub(crate) opened_sessions: u64,
    listeners: Vec<Listener>,
    /// The version of the list of tools.
    version: u64,
    faults: BTreeMap<&'static str, u64>,
    violations: Vec<String>,
    trace: Vec<String>,
    tasks: Vec<AbortHandle>,
    down_until: Option<Instant>,
    start: Option<Instant>,
}

/// A legacy session at the server.
#[derive(Clone)]
pub(crate) struct ServerSession {
    /// The standalone stream; for HTTP+SSE, all messages.
    pub(crate) log: Log,
    /// The streams of requests, by their numbers.
    pub(crate) streams: BTreeMap<u64, Log>,
}

/// A client with a subscription.
struct Listener {
    log: Log,
    /// The id of its `subscriptions/listen`.
    subscription: Option<Value>,
}

impl World {
    pub(crate) fn new(plan: Plan, random: Random) -> Self {
        let (breaks, _) = watch::channel(0);
        let state = State {
            random,
            is_calm: false,
            executed: BTreeMap::new(),
            sessions: BTreeMap::new(),
            opened_sessions: 0,
            listeners: Vec::new(),
            version: 0,
            faults: BTreeMap::new(),
            violations: Vec::new(),
            trace: Vec::new(),
            tasks: Vec::new(),
            down_until: None,
            start: None,
        };
        let (wakers, state) = (Wakers::default(), Mutex::new(state));
        Self(Arc::new(Shared { plan, wakers, state, breaks }))
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.0.plan
    }

    pub(crate) fn wakers(&self) -> &Wakers {
        &self.0.wakers
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn random<T>(&self, choose: impl FnOnce(&mut Random) -> T) -> T {
        choose(&mut self.state().random)
    }

    /// Adds a line to the trace of the world.
    pub(crate) fn note(&self, line: impl std::fmt::Display) {
        let mut state = self.state();
        let start = *state.start.get_or_insert_with(Instant::now);
        let at = Instant::now().saturating_duration_since(start).as_millis();
        state.trace.push(format!("{at:>9} ms  {line}"));
    }

    /// Records a violation of an invariant.
    pub(crate) fn violation(&self, line: String) {
        self.note(format_args!("VIOLATION: {line}"));
        self.state().violations.push(line);
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    pub(crate) fn trace(&self) -> Vec<String> {
        self.state().trace.clone()
    }

    pub(crate) fn faults(&self) -> BTreeMap<&'static str, u64> {
        self.state().faults.clone()
    }

    /// Whether a fault of this kind happens now; it is counted.
    pub(crate) fn fails(&self, what: &'static str) -> bool {
        let fails = {
            let mut state = self.state();
            let percent = self.0.plan.faults;
            !state.is_calm && state.random.chance(percent)
        };
        if fails {
            self.fault(what);
        }
        fails
    }

    pub(crate) fn fault(&self, what: &'static str) {
        *self.state().faults.entry(what).or_default() += 1;
        self.note(format_args!("fault: {what}"));
    }

    /// Spawns a task of the world, which ends with it.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = tokio::spawn(task);
        let mut state = self.state();
        state.tasks.retain(|task| !task.is_finished());
        state.tasks.push(task.abort_handle());
    }

    /// Ends all tasks of the world.
    pub(crate) fn end(&self) {
        self.break_connections();
        let tasks = std::mem::take(&mut self.state().tasks);
        tasks.iter().for_each(AbortHandle::abort);
    }

    /// Changes when the current connections break.
    pub(crate) fn breaks(&self) -> watch::Receiver<u64> {
        self.0.breaks.subscribe()
    }

    pub(crate) fn break_connections(&self) {
        self.0.breaks.send_modify(|breaks| *breaks += 1);
    }

    /// Restarts the server: ends its executions, sessions and connections.
    pub(crate) fn restart(&self, downtime: Duration) {
        self.lose_sessions();
        let mut state = self.state();
        let listeners = std::mem::take(&mut state.listeners);
        state.down_until = Some(Instant::now() + downtime);
        drop(state);
        listeners.iter().for_each(|listener| listener.log.end());
        self.break_connections();
    }

    /// Loses all sessions. Their streams end.
    pub(crate) fn lose_sessions(&self) {
        let sessions = std::mem::take(&mut self.state().sessions);
        for session in sessions.values() {
            session.end();
        }
    }

    /// Whether the server accepts connections now.
    pub(crate) fn is_down(&self) -> bool {
        let state = self.state();
        !state.is_calm && state.down_until.is_some_and(|until| Instant::now() < until)
    }

    /// Disables faults.
    pub(crate) fn set_calm(&self, is_calm: bool) {
        self.state().is_calm = is_calm;
        self.note(if is_calm { "calm" } else { "faults begin" });
    }

    /// Sends change notifications to `log` from now on.
    pub(crate) fn listen(&self, log: &Log, subscription: Option<Value>) {
        self.state().listeners.push(Listener { log: log.clone(), subscription });
    }

    /// Changes the list of tools.
    pub(crate) fn change(&self) {
        let mut state = self.state();
        state.version += 1;
        state.listeners.retain(|listener| !listener.log.has_ended());
        for Listener { log, subscription } in &state.listeners {
            let params = match subscription {
                Some(id) => {
                    json!({ "_meta": { "io.modelcontextprotocol/subscriptionId": id } })
                }
                None => json!({}),
            };
            let method = "notifications/tools/list_changed";
            log.push(json!({ "jsonrpc": "2.0", "method": method, "params": params }));
        }
        drop(state);
        self.note("the tools change");
    }

    pub(crate) fn version(&self) -> u64 {
        self.state().version
    }

    /// The number of executions of a call.
    pub(crate) fn executions(&self, key: &str) -> u32 {
        self.state().executed.get(key).copied().unwrap_or_default()
    }
}

impl ServerSession {
    pub(crate) fn new() -> Self {
        Self { log: Log::new(), streams: BTreeMap::new() }
    }

    pub(crate) fn end(&self) {
        self.log.end();
        self.streams.values().for_each(Log::end);
    }
}

//! Opening and closing of servers: the only place that starts supervisors.

use std::sync::Arc;

use mcp_session::{Error, ErrorKind, Session};

use crate::{
    client::GroupClient,
    error::RequestError,
    member::{Member, Supervisor},
    phase::{Phase, time_left},
    supervise::supervise,
    task::OwnedTask,
};

impl Member {
    /// The session, for a request of a client. Connects if no attempt was made yet, and waits for an attempt in
    /// progress. Cancel safe.
    ///
    /// # Errors
    /// Returns at once while the server is down.
    pub(crate) async fn session(
        self: &Arc<Self>,
        client: &GroupClient,
    ) -> Result<Session, RequestError> {
        if let Some(session) = self.ready() {
            return Ok(session);
        }
        if !matches!(*self.phase.borrow(), Phase::Failed(_)) {
            self.start_for(client);
        }
        match self.settled().await {
            Phase::Ready(session) => Ok(session),
            phase => Err(not_connected(&self.name, &phase)),
        }
    }

    /// Starts to open the server, unless it is being opened.
    pub(crate) fn start(self: &Arc<Self>) {
        self.spawn(&mut self.supervisor(), None);
    }

    /// Starts to open the server for a client, unless it is being opened or the client is closed.
    pub(crate) fn start_for(self: &Arc<Self>, client: &GroupClient) {
        let mut supervisor = self.supervisor();
        // If the group is closed after this check, it stops the supervisor.
        if !client.is_closed() {
            self.spawn(&mut supervisor, None);
        }
    }

    /// Closes the current session and opens a new one.
    pub(crate) fn restart(self: &Arc<Self>) {
        let mut supervisor = self.supervisor();
        supervisor.task = None;
        let session = match &*self.phase.borrow() {
            Phase::Ready(session) => Some(session.clone()),
            _ => None,
        };
        self.spawn(&mut supervisor, session);
    }

    /// Stops the supervisor. The caller must close the returned session.
    pub(crate) fn stop(&self) -> Option<Session> {
        self.end(&mut self.supervisor())
    }

    /// [Stops](Self::stop) the supervisor permanently.
    pub(crate) fn retire(&self) -> Option<Session> {
        let mut supervisor = self.supervisor();
        supervisor.is_retired = true;
        self.end(&mut supervisor)
    }

    /// Stops attempts to open the server, unless it is open.
    pub(crate) fn give_up(&self, error: Error) {
        let mut supervisor = self.supervisor();
        if self.connect.is_some() && !self.is_ready() {
            supervisor.task = None;
            self.phase.send_replace(Phase::Failed(error));
        }
    }

    /// Starts the supervisor, which closes the session `before` first.
    fn spawn(self: &Arc<Self>, supervisor: &mut Supervisor, before: Option<Session>) {
        let is_running = supervisor.task.as_ref().is_some_and(|task| !task.is_finished());
        // A supervisor that has failed permanently is about to end.
        let is_running = is_running && !matches!(*self.phase.borrow(), Phase::Failed(_));
        if is_running || self.connect.is_none() || supervisor.is_retired {
            return;
        }
        self.phase.send_replace(Phase::Connecting);
        supervisor.number += 1;
        let number = supervisor.number;
        let this = Arc::clone(self);
        supervisor.task = Some(OwnedTask::spawn(async move {
            // Two instances of a server at a time could conflict.
            if let Some(session) = before
                && let Err(error) = session.close().await
            {
                tracing::debug!(%error, "a restarted server did not close gracefully");
            }
            supervise(this, number).await;
        }));
    }

    fn end(&self, supervisor: &mut Supervisor) -> Option<Session> {
        supervisor.task = None;
        self.connect.as_ref()?;
        match self.phase.send_replace(Phase::Idle) {
            Phase::Ready(session) => Some(session),
            _ => None,
        }
    }
}

/// The error of a call without a session.
fn not_connected(name: &Arc<str>, phase: &Phase) -> RequestError {
    match phase {
        Phase::Waiting { until, error } => {
            let wait = time_left(*until);
            let message = format!("server {name:?} is down, next attempt in {wait:.1?}");
            RequestError::not_connected(error, message)
        }
        Phase::Failed(error) => {
            RequestError::not_connected(error, format!("server {name:?} cannot be opened"))
        }
        _ => {
            let error = Error::new(ErrorKind::Closed, Arc::clone(name), "the server was closed");
            RequestError::not_connected(&error, format!("server {name:?} is not connected"))
        }
    }
}

//! When servers are opened and closed: the only place that starts their supervisors.

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
    /// The session, for a request of a client. Connects where nothing has tried, and waits for an attempt
    /// that is under way. Cancel safe.
    ///
    /// # Errors
    /// At once while the server is down.
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

    /// Begins to open it, unless something does already.
    pub(crate) fn start(self: &Arc<Self>) {
        self.spawn(&mut self.supervisor(), None);
    }

    /// Begins to open it for a client, unless something does already, or the client is closed.
    pub(crate) fn start_for(self: &Arc<Self>, client: &GroupClient) {
        let mut supervisor = self.supervisor();
        // A group that is closed later than this ends the supervisor.
        if !client.is_closed() {
            self.spawn(&mut supervisor, None);
        }
    }

    /// Closes the session that it has, and opens another.
    pub(crate) fn restart(self: &Arc<Self>) {
        let mut supervisor = self.supervisor();
        supervisor.task = None;
        let session = match &*self.phase.borrow() {
            Phase::Ready(session) => Some(session.clone()),
            _ => None,
        };
        self.spawn(&mut supervisor, session);
    }

    /// Ends what opens it. The session that it had is the caller's to close.
    pub(crate) fn stop(&self) -> Option<Session> {
        self.end(&mut self.supervisor())
    }

    /// [Stops](Self::stop) it for good.
    pub(crate) fn retire(&self) -> Option<Session> {
        let mut supervisor = self.supervisor();
        supervisor.is_retired = true;
        self.end(&mut supervisor)
    }

    /// Stops attempts to open it, unless it is open.
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
        // One that has failed for good is about to end.
        let is_running = is_running && !matches!(*self.phase.borrow(), Phase::Failed(_));
        if is_running || self.connect.is_none() || supervisor.is_retired {
            return;
        }
        self.phase.send_replace(Phase::Connecting);
        supervisor.number += 1;
        let number = supervisor.number;
        let this = Arc::clone(self);
        supervisor.task = Some(OwnedTask::spawn(async move {
            // Two at a time may be too many for what they work on.
            if let Some(session) = before
                && let Err(error) = session.close().await
            {
                tracing::debug!(%error, "a server that is restarted did not end in order");
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

/// Why there is no session.
fn not_connected(name: &Arc<str>, phase: &Phase) -> RequestError {
    match phase {
        Phase::Waiting { until, error } => {
            let wait = time_left(*until);
            let message = format!("server {name:?} is down, and is tried again in {wait:.1?}");
            RequestError::not_connected(error, message)
        }
        Phase::Failed(error) => {
            RequestError::not_connected(error, format!("server {name:?} cannot be opened"))
        }
        _ => {
            let error = Error::new(ErrorKind::Closed, Arc::clone(name), "it was closed");
            RequestError::not_connected(&error, format!("server {name:?} is not connected"))
        }
    }
}

use std::{fmt, sync::Arc, time::Duration};

use mcp_core::ServerCapabilities;
use mcp_session::{Error, ErrorKind};

use crate::{
    Backend, Collision, ItemKind, Origin, ServerStatus, client::GroupClient,
    list_change::ListChange, member::Member, phase::Phase, state::GroupState,
};

/// Many servers behind one; see the [crate documentation](crate).
///
/// A cheap, cloneable handle. Connect to it like to a server in this process, with the memory transport, or serve it
/// over any other transport. Creating one does not connect: the first client does, and needs a tokio runtime with time
/// enabled.
///
/// The servers are closed by [`close`](Group::close), when the last client closes its connection, or in the background
/// when the last handle and the last request are dropped. A client that connects later opens them again; requests on a
/// closed connection do not.
///
/// If a server is unavailable, its requests fail with a transport error that names it and has the error of its session
/// as source. Its kind is [`Interrupted`](mcp_transport::ErrorKind::Interrupted) instead of `Closed`, since the group
/// itself is still open.
#[derive(Clone)]
pub struct Group {
    pub(crate) state: Arc<GroupState>,
    /// The client of this handle; [`Serve::for_client`](mcp_transport::Serve::for_client) creates another.
    pub(crate) client: Arc<GroupClient>,
}

impl Group {
    /// A handle of the same group for a new client.
    pub(crate) fn of(state: Arc<GroupState>) -> Self {
        Self { client: state.new_client(), state }
    }

    /// The status of each server, in their order.
    pub fn status(&self) -> Vec<ServerStatus> {
        self.state.members().iter().map(|member| member.status()).collect()
    }

    /// The name collisions between servers, in the order of their detection.
    pub fn collisions(&self) -> Vec<Collision> {
        self.state.names.collisions()
    }

    /// The server and original name of an item, given its name in the group. Tools and prompts are known once they have
    /// been listed; resources and templates are found by their URI.
    pub fn route(&self, kind: ItemKind, name: &str) -> Option<Origin> {
        let found = match kind {
            ItemKind::Resource => self.state.known_resource(name),
            kind => self.state.known_name(kind, name),
        };
        found.map(|(member, name)| Origin { server: Arc::clone(&member.name), name })
    }

    /// Checks that a server responds, as [`Session::ping`](mcp_session::Session::ping) does. Does not open it.
    ///
    /// # Errors
    /// There is no server of this name, it is not connected, with the reason as source, or the ping failed.
    pub async fn ping(&self, name: &str) -> Result<(), Error> {
        let Some(member) = self.state.member(name) else { return Err(self.no_server(name)) };
        if let Some(session) = member.ready() {
            return session.ping().await.map(drop);
        }
        let error = Error::new(ErrorKind::Unavailable, name, "the server is not connected");
        Err(match member.status().last_error {
            Some(cause) => error.with_source(cause),
            None => error,
        })
    }

    /// The longest start timeout of the servers. The start timeout of a session with the group must be longer, since
    /// the group waits for its servers.
    pub fn start_timeout(&self) -> Duration {
        let members = self.state.members();
        members.iter().map(|member| member.start_timeout()).max().unwrap_or_default()
    }

    /// Adds a server, and opens it if the group is open and not lazy. Clients are notified that the lists have changed.
    /// A server that cannot be opened is added too; see [`status`](Group::status).
    ///
    /// In a group of one server, that server keeps its names, and only the names of the new one are prefixed.
    ///
    /// Cancellation: if the future is dropped after it was polled, the server stays added.
    ///
    /// # Errors
    /// Another server has this name; nothing is added.
    pub async fn add(&self, backend: Backend) -> Result<(), Error> {
        let state = &self.state;
        let member = Member::new(backend, state.context(false));
        let opens = !state.is_lazy && state.is_open();
        if !state.add(Arc::clone(&member)) {
            let message = "another server of the group has this name";
            return Err(Error::new(ErrorKind::Target, Arc::clone(&member.name), message));
        }
        if opens {
            member.start();
            member.settled().await;
        }
        self.announce(&member);
        Ok(())
    }

    /// Removes a server and closes its session gracefully. Returns false if there is no server of this name. Clients
    /// are notified that the lists have changed. Its names in the group are not reused.
    ///
    /// Cancellation: if the future is dropped, the session is closed in the background.
    pub async fn remove(&self, name: &str) -> bool {
        let Some(member) = self.state.remove(name) else { return false };
        let session = member.retire();
        self.announce(&member);
        if let Some(session) = session
            && let Err(error) = session.close().await
        {
            tracing::debug!(%error, "a removed server did not close gracefully");
        }
        true
    }

    /// Closes the session of a server gracefully and opens a new one at once, in any state. Calls in progress fail; new
    /// calls wait. The lists are read again, and clients are notified if they have changed.
    ///
    /// Cancellation: if the future is dropped, the restart continues in the background.
    ///
    /// # Errors
    /// There is no server of this name; the error suggests a similar name. Or it could not be opened; it is then retried
    /// as after any failure.
    pub async fn restart(&self, name: &str) -> Result<(), Error> {
        let Some(member) = self.state.member(name) else {
            return Err(self.no_server(name));
        };
        member.restart();
        match member.settled().await {
            Phase::Ready(_) => Ok(()),
            Phase::Waiting { error, .. } | Phase::Failed(error) => Err(error),
            Phase::Idle | Phase::Connecting => {
                Err(Error::new(ErrorKind::Closed, name, "the group was closed"))
            }
        }
    }

    /// Closes the sessions of all servers gracefully, with their processes and connections, and the connections of all
    /// clients: their subscriptions are closed gracefully, and further requests fail with
    /// [`Closed`](mcp_transport::ErrorKind::Closed). A client that connects later opens the servers again.
    ///
    /// Cancellation: if the future is dropped, closing continues in the background.
    ///
    /// # Errors
    /// A server did not close gracefully. All are closed nevertheless.
    pub async fn close(&self) -> Result<(), Error> {
        // First, so that no client opens a server again.
        self.state.clients.end();
        self.state.stop().await
    }

    /// The error for an unknown server name.
    fn no_server(&self, name: &str) -> Error {
        let members = self.state.members();
        let names = members.iter().map(|it| &*it.name);
        let mut message = "the group has no server of this name".to_owned();
        if let Some(near) = mcp_core::nearest(name, names.clone()) {
            message += &format!(", did you mean {near:?}?");
        } else if !members.is_empty() {
            let names: Vec<String> = names.map(|it| format!("{it:?}")).collect();
            message += &format!(": its servers are {}", names.join(", "));
        }
        Error::new(ErrorKind::Target, name, message)
    }

    /// Notifies clients of an added or removed server.
    fn announce(&self, member: &Member) {
        let capabilities = member.verdict().map(|verdict| verdict.capabilities);
        for change in ListChange::ALL {
            let has = |it: &ServerCapabilities| match change {
                ListChange::Tools => it.tools.is_some(),
                ListChange::Prompts => it.prompts.is_some(),
                ListChange::Resources => it.resources.is_some(),
            };
            if capabilities.as_ref().is_none_or(has) {
                self.state.clients.list_changed(change);
            }
        }
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = self.state.members();
        let names: Vec<_> = members.iter().map(|member| &member.name).collect();
        f.debug_struct("Group").field("servers", &names).finish_non_exhaustive()
    }
}

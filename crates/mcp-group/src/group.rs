use std::{fmt, sync::Arc, time::Duration};

use mcp_core::ServerCapabilities;
use mcp_session::{Error, ErrorKind};

use crate::{
    Backend, Collision, ItemKind, Origin, ServerStatus, client::GroupClient,
    list_change::ListChange, member::Member, phase::Phase, state::GroupState,
};

/// Many servers that are one to their clients; see the [crate](crate) for how.
///
/// A cheap, cloneable handle: connect it like a server in this process, with the memory transport or
/// behind any other carrier. Making one connects nothing: the first client does, and needs a tokio runtime
/// with time.
///
/// The servers end with [`close`](Group::close), with the last client that closes its connection, or in the
/// background when the last handle and the last request are dropped. A client that connects after that opens
/// them again; a client whose connection was closed does not.
///
/// Where a server is out of reach, its requests fail below the protocol, with a text that names it and the
/// error of its session in the chain of causes. `Closed` is then
/// [`Interrupted`](mcp_transport::ErrorKind::Interrupted), since the group itself is not over.
#[derive(Clone)]
pub struct Group {
    pub(crate) state: Arc<GroupState>,
    /// The client of this handle; [`Serve::for_client`](mcp_transport::Serve::for_client) makes another.
    pub(crate) client: Arc<GroupClient>,
}

impl Group {
    /// The same group for one more client.
    pub(crate) fn of(state: Arc<GroupState>) -> Self {
        Self { client: state.new_client(), state }
    }

    /// The status of each server, in their order.
    pub fn status(&self) -> Vec<ServerStatus> {
        self.state.members().iter().map(|member| member.status()).collect()
    }

    /// The names that two servers would have had, in the order in which they were found.
    pub fn collisions(&self) -> Vec<Collision> {
        self.state.names.collisions()
    }

    /// The server of a name in the group, and the name there. Tools and prompts are known once they have been
    /// listed; resources and templates are found by their URI.
    pub fn route(&self, kind: ItemKind, name: &str) -> Option<Origin> {
        let found = match kind {
            ItemKind::Resource => self.state.known_resource(name),
            kind => self.state.known_name(kind, name),
        };
        found.map(|(member, name)| Origin { server: Arc::clone(&member.name), name })
    }

    /// The longest start timeout of the servers. The start timeout of a session with the group has to be
    /// longer, since the group waits for its servers meanwhile.
    pub fn start_timeout(&self) -> Duration {
        let members = self.state.members();
        members.iter().map(|member| member.start_timeout()).max().unwrap_or_default()
    }

    /// Adds a server, and opens it where the group is open and not lazy. Clients are notified that the lists
    /// have changed. It is added also when it cannot be opened; see [`status`](Group::status).
    ///
    /// In a group of one server that one keeps its names, and only the names of the new one begin with its
    /// server.
    ///
    /// Dropping the future after it was polled leaves the server added.
    ///
    /// # Errors
    /// When another server has the name; nothing is added.
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

    /// Removes a server and ends its session in order; `false` when there is none of this name. Clients are
    /// notified that the lists have changed. Its names are not given to others.
    ///
    /// Dropping the future leaves the end to the background.
    pub async fn remove(&self, name: &str) -> bool {
        let Some(member) = self.state.remove(name) else { return false };
        let session = member.retire();
        self.announce(&member);
        if let Some(session) = session
            && let Err(error) = session.close().await
        {
            tracing::debug!(%error, "a server that was removed did not end in order");
        }
        true
    }

    /// Ends the session of a server in order and opens it again at once, whatever it is doing. Calls that
    /// it is working on fail; those that arrive meanwhile wait. Its lists are read again, and clients are
    /// notified if they have changed.
    ///
    /// Dropping the future leaves it to the background.
    ///
    /// # Errors
    /// When there is no server of this name, or it could not be opened; it is then tried again as after any
    /// other end.
    pub async fn restart(&self, name: &str) -> Result<(), Error> {
        let Some(member) = self.state.member(name) else {
            let message = "the group has no server of this name";
            return Err(Error::new(ErrorKind::Target, name, message));
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

    /// Ends the sessions of all servers in order, with their processes and connections, and the connections of
    /// all clients: their subscriptions end in order, and their further requests fail with
    /// [`Closed`](mcp_transport::ErrorKind::Closed). A client that connects later opens the servers again.
    ///
    /// Dropping the future leaves the end to the background.
    ///
    /// # Errors
    /// When one did not end in order. All are over all the same.
    pub async fn close(&self) -> Result<(), Error> {
        // First, so that no client has a server opened again.
        self.state.clients.end();
        self.state.stop().await
    }

    /// Notifies clients of a server that has come or gone.
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

use std::{fmt, sync::Arc, time::Duration};

use mcp_core::ServerCapabilities;
use mcp_session::{Error, ErrorKind};

use crate::{
    Backend, Collision, GroupBuilder, ItemKind, Origin, ServerStatus,
    builder::name_is_taken,
    client::Client,
    hub::{Change, Event},
    member::{Member, Phase},
    shared::Shared,
};

/// Many servers that are one to their clients; see the [crate](crate) for how.
///
/// A cheap, cloneable handle: connect it like a server in this process, with the memory transport or
/// behind any other carrier. Making one connects nothing: the first client does, and needs a tokio runtime
/// with time. The servers end with [`close`](Group::close), with the last client that closes its
/// connection, or in the background when the last handle and the last request are dropped; after a close
/// the next request connects them again.
///
/// Where a server is out of reach, its requests fail below the protocol, with a text that names it and the
/// error of its transport in the chain of sources. `Closed` is then
/// [`Interrupted`](mcp_transport::ErrorKind::Interrupted), since the group itself is not over.
#[derive(Clone)]
pub struct Group {
    pub(crate) shared: Arc<Shared>,
    /// Who this handle is given to; [`Serve::for_client`](mcp_transport::Serve::for_client) begins anew.
    pub(crate) client: Arc<Client>,
}

impl Group {
    /// Begins to describe a group.
    pub fn builder() -> GroupBuilder {
        GroupBuilder::new()
    }

    pub(crate) fn new(shared: Shared) -> Self {
        Self::of(Arc::new(shared))
    }

    /// The same group for one more client.
    pub(crate) fn of(shared: Arc<Shared>) -> Self {
        let client = Arc::new(Client::new(Arc::clone(&shared.open)));
        shared.hub.join(&client);
        Self { shared, client }
    }

    /// How each server is doing, in their order.
    pub fn status(&self) -> Vec<ServerStatus> {
        self.shared.members().iter().map(|member| member.status()).collect()
    }

    /// The names that two servers would have had, in the order in which that was found out.
    pub fn collisions(&self) -> Vec<Collision> {
        self.shared.names.collisions()
    }

    /// What a name in the group is of. For tools and prompts as far as they have been listed; for resources
    /// and templates by their URI.
    pub fn route(&self, kind: ItemKind, name: &str) -> Option<Origin> {
        let found = match kind {
            ItemKind::Resource => self.shared.known_resource(name),
            kind => self.shared.known_name(kind, name),
        };
        found.map(|(member, name)| Origin { server: Arc::clone(&member.name), name })
    }

    /// The longest time that one of the servers may take to start. What opens the group has to be more
    /// patient than that: a session does not know that it waits for another.
    pub fn start_timeout(&self) -> Duration {
        let members = self.shared.members();
        members.iter().map(|member| member.start_timeout()).max().unwrap_or_default()
    }

    /// Adds a server, and opens it where the group is open and not lazy. Clients are told that the lists
    /// have changed. It is added also when it cannot be opened: [`status`](Group::status) tells.
    ///
    /// In a group of one server that one keeps its names, and only the new ones tell their server.
    ///
    /// Dropping the future after it was polled leaves the server added.
    ///
    /// # Errors
    /// When another server has the name; nothing is added.
    pub async fn add(&self, backend: Backend) -> Result<(), Error> {
        let shared = &self.shared;
        let member = Member::new(backend, shared.place(false));
        let opens = !shared.lazy && shared.is_open();
        if !shared.add(Arc::clone(&member)) {
            return Err(name_is_taken(Arc::clone(&member.name)));
        }
        if opens {
            member.start(true);
            member.settled().await;
        }
        self.announce(&member);
        Ok(())
    }

    /// Takes a server out and ends its session in order; `false` when there is none of this name. Clients
    /// are told that the lists have changed. Its names are not given to others.
    ///
    /// Dropping the future leaves the end to the background.
    pub async fn remove(&self, name: &str) -> bool {
        let Some(member) = self.shared.remove(name) else { return false };
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
    /// it is working on fail; those that come meanwhile wait. Its lists are read again, and clients are
    /// told if they have changed.
    ///
    /// Dropping the future leaves it to the background.
    ///
    /// # Errors
    /// When there is no server of this name, or it could not be opened; it is then tried again as after any
    /// other end.
    pub async fn restart(&self, name: &str) -> Result<(), Error> {
        let Some(member) = self.shared.member(name) else {
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

    /// Ends the sessions of all servers in order, and with them the processes and connections. The next
    /// request opens them again. Dropping the future leaves the end to the background.
    ///
    /// # Errors
    /// When one did not end in order. All are over all the same.
    pub async fn close(&self) -> Result<(), Error> {
        self.shared.close().await
    }

    /// Tells clients of a server that has come or gone.
    fn announce(&self, member: &Member) {
        let capabilities = member.verdict().map(|verdict| verdict.capabilities);
        for change in Change::ALL {
            let has = |it: &ServerCapabilities| match change {
                Change::Tools => it.tools.is_some(),
                Change::Prompts => it.prompts.is_some(),
                Change::Resources => it.resources.is_some(),
            };
            if capabilities.as_ref().is_none_or(has) {
                self.shared.hub.tell(&Event::Changed(change));
            }
        }
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = self.shared.members();
        let names: Vec<_> = members.iter().map(|member| &member.name).collect();
        f.debug_struct("Group").field("servers", &names).finish_non_exhaustive()
    }
}

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::future::join_all;
use mcp_core::Implementation;
use mcp_session::{Error, ErrorKind};
use mcp_transport::Backoff;

use crate::{
    client::GroupClient,
    clients::Clients,
    error::RequestError,
    member::{Member, MemberContext},
    names::Names,
    parked::Parked,
    phase::Phase,
    relay::Suspended,
};

/// State shared by all handles of a group. Dropping it ends all servers.
pub(crate) struct GroupState {
    pub(crate) info: Implementation,
    pub(crate) is_lazy: bool,
    /// Whether requests of servers are sent to clients.
    pub(crate) forwards_requests: bool,
    pub(crate) parked: Arc<Parked<Suspended>>,
    pub(crate) backoff: Backoff,
    pub(crate) names: Arc<Names>,
    pub(crate) clients: Arc<Clients>,
    /// The number of open client connections.
    pub(crate) open_connections: Arc<AtomicUsize>,
    members: Mutex<Vec<Arc<Member>>>,
}

impl GroupState {
    pub(crate) fn new(info: Implementation, is_lazy: bool, backoff: Backoff, names: Names) -> Self {
        Self {
            info,
            is_lazy,
            forwards_requests: false,
            parked: Arc::default(),
            backoff,
            names: Arc::new(names),
            clients: Arc::default(),
            open_connections: Arc::default(),
            members: Mutex::default(),
        }
    }

    /// State that a member shares with the group.
    pub(crate) fn context(&self, is_plain: bool) -> MemberContext {
        let (names, clients) = (Arc::clone(&self.names), Arc::clone(&self.clients));
        let (backoff, forwards_requests) = (self.backoff, self.forwards_requests);
        MemberContext { names, clients, backoff, is_plain, forwards_requests }
    }

    /// Creates a client.
    pub(crate) fn new_client(&self) -> Arc<GroupClient> {
        let client = Arc::new(GroupClient::new(Arc::clone(&self.open_connections)));
        self.clients.add(&client);
        client
    }

    /// The servers, in order.
    pub(crate) fn members(&self) -> Vec<Arc<Member>> {
        self.lock().clone()
    }

    pub(crate) fn member(&self, name: &str) -> Option<Arc<Member>> {
        self.lock().iter().find(|member| &*member.name == name).cloned()
    }

    /// Adds a server; false if another one has this name.
    pub(crate) fn add(&self, member: Arc<Member>) -> bool {
        let mut members = self.lock();
        let is_new = members.iter().all(|other| other.name != member.name);
        if is_new {
            members.push(member);
        }
        is_new
    }

    /// Adds a server that cannot be opened, even with a duplicate name.
    pub(crate) fn add_broken(&self, member: Arc<Member>) {
        self.lock().push(member);
    }

    pub(crate) fn remove(&self, name: &str) -> Option<Arc<Member>> {
        let mut members = self.lock();
        let at = members.iter().position(|member| &*member.name == name)?;
        Some(members.remove(at))
    }

    /// The only server, if the group acts as that server.
    pub(crate) fn sole_server(&self) -> Option<Arc<Member>> {
        match &**self.lock() {
            [member] if member.exposure.is_plain => Some(Arc::clone(member)),
            _ => None,
        }
    }

    /// Opens all servers in parallel, for a client that connects.
    ///
    /// # Errors
    /// All servers failed. They are retried only for another client: a connected one, or the next.
    pub(crate) async fn start(&self, client: &GroupClient) -> Result<(), RequestError> {
        let members = self.members();
        // To act as a server, the group must know it.
        if members.is_empty() || (self.is_lazy && self.sole_server().is_none()) {
            return Ok(());
        }
        members.iter().for_each(|member| member.start_for(client));
        // The group can act as a server only once that server is open.
        let waits_for_users = self.sole_server().is_some();
        let phases = members.iter().map(|member| async move {
            match waits_for_users {
                true => member.settled().await,
                false => member.settled_or_held().await,
            }
        });
        let phases = join_all(phases).await;
        if phases.iter().any(|phase| matches!(phase, Phase::Connecting)) {
            return Ok(());
        }
        let mut errors = Vec::new();
        for (member, phase) in members.iter().zip(phases) {
            errors.push(match phase {
                Phase::Ready(_) => return Ok(()),
                Phase::Waiting { error, .. } | Phase::Failed(error) => error,
                Phase::Idle | Phase::Connecting => {
                    Error::new(ErrorKind::Closed, Arc::clone(&member.name), "the server was closed")
                }
            });
        }
        // A server may have come up in the meantime.
        if members.iter().any(|member| member.is_ready()) {
            return Ok(());
        }
        if self.open_connections.load(Ordering::SeqCst) <= 1 {
            for (member, error) in members.iter().zip(&errors) {
                member.give_up(error.clone());
            }
        }
        Err(RequestError::start_failed(&errors))
    }

    /// Whether servers are open or should be.
    pub(crate) fn is_open(&self) -> bool {
        let is_on = |member: &Arc<Member>| {
            matches!(*member.phase.borrow(), Phase::Connecting | Phase::Ready(_))
        };
        self.open_connections.load(Ordering::SeqCst) > 0 || self.lock().iter().any(is_on)
    }

    /// Closes every session gracefully, in parallel.
    pub(crate) async fn stop(&self) -> Result<(), Error> {
        self.parked.clear();
        let sessions: Vec<_> = self.members().iter().filter_map(|member| member.stop()).collect();
        let closing = sessions.iter().map(|session| session.close());
        join_all(closing).await.into_iter().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Member>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for GroupState {
    fn drop(&mut self) {
        for member in self.members() {
            // Transports clean up in the background.
            drop(member.retire());
        }
    }
}

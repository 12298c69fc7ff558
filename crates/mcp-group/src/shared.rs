use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::future::join_all;
use mcp_core::Implementation;
use mcp_session::{Error, ErrorKind};

use crate::{
    Backoff,
    failure::Failure,
    hub::Hub,
    member::{Member, Phase, Place},
    names::Names,
};

/// What all handles of a group share. Dropping it ends every server.
pub(crate) struct Shared {
    pub(crate) info: Implementation,
    pub(crate) lazy: bool,
    pub(crate) backoff: Backoff,
    pub(crate) names: Arc<Names>,
    pub(crate) hub: Arc<Hub>,
    /// Connections of clients that are open.
    pub(crate) open: Arc<AtomicUsize>,
    members: Mutex<Vec<Arc<Member>>>,
}

impl Shared {
    pub(crate) fn new(info: Implementation, lazy: bool, backoff: Backoff, names: Names) -> Self {
        Self {
            info,
            lazy,
            backoff,
            names: Arc::new(names),
            hub: Arc::default(),
            open: Arc::default(),
            members: Mutex::default(),
        }
    }

    /// Where a member of this group belongs.
    pub(crate) fn place(&self, plain: bool) -> Place {
        let (names, hub) = (Arc::clone(&self.names), Arc::clone(&self.hub));
        Place { names, hub, backoff: self.backoff, plain }
    }

    /// The servers, in order.
    pub(crate) fn members(&self) -> Vec<Arc<Member>> {
        self.lock().clone()
    }

    pub(crate) fn member(&self, name: &str) -> Option<Arc<Member>> {
        self.lock().iter().find(|member| &*member.name == name).cloned()
    }

    /// Adds a server; `false` when another one has its name.
    pub(crate) fn add(&self, member: Arc<Member>) -> bool {
        let mut members = self.lock();
        let is_new = members.iter().all(|other| other.name != member.name);
        if is_new {
            members.push(member);
        }
        is_new
    }

    /// Adds a server of which there is nothing but its name, whoever has it.
    pub(crate) fn add_broken(&self, member: Arc<Member>) {
        self.lock().push(member);
    }

    pub(crate) fn remove(&self, name: &str) -> Option<Arc<Member>> {
        let mut members = self.lock();
        let at = members.iter().position(|member| &*member.name == name)?;
        Some(members.remove(at))
    }

    /// The only server there is, where the group answers in its place.
    pub(crate) fn straight(&self) -> Option<Arc<Member>> {
        match &**self.lock() {
            [member] if member.plain => Some(Arc::clone(member)),
            _ => None,
        }
    }

    /// Opens what is not open, all at once, for a client that begins.
    ///
    /// # Errors
    /// When not one server could be opened. Nothing tries again then but the next client, unless another
    /// one is there for which it has to.
    pub(crate) async fn begin(&self) -> Result<(), Failure> {
        let members = self.members();
        // Who answers in the place of a server has to know it.
        if members.is_empty() || (self.lazy && self.straight().is_none()) {
            return Ok(());
        }
        members.iter().for_each(|member| member.start(true));
        let phases = join_all(members.iter().map(|member| member.settled())).await;
        let mut errors = Vec::new();
        for (member, phase) in members.iter().zip(phases) {
            errors.push(match phase {
                Phase::Ready(_) => return Ok(()),
                Phase::Waiting { error, .. } | Phase::Failed(error) => error,
                Phase::Idle | Phase::Connecting => {
                    Error::new(ErrorKind::Closed, Arc::clone(&member.name), "it was closed")
                }
            });
        }
        // One may have come up while another was waited for.
        if members.iter().any(|member| member.is_ready()) {
            return Ok(());
        }
        // Other clients go on with what comes up later.
        if self.open.load(Ordering::SeqCst) <= 1 {
            for (member, error) in members.iter().zip(&errors) {
                member.give_up(error.clone());
            }
        }
        Err(Failure::of_start(&errors))
    }

    /// Whether anything has been opened, and should stay so.
    pub(crate) fn is_open(&self) -> bool {
        let is_on = |member: &Arc<Member>| {
            matches!(*member.phase.borrow(), Phase::Connecting | Phase::Ready(_))
        };
        self.open.load(Ordering::SeqCst) > 0 || self.lock().iter().any(is_on)
    }

    /// Ends every session in order, all at once.
    pub(crate) async fn close(&self) -> Result<(), Error> {
        self.hub.end_listening();
        let sessions: Vec<_> = self.members().iter().filter_map(|member| member.stop()).collect();
        let closing = sessions.iter().map(|session| session.close());
        join_all(closing).await.into_iter().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Member>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for member in self.members() {
            // The transports end in the background what they own.
            drop(member.retire());
        }
    }
}

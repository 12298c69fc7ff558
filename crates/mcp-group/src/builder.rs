use std::{fmt, sync::Arc, time::Duration};

use mcp_core::Implementation;
use mcp_session::{Error, ErrorKind};
use mcp_transport::Backoff;

use crate::{
    Backend, Group,
    member::Member,
    names::{Names, Naming},
    state::GroupState,
};

/// Builder of a [`Group`], created by [`Group::builder`].
#[must_use = "a group is only created by `build`"]
pub struct GroupBuilder {
    entries: Vec<Result<Backend, Error>>,
    info: Implementation,
    prefix: Option<bool>,
    naming: Option<Naming>,
    is_lazy: bool,
    forwards_requests: bool,
    backoff: Backoff,
}

impl Group {
    /// Creates a builder.
    pub fn builder() -> GroupBuilder {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));
        GroupBuilder {
            entries: Vec::new(),
            info: Implementation::new("mcp-group", env!("CARGO_PKG_VERSION")),
            prefix: None,
            naming: None,
            is_lazy: false,
            forwards_requests: false,
            backoff: backoff.with_attempts(None).with_jitter(0.0),
        }
    }
}

impl GroupBuilder {
    /// Adds a server. Lists are in the order in which servers are added. A server with a duplicate name becomes a
    /// [`failed`](Self::failed) one.
    pub fn backend(mut self, backend: Backend) -> Self {
        self.entries.push(Ok(backend));
        self
    }

    /// Adds a server that cannot be started, for example because its configuration is invalid: it has a
    /// [status](Group::status), but offers nothing.
    pub fn failed(
        mut self,
        name: impl Into<Arc<str>>,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        let message = "the server cannot be started";
        self.entries.push(Err(Error::new(ErrorKind::Target, name, message).with_source(error)));
        self
    }

    /// Sets whether names and URIs are prefixed with the server name. Default: yes if there are several servers,
    /// including failed ones.
    pub fn name_as_prefix(mut self, prefix: bool) -> Self {
        self.prefix = Some(prefix);
        self
    }

    /// Sets how tools and prompts are named: a function of the server name and the original name. It must be
    /// deterministic; its result is used unchanged. Does not affect URIs.
    pub fn naming(mut self, naming: impl Fn(&str, &str) -> String + Send + Sync + 'static) -> Self {
        self.naming = Some(Naming::Custom(Arc::new(naming)));
        self
    }

    /// Sets whether servers are opened on demand: by a call to that server, or by a list, which opens all. Default: all
    /// are opened when the first client connects. A lazy group of several servers declares every capability, since the
    /// actual ones are unknown.
    pub fn lazy(mut self, lazy: bool) -> Self {
        self.is_lazy = lazy;
        self
    }

    /// Sets whether requests of servers (elicitation, sampling, roots) that no handler of the backend serves are sent to
    /// the client whose call the server is working on. Default: no.
    ///
    /// All of these are declared to the servers as supported, since the group opens them before it has clients. A
    /// request receives an error if the client of the call does not support it, if no call is open, or if it names no
    /// call (over a pipe) and several clients have open calls. A modern client has 10 min to respond to an
    /// `input_required` result.
    pub fn forward_requests(mut self, forward: bool) -> Self {
        self.forwards_requests = forward;
        self
    }

    /// Sets how a server is retried that has ended or could not be opened.
    ///
    /// The count of attempts restarts after a session that answered a request of a client or was open for at least
    /// [`max`](Backoff::max). After the last of the [`attempts`](Backoff::attempts), the server has failed until
    /// [`restart`](Group::restart) is called or another client connects. Default: delays from 100 ms to 30 s without
    /// jitter, unlimited attempts.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Sets the name and version of a group of several servers. Default: those of this library.
    pub fn info(mut self, info: Implementation) -> Self {
        self.info = info;
        self
    }

    /// Builds the group. Does not connect.
    #[must_use]
    pub fn build(self) -> Group {
        let is_plain =
            self.entries.len() == 1 && self.prefix != Some(true) && self.naming.is_none();
        let naming = match (self.prefix, self.naming) {
            (_, Some(naming)) => naming,
            (Some(false), None) => Naming::Same,
            (_, None) => Naming::Prefix,
        };
        let mut state = GroupState::new(self.info, self.is_lazy, self.backoff, Names::new(naming));
        state.forwards_requests = self.forwards_requests;
        for entry in self.entries {
            let added = entry.and_then(|backend| {
                let name = Arc::clone(&backend.name);
                let message = "another server of the group has this name";
                match state.add(Member::new(backend, state.context(is_plain))) {
                    true => Ok(()),
                    false => Err(Error::new(ErrorKind::Target, name, message)),
                }
            });
            if let Err(error) = added {
                tracing::debug!(%error, "cannot open a server of the group");
                state.add_broken(Member::broken(error, state.context(is_plain)));
            }
        }
        Group::of(Arc::new(state))
    }
}

impl fmt::Debug for GroupBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupBuilder")
            .field("entries", &self.entries)
            .field("prefix", &self.prefix)
            .field("naming", &self.naming)
            .field("is_lazy", &self.is_lazy)
            .field("forwards_requests", &self.forwards_requests)
            .field("backoff", &self.backoff)
            .finish_non_exhaustive()
    }
}

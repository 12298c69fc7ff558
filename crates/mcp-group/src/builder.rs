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

/// Describes a [`Group`]; from [`Group::builder`].
#[must_use = "nothing is grouped until it is built"]
pub struct GroupBuilder {
    entries: Vec<Result<Backend, Error>>,
    info: Implementation,
    prefix: Option<bool>,
    naming: Option<Naming>,
    is_lazy: bool,
    backoff: Backoff,
}

impl Group {
    /// Begins to describe a group.
    pub fn builder() -> GroupBuilder {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));
        GroupBuilder {
            entries: Vec::new(),
            info: Implementation::new("mcp-group", env!("CARGO_PKG_VERSION")),
            prefix: None,
            naming: None,
            is_lazy: false,
            backoff: backoff.with_attempts(None).with_jitter(0.0),
        }
    }
}

impl GroupBuilder {
    /// Adds a server. Lists are in the order in which servers are added. A server whose name is taken
    /// becomes a [`failed`](Self::failed) one.
    pub fn backend(mut self, backend: Backend) -> Self {
        self.entries.push(Ok(backend));
        self
    }

    /// Adds a server that cannot even be tried, such as an entry of a configuration that could not be
    /// understood: it has a [status](Group::status), and nothing to offer.
    pub fn failed(
        mut self,
        name: impl Into<Arc<str>>,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        let message = "the server cannot be tried";
        self.entries.push(Err(Error::new(ErrorKind::Target, name, message).with_source(error)));
        self
    }

    /// Sets whether names and URIs begin with their server. Default: where there are several servers,
    /// failed ones included.
    pub fn name_as_prefix(mut self, prefix: bool) -> Self {
        self.prefix = Some(prefix);
        self
    }

    /// Sets how tools and prompts are named, from the name of the server and the name that they have
    /// there. It has to return the same name each time, which is used as it is. URIs are made as without it.
    pub fn naming(mut self, naming: impl Fn(&str, &str) -> String + Send + Sync + 'static) -> Self {
        self.naming = Some(Naming::Custom(Arc::new(naming)));
        self
    }

    /// Sets whether a server is opened only when something needs it: a call of its own, or a list, which
    /// needs all. Default: all are opened with the first client. A lazy group of several servers declares
    /// every capability, since it does not know better.
    pub fn lazy(mut self, lazy: bool) -> Self {
        self.is_lazy = lazy;
        self
    }

    /// Sets how a server is retried that has ended, or could not be opened.
    ///
    /// A session that has answered a request of a client, or was open as long as [`max`](Backoff::max), is
    /// progress. When no more [`attempts`](Backoff::attempts) are left, the server has failed until
    /// [`restart`](Group::restart) or the next client. Default: delays from 100 ms to 30 s without jitter,
    /// and no limit on attempts.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Sets the name and version that a group of several servers gives. Default: those of this library.
    pub fn info(mut self, info: Implementation) -> Self {
        self.info = info;
        self
    }

    /// The group. Connects nothing.
    #[must_use]
    pub fn build(self) -> Group {
        let is_plain =
            self.entries.len() == 1 && self.prefix != Some(true) && self.naming.is_none();
        let naming = match (self.prefix, self.naming) {
            (_, Some(naming)) => naming,
            (Some(false), None) => Naming::Same,
            (_, None) => Naming::Prefix,
        };
        let state = GroupState::new(self.info, self.is_lazy, self.backoff, Names::new(naming));
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
                tracing::debug!(%error, "a server of a group cannot be opened");
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
            .field("backoff", &self.backoff)
            .finish_non_exhaustive()
    }
}

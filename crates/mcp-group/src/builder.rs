use std::{fmt, sync::Arc};

use mcp_core::Implementation;
use mcp_session::{Error, ErrorKind};

use crate::{
    Backend, Backoff, Group,
    member::Member,
    names::{Names, Naming},
    shared::Shared,
};

/// Describes a [`Group`]; from [`Group::builder`].
#[must_use = "nothing is grouped until it is built"]
pub struct GroupBuilder {
    entries: Vec<Result<Backend, Error>>,
    info: Implementation,
    prefix: Option<bool>,
    naming: Option<Naming>,
    lazy: bool,
    backoff: Backoff,
}

impl GroupBuilder {
    pub(crate) fn new() -> Self {
        Self {
            entries: Vec::new(),
            info: Implementation::new("mcp-group", env!("CARGO_PKG_VERSION")),
            prefix: None,
            naming: None,
            lazy: false,
            backoff: Backoff::default(),
        }
    }

    /// Adds a server. Its place among the others decides the order of lists. A server whose name is taken
    /// becomes a [`failed`](Self::failed) one.
    pub fn backend(mut self, backend: Backend) -> Self {
        self.entries.push(Ok(backend));
        self
    }

    /// Adds a server that cannot even be tried, such as an entry of a configuration that could not be
    /// understood: it shows in [`Group::status`], and has nothing to offer.
    pub fn failed(
        mut self,
        name: impl Into<Arc<str>>,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        let message = "the server cannot be tried";
        self.entries.push(Err(Error::new(ErrorKind::Target, name, message).with_source(error)));
        self
    }

    /// Sets whether names and URIs tell the server they are of. Default: where there are several servers,
    /// failed ones included.
    pub fn name_as_prefix(mut self, prefix: bool) -> Self {
        self.prefix = Some(prefix);
        self
    }

    /// Sets how tools and prompts are called, from the name of the server and the name that they have
    /// there. It has to give the same answer each time. What it returns is taken as it is; URIs are made
    /// as without it.
    pub fn naming(mut self, naming: impl Fn(&str, &str) -> String + Send + Sync + 'static) -> Self {
        self.naming = Some(Naming::Custom(Arc::new(naming)));
        self
    }

    /// Sets whether servers are opened only when something needs them: a call of one of their own, or a
    /// list, which needs all. Default: all are opened with the first client. A lazy group of several
    /// declares every capability, since it does not know better.
    pub fn lazy(mut self, lazy: bool) -> Self {
        self.lazy = lazy;
        self
    }

    /// Sets how long to wait before a server is opened again.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Sets who a group of several servers says it is. Default: the name and version of this library.
    pub fn info(mut self, info: Implementation) -> Self {
        self.info = info;
        self
    }

    /// The group. Connects nothing.
    #[must_use]
    pub fn build(self) -> Group {
        let plain = self.entries.len() == 1 && self.prefix != Some(true) && self.naming.is_none();
        let naming = match (self.prefix, self.naming) {
            (_, Some(naming)) => naming,
            (Some(false), None) => Naming::Same,
            (_, None) => Naming::Prefix,
        };
        let shared = Shared::new(self.info, self.lazy, self.backoff, Names::new(naming));
        for entry in self.entries {
            match entry {
                Err(error) => shared.add_broken(Member::broken(error, shared.place(plain))),
                Ok(backend) => {
                    let name = Arc::clone(&backend.name);
                    if !shared.add(Member::new(backend, shared.place(plain))) {
                        let error = name_is_taken(name);
                        tracing::warn!(%error, "a server is left out");
                        shared.add_broken(Member::broken(error, shared.place(plain)));
                    }
                }
            }
        }
        Group::new(shared)
    }
}

pub(crate) fn name_is_taken(name: Arc<str>) -> Error {
    Error::new(ErrorKind::Target, name, "another server of the group has this name")
}

impl fmt::Debug for GroupBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupBuilder")
            .field("entries", &self.entries)
            .field("prefix", &self.prefix)
            .field("naming", &self.naming)
            .field("lazy", &self.lazy)
            .field("backoff", &self.backoff)
            .finish_non_exhaustive()
    }
}

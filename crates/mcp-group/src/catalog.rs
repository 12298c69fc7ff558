use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mcp_core::{Prompt, Resource, ResourceTemplate, Tool};
use mcp_session::Error;

/// The lists of one server, as they were read last.
#[derive(Default)]
pub(crate) struct Catalog {
    pub(crate) tools: CatalogList<Tool>,
    pub(crate) prompts: CatalogList<Prompt>,
    pub(crate) resources: CatalogList<Resource>,
    pub(crate) templates: CatalogList<ResourceTemplate>,
}

/// One list of a server, as it was read last.
pub(crate) struct CatalogList<T>(Mutex<State<T>>);

struct State<T> {
    /// `None` until it has been read.
    known: Option<Arc<Known<T>>>,
    /// Whether nothing suggests that it has changed since.
    is_fresh: bool,
    /// Why it could not be read the last time.
    error: Option<Error>,
}

/// What was read, as the group shows it.
#[derive(Debug)]
pub(crate) struct Known<T> {
    pub(crate) items: Vec<T>,
    /// The names that the server uses.
    pub(crate) originals: BTreeSet<String>,
    pub(crate) ttl: Duration,
    pub(crate) is_shareable: bool,
}

impl Catalog {
    /// Any list may have changed.
    pub(crate) fn expire(&self) {
        self.tools.expire();
        self.prompts.expire();
        self.resources.expire();
        self.templates.expire();
    }

    /// Why a list could not be read.
    pub(crate) fn error(&self) -> Option<Error> {
        (self.tools.error().or_else(|| self.prompts.error()))
            .or_else(|| self.resources.error().or_else(|| self.templates.error()))
    }
}

impl<T> CatalogList<T> {
    pub(crate) fn known(&self) -> Option<Arc<Known<T>>> {
        self.lock().known.clone()
    }

    pub(crate) fn is_fresh(&self) -> bool {
        self.lock().is_fresh
    }

    pub(crate) fn expire(&self) {
        self.lock().is_fresh = false;
    }

    pub(crate) fn failed(&self, error: &Error) {
        self.lock().error = Some(error.clone());
    }

    fn error(&self) -> Option<Error> {
        self.lock().error.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: PartialEq> CatalogList<T> {
    /// Takes what was read. Returns whether it differs from what was known.
    pub(crate) fn set(&self, known: Known<T>) -> bool {
        let mut state = self.lock();
        let differs = state.known.as_ref().is_none_or(|before| before.items != known.items);
        *state = State { known: Some(Arc::new(known)), is_fresh: true, error: None };
        differs
    }
}

impl<T> Default for CatalogList<T> {
    fn default() -> Self {
        Self(Mutex::new(State { known: None, is_fresh: false, error: None }))
    }
}

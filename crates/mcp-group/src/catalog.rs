use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mcp_core::{Prompt, Resource, ResourceTemplate, Tool};
use mcp_session::Error;

/// The most recently read lists of one server.
#[derive(Default)]
pub(crate) struct Catalog {
    pub(crate) tools: CatalogList<Tool>,
    pub(crate) prompts: CatalogList<Prompt>,
    pub(crate) resources: CatalogList<Resource>,
    pub(crate) templates: CatalogList<ResourceTemplate>,
}

/// The most recently read list of one kind.
pub(crate) struct CatalogList<T>(Mutex<State<T>>);

struct State<T> {
    /// `None` until the list has been read.
    known: Option<Arc<Known<T>>>,
    /// False if the list may have changed since.
    is_fresh: bool,
    /// The error of the last read, if it failed.
    error: Option<Error>,
}

/// The items as the group exposes them.
#[derive(Debug)]
pub(crate) struct Known<T> {
    pub(crate) items: Vec<T>,
    /// The original names on the server.
    pub(crate) originals: BTreeSet<String>,
    pub(crate) ttl: Duration,
    pub(crate) is_shareable: bool,
}

impl Catalog {
    /// Marks all lists as possibly changed.
    pub(crate) fn expire(&self) {
        self.tools.expire();
        self.prompts.expire();
        self.resources.expire();
        self.templates.expire();
    }

    /// The error of the last read, if it failed.
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
    /// Stores a list. Returns whether it differs from the previous one.
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

//! Events logged as warnings.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use mcp_group::{Backend, Group};
use mcp_testkit::scripted::{Peer, Reply};
use serde_json::json;
use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
    span::{Attributes, Id, Record},
    subscriber::DefaultGuard,
};

use crate::fixture::{backend, names, open};

/// Counts the warnings of the current thread.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicUsize>);

impl Warnings {
    fn start() -> (Self, DefaultGuard) {
        // With a second dispatcher, `tracing` evaluates the filter for each event.
        static ANOTHER: OnceLock<Dispatch> = OnceLock::new();
        ANOTHER.get_or_init(|| Dispatch::new(Self::default()));
        let warnings = Self::default();
        let guard = tracing::subscriber::set_default(warnings.clone());
        (warnings, guard)
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_page_of_elements_that_cannot_be_decoded_is_one_warning() {
    let (warnings, _guard) = Warnings::start();
    let peer = Peer::modern(json!({ "tools": {} }), |_, message| {
        let tools = vec![json!(5); 2000];
        Reply::result(message, json!({ "resultType": "complete", "tools": tools }))
    });
    let group =
        Group::builder().backend(Backend::new("p", peer.clone())).backend(backend("a")).build();
    let session = open(&group).await;
    assert_eq!(names(&session).await, ["a_echo", "a_count"]);
    assert_eq!(warnings.count(), 1);
}

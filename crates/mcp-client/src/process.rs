//! Stderr settings for the processes among the targets.

use std::{any::Any, sync::Arc};

use mcp_transport::{Connect, SharedConnect};
use mcp_transport_stdio::{Node, Npx, Program, Python, Stderr, Stdio, Uv, Uvx};

/// Destination of the stderr of all processes of a client.
#[derive(Debug, Clone)]
pub(crate) enum StderrTarget {
    Given(Stderr),
    /// `tracing` events with the name of the server.
    Tracing,
}

impl StderrTarget {
    /// A connector of the process with this stderr destination. `name` is the server's name.
    pub(crate) fn apply(&self, stdio: &Stdio, name: &str) -> SharedConnect {
        let stderr = match self {
            Self::Given(stderr) => stderr.clone(),
            Self::Tracing => traced(name.into()),
        };
        SharedConnect::new(stdio.clone().stderr(stderr))
    }
}

fn traced(server: Arc<str>) -> Stderr {
    Stderr::lines(move |line| {
        tracing::info!(target: "mcp_client::stderr", %server, "{line}");
    })
}

/// The `Stdio` settings of a connector that starts a process, with any runner.
pub(crate) fn stdio_of(connect: &impl Connect) -> Option<Stdio> {
    fn program<R: 'static>(any: &dyn Any) -> Option<Stdio>
    where
        Stdio<R>: Clone,
    {
        any.downcast_ref::<Stdio<R>>().map(|stdio| stdio.clone().into_program())
    }
    let any: &dyn Any = connect;
    program::<Program>(any)
        .or_else(|| program::<Python>(any))
        .or_else(|| program::<Node>(any))
        .or_else(|| program::<Uv>(any))
        .or_else(|| program::<Uvx>(any))
        .or_else(|| program::<Npx>(any))
}

#[cfg(test)]
mod tests {
    use std::{
        fmt::Debug,
        sync::{Arc, Mutex},
    };

    use tracing::{
        Event, Metadata, Subscriber,
        field::{Field, Visit},
        span::{Attributes, Id, Record},
    };

    use super::*;

    /// The fields of all events.
    #[derive(Clone, Default)]
    struct Events(Arc<Mutex<Vec<String>>>);

    impl Visit for Events {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            self.0.lock().expect("no test panics with it").push(format!("{field}={value:?}"));
        }
    }

    impl Subscriber for Events {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "mcp_client::stderr"
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            event.record(&mut self.clone());
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn lines_become_events_with_the_name_of_the_server() {
        let events = Events::default();
        let Stderr::Lines(line) = traced("time".into()) else { panic!("no lines") };
        tracing::subscriber::with_default(events.clone(), || line("ready"));
        assert_eq!(*events.0.lock().expect("unused"), ["message=ready", "server=time"]);
    }

    #[test]
    fn a_process_is_found_whatever_its_runner() {
        let described = |stdio: Option<Stdio>| stdio.map(|it| it.describe());
        assert_eq!(described(stdio_of(&Stdio::uvx("tool"))).as_deref(), Some("uvx tool"));
        assert_eq!(described(stdio_of(&Stdio::new("tool"))).as_deref(), Some("tool"));
        assert!(stdio_of(&SharedConnect::new(Stdio::new("tool"))).is_none());
    }
}

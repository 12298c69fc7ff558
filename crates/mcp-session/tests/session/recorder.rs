//! Records all spans and events of this thread.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, OnceLock},
};

use tracing::{
    Dispatch, Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::DefaultGuard,
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry::{LookupSpan, Registry},
};

pub(crate) type Fields = BTreeMap<String, String>;

/// The current state of a span.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// The index of its parent span.
    pub(crate) parent: Option<usize>,
    pub(crate) fields: Fields,
    pub(crate) is_closed: bool,
}

impl Seen {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    pub(crate) fn name(&self) -> &str {
        self.field("otel.name").unwrap_or_default()
    }
}

#[derive(Default)]
struct State {
    spans: Vec<Seen>,
    places: HashMap<u64, usize>,
    events: Vec<Fields>,
}

#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<State>>);

impl Recorder {
    /// Records until the guard is dropped.
    pub(crate) fn start() -> (Self, DefaultGuard) {
        // With a single dispatcher, `tracing` caches the interest of whichever thread first reaches a callsite. If that
        // thread has no recorder, the callsite would stay disabled, so a second dispatcher always exists.
        static ANOTHER: OnceLock<Dispatch> = OnceLock::new();
        ANOTHER.get_or_init(|| Dispatch::new(Registry::default()));
        let recorder = Self::default();
        let guard = tracing::subscriber::set_default(Registry::default().with(recorder.clone()));
        (recorder, guard)
    }

    /// The spans of sessions, in the order of their creation.
    pub(crate) fn spans(&self) -> Vec<Seen> {
        self.0.lock().unwrap().spans.clone()
    }

    /// The span with this name.
    pub(crate) fn span(&self, name: &str) -> Seen {
        let spans = self.spans();
        let mut named = spans.iter().filter(|span| span.name() == name);
        let span = named.next().unwrap_or_else(|| panic!("no {name}: {spans:?}")).clone();
        assert!(named.next().is_none(), "{spans:?}");
        span
    }

    /// All recorded events, as text.
    pub(crate) fn text(&self) -> String {
        let state = self.0.lock().unwrap();
        format!("{:?} {:?}", state.spans, state.events)
    }

    /// The levels of the events that contain `text`: events of at least `INFO`, and log messages of servers.
    pub(crate) fn levels(&self, text: &str) -> Vec<String> {
        let state = self.0.lock().unwrap();
        let says = |event: &&Fields| {
            let is_logged = event["level"] != "DEBUG" || event.contains_key("logger");
            is_logged && event.get("message").is_some_and(|it| it.contains(text))
        };
        state.events.iter().filter(says).map(|event| event["level"].clone()).collect()
    }

    pub(crate) fn events(&self, message: &str) -> usize {
        let state = self.0.lock().unwrap();
        let says = |event: &&Fields| event.get("message").is_some_and(|it| it.contains(message));
        state.events.iter().filter(says).count()
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut state = self.0.lock().unwrap();
        let parent = context.span(id).unwrap().parent().map(|parent| parent.id().into_u64());
        let parent = parent.and_then(|parent| state.places.get(&parent).copied());
        let mut seen = Seen { parent, ..Seen::default() };
        attributes.record(&mut Text(&mut seen.fields));
        let place = state.spans.len();
        state.places.insert(id.into_u64(), place);
        state.spans.push(seen);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut state = self.0.lock().unwrap();
        let place = state.places[&id.into_u64()];
        values.record(&mut Text(&mut state.spans[place].fields));
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::new();
        fields.insert("level".to_owned(), event.metadata().level().to_string());
        event.record(&mut Text(&mut fields));
        self.0.lock().unwrap().events.push(fields);
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        let mut state = self.0.lock().unwrap();
        let place = state.places[&id.into_u64()];
        state.spans[place].is_closed = true;
    }
}

struct Text<'a>(&'a mut Fields);

impl Visit for Text<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}"));
    }
}

impl Text<'_> {
    fn set(&mut self, field: &Field, value: String) {
        let before = self.0.insert(field.name().to_owned(), value);
        assert!(before.is_none(), "{field} is set twice");
    }
}

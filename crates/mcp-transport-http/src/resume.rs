use std::{sync::Arc, time::Duration};

use http::HeaderValue;
use mcp_http::sse::Event;
use mcp_transport::{Backoff, util::Retries};

use crate::headers::RequestHeaders;

/// Maximum delay that a server can request.
const MAX_RETRY: Duration = Duration::from_secs(3600);

/// The position at which an event stream can be resumed.
///
/// Spec: 2025-11-25 basic/transports#resumability-and-redelivery
#[derive(Default)]
pub(crate) struct EventPosition {
    /// The id of the last event.
    pub(crate) last_id: Option<HeaderValue>,
    /// The delay requested by the server.
    pub(crate) retry: Option<Duration>,
}

impl EventPosition {
    pub(crate) fn after(last_id: Option<HeaderValue>) -> Self {
        Self { last_id, retry: None }
    }

    /// Updates the position with an event. Returns whether it has an id.
    pub(crate) fn follow(&mut self, event: &Event) -> bool {
        self.retry = event.retry.map(|retry| retry.min(MAX_RETRY)).or(self.retry);
        let Some(id) = &event.id else { return false };
        self.last_id = Some(id.as_bytes())
            .filter(|id| !id.is_empty())
            .and_then(|id| HeaderValue::from_bytes(id).ok());
        true
    }
}

/// Resumption state of a legacy response stream.
pub(crate) struct Resumption {
    pub(crate) headers: Arc<RequestHeaders>,
    pub(crate) session: Option<HeaderValue>,
    /// Whether the revision has batches.
    pub(crate) batches: bool,
    position: EventPosition,
    /// The event after which the current stream was resumed.
    resumed_after: Option<HeaderValue>,
    /// Whether data without an id has arrived on the current stream.
    has_unnumbered: bool,
    retries: Retries,
}

impl Resumption {
    pub(crate) fn new(
        headers: Arc<RequestHeaders>,
        session: Option<HeaderValue>,
        batches: bool,
        backoff: Backoff,
    ) -> Self {
        Self {
            headers,
            session,
            batches,
            position: EventPosition::default(),
            resumed_after: None,
            has_unnumbered: false,
            retries: Retries::new(backoff),
        }
    }

    /// Updates the state with an event, which may have data. Returns whether it is a repetition.
    pub(crate) fn follow(&mut self, event: &Event, has_data: bool) -> bool {
        let has_id = self.position.follow(event);
        self.has_unnumbered |= has_data && !has_id;
        has_id && self.position.last_id.is_some() && self.position.last_id == self.resumed_after
    }

    /// The event to resume after, and the delay before; `None` if there is no such event, or too many consecutive
    /// attempts made no progress.
    ///
    /// Only new events are progress: a stream that repeats old events is not resumed forever.
    pub(crate) fn next(&mut self) -> Option<(HeaderValue, Duration)> {
        let last_id = self.position.last_id.clone()?;
        if std::mem::take(&mut self.has_unnumbered) || self.resumed_after.as_ref() != Some(&last_id)
        {
            self.retries.progressed();
        }
        let delay = self.retries.next_delay(self.position.retry)?;
        self.resumed_after = Some(last_id.clone());
        Some((last_id, delay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: Option<&str>) -> Event {
        let mut event = Event::default();
        event.id = id.map(str::to_owned);
        event
    }

    fn resumption() -> Resumption {
        let backoff = Backoff::default().with_attempts(3);
        Resumption::new(Arc::default(), None, false, backoff)
    }

    /// How often a stream is resumed if each attempt yields these events.
    fn attempts(events: &[(Option<&str>, bool)]) -> usize {
        let mut resumption = resumption();
        resumption.follow(&event(Some("7")), true);
        let resumed = std::iter::from_fn(|| {
            let next = resumption.next()?;
            for (id, has_data) in events {
                resumption.follow(&event(*id), *has_data);
            }
            Some(next)
        });
        resumed.take(100).count()
    }

    #[test]
    fn only_new_events_are_progress() {
        assert_eq!(attempts(&[]), 3);
        assert_eq!(attempts(&[(Some("7"), true)]), 3, "the same event again");
        assert_eq!(attempts(&[(Some("6"), true), (Some("7"), true)]), 3, "two of them");
        assert_eq!(attempts(&[(None, false)]), 3, "a comment or a delay");
        assert_eq!(attempts(&[(None, true)]), 100, "data without an id");
    }

    #[test]
    fn a_changed_position_is_progress() {
        let mut resumption = resumption();
        for n in 0..100 {
            assert!(!resumption.follow(&event(Some(&n.to_string())), false), "{n}");
            let (id, delay) = resumption.next().expect("it moved");
            assert_eq!(id, n.to_string());
            assert!(delay <= Backoff::default().first);
        }
        assert!(resumption.follow(&event(Some("99")), true), "it is repeated");
        resumption.follow(&event(Some("")), true);
        assert!(resumption.next().is_none(), "an empty id resets the position");
    }

    #[test]
    fn the_requested_delay_is_limited() {
        let mut resumption = resumption();
        let mut event = event(Some("1"));
        event.retry = Some(Duration::from_millis(u64::MAX));
        resumption.follow(&event, true);
        assert_eq!(resumption.next().map(|(_, delay)| delay), Some(MAX_RETRY));
    }
}

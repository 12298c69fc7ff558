use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use super::event::Event;
use crate::Error;

/// Maximum size of the unread events of one reader, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// The unread events of a subscription: deduplicated and bounded.
#[derive(Debug)]
pub(super) struct Backlog(Mutex<State>);

#[derive(Debug)]
struct State {
    max_events: usize,
    events: VecDeque<Event>,
    bytes: usize,
    missed: u64,
    /// The end of the subscription, until it was read.
    end: Option<Result<(), Error>>,
    is_over: bool,
    waker: Option<Waker>,
}

impl Backlog {
    pub(super) fn new(max_events: usize) -> Self {
        Self(Mutex::new(State {
            max_events: max_events.max(1),
            events: VecDeque::new(),
            bytes: 0,
            missed: 0,
            end: None,
            is_over: false,
            waker: None,
        }))
    }

    /// Adds an event, unless an equal one is already queued. If the queue is full, the oldest events are dropped.
    pub(super) fn push(&self, event: Event) {
        self.change(|state| {
            if state.is_over || state.events.iter().any(|waiting| waiting.repeats(&event)) {
                return;
            }
            state.bytes += event.size();
            state.events.push_back(event);
            while state.events.len() > state.max_events || state.bytes > MAX_BYTES {
                let Some(oldest) = state.events.pop_front() else { break };
                state.bytes -= oldest.size();
                state.missed += 1;
            }
        });
    }

    /// Reports missing events.
    pub(super) fn missed(&self, events: u64) {
        self.change(|state| state.missed = state.missed.saturating_add(events));
    }

    /// Ends the queue after the unread events. Only the first end counts.
    pub(super) fn end(&self, end: Result<(), Error>) {
        self.change(|state| {
            if !std::mem::replace(&mut state.is_over, true) {
                state.end = Some(end);
            }
        });
    }

    /// Whether the end was set, even if unread events are left.
    pub(super) fn is_over(&self) -> bool {
        self.lock().is_over
    }

    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, Error>>> {
        let mut state = self.lock();
        if state.missed > 0 {
            let missed = std::mem::take(&mut state.missed);
            return Poll::Ready(Some(Ok(Event::Lagged { missed })));
        }
        match state.events.pop_front() {
            Some(event) => {
                state.bytes -= event.size();
                Poll::Ready(Some(Ok(event)))
            }
            None if state.is_over => Poll::Ready(state.end.take().and_then(Result::err).map(Err)),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let waker = {
            let mut state = self.lock();
            change(&mut state);
            state.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

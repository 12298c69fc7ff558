use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use super::event::Event;
use crate::Error;

/// Bytes of the events that wait for one reader.
const MAX_BYTES: usize = 1 << 20;

/// The events that wait for the reader of a subscription: each once, and a bounded number of them.
#[derive(Debug)]
pub(super) struct Backlog(Mutex<State>);

#[derive(Debug)]
struct State {
    max_events: usize,
    events: VecDeque<Event>,
    bytes: usize,
    missed: u64,
    /// How it ended, until that was read.
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

    /// Adds an event, unless an equal one waits already. When it is full, the oldest are dropped.
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

    /// Reports that events are missing.
    pub(super) fn missed(&self, events: u64) {
        self.change(|state| state.missed = state.missed.saturating_add(events));
    }

    /// Ends it after the events that wait. Only the first end counts.
    pub(super) fn end(&self, end: Result<(), Error>) {
        self.change(|state| {
            if !std::mem::replace(&mut state.is_over, true) {
                state.end = Some(end);
            }
        });
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

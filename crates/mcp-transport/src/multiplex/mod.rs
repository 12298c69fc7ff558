//! Multiplexes exchanges over one shared pipe: a routing table, an outbox and a driver that does the I/O.
//!
//! The driver never waits for a write before it reads. It writes the messages of the outbox, and queues
//! received messages for their readers. For a reader with a backlog, the driver pauses receiving for up to
//! 10 ms; it does not pause again for a reader that did not catch up.

mod backpressure;
mod grace;
mod id_hasher;
mod lines;
mod messages;
mod outbox;
mod output;
mod pipe;
mod pretty;
mod route;
mod routes;
mod skipped;
mod sync;

use std::{
    fmt,
    sync::{Arc, Weak},
    task::Waker,
};

use mcp_core::{Message, RawJson, Request};
use tokio::sync::Notify;

use self::{
    outbox::{Queue, Sending},
    output::WriteNow,
    pipe::{Handle, Inner, State},
    routes::Routes,
    skipped::Skipped,
    sync::Mutex,
};
use crate::{
    Delivery, Diagnostics, Envelope, Error, ErrorKind, Exchange, Inbound, Limits, OneWay, Transport,
};

pub(crate) use self::route::Route;
pub use self::{
    id_hasher::IdHasher, lines::LineDriver, messages::MessageDriver, pipe::invalid_response,
};

/// A [`Transport`] over one pipe that all exchanges share: the standard streams of a process, a socket, or a
/// pair of message channels.
///
/// [`lines`](Self::lines) and [`messages`](Self::messages) return it together with an [`Inbound`] and a
/// driver: a future that does the I/O and must be polled, usually in a spawned task. The driver ends when
/// the pipe ends. Dropping it ends every open exchange.
///
/// A received message is routed to:
///
/// - the open request with the id of a response;
/// - the open request with the `progressToken` of a progress notification;
/// - the subscription whose id is in `_meta` or in a `notifications/cancelled`;
/// - [`Inbound`] otherwise.
///
/// Cloning is cheap. [`close`](Transport::close) flushes queued messages, closes the write half and ends
/// every exchange. Dropping the last clone and the last exchange closes the write half too.
#[derive(Clone)]
pub struct Multiplex {
    shared: Arc<Handle>,
}

impl Multiplex {
    fn with_queue(
        queue: Queue,
        output: Option<Arc<dyn WriteNow>>,
        limits: Limits,
    ) -> (Self, Inbound) {
        let encodes = matches!(queue, Queue::Lines(_));
        let state = State {
            routes: Routes::new(&limits),
            sending: Sending::new(queue),
            write_ended: false,
            version: None,
        };
        let (sender, inbound) = Inbound::channel(&limits);
        let shared = Arc::new_cyclic(|shared: &Weak<Inner>| {
            let shared = Weak::clone(shared);
            sender.on_unread(move |rejected| {
                if let Some(shared) = shared.upgrade() {
                    shared.refuse(rejected.refusal());
                }
            });
            Inner {
                state: Mutex::new(state),
                inbound: sender,
                progress: Notify::new(),
                ended: Notify::new(),
                skipped: Skipped::default(),
                encodes,
                output,
                limits,
            }
        });
        (Self { shared: Arc::new(Handle(shared)) }, inbound)
    }

    /// The number of received lines or messages that were skipped because they were not JSON-RPC.
    pub fn skipped(&self) -> u64 {
        self.shared.skipped.count()
    }

    /// Ends the connection and every open exchange with `error`. Later requests fail with it too.
    ///
    /// Use it if the caller has a more specific reason than the end of the pipe, such as the exit status of
    /// a process. Only the first reason has an effect.
    pub fn fail(&self, error: &Error) {
        self.shared.end(error);
    }

    /// Closes the connection as [`close`](Transport::close) does, and waits at most `flush` for queued
    /// messages to be written. `close` waits 0.5 s.
    ///
    /// If the future is dropped, no new message is accepted, and open exchanges are not affected.
    ///
    /// # Errors
    /// [`Timeout`](ErrorKind::Timeout) if queued messages were not written in time. The connection is closed
    /// in any case.
    #[doc(alias = "shutdown")]
    pub async fn close_within(&self, flush: std::time::Duration) -> Result<(), Error> {
        self.shared.begin_close();
        let progress = &self.shared.progress;
        let written = self.wait_for(progress, |state| state.write_ended.then_some(()));
        let flushed = tokio::time::timeout(flush, written).await;
        self.shared.end(&closed().with_delivery(Delivery::Unknown));
        flushed.map_err(|_| {
            Error::new(ErrorKind::Timeout, "not all queued messages were written before the close")
        })
    }

    /// Waits until `ready` returns a value. It is called again after each notification of `change`.
    async fn wait_for<T>(
        &self,
        change: &Notify,
        mut ready: impl FnMut(&mut State) -> Option<T>,
    ) -> T {
        let mut notified = std::pin::pin!(change.notified());
        loop {
            // Enabled before the state is checked, so that no change is missed in between.
            notified.as_mut().enable();
            if let Some(value) = ready(&mut self.shared.lock()) {
                return value;
            }
            notified.as_mut().await;
            notified.set(change.notified());
        }
    }

    /// Queues a message as soon as there is room, unless `open` fails.
    async fn queue(
        &self,
        message: impl Into<Message>,
        mut open: impl FnMut(&mut State, &Message) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let message = message.into();
        let large = match self.shared.encodes {
            true => outbox::encode_large(&message),
            false => None,
        };
        let limit = self.shared.limits.outbox as u64;
        let mut message = Some((message, large));
        let mut push = |state: &mut State| {
            if let Some(error) = state.routes.refusal() {
                return Some(Err(error));
            }
            if state.sending.closing || state.write_ended {
                return Some(Err(closed()));
            }
            if state.sending.outbox.waiting() >= limit {
                return None;
            }
            let (message, large) = message.take()?;
            if let Err(error) = open(state, &message) {
                return Some(Err(error));
            }
            match large {
                Some(line) => state.sending.outbox.push_large(line),
                None => state.sending.outbox.push(message),
            }
            Some(Ok(state.sending.driver.take()))
        };
        let pushed = push(&mut self.shared.lock());
        let waker = match pushed {
            Some(result) => result?,
            None => self.wait_for(&self.shared.progress, push).await?,
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the connection was closed").with_delivery(Delivery::NotSent)
}

impl Transport for Multiplex {
    fn try_request(
        &self,
        request: &mut Option<Envelope<Request>>,
    ) -> Option<Result<Exchange, Error>> {
        let payload = request.as_ref()?.message.params.as_ref().map_or(0, RawJson::len);
        if outbox::is_large(payload) {
            return None;
        }
        let mut state = self.shared.lock();
        let is_open =
            !state.sending.closing && !state.write_ended && state.routes.ended().is_none();
        if !is_open || state.sending.outbox.waiting() >= self.shared.limits.outbox as u64 {
            return None;
        }
        let envelope = request.take()?;
        let options = state.route_options(&envelope);
        let Envelope { message: request, version, .. } = envelope;
        if let Err(error) = state.routes.open(&request, options) {
            return Some(Err(error));
        }
        state.version = version;
        let id = request.id.clone();
        let is_short =
            payload <= SHORT_LINE && state.sending.is_idle() && state.routes.has_one_call();
        state.sending.outbox.push(request.into());
        let output = self.shared.output.as_ref().filter(|_| is_short);
        let is_written = output.is_some_and(|output| output.write_now(&mut state.sending));
        let driver = if is_written { None } else { state.sending.driver.take() };
        drop(state);
        driver.into_iter().for_each(Waker::wake);
        let route = Route::new(Arc::clone(&self.shared), id.clone());
        Some(Ok(Exchange::from_route(id, route)))
    }

    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        let mut options = self.shared.lock().route_options(&request);
        let Envelope { message: request, version, .. } = request;
        let id = request.id.clone();
        self.queue(request, |state, message| {
            let Message::Request(request) = message else { return Ok(()) };
            state.version = version;
            options.offset = Some(state.sending.outbox.queued);
            state.routes.open(request, options)
        })
        .await?;
        let route = Route::new(Arc::clone(&self.shared), id.clone());
        Ok(Exchange::from_route(id, route))
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        let Envelope { message, version, .. } = message;
        self.queue(message, |state, _| {
            state.version = version.or(state.version);
            Ok(())
        })
        .await
    }

    async fn closed(&self) -> Error {
        self.wait_for(&self.shared.ended, |state| state.routes.ended().cloned()).await
    }

    fn diagnostics(&self) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        self.shared.skipped.report(&mut diagnostics);
        let (unmatched, last) = self.shared.lock().routes.unmatched();
        (diagnostics.unmatched, diagnostics.last_unmatched) = (unmatched, last);
        diagnostics
    }

    async fn close(&self) -> Result<(), Error> {
        // Requests that were not written fail with their exchange, and no resource is left behind: this is
        // no error of `close`.
        let _flushed = self.close_within(FLUSH_TIMEOUT).await;
        #[cfg(feature = "tracing")]
        if let Err(error) = _flushed {
            tracing::debug!(%error, "closing the connection");
        }
        Ok(())
    }
}

/// The payload of a request that its sender may write itself has at most this many bytes: a pipe accepts the line
/// at once, and the lock is held for a short time. While another call is open, the driver writes the requests of
/// several senders together.
const SHORT_LINE: usize = 4 << 10;

/// The longest time that [`Multiplex::close`] waits for queued messages to be written.
const FLUSH_TIMEOUT: std::time::Duration = std::time::Duration::from_millis(500);

impl fmt::Debug for Multiplex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multiplex").field("skipped", &self.skipped()).finish_non_exhaustive()
    }
}

// Only on Unix do senders write themselves.
#[cfg(all(test, unix))]
mod output_model;

// Declared after `lines` and `messages`, so that rustdoc lists its `impl` after theirs.
mod expect_answer;

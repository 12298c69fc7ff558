//! Many exchanges over one shared pipe: a routing table, an outbox and a driver that moves bytes.
//!
//! The driver never waits for a write before it reads. It writes what requests have left in the outbox,
//! and puts what arrives where its reader finds it. A reader for which much waits is given a few
//! milliseconds to read before the driver receives more; a slow one is not waited for again.

mod backpressure;
mod expect_answer;
mod id_hasher;
mod lines;
mod linger;
mod messages;
mod outbox;
mod pretty;
mod route;
mod routes;
mod skipped;

use std::{
    fmt,
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, Weak},
    task::Waker,
};

use bytes::Bytes;
use mcp_core::{
    Era, ErrorObject, Message, ParseError, ParseErrorKind, ProtocolVersion, Request, Response,
    error_code,
};
use tokio::sync::Notify;

use self::{
    backpressure::Busy,
    outbox::{Outbox, Queue},
    pretty::{Joined, PrettyPrinted},
    routes::{Routed, Routes},
    skipped::{Skipped, excerpt},
};
use crate::{
    Delivery, Diagnostics, Envelope, Error, ErrorKind, Exchange, Inbound, InboundSender, Limits,
    OneWay, Transport, framing::TooLong,
};

pub(crate) use self::route::Route;
pub use self::{id_hasher::IdHasher, lines::LineDriver, messages::MessageDriver};

/// A [`Transport`] over one pipe that all exchanges share: the streams of a process, a socket, a pair of
/// message channels.
///
/// Comes with an [`Inbound`] and a driver, a future that does the I/O and has to be polled, usually by a
/// task of its own. The driver ends when the pipe does; dropping it ends every open exchange.
///
/// Received messages go to: the request with the id of a response; the request with the
/// `progressToken` of a progress notification; the subscription whose id stands in `_meta` or in a
/// `notifications/cancelled`; everything else to [`Inbound`].
///
/// Cloning is cheap. [`close`](Transport::close) flushes, closes the writing half and ends everything;
/// dropping the last clone and the last exchange closes the writing half too.
#[derive(Clone)]
pub struct Multiplex {
    shared: Arc<User>,
}

/// Held by all who may still send or wait for an answer. The last one closes the pipe.
struct User(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    inbound: InboundSender,
    /// Wakes those who wait for room in the outbox, or for the end of the writing half.
    progress: Notify,
    skipped: Skipped,
    /// Bytes are written, and not whole messages.
    encodes: bool,
    limits: Limits,
}

struct State {
    routes: Routes,
    outbox: Outbox,
    driver: Option<Waker>,
    /// Nothing new is accepted; the driver flushes and closes the writing half.
    closing: bool,
    /// The writing half is closed or broken.
    write_over: bool,
    /// The revision of the last message that was sent, which decides what may be answered.
    version: Option<ProtocolVersion>,
}

impl Multiplex {
    fn with_queue(queue: Queue, limits: Limits) -> (Self, Inbound) {
        let encodes = matches!(queue, Queue::Lines(_));
        let state = State {
            routes: Routes::new(&limits),
            outbox: Outbox::new(queue),
            driver: None,
            closing: false,
            write_over: false,
            version: None,
        };
        let (sender, inbound) = Inbound::channel(&limits);
        let shared = Arc::new_cyclic(|shared: &Weak<Shared>| {
            let shared = Weak::clone(shared);
            sender.on_unread(move |rejected| {
                if let Some(shared) = shared.upgrade() {
                    shared.refuse(rejected.refusal());
                }
            });
            Shared {
                state: Mutex::new(state),
                inbound: sender,
                progress: Notify::new(),
                skipped: Skipped::default(),
                encodes,
                limits,
            }
        });
        (Self { shared: Arc::new(User(shared)) }, inbound)
    }

    /// How many received lines or messages were skipped, since they were not JSON-RPC.
    pub fn skipped(&self) -> u64 {
        self.shared.skipped.count()
    }

    /// Ends every open exchange and the connection with `error`, which later requests get too.
    ///
    /// For those who know more than the pipe does, such as the exit status of a process. Only the first
    /// reason counts.
    pub fn fail(&self, error: &Error) {
        self.shared.end(error);
    }

    /// Closes as [`close`](Transport::close) does, and waits at most `flush` for what is queued to be
    /// written; `close` itself waits 0.5 s. When its future is dropped nothing new is accepted, and open
    /// exchanges are not affected.
    ///
    /// # Errors
    /// When not all was written.
    pub async fn close_within(&self, flush: std::time::Duration) -> Result<(), Error> {
        self.shared.begin_close();
        let written = self.wait_for(|state| state.write_over.then_some(()));
        let flushed = tokio::time::timeout(flush, written).await;
        self.shared.end(&closed().with_delivery(Delivery::Unknown));
        flushed.map_err(|_| Error::new(ErrorKind::Timeout, "not all was flushed before the close"))
    }

    /// Waits until `ready` gives a value, looking again after every step of the driver.
    async fn wait_for<T>(&self, mut ready: impl FnMut(&mut State) -> Option<T>) -> T {
        let mut notified = std::pin::pin!(self.shared.progress.notified());
        loop {
            // Registered before looking, or a step in between would be missed.
            notified.as_mut().enable();
            if let Some(value) = ready(&mut self.shared.lock()) {
                return value;
            }
            notified.as_mut().await;
            notified.set(self.shared.progress.notified());
        }
    }

    /// Queues a message once there is room; `open` may refuse it.
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
            if state.closing || state.write_over {
                return Some(Err(closed()));
            }
            if state.outbox.waiting() >= limit {
                return None;
            }
            let (message, large) = message.take()?;
            if let Err(error) = open(state, &message) {
                return Some(Err(error));
            }
            match large {
                Some(line) => state.outbox.push_large(line),
                None => state.outbox.push(message),
            }
            Some(Ok(state.driver.take()))
        };
        let pushed = push(&mut self.shared.lock());
        let waker = match pushed {
            Some(result) => result?,
            None => self.wait_for(push).await?,
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
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        let Envelope { message: request, version, is_long_lived, .. } = request;
        let id = request.id.clone();
        self.queue(request, |state, message| {
            let Message::Request(request) = message else { return Ok(()) };
            state.version = version;
            state.routes.open(request, is_long_lived, Some(state.outbox.queued))
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
        self.wait_for(|state| state.routes.ended().cloned()).await
    }

    fn diagnostics(&self) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        self.shared.skipped.report(&mut diagnostics);
        let (unmatched, last) = self.shared.lock().routes.unmatched();
        (diagnostics.unmatched, diagnostics.last_unmatched) = (unmatched, last);
        diagnostics
    }

    async fn close(&self) -> Result<(), Error> {
        // What was not written fails with its exchange, and nothing is left behind.
        let _flushed = self.close_within(FLUSH_TIMEOUT).await;
        #[cfg(feature = "tracing")]
        if let Err(error) = _flushed {
            tracing::debug!(%error, "closing the connection");
        }
        Ok(())
    }
}

/// How long [`Multiplex::close`] waits for what is queued to be written.
const FLUSH_TIMEOUT: std::time::Duration = std::time::Duration::from_millis(500);

impl fmt::Debug for Multiplex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multiplex").field("skipped", &self.skipped()).finish_non_exhaustive()
    }
}

impl Deref for User {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Drop for User {
    fn drop(&mut self) {
        self.begin_close();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in a critical section can leave the state half changed.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Has the driver write what is queued and close the writing half.
    fn begin_close(&self) {
        let driver = {
            let mut state = self.lock();
            state.closing = true;
            state.driver.take()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    fn end(&self, error: &Error) {
        let mut wakers = Vec::new();
        {
            let mut state = self.lock();
            state.closing = true;
            let written = state.outbox.written;
            state.routes.end(error, written, &mut wakers);
            wakers.extend(state.driver.take());
        }
        self.inbound.end(Some(error.clone()));
        self.progress.notify_waiters();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Hands a received message to whom it belongs, and says whose reader should be given time now.
    fn deliver(&self, message: Message) -> Option<Busy> {
        let routed = self.lock().routes.deliver(message);
        match routed {
            Routed::Exchange { wake, busy } => {
                wake.into_iter().for_each(Waker::wake);
                busy.map(Busy::Exchange)
            }
            Routed::Inbound(message) => match self.inbound.offer(message) {
                Ok(wants_pause) => wants_pause.then_some(Busy::Inbound),
                Err(rejected) => {
                    self.refuse(rejected.refusal());
                    None
                }
            },
            Routed::Nobody => None,
        }
    }

    /// Queues the refusal of a request of the server. A server that does not read gets none: what waits
    /// for it stays bounded. In the modern era servers do not ask, and are not answered.
    fn refuse(&self, refusal: Option<Response>) {
        let Some(refusal) = refusal else { return };
        let driver = {
            let mut state = self.lock();
            let is_modern = state.version.is_some_and(|version| version.era() == Era::Modern);
            if is_modern || state.outbox.waiting() >= self.limits.outbox as u64 {
                return;
            }
            state.outbox.push(refusal.into());
            state.driver.take()
        };
        driver.into_iter().for_each(Waker::wake);
    }

    /// Something arrived that is no message: it fails the request whose id it shows, or is skipped.
    fn reject(&self, frame: &[u8], error: ParseError) {
        let mut wakers = Vec::new();
        let failed = error.id.clone().is_some_and(|id| {
            let text = format!("the answer cannot be read: {}", excerpt(frame));
            let cause = Error::new(ErrorKind::Protocol, text).with_delivery(Delivery::Answered);
            self.lock().routes.fail(&id, cause.with_source(error), &mut wakers)
        });
        if !failed {
            self.skipped.add(frame);
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// A message over the limit fails the request that it answers, or every open one where that does not
    /// show. A request of the server is refused.
    fn reject_too_long(&self, line: &TooLong) {
        let hint = line.hint();
        let text = format!(
            "a message of {} bytes is over the limit of {} bytes",
            line.length, self.limits.message
        );
        if hint.is_call {
            let error = ErrorObject::new(error_code::INVALID_REQUEST, text);
            self.refuse(hint.id.map(|id| Response::error(id, error)));
            self.skipped.add(&line.head);
            return;
        }
        let error = Error::new(ErrorKind::TooLarge, text).with_delivery(Delivery::Answered);
        let mut wakers = Vec::new();
        match hint.id {
            Some(id) => {
                self.lock().routes.fail(&id, error, &mut wakers);
            }
            None => self.lock().routes.fail_open(&error, &mut wakers),
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The messages of a frame of bytes: one, a batch, or none. `pretty` holds the lines before this one that
    /// may belong to it.
    fn parse(&self, frame: Bytes, pretty: &mut PrettyPrinted) -> Frame {
        match Message::parse(frame.clone()) {
            Ok(message) => {
                for _ in 0..pretty.clear() {
                    self.skipped.add(b"{");
                }
                Frame::One(message)
            }
            Err(error) => self.parse_again(frame, error, pretty),
        }
    }

    #[cold]
    fn parse_again(&self, frame: Bytes, error: ParseError, pretty: &mut PrettyPrinted) -> Frame {
        match pretty.add(&frame, self.limits.message) {
            Joined::No => {}
            Joined::Part => return Frame::None,
            Joined::Whole(frame) => return self.parse(frame, pretty),
        }
        if matches!(error.kind, ParseErrorKind::Batch) {
            // One revision has batches; in any other, what is in them is clear too.
            match mcp_core::parse_batch(frame.clone()) {
                Ok(messages) => return Frame::Batch(messages),
                Err(error) => self.reject(&frame, error),
            }
            return Frame::None;
        }
        if let Some(answer) = skipped::answer_among(&frame) {
            return Frame::One(answer);
        }
        #[cfg(feature = "tracing")]
        tracing::debug!(%error, length = frame.len(), excerpt = %excerpt(&frame), "not a message");
        self.reject(&frame, error);
        Frame::None
    }
}

/// What a frame of bytes holds.
enum Frame {
    One(Message),
    Batch(Vec<Message>),
    None,
}

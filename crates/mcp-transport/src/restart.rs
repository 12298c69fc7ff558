//! A transport that reconnects when its connection is over.

use std::{
    fmt,
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;
use mcp_core::{Era, Message, Request, method};
use tokio::sync::Notify;

use crate::{
    Backoff, Connect, Connection, Delivery, Diagnostics, Envelope, Error, ErrorKind, Exchange, Gap,
    Hold, Inbound, InboundChain, OneWay, Retries, SingleFlight, Transport,
};

/// Reconnects when the connection drops, such as that to a process that has ended, keeping the session
/// open.
///
/// Only the modern era allows that: there each request stands by itself, so nothing is lost but what was
/// in flight. Of that, a request that is known not to have been sent goes to the new connection; any other
/// fails with [`Interrupted`](ErrorKind::Interrupted). Requests of the legacy era, and `server/discover`,
/// are passed on as they are, and a legacy session ends with its connection.
///
/// A new connection is opened with the next request, not before, and given up when all requests that wait
/// for it are: their time limits have to be longer than the server takes to start. Each connection that was
/// lost is a [`Gap::Interrupted`] of the [`Inbound`], since the server may have sent something meanwhile.
///
/// Needs tokio's timer.
#[derive(Debug, Clone)]
pub struct Restart<C> {
    connect: Arc<C>,
    backoff: Backoff,
}

impl<C: Connect> Restart<C> {
    /// Restarts what `connect` opens.
    ///
    /// The first new connection is opened without a delay. Of the `backoff`,
    /// [`attempts`](Backoff::attempts) limits how many connections in a row may fail, or end without having
    /// answered anything, before the session is over; an answer is progress. [`Restart::BACKOFF`] is a good
    /// one.
    pub fn new(connect: C, backoff: Backoff) -> Self {
        Self { connect: Arc::new(connect), backoff }
    }
}

impl Restart<()> {
    /// Five attempts in a row, with delays from 100 ms to 10 s.
    pub const BACKOFF: Backoff =
        Backoff::new(Duration::from_millis(100), Duration::from_secs(10)).with_jitter(0.0);
}

impl<C: Connect> Connect for Restart<C> {
    type Transport = RestartTransport<C>;

    async fn connect(&self) -> Result<Connection<RestartTransport<C>>, Error> {
        let connection = self.connect.connect().await?;
        let (chain, successive) = Inbound::successive(Gap::Interrupted);
        let connection = connection.map_inbound(|inbound| match inbound.is_none() {
            true => inbound,
            false => {
                chain.push(inbound);
                successive
            }
        });
        Ok(connection.map(|transport| RestartTransport {
            shared: Arc::new(Shared {
                connect: Arc::clone(&self.connect),
                current: Mutex::new(Current { number: 0, transport: Arc::new(transport) }),
                retries: Mutex::new(Retries::new(self.backoff).eager()),
                reconnecting: SingleFlight::new(),
                answered: AtomicU64::new(0),
                chain,
                is_bound: AtomicBool::new(false),
                changed: Notify::new(),
            }),
        }))
    }

    fn describe(&self) -> String {
        self.connect.describe()
    }

    fn hold(&self) -> Option<Hold> {
        self.connect.hold()
    }
}

/// A connection that is replaced when it is over; see [`Restart`].
pub struct RestartTransport<C: Connect> {
    shared: Arc<Shared<C>>,
}

impl<C: Connect> Transport for RestartTransport<C> {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        if !may_restart(&request) {
            return self.shared.current().transport.request(request).await;
        }
        let (exchange, number) = self.shared.request(request.clone()).await?;
        let id = exchange.id().clone();
        let state = State::Open { exchange, number };
        Ok(Exchange::from_stream(id, Open { shared: Arc::clone(&self.shared), request, state }))
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        if begins_legacy(&message.message) {
            self.shared.bind();
        }
        self.shared.current().transport.send(message).await
    }

    async fn closed(&self) -> Error {
        let shared = &*self.shared;
        let mut changed = pin!(shared.changed.notified());
        loop {
            // Registered before looking, or a change in between would be missed.
            changed.as_mut().enable();
            if let Some(error) = shared.ended() {
                return error;
            }
            if shared.is_bound.load(Ordering::Acquire) {
                return shared.current().transport.closed().await;
            }
            changed.as_mut().await;
            changed.set(shared.changed.notified());
        }
    }

    fn diagnostics(&self) -> Diagnostics {
        self.shared.current().transport.diagnostics()
    }

    async fn close(&self) -> Result<(), Error> {
        self.shared.end(None);
        self.shared.current().transport.close().await
    }
}

impl<C: Connect> fmt::Debug for RestartTransport<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestartTransport")
            .field("connect", &self.shared.connect.describe())
            .field("number", &self.shared.current().number)
            .finish_non_exhaustive()
    }
}

impl<C: Connect> Drop for RestartTransport<C> {
    fn drop(&mut self) {
        self.shared.end(None);
    }
}

/// A legacy session is lost with its connection, and a question about the era must not be repeated.
fn may_restart(request: &Envelope<Request>) -> bool {
    let is_modern = request.version.is_some_and(|version| version.era() == Era::Modern);
    is_modern && request.message.method != method::SERVER_DISCOVER
}

/// Whether a session of the legacy era has been agreed on.
fn begins_legacy(message: &OneWay) -> bool {
    match message {
        OneWay::Notification(notification) => {
            notification.method == method::NOTIFICATIONS_INITIALIZED
        }
        OneWay::Response(_) => false,
    }
}

struct Shared<C: Connect> {
    connect: Arc<C>,
    current: Mutex<Current<C::Transport>>,
    /// Connections in a row that could not be opened or answered nothing.
    retries: Mutex<Retries>,
    reconnecting: SingleFlight<Result<(), Error>>,
    /// One more than the number of the last connection that has answered anything.
    answered: AtomicU64,
    chain: InboundChain,
    /// A session of the legacy era has begun, which ends with its connection.
    is_bound: AtomicBool,
    /// Wakes those who wait for the end.
    changed: Notify,
}

struct Current<T> {
    number: u64,
    transport: Arc<T>,
}

impl<T> Clone for Current<T> {
    fn clone(&self) -> Self {
        Self { number: self.number, transport: Arc::clone(&self.transport) }
    }
}

impl<C: Connect> Shared<C> {
    fn current(&self) -> Current<C::Transport> {
        lock(&self.current).clone()
    }

    fn bind(&self) {
        self.is_bound.store(true, Ordering::Release);
        self.chain.last();
        self.changed.notify_waiters();
    }

    fn end(&self, error: Option<Error>) {
        self.chain.end(error);
        self.changed.notify_waiters();
    }

    /// Why nothing can be sent any more.
    fn ended(&self) -> Option<Error> {
        self.chain.ended().map(|error| {
            error.unwrap_or_else(|| {
                Error::new(ErrorKind::Closed, "the connection is closed")
                    .with_delivery(Delivery::NotSent)
            })
        })
    }

    fn is_over(&self) -> bool {
        self.chain.ended().is_some()
    }

    /// Sends a request, on a new connection where the present one turns out to be over. Gives the number
    /// of the connection too.
    async fn request(&self, request: Envelope<Request>) -> Result<(Exchange, u64), Error> {
        loop {
            if let Some(error) = self.ended() {
                return Err(error);
            }
            let Current { number, transport } = self.current();
            match transport.request(request.clone()).await {
                Err(error) if error.is_closed() && !self.is_over() => {
                    if error.delivery() != Delivery::NotSent {
                        return Err(interrupted(error));
                    }
                    self.reconnect(number, error).await?;
                }
                other => return other.map(|exchange| (exchange, number)),
            }
        }
    }

    /// Replaces the connection with this number, which ended with `cause`, unless somebody else has.
    async fn reconnect(&self, number: u64, cause: Error) -> Result<(), Error> {
        self.reconnecting
            .run(|| async {
                match self.current().number == number {
                    true => self.replace(number, cause).await,
                    false => Ok(()),
                }
            })
            .await
    }

    async fn replace(&self, number: u64, mut cause: Error) -> Result<(), Error> {
        if self.answered.load(Ordering::Acquire) == number + 1 {
            lock(&self.retries).progressed();
        }
        loop {
            if let Some(error) = self.ended() {
                return Err(error);
            }
            let mut retries = lock(&self.retries).clone();
            let Some(delay) = retries.next_delay(None) else { break };
            tokio::time::sleep(delay).await;
            let connected = self.connect.connect().await;
            // Only an attempt that came to its end counts: those who waited for it may have given it up.
            *lock(&self.retries) = retries;
            match connected {
                Ok(connection) => {
                    let Err(late) = self.install(connection) else { return Ok(()) };
                    // It was closed meanwhile: nothing may be left behind, and nobody asks how it ended.
                    let _ = late.close().await;
                }
                Err(error) => cause = error,
            }
        }
        let error = Error::new(ErrorKind::Closed, "the connection is over, and so were new ones")
            .with_delivery(Delivery::NotSent)
            .with_source(cause);
        self.end(Some(error.clone()));
        Err(error)
    }

    /// Continues with another connection, unless it is closed by now: then that one is given back.
    fn install(&self, connection: Connection<C::Transport>) -> Result<(), C::Transport> {
        let Connection { transport, inbound, .. } = connection;
        {
            let mut current = lock(&self.current);
            // Whoever closes says so first, and then closes what is current.
            if self.is_over() {
                return Err(transport);
            }
            current.number += 1;
            current.transport = Arc::new(transport);
        }
        self.chain.push(inbound);
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Only what was in flight is lost.
fn interrupted(error: Error) -> Error {
    Error::new(ErrorKind::Interrupted, "the connection ended before the answer")
        .with_delivery(error.delivery())
        .with_source(error)
}

/// An exchange whose request is sent again if it turns out not to have been sent.
struct Open<C: Connect> {
    shared: Arc<Shared<C>>,
    request: Envelope<Request>,
    state: State,
}

type Opening = Pin<Box<dyn Future<Output = Result<(Exchange, u64), Error>> + Send>>;

enum State {
    Open { exchange: Exchange, number: u64 },
    Opening(Opening),
}

impl<C: Connect> Stream for Open<C> {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            match &mut this.state {
                State::Open { exchange, number } => match exchange.poll_item(cx) {
                    Poll::Ready(Some(Err(error)))
                        if error.is_closed() && !this.shared.is_over() =>
                    {
                        if error.delivery() != Delivery::NotSent {
                            return Poll::Ready(Some(Err(interrupted(error))));
                        }
                        let (shared, request) = (Arc::clone(&this.shared), this.request.clone());
                        let opening = async move { shared.request(request).await };
                        this.state = State::Opening(Box::pin(opening));
                    }
                    Poll::Ready(item) => {
                        if matches!(item, Some(Ok(_))) {
                            this.shared.answered.fetch_max(*number + 1, Ordering::AcqRel);
                        }
                        return Poll::Ready(item);
                    }
                    Poll::Pending => return Poll::Pending,
                },
                State::Opening(opening) => match opening.as_mut().poll(cx) {
                    Poll::Ready(Ok((exchange, number))) => {
                        this.state = State::Open { exchange, number };
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }
}

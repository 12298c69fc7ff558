//! A transport that reconnects when its connection ends.

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
    Hold, Inbound, InboundChain, OneWay, Transport,
    util::{Retries, SingleFlight},
};

/// Reconnects when the connection drops, for example when the server process exits, and keeps the session
/// open.
///
/// Only modern requests are retried: each of them is self-contained, so only requests in flight are lost.
/// A request that is known not to have been sent is sent on the new connection; any other fails with
/// [`Interrupted`](ErrorKind::Interrupted). Legacy requests and `server/discover` are never retried, and a
/// legacy session ends with its connection.
///
/// The next request opens the new connection, and opening it is cancelled when no request waits for it any
/// more. So the time-outs of requests must be longer than the server needs to start. Each lost connection
/// is reported as a [`Gap::Interrupted`] on [`Inbound`], since notifications may have been missed.
///
/// Needs tokio's timer.
///
/// ```
/// use mcp_transport::{Connect, Connection, Error, restart::Restart};
///
/// async fn open<C: Connect>(connector: C) -> Result<(), Error> {
///     let connector = Restart::new(connector, Restart::BACKOFF);
///     let Connection { transport, inbound, .. } = connector.connect().await?;
///     # let _ = (transport, inbound);
///     Ok(())
/// }
/// ```
#[doc(alias = "reconnect")]
#[doc(alias = "retry")]
#[doc(alias = "disconnect")]
#[derive(Debug, Clone)]
pub struct Restart<C> {
    connect: Arc<C>,
    backoff: Backoff,
}

impl<C: Connect> Restart<C> {
    /// Wraps a connector.
    ///
    /// The first reconnect has no delay. [`Backoff::attempts`] bounds the connections in a row that fail to
    /// open or end without a message for an exchange; after that the transport is closed. A message resets
    /// the count. [`Restart::BACKOFF`] is a good default.
    pub fn new(connect: C, backoff: Backoff) -> Self {
        Self { connect: Arc::new(connect), backoff }
    }
}

impl Restart<()> {
    /// Five attempts in a row, with delays from 100 ms to 10 s and no jitter.
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
            inner: Arc::new(Inner {
                connect: Arc::clone(&self.connect),
                current: Mutex::new(Current { number: 0, transport: Arc::new(transport) }),
                retries: Mutex::new(Retries::new(self.backoff).eager()),
                reconnecting: SingleFlight::new(),
                answered: AtomicU64::new(0),
                chain,
                is_legacy: AtomicBool::new(false),
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

/// The transport of [`Restart`].
pub struct RestartTransport<C: Connect> {
    inner: Arc<Inner<C>>,
}

impl<C: Connect> Transport for RestartTransport<C> {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        if !is_retryable(&request) {
            return self.inner.current().transport.request(request).await;
        }
        let (exchange, number) = self.inner.request(request.clone()).await?;
        let id = exchange.id().clone();
        let state = State::Open { exchange, number };
        let retrying = RetryingExchange { inner: Arc::clone(&self.inner), request, state };
        Ok(Exchange::from_stream(id, retrying))
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        if opens_legacy_session(&message.message) {
            self.inner.set_legacy();
        }
        self.inner.current().transport.send(message).await
    }

    async fn closed(&self) -> Error {
        let inner = &*self.inner;
        let mut changed = pin!(inner.changed.notified());
        loop {
            // Enabled before the state is checked, so that no change is missed in between.
            changed.as_mut().enable();
            if let Some(error) = inner.ended() {
                return error;
            }
            if inner.is_legacy.load(Ordering::Acquire) {
                return inner.current().transport.closed().await;
            }
            changed.as_mut().await;
            changed.set(inner.changed.notified());
        }
    }

    fn diagnostics(&self) -> Diagnostics {
        self.inner.current().transport.diagnostics()
    }

    async fn close(&self) -> Result<(), Error> {
        self.inner.end(None);
        self.inner.current().transport.close().await
    }
}

impl<C: Connect> fmt::Debug for RestartTransport<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestartTransport")
            .field("connect", &self.inner.connect.describe())
            .field("number", &self.inner.current().number)
            .finish_non_exhaustive()
    }
}

impl<C: Connect> Drop for RestartTransport<C> {
    fn drop(&mut self) {
        self.inner.end(None);
    }
}

/// Whether a request may be sent on another connection. A legacy session ends with its connection, and the
/// probe of the era must not be repeated.
fn is_retryable(request: &Envelope<Request>) -> bool {
    let is_modern = request.version.is_some_and(|version| version.era() == Era::Modern);
    is_modern && request.message.method != method::SERVER_DISCOVER
}

/// Whether the message completes the handshake of a legacy session.
fn opens_legacy_session(message: &OneWay) -> bool {
    match message {
        OneWay::Notification(notification) => {
            notification.method == method::NOTIFICATIONS_INITIALIZED
        }
        OneWay::Response(_) => false,
    }
}

struct Inner<C: Connect> {
    connect: Arc<C>,
    current: Mutex<Current<C::Transport>>,
    /// Connections in a row that failed to open or ended without a message for an exchange.
    retries: Mutex<Retries>,
    reconnecting: SingleFlight<Result<(), Error>>,
    /// The number of the last connection with a message for an exchange, plus one.
    answered: AtomicU64,
    chain: InboundChain,
    /// A legacy session is open. It ends with its connection.
    is_legacy: AtomicBool,
    /// Wakes the callers of `closed`.
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

impl<C: Connect> Inner<C> {
    fn current(&self) -> Current<C::Transport> {
        lock(&self.current).clone()
    }

    fn set_legacy(&self) {
        self.is_legacy.store(true, Ordering::Release);
        self.chain.last();
        self.changed.notify_waiters();
    }

    fn end(&self, error: Option<Error>) {
        self.chain.end(error);
        self.changed.notify_waiters();
    }

    /// The error of new requests after the end. `None` while the transport is open.
    fn ended(&self) -> Option<Error> {
        self.chain.ended().map(|error| {
            error.unwrap_or_else(|| {
                Error::new(ErrorKind::Closed, "the connection is closed")
                    .with_delivery(Delivery::NotSent)
            })
        })
    }

    fn is_ended(&self) -> bool {
        self.chain.ended().is_some()
    }

    /// Sends a request, and reconnects if the current connection has ended. Returns the number of the
    /// connection too.
    async fn request(&self, request: Envelope<Request>) -> Result<(Exchange, u64), Error> {
        loop {
            if let Some(error) = self.ended() {
                return Err(error);
            }
            let Current { number, transport } = self.current();
            match transport.request(request.clone()).await {
                Err(error) if error.is_closed() && !self.is_ended() => {
                    if error.delivery() != Delivery::NotSent {
                        return Err(interrupted(error));
                    }
                    self.reconnect(number, error).await?;
                }
                other => return other.map(|exchange| (exchange, number)),
            }
        }
    }

    /// Replaces the connection with this number, which ended with `cause`, unless another caller already
    /// did.
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
            // Counted after the attempt: one that is cancelled with its callers does not count.
            *lock(&self.retries) = retries;
            match connected {
                Ok(connection) => {
                    let Err(late) = self.install(connection) else { return Ok(()) };
                    // The transport was closed in the meantime: release the new connection. There is no
                    // caller to report an error to.
                    let _ = late.close().await;
                }
                Err(error) => cause = error,
            }
        }
        let error =
            Error::new(ErrorKind::Closed, "the connection was lost and reconnecting failed")
                .with_delivery(Delivery::NotSent)
                .with_source(cause);
        self.end(Some(error.clone()));
        Err(error)
    }

    /// Makes `connection` the current one. If the transport was closed in the meantime, returns its
    /// transport.
    fn install(&self, connection: Connection<C::Transport>) -> Result<(), C::Transport> {
        let Connection { transport, inbound, .. } = connection;
        {
            let mut current = lock(&self.current);
            // Checked under the lock: `close` marks the end first, then closes the current transport.
            if self.is_ended() {
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

/// The error of a request in flight when its connection ended. The transport stays open.
fn interrupted(error: Error) -> Error {
    Error::new(ErrorKind::Interrupted, "the connection ended before the answer")
        .with_delivery(error.delivery())
        .with_source(error)
}

/// An exchange that retries its request on a new connection if it turns out not to have been sent.
struct RetryingExchange<C: Connect> {
    inner: Arc<Inner<C>>,
    request: Envelope<Request>,
    state: State,
}

type Opening = Pin<Box<dyn Future<Output = Result<(Exchange, u64), Error>> + Send>>;

enum State {
    Open { exchange: Exchange, number: u64 },
    Opening(Opening),
}

impl<C: Connect> Stream for RetryingExchange<C> {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            match &mut this.state {
                State::Open { exchange, number } => match exchange.poll_item(cx) {
                    Poll::Ready(Some(Err(error)))
                        if error.is_closed() && !this.inner.is_ended() =>
                    {
                        if error.delivery() != Delivery::NotSent {
                            return Poll::Ready(Some(Err(interrupted(error))));
                        }
                        let (inner, request) = (Arc::clone(&this.inner), this.request.clone());
                        let opening = async move { inner.request(request).await };
                        this.state = State::Opening(Box::pin(opening));
                    }
                    Poll::Ready(item) => {
                        if matches!(item, Some(Ok(_))) {
                            this.inner.answered.fetch_max(*number + 1, Ordering::AcqRel);
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

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_core::Stream;
use mcp_core::{Era, Message, Request, method};

use crate::{
    Address, Binding, Connect, Connection, Delivery, Envelope, Error, ErrorKind, Exchange, Inbound,
    OneWay, Transport,
};

/// Opens a connection anew when it is over, such as that to a process that has died, under the same open
/// session.
///
/// Only the modern era allows that: there each request stands by itself, so nothing is lost but what was
/// in flight. Of that, a request that is known not to have been sent goes to the new connection; any other
/// fails with [`Interrupted`](ErrorKind::Interrupted). Requests of the legacy era, and `server/discover`,
/// pass as they are, and a legacy session is over with its connection. A new connection is opened with the
/// next request, not before, and given up when all requests that wait for it are: their time limits have to
/// be longer than the server takes to start. The [`Inbound`] tells of each connection that was lost with an error of kind
/// [`Interrupted`](ErrorKind::Interrupted), since the server may have said something meanwhile.
///
/// Needs tokio's timer.
#[derive(Debug, Clone)]
pub struct Restart<C> {
    connect: Arc<C>,
    policy: RestartPolicy,
}

/// How often and how fast [`Restart`] tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestartPolicy {
    /// How many new connections in a row may fail, or end without having answered anything, before the
    /// session is over. Default: 5.
    pub attempts: u32,
    /// The wait before the second attempt in a row; it doubles with each further one. The first attempt
    /// is made at once. Default: 100 ms.
    pub first_wait: Duration,
    /// The longest wait. Default: 10 s.
    pub max_wait: Duration,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_wait: Duration::from_millis(100),
            max_wait: Duration::from_secs(10),
        }
    }
}

impl RestartPolicy {
    fn wait(&self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else { return Duration::ZERO };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.first_wait.saturating_mul(factor).min(self.max_wait)
    }
}

impl<C: Connect> Restart<C> {
    /// Restarts what `connect` opens.
    pub fn new(connect: C, policy: RestartPolicy) -> Self {
        Self { connect: Arc::new(connect), policy }
    }
}

impl<C: Connect> Connect for Restart<C> {
    type Transport = RestartTransport<C>;

    async fn connect(&self) -> Result<Connection<RestartTransport<C>>, Error> {
        let Connection { transport, inbound, .. } = self.connect.connect().await?;
        let beside = Arc::new(Beside::default());
        let shared = Arc::new(Shared {
            connect: Arc::clone(&self.connect),
            policy: self.policy,
            current: Mutex::new(Current { number: 0, transport: Arc::new(transport) }),
            failures: tokio::sync::Mutex::new(0),
            has_answered: AtomicBool::new(false),
            beside: Arc::clone(&beside),
        });
        let inbound = match inbound.is_none() {
            true => inbound,
            false => Inbound::from_stream(Listening { beside, current: Some(inbound) }),
        };
        Ok(Connection::new(RestartTransport { shared }, inbound))
    }

    fn binding(&self) -> Binding {
        self.connect.binding()
    }

    fn describe(&self) -> String {
        self.connect.describe()
    }

    fn address(&self) -> Option<Address> {
        self.connect.address()
    }
}

/// A connection that is opened anew when it is over; see [`Restart`].
pub struct RestartTransport<C: Connect> {
    shared: Arc<Shared<C>>,
}

impl<C: Connect> Transport for RestartTransport<C> {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        if !may_restart(&request) {
            return self.shared.current().transport.request(request).await;
        }
        let exchange = self.shared.request(request.clone()).await?;
        let id = exchange.id().clone();
        let open = Open { shared: Arc::clone(&self.shared), request, at: At::Exchange(exchange) };
        Ok(Exchange::from_stream(id, open))
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        if begins_legacy(&message.message) {
            self.shared.beside.bind();
        }
        self.shared.current().transport.send(message).await
    }

    async fn close(&self) -> Result<(), Error> {
        self.shared.beside.end(None);
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
        self.shared.beside.end(None);
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
    policy: RestartPolicy,
    current: Mutex<Current<C::Transport>>,
    /// New connections in a row that failed or answered nothing; held while one is opened.
    failures: tokio::sync::Mutex<u32>,
    /// Whether the current connection has answered anything.
    has_answered: AtomicBool,
    beside: Arc<Beside>,
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

/// What arrives beside exchanges, for [`Listening`] to go on with.
#[derive(Default)]
struct Beside(Mutex<Next>);

#[derive(Default)]
struct Next {
    inbound: Option<Inbound>,
    /// A session of the legacy era has begun, which ends with its connection.
    is_bound: bool,
    /// It is over, perhaps with an error.
    over: bool,
    error: Option<Error>,
    is_told: bool,
    waker: Option<Waker>,
}

impl Beside {
    fn next(&self) -> MutexGuard<'_, Next> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, error: Option<Error>) {
        let waker = {
            let mut next = self.next();
            next.over = true;
            next.error = error;
            next.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// There will be no other connection.
    fn bind(&self) {
        let waker = {
            let mut next = self.next();
            next.is_bound = true;
            next.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// Why nothing can be sent any more.
    fn ended(&self) -> Option<Error> {
        let next = self.next();
        next.over.then(|| match &next.error {
            Some(error) => error.clone(),
            None => Error::new(ErrorKind::Closed, "the connection is closed")
                .with_delivery(Delivery::NotSent),
        })
    }

    fn is_over(&self) -> bool {
        self.next().over
    }

    /// Whether the end of the present connection is the end of all.
    fn is_last(&self) -> bool {
        let next = self.next();
        next.over || next.is_bound
    }

    /// Goes on with `inbound`.
    fn go_on(&self, inbound: Inbound) {
        let waker = {
            let mut next = self.next();
            next.inbound = Some(inbound);
            next.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<C: Connect> Shared<C> {
    fn current(&self) -> Current<C::Transport> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a request, on a new connection where the present one turns out to be over.
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        loop {
            if let Some(error) = self.beside.ended() {
                return Err(error);
            }
            let Current { number, transport } = self.current();
            match transport.request(request.clone()).await {
                Err(error) if error.is_closed() && !self.beside.is_over() => {
                    if error.delivery() != Delivery::NotSent {
                        return Err(interrupted(error));
                    }
                    self.reopen(number, error).await?;
                }
                other => return other,
            }
        }
    }

    /// Replaces the connection with this number, which ended with `cause`, unless somebody else has.
    async fn reopen(&self, number: u64, mut cause: Error) -> Result<(), Error> {
        let mut failures = self.failures.lock().await;
        if self.current().number != number {
            return Ok(());
        }
        if self.has_answered.swap(false, Ordering::AcqRel) {
            *failures = 0;
        }
        while *failures < self.policy.attempts && !self.beside.is_over() {
            tokio::time::sleep(self.policy.wait(*failures)).await;
            let connected = self.connect.connect().await;
            // Only an attempt that came to its end counts: whoever waited for it may have given it up.
            *failures += 1;
            match connected {
                Ok(Connection { transport, inbound, .. }) => {
                    let Err(late) = self.replace(transport, inbound) else { return Ok(()) };
                    // It was closed meanwhile: nothing may be left behind, and nobody asks how it ended.
                    let _ = late.close().await;
                }
                Err(error) => cause = error,
            }
        }
        if let Some(error) = self.beside.ended() {
            return Err(error);
        }
        let error = Error::new(ErrorKind::Closed, "the connection is over, and so were new ones")
            .with_delivery(Delivery::NotSent)
            .with_source(cause);
        self.beside.end(Some(error.clone()));
        Err(error)
    }

    /// Goes on with another connection, unless it is closed by now: then that one is given back.
    fn replace(&self, transport: C::Transport, inbound: Inbound) -> Result<(), C::Transport> {
        {
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            // Whoever closes says so first, and then closes what is current.
            if self.beside.is_over() {
                return Err(transport);
            }
            current.number += 1;
            current.transport = Arc::new(transport);
        }
        self.beside.go_on(inbound);
        Ok(())
    }
}

impl Next {
    /// The error that ended it, once.
    fn told(&mut self) -> Option<Error> {
        self.error.clone().filter(|_| !std::mem::replace(&mut self.is_told, true))
    }
}

/// Only what was in flight is lost.
fn interrupted(error: Error) -> Error {
    Error::new(ErrorKind::Interrupted, "the connection ended before the answer")
        .with_delivery(error.delivery())
        .with_source(error)
}

/// What the server said outside exchanges, from the end of one connection to the next, never arrived.
fn replaced(error: Error) -> Error {
    Error::new(ErrorKind::Interrupted, "the connection ended, and another one takes its place")
        .with_source(error)
}

/// An exchange that is begun once more if its request turns out not to have been sent.
struct Open<C: Connect> {
    shared: Arc<Shared<C>>,
    request: Envelope<Request>,
    at: At,
}

enum At {
    Exchange(Exchange),
    Again(Pin<Box<dyn Future<Output = Result<Exchange, Error>> + Send>>),
}

impl<C: Connect> Stream for Open<C> {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            match &mut this.at {
                At::Exchange(exchange) => match exchange.poll_item(cx) {
                    Poll::Ready(Some(Err(error)))
                        if error.is_closed() && !this.shared.beside.is_over() =>
                    {
                        if error.delivery() != Delivery::NotSent {
                            return Poll::Ready(Some(Err(interrupted(error))));
                        }
                        let (shared, request) = (Arc::clone(&this.shared), this.request.clone());
                        this.at = At::Again(Box::pin(async move { shared.request(request).await }));
                    }
                    Poll::Ready(item) => {
                        if matches!(item, Some(Ok(_))) {
                            this.shared.has_answered.store(true, Ordering::Release);
                        }
                        return Poll::Ready(item);
                    }
                    Poll::Pending => return Poll::Pending,
                },
                At::Again(again) => match again.as_mut().poll(cx) {
                    Poll::Ready(Ok(exchange)) => this.at = At::Exchange(exchange),
                    Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }
}

/// What arrives beside exchanges, on one connection after the other.
struct Listening {
    beside: Arc<Beside>,
    current: Option<Inbound>,
}

impl Stream for Listening {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(inbound) = &mut this.current {
                match Pin::new(inbound).poll_next(cx) {
                    Poll::Ready(Some(Err(error))) if error.is_closed() => {
                        if this.beside.is_last() {
                            return Poll::Ready(Some(Err(error)));
                        }
                        this.current = None;
                        return Poll::Ready(Some(Err(replaced(error))));
                    }
                    Poll::Ready(None) => {
                        this.current = None;
                        if !this.beside.is_last() {
                            let error = Error::new(ErrorKind::Closed, "the connection is over");
                            return Poll::Ready(Some(Err(replaced(error))));
                        }
                    }
                    other => return other,
                }
            }
            let mut next = this.beside.next();
            match next.inbound.take() {
                _ if next.over => return Poll::Ready(next.told().map(Err)),
                Some(inbound) => this.current = Some(inbound),
                None if next.is_bound => return Poll::Ready(None),
                None => {
                    next.waker = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
        }
    }
}

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use mcp_http::{HttpService, transport::closed};
use mcp_transport::{Delivery, Error, Inbound, InboundChain, util::SingleFlight};
use tokio::time::Instant;

use crate::{sender::Sender, session::SseSession};

/// State shared by a transport and its exchanges.
pub(crate) struct Inner<S> {
    pub(crate) sender: Arc<Sender<S>>,
    inbound: InboundChain,
    current: Mutex<Current>,
    /// One caller replaces a stream that has ended, and concurrent ones share the outcome.
    pub(crate) reconnecting: SingleFlight<Result<Arc<SseSession>, Error>>,
    /// The number of sessions opened to replace an ended one.
    pub(crate) reinitializations: AtomicU64,
}

#[derive(Default)]
struct Current {
    session: Option<Arc<SseSession>>,
    /// The time when its stream was opened.
    since: Option<Instant>,
}

impl<S: HttpService> Inner<S> {
    pub(crate) fn new(sender: Sender<S>, inbound: InboundChain) -> Arc<Self> {
        Arc::new(Self {
            sender: Arc::new(sender),
            inbound,
            current: Mutex::default(),
            reconnecting: SingleFlight::new(),
            reinitializations: AtomicU64::new(0),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current session; `None` if its stream has ended.
    pub(crate) fn current(&self) -> Result<Option<Arc<SseSession>>, Error> {
        if self.sender.tasks.is_closed() {
            return Err(closed().with_delivery(Delivery::NotSent));
        }
        Ok(self.lock().session.clone().filter(|session| !session.is_over()))
    }

    /// The time when the last stream was opened.
    pub(crate) fn since(&self) -> Option<Instant> {
        self.lock().since
    }

    /// Makes a session the current one, unless the transport was closed.
    pub(crate) fn install(&self, session: &Arc<SseSession>, inbound: Inbound) -> Result<(), Error> {
        let mut current = self.lock();
        if self.sender.tasks.is_closed() {
            return Err(closed());
        }
        *current = Current { session: Some(Arc::clone(session)), since: Some(Instant::now()) };
        drop(current);
        self.inbound.push(inbound);
        Ok(())
    }

    /// Counts a session that replaces a lost one.
    pub(crate) fn reinitialized(&self) {
        self.reinitializations.fetch_add(1, Ordering::Relaxed);
        tracing::info!("the session was lost with its stream: opened a new one");
    }

    /// Ends everything.
    pub(crate) fn close(&self) {
        self.sender.tasks.close(|| {
            self.inbound.end(None);
            let session = self.lock().session.take();
            if let Some(session) = session {
                session.end(&closed());
            }
        });
    }
}

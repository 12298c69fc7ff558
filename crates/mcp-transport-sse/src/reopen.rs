use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    task::Poll,
    time::Duration,
};

use mcp_http::HttpService;
use mcp_transport::{Delivery, Error, ErrorKind, Inbound, Retries};
use serde::Deserialize;
use tokio::time::Instant;

use crate::{
    error::{closed, expired},
    link::Link,
    shared::{Handshake, Shared},
};

/// How long beginning a session on a new stream may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// What happened the last time that a stream was opened.
#[derive(Default)]
pub(crate) struct Trouble {
    error: Option<Error>,
    opened: Option<Instant>,
}

impl<S: HttpService> Shared<S> {
    /// Opens the stream for the first time.
    pub(crate) async fn open(self: &Arc<Self>) -> Result<(), Error> {
        let link = self.open_and_greet(true).await?;
        self.reopening.lock().await.opened = Some(Instant::now());
        drop(link);
        Ok(())
    }

    /// Opens a stream in place of the one that is over, and begins the same session on it, unless the
    /// message that needs it `begins` one.
    ///
    /// Of all who come at a time one does it, and the others share the outcome. Dropping the future leaves
    /// it to the next one.
    pub(crate) async fn reopen(self: &Arc<Self>, begins: bool) -> Result<Arc<Link>, Error> {
        let failures = self.failures.load(Ordering::Acquire);
        let mut trouble = self.reopening.lock().await;
        if let Some(link) = self.current()? {
            return Ok(link);
        }
        if let Some(error) = &trouble.error
            && self.failures.load(Ordering::Acquire) > failures
        {
            return Err(error.clone());
        }
        let opened = self.unless_closed(self.try_to_open(trouble.opened, begins)).await;
        // Whatever happened, the message that waits has not been sent.
        let opened = opened.map_err(|error| error.with_delivery(Delivery::NotSent));
        match &opened {
            Ok(_) => trouble.opened = Some(Instant::now()),
            Err(error) => {
                trouble.error = Some(error.clone());
                self.failures.fetch_add(1, Ordering::Release);
            }
        }
        opened
    }

    async fn try_to_open(
        self: &Arc<Self>,
        opened: Option<Instant>,
        begins: bool,
    ) -> Result<Arc<Link>, Error> {
        let backoff = self.wire.limits.backoff;
        // A stream that breaks off as soon as it is open is not opened without a rest.
        let mut retries = Retries::new(backoff);
        if opened.is_none_or(|at| at.elapsed() >= backoff.first) {
            retries = retries.eager();
        }
        // At least one attempt is made.
        let mut delay = retries.next_delay(None).unwrap_or_default();
        loop {
            tokio::time::sleep(delay).await;
            let error = match self.open_and_greet(begins).await {
                Err(error) if is_transient(&error) => error,
                opened => return opened,
            };
            tracing::debug!(%error, "the stream of the server could not be opened");
            delay = retries.next_delay(None).ok_or(error)?;
        }
    }

    async fn open_and_greet(self: &Arc<Self>, begins: bool) -> Result<Arc<Link>, Error> {
        let opened = self.wire.open(&self.head()).await?;
        let (link, inbound) = Link::start(self, opened);
        let fresh = Fresh(Some(Arc::clone(&link)));
        let handshake = self.state().handshake.clone().filter(|_| !begins);
        if let Some(handshake) = handshake {
            let greeting = tokio::time::timeout(DEADLINE, self.greet(&link, handshake)).await;
            greeting.unwrap_or_else(|_| {
                let text = format!("initialize: no new session within {DEADLINE:?}");
                Err(Error::new(ErrorKind::Timeout, text))
            })?;
            self.renewals.fetch_add(1, Ordering::Relaxed);
            tracing::info!("the session went with its stream: a new one was begun");
        }
        self.install(&link, inbound)?;
        fresh.keep();
        Ok(link)
    }

    fn install(&self, link: &Arc<Link>, inbound: Inbound) -> Result<(), Error> {
        let mut state = self.state();
        if self.is_closed() {
            return Err(closed());
        }
        state.link = Some(Arc::clone(link));
        drop(state);
        self.inbound.push(inbound);
        Ok(())
    }

    /// Repeats the handshake of the session that went with its stream.
    async fn greet(self: &Arc<Self>, link: &Arc<Link>, handshake: Handshake) -> Result<(), Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Result {
            protocol_version: String,
        }
        let answer = self.ask(link, handshake.initialize).await?.response().await?;
        let result = answer.outcome.map_err(|error| {
            expired("initialize: the server refuses a new session").with_source(error)
        })?;
        let Some(initialized) = handshake.initialized else { return Ok(()) };
        let negotiated = initialized.version.map(|version| version.as_str());
        let offered = result.decode::<Result>().ok().map(|result| result.protocol_version);
        if negotiated.is_some() && negotiated != offered.as_deref() {
            return Err(expired("initialize: the server has changed the protocol version"));
        }
        self.post_one_way(link, initialized).await
    }

    /// What `future` gives, unless the transport is closed before.
    async fn unless_closed<T>(
        &self,
        future: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut closing = self.closed.subscribe();
        let mut over = pin!(closing.wait_for(|closed| *closed));
        let mut future = pin!(future);
        poll_fn(|cx| {
            if over.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(closed()));
            }
            future.as_mut().poll(cx)
        })
        .await
    }
}

/// Whether another attempt may fare better.
fn is_transient(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Connect | ErrorKind::Interrupted | ErrorKind::Unavailable)
}

/// A link that is not in use yet: it ends unless it comes to that.
struct Fresh(Option<Arc<Link>>);

impl Fresh {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some(link) = &self.0 {
            link.end(&closed());
        }
    }
}

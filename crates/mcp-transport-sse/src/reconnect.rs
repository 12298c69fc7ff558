use std::{pin::pin, sync::Arc};

use mcp_core::{Request, Response};
use mcp_http::{HttpService, transport::closed};
use mcp_transport::{
    Delivery, Envelope, Error, ErrorKind, OneWay, handshake::NewSession, util::Retries,
};

use crate::{inner::Inner, session::SseSession};

impl<S: HttpService> Inner<S> {
    /// Opens the stream for the first time.
    pub(crate) async fn open(&self) -> Result<(), Error> {
        self.open_session(true).await.map(drop)
    }

    /// The session for a message: the current one, or a new one if its stream has ended. With `is_initialize` the
    /// message itself opens a session.
    pub(crate) async fn session(&self, is_initialize: bool) -> Result<Arc<SseSession>, Error> {
        if let Some(session) = self.current()?.filter(|session| session.is_foreign()) {
            // Boxed like all rare cases.
            Box::pin(session.check_runtime()).await;
        }
        match self.current()? {
            Some(session) => Ok(session),
            None => Box::pin(self.reconnect(is_initialize)).await,
        }
    }

    /// Opens a stream to replace one that has ended, and repeats the handshake on it, unless the message that needs it
    /// is `initialize`.
    ///
    /// One caller does the work, and concurrent ones share the outcome. If its future is dropped, the next caller takes
    /// over.
    async fn reconnect(&self, is_initialize: bool) -> Result<Arc<SseSession>, Error> {
        let work = || async {
            if let Some(session) = self.current()? {
                return Ok(session);
            }
            let opening = pin!(self.open_with_retries(is_initialize));
            let opened = self.sender.tasks.unless_closed(opening).await;
            // In any case, the waiting message was not sent.
            opened.map_err(|error| error.with_delivery(Delivery::NotSent))
        };
        self.reconnecting.run(work).await
    }

    async fn open_with_retries(&self, is_initialize: bool) -> Result<Arc<SseSession>, Error> {
        let backoff = self.sender.endpoint.settings.backoff;
        let mut retries = Retries::new(backoff);
        // A stream that ended at once is not reopened without a delay.
        if self.since().is_none_or(|since| since.elapsed() >= backoff.first) {
            retries = retries.eager();
        }
        // At least one attempt is made.
        let mut delay = retries.next_delay(None).unwrap_or_default();
        loop {
            tokio::time::sleep(delay).await;
            let error = match self.open_session(is_initialize).await {
                Err(error) if is_transient(&error) => error,
                opened => return opened,
            };
            tracing::debug!(%error, "cannot open the server stream");
            delay = retries.next_delay(None).ok_or(error)?;
        }
    }

    async fn open_session(&self, is_initialize: bool) -> Result<Arc<SseSession>, Error> {
        let opened = self.sender.endpoint.open(self.sender.session_extras()).await?;
        let (session, inbound) = SseSession::start(&self.sender, opened);
        let unused = Unused(Some(Arc::clone(&session)));
        let handshake = self.sender.handshake().filter(|_| !is_initialize);
        if let Some(handshake) = handshake {
            handshake.replay(&mut Replacement { inner: self, session: &session }).await?;
            self.reinitialized();
        }
        self.install(&session, inbound)?;
        unused.keep();
        Ok(session)
    }
}

/// Whether another attempt may succeed.
fn is_transient(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Connect | ErrorKind::Interrupted | ErrorKind::Unavailable)
}

/// A session that is not in use yet. Dropping it ends the session.
struct Unused(Option<Arc<SseSession>>);

impl Unused {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Unused {
    fn drop(&mut self) {
        if let Some(session) = &self.0 {
            session.end(&closed());
        }
    }
}

/// A session being opened to replace a lost one.
struct Replacement<'a, S> {
    inner: &'a Inner<S>,
    session: &'a Arc<SseSession>,
}

impl<S: HttpService> NewSession for Replacement<'_, S> {
    async fn initialize(&mut self, request: Envelope<Request>) -> Result<Response, Error> {
        self.inner.request(self.session, request).await?.response().await
    }

    async fn initialized(&mut self, notification: Envelope<OneWay>) -> Result<(), Error> {
        self.session.set_version(notification.version);
        self.inner.sender.post_one_way(&self.session.post_url, notification).await
    }
}

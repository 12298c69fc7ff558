use std::{
    pin::Pin,
    sync::{Arc, Weak},
    time::Duration,
};

use mcp_core::ProtocolVersion;
use mcp_http::{
    HttpService,
    sse::{Event, Events},
};
use mcp_transport::{Error, Gap, Retries};
use tokio::{sync::oneshot, time::Instant};

use crate::{
    answers::Position,
    error::from_http,
    head::Head,
    messages::{Messages, message_data, parse},
    renew::{Verdict, verdict},
    session::Session,
    shared::Shared,
    wire::{SseBody, Unopened, Wire},
};

/// How long the head of the stream is waited for before others go on.
const HEAD_START: Duration = Duration::from_secs(1);

impl<S: HttpService> Shared<S> {
    /// Opens the stream of what belongs to no request, and waits a moment for it to be there, so that
    /// nothing is missed that the next request sets off. Its failure is nobody else's.
    ///
    /// Spec: 2025-11-25 basic/transports#listening-for-messages-from-the-server
    pub(crate) async fn listen_soon(self: &Arc<Self>, session: &Arc<Session>) {
        let opened = self.start_listening(session);
        // Opened, or given up, when the other end is gone.
        let _ = tokio::time::timeout(HEAD_START, opened).await;
    }

    fn start_listening(self: &Arc<Self>, session: &Arc<Session>) -> oneshot::Receiver<()> {
        let (opening, opened) = oneshot::channel();
        let listener = Listener {
            wire: Arc::clone(&self.wire),
            shared: Arc::downgrade(self),
            head: Arc::new(session.head().listening()),
            session: Arc::clone(session),
            position: Position::default(),
            retries: Retries::new(self.wire.backoff.with_attempts(None)),
            was_open: false,
            broken: None,
        };
        // Boxed, as the task may come to start another one of its kind.
        let task: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(listener.run(opening));
        session.set_listener(self.tasks.spawn(task));
        opened
    }
}

struct Listener<S: HttpService> {
    wire: Arc<Wire<S>>,
    shared: Weak<Shared<S>>,
    session: Arc<Session>,
    head: Arc<Head>,
    position: Position,
    /// The streams in a row that did not hold.
    retries: Retries,
    was_open: bool,
    /// Why the stream before broke off.
    broken: Option<Error>,
}

impl<S: HttpService> Listener<S> {
    async fn run(mut self, opening: oneshot::Sender<()>) {
        let mut opening = Some(opening);
        loop {
            let session = self.session.id.as_ref();
            let last_id = self.position.last_id.as_ref();
            match self.wire.open_stream(&self.head, session, last_id).await {
                Ok(events) => {
                    // Whoever waits goes on, unless nobody does any more.
                    let is_late = opening.take().is_some_and(|opening| opening.is_closed());
                    let is_another = std::mem::replace(&mut self.was_open, true);
                    // One that goes on after an id brings what was missed.
                    if (is_late || is_another || self.retries.attempts() > 0) && last_id.is_none() {
                        self.missed();
                    }
                    let since = Instant::now();
                    if self.read(events).await.is_none() {
                        return;
                    }
                    // A stream that is closed as soon as it is open counts as a failure, or it would
                    // be opened for ever without a rest.
                    let attempts = self.retries.attempts();
                    if since.elapsed() > self.wire.backoff.delay(attempts, self.position.retry) {
                        self.retries.progressed();
                    }
                }
                Err(unopened) if unopened.is_transient() => {}
                Err(unopened) => {
                    if !self.is_worth_another(unopened).await {
                        return;
                    }
                }
            }
            let Some(delay) = self.retries.next_delay(self.position.retry) else { return };
            tracing::debug!(?delay, "the stream of the server is opened again");
            tokio::time::sleep(delay).await;
        }
    }

    /// Hands on what the stream brings until it ends; `None` when nobody is there any more.
    async fn read(&mut self, mut events: Events<SseBody<S>>) -> Option<()> {
        loop {
            match events.next().await {
                Some(Ok(event)) => self.take(event).await?,
                Some(Err(error)) => {
                    tracing::debug!(%error, "the stream of the server broke off");
                    if error.kind() == mcp_http::ErrorKind::TooLarge {
                        // It would come again for ever.
                        self.position.last_id = None;
                    }
                    self.broken = Some(from_http(error, "GET", &self.wire.url));
                    return Some(());
                }
                None => return Some(()),
            }
        }
    }

    async fn take(&mut self, mut event: Event) -> Option<()> {
        self.position.note(&event);
        let shared = self.shared.upgrade()?;
        let Some(data) = message_data(&mut event) else { return Some(()) };
        let batches = self.session.version() == Some(ProtocolVersion::V2025_03_26);
        match parse(&data, batches) {
            Ok(Messages::One(message)) => shared.receive(message),
            Ok(Messages::Many(messages)) => {
                messages.into_iter().for_each(|message| shared.receive(message));
            }
            Err(error) => tracing::debug!(%error, "skipped an event that is no message"),
        }
        shared.inbound.ready().await;
        Some(())
    }

    /// Says that messages may have been lost.
    fn missed(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.inbound.gap(Gap::Interrupted(self.broken.take()));
        }
    }

    /// The server refuses the stream. That is its right; but one that was open before may have gone with
    /// the whole session, only its last id may be unknown, or the server may not have noticed yet that it
    /// broke off.
    async fn is_worth_another(&mut self, refusal: Unopened) -> bool {
        if !self.was_open {
            return false;
        }
        let Unopened::Refused(refusal) = refusal else { return true };
        let verdict = verdict(refusal.status(), false, None);
        if verdict != Verdict::Alive && self.session.id.is_some() {
            let Some(shared) = self.shared.upgrade() else { return false };
            match shared.renew(&self.session, verdict).await {
                Ok(None) => {}
                Ok(Some(_)) => return false,
                Err(error) => {
                    tracing::debug!(%error, "the server has forgotten the session");
                    return true;
                }
            }
        }
        if self.position.last_id.take().is_none()
            && matches!(refusal.status().as_u16(), 401 | 403 | 405)
        {
            self.broken = Some(refusal.into_transport_error("GET"));
            self.missed();
            return false;
        }
        true
    }
}

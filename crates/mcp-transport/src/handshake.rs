//! The handshake of a legacy session, which can be replayed to open another one.
//!
//! For transports on which a server can lose its session while the connection stays open.

use std::{sync::OnceLock, time::Duration};

use mcp_core::{ProtocolVersion, Request, Response};
use serde::Deserialize;

use crate::{Delivery, Envelope, EnvelopeMessage, Error, ErrorKind, OneWay};

/// The longest time of [`Handshake::replay`].
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// The messages that opened a legacy session. They are replayed to open another one when the server lost
/// it.
///
/// Spec:
/// [Initialization](https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#initialization)
/// (until 2025-11-25)
#[doc(alias = "reconnect")]
#[derive(Debug, Clone)]
pub struct Handshake {
    initialize: Envelope<Request>,
    initialized: OnceLock<Envelope<OneWay>>,
}

/// A channel to the server without a session, on which [`Handshake::replay`] opens one.
pub trait NewSession: Send {
    /// Sends `initialize` and waits for its response.
    ///
    /// # Errors
    /// If there is no response.
    fn initialize(
        &mut self,
        request: Envelope<Request>,
    ) -> impl Future<Output = Result<Response, Error>> + Send;

    /// Sends `notifications/initialized` in the new session.
    ///
    /// # Errors
    /// If it could not be sent.
    fn initialized(
        &mut self,
        notification: Envelope<OneWay>,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Handshake {
    /// Creates a handshake from its `initialize` request.
    pub fn new(mut initialize: Envelope<Request>) -> Self {
        // A replayed handshake is not part of the original trace.
        initialize.trace = None;
        Self { initialize, initialized: OnceLock::new() }
    }

    /// Completes the handshake with `notifications/initialized`. Only the first call has an effect.
    pub fn complete(&self, initialized: &Envelope<OneWay>) {
        self.initialized.get_or_init(|| {
            let mut initialized = initialized.clone();
            initialized.trace = None;
            initialized
        });
    }

    /// Whether it was [completed](Self::complete).
    pub fn is_complete(&self) -> bool {
        self.initialized.get().is_some()
    }

    /// The negotiated protocol version, or `None` before the handshake is complete.
    pub fn version(&self) -> Option<ProtocolVersion> {
        self.initialized.get().and_then(|initialized| initialized.version)
    }

    /// Creates an envelope for a message of the session itself rather than of a caller: with the protocol
    /// version and the extensions of the handshake.
    pub fn envelope<M: EnvelopeMessage>(&self, message: M) -> Envelope<M> {
        let mut envelope = Envelope::new(message).with_version(self.version());
        let extensions = self.initialized.get().map(|initialized| &initialized.extensions);
        envelope.extensions = extensions.unwrap_or(&self.initialize.extensions).clone();
        envelope
    }

    /// Opens another session with the same messages. Time-out: 30 s.
    ///
    /// Cancel safe for the handshake itself, but a new session whose replay was dropped must not be used.
    ///
    /// # Errors
    /// [`SessionExpired`](ErrorKind::SessionExpired) if the server refuses the session or selects another
    /// protocol version, [`Timeout`](ErrorKind::Timeout), and the errors of `session`.
    pub async fn replay(&self, session: &mut impl NewSession) -> Result<(), Error> {
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, self.replay_on(session)).await {
            Ok(replayed) => replayed,
            Err(_) => {
                let text = format!("initialize: no new session within {HANDSHAKE_TIMEOUT:?}");
                Err(Error::new(ErrorKind::Timeout, text))
            }
        }
    }

    async fn replay_on(&self, session: &mut impl NewSession) -> Result<(), Error> {
        let response = session.initialize(self.initialize.clone()).await?;
        let result = response.outcome.map_err(|error| {
            expired("initialize: the server refused a new session").with_source(error)
        })?;
        let Some(initialized) = self.initialized.get() else { return Ok(()) };
        let offered = result.decode::<InitializeReply>().ok().map(|reply| reply.protocol_version);
        let negotiated = initialized.version.map(|version| version.as_str());
        if negotiated.is_some() && negotiated != offered.as_deref() {
            return Err(expired("initialize: the server changed the protocol version"));
        }
        session.initialized(initialized.clone()).await
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InitializeReply {
    protocol_version: String,
}

fn expired(text: &'static str) -> Error {
    Error::new(ErrorKind::SessionExpired, text).with_delivery(Delivery::Answered)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use mcp_core::{ErrorObject, Notification, RawJson};
    use tokio::time::Instant;

    use super::*;
    use crate::TraceContext;

    const VERSION: ProtocolVersion = ProtocolVersion::LATEST_LEGACY;

    /// Answers `initialize` with a fixed response or never, and records the methods it receives.
    struct Server {
        answer: Option<Response>,
        sent: Vec<String>,
        is_traced: bool,
    }

    impl Server {
        fn new(answer: Option<Response>) -> Self {
            Self { answer, sent: Vec::new(), is_traced: false }
        }

        fn offering(version: &str) -> Self {
            let result = format!(r#"{{"protocolVersion":"{version}"}}"#);
            let result = RawJson::from_text(result).unwrap();
            Self::new(Some(Response::result(0.into(), result)))
        }
    }

    impl NewSession for Server {
        async fn initialize(&mut self, request: Envelope<Request>) -> Result<Response, Error> {
            self.sent.push(request.message.method.into_owned());
            self.is_traced |= request.trace.is_some();
            match &self.answer {
                Some(answer) => Ok(answer.clone()),
                None => std::future::pending().await,
            }
        }

        async fn initialized(&mut self, message: Envelope<OneWay>) -> Result<(), Error> {
            self.sent.push(message.message.label().to_owned());
            self.is_traced |= message.trace.is_some();
            Ok(())
        }
    }

    fn trace() -> Box<TraceContext> {
        Box::new(TraceContext::default())
    }

    fn incomplete() -> Handshake {
        let initialize = Envelope::new(Request::new(0, "initialize")).with_extension('i');
        Handshake::new(initialize.with_trace(trace()))
    }

    fn complete() -> Handshake {
        let handshake = incomplete();
        let initialized = Notification::new("notifications/initialized");
        let initialized = Envelope::new(initialized.into()).with_version(VERSION);
        handshake.complete(&initialized.with_extension('d').with_trace(trace()));
        handshake
    }

    #[tokio::test]
    async fn replay_sends_the_same_messages() {
        for (handshake, sent) in [
            (incomplete(), &["initialize"][..]),
            (complete(), &["initialize", "notifications/initialized"]),
        ] {
            let mut server = Server::offering(VERSION.as_str());
            handshake.replay(&mut server).await.unwrap();
            assert_eq!(server.sent, sent);
            assert!(!server.is_traced, "a replay is not part of the original trace");
        }
    }

    #[tokio::test]
    async fn replay_fails_if_the_session_is_refused_or_has_another_version() {
        let refusal = Response::error(Some(0.into()), ErrorObject::new(-32602, "once is enough"));
        for mut server in [Server::new(Some(refusal)), Server::offering("2024-11-05")] {
            let error = complete().replay(&mut server).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SessionExpired);
            assert_eq!(server.sent, ["initialize"]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn replay_times_out() {
        let started = Instant::now();
        let error = complete().replay(&mut Server::new(None)).await.unwrap_err();
        assert_eq!((error.kind(), started.elapsed()), (ErrorKind::Timeout, HANDSHAKE_TIMEOUT));
    }

    #[test]
    fn envelopes_have_the_version_and_extensions_of_the_handshake() {
        let (incomplete, complete) = (incomplete(), complete());
        assert!(!incomplete.is_complete() && complete.is_complete());
        assert_eq!((incomplete.version(), complete.version()), (None, Some(VERSION)));
        let own = |handshake: &Handshake| {
            let envelope = handshake.envelope(());
            (envelope.version, *envelope.extensions.get::<char>().unwrap())
        };
        assert_eq!(own(&incomplete), (None, 'i'));
        assert_eq!(own(&complete), (Some(VERSION), 'd'));
    }
}

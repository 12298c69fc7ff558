//! The handshake of a session of the legacy era, and how another session like it is opened.
//!
//! For carriers on which a server can lose its session under an open connection.

use std::{sync::OnceLock, time::Duration};

use mcp_core::{ProtocolVersion, Request, Response};
use serde::Deserialize;

use crate::{Delivery, Envelope, Error, ErrorKind, OneWay};

/// How long opening another session may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// The messages that opened a session of the legacy era, to open another one with when the server has lost
/// it.
///
/// Spec: 2025-11-25 basic/lifecycle#initialization
#[derive(Debug, Clone)]
pub struct Handshake {
    initialize: Envelope<Request>,
    initialized: OnceLock<Envelope<OneWay>>,
}

/// Where a [`Handshake`] is repeated: a way to the server on which there is no session yet.
pub trait NewSession: Send {
    /// Sends `initialize` and waits for its response.
    ///
    /// # Errors
    /// When there is no response.
    fn initialize(
        &mut self,
        request: Envelope<Request>,
    ) -> impl Future<Output = Result<Response, Error>> + Send;

    /// Sends `notifications/initialized` in the new session.
    ///
    /// # Errors
    /// When it could not be sent.
    fn initialized(
        &mut self,
        notification: Envelope<OneWay>,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Handshake {
    /// A handshake that began with this request.
    pub fn new(mut initialize: Envelope<Request>) -> Self {
        // A repeated handshake belongs to no trace.
        initialize.trace = None;
        Self { initialize, initialized: OnceLock::new() }
    }

    /// Completes the handshake with `notifications/initialized`. Only the first one counts.
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

    /// The revision that was negotiated, once the handshake is complete.
    pub fn version(&self) -> Option<ProtocolVersion> {
        self.initialized.get().and_then(|initialized| initialized.version)
    }

    /// An envelope for what is sent on behalf of the session rather than of one caller: with its revision,
    /// and with the extensions of its handshake.
    pub fn envelope<M>(&self, message: M) -> Envelope<M> {
        let mut envelope = Envelope::new(message).with_version(self.version());
        let extensions = self.initialized.get().map(|initialized| &initialized.extensions);
        envelope.extensions = extensions.unwrap_or(&self.initialize.extensions).clone();
        envelope
    }

    /// Opens another session with the same messages, in 30 s at the most. Cancel safe as far as the new
    /// session is not used before.
    ///
    /// # Errors
    /// [`SessionExpired`](ErrorKind::SessionExpired) when the server refuses it or has changed the
    /// revision, [`Timeout`](ErrorKind::Timeout), and those of `session`.
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
            expired("initialize: the server refuses a new session").with_source(error)
        })?;
        let Some(initialized) = self.initialized.get() else { return Ok(()) };
        let offered = result.decode::<Offer>().ok().map(|offer| offer.protocol_version);
        let negotiated = initialized.version.map(|version| version.as_str());
        if negotiated.is_some() && negotiated != offered.as_deref() {
            return Err(expired("initialize: the server has changed the protocol version"));
        }
        session.initialized(initialized.clone()).await
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Offer {
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

    /// Answers `initialize` with this, or not at all, and keeps what was sent.
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

    fn begun() -> Handshake {
        let initialize = Envelope::new(Request::new(0, "initialize")).with_extension('i');
        Handshake::new(initialize.with_trace(trace()))
    }

    fn complete() -> Handshake {
        let handshake = begun();
        let initialized = Notification::new("notifications/initialized");
        let initialized = Envelope::new(initialized.into()).with_version(VERSION);
        handshake.complete(&initialized.with_extension('d').with_trace(trace()));
        handshake
    }

    #[tokio::test]
    async fn the_same_messages_open_another_session() {
        for (handshake, sent) in [
            (begun(), &["initialize"][..]),
            (complete(), &["initialize", "notifications/initialized"]),
        ] {
            let mut server = Server::offering(VERSION.as_str());
            handshake.replay(&mut server).await.unwrap();
            assert_eq!(server.sent, sent);
            assert!(!server.is_traced, "that trace is long over");
        }
    }

    #[tokio::test]
    async fn a_session_that_is_refused_or_of_another_revision_is_none() {
        let refusal = Response::error(Some(0.into()), ErrorObject::new(-32602, "once is enough"));
        for mut server in [Server::new(Some(refusal)), Server::offering("2024-11-05")] {
            let error = complete().replay(&mut server).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SessionExpired);
            assert_eq!(server.sent, ["initialize"]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_bounded() {
        let started = Instant::now();
        let error = complete().replay(&mut Server::new(None)).await.unwrap_err();
        assert_eq!((error.kind(), started.elapsed()), (ErrorKind::Timeout, HANDSHAKE_TIMEOUT));
    }

    #[test]
    fn what_is_sent_for_the_session_has_what_its_handshake_had() {
        let (begun, complete) = (begun(), complete());
        assert!(!begun.is_complete() && complete.is_complete());
        assert_eq!((begun.version(), complete.version()), (None, Some(VERSION)));
        let own = |handshake: &Handshake| {
            let envelope = handshake.envelope(());
            (envelope.version, *envelope.extensions.get::<char>().unwrap())
        };
        assert_eq!(own(&begun), (None, 'i'));
        assert_eq!(own(&complete), (Some(VERSION), 'd'));
    }
}

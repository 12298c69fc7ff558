//! A server between clients and another server.

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use futures_util::stream;
use mcp_core::{
    ClientCapabilities, DiscoverResult, Era, ErrorObject, ProtocolVersion, RawJson, Request,
    RequestId, error_code, meta_key, method,
};
use mcp_group::Group;
use mcp_serve::Relay;
use mcp_session::{EraPolicy, Session, SessionOptions};
use mcp_transport::{
    Envelope, Exchange, Inbound, OneWay, Serve, SharedConnect, util::SingleFlight,
};
use mcp_transport_memory::Memory;
use serde_json::json;

/// How long the server may take to answer the probe before a session finds out its era.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// A [`Serve`] in front of the server of a [`Client`](crate::Client), to be served over HTTP or stdio by [`mcp_serve`]; created by
/// [`Client::bridge`](crate::Client::bridge).
///
/// - A client that speaks an era of the server is [relayed](Relay): messages pass unchanged except for ids and progress
///   tokens. Each client of the legacy era has its own connection, and clients of the modern era share one.
/// - For a client of the other era, and for all clients of a [shared](Self::share) bridge, a session translates: a
///   [`Group`] of this server alone, which all these clients share. Requests of the server go to the client whose call
///   it is working on; extensions of the protocol do not pass.
/// - A configuration with several servers is always a group.
///
/// Whether the server speaks the modern era is found out once, with the first request of a modern client: by
/// `server/discover`, and if that is not answered with a result, by the negotiation of a session. A legacy client is
/// relayed unless the server refuses its `initialize`.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use mcp_client::{Client, serve::{Http, Listener}};
///
/// let bridge = Client::new("server.py")?.bridge()?;
/// let listener = Listener::bind("127.0.0.1:8000").await?;
/// listener.serve(Http::new(bridge), std::future::pending()).await;
/// # Ok(()) }
/// ```
pub struct Bridge {
    /// `None` if all clients share the group.
    relay: Option<Relay<SharedConnect>>,
    /// The group, with the state of one client.
    group: Group,
    shared: Arc<Shared>,
    /// Whether a legacy client is relayed: decided by its `initialize`.
    is_relayed: OnceLock<bool>,
    /// Whether this is the bridge of all clients.
    is_main: bool,
}

/// What all clients share.
struct Shared {
    era: EraPolicy,
    /// Whether modern clients are relayed.
    relays_modern: OnceLock<bool>,
    flight: SingleFlight<Option<bool>>,
    /// Keeps the group open that translates for modern clients, which have no sessions.
    session: Mutex<Option<Session>>,
}

impl Bridge {
    /// A bridge of a relay and a group for the same server, or of a group alone.
    pub(crate) fn new(relay: Option<Relay<SharedConnect>>, group: Group, era: EraPolicy) -> Self {
        let shared = Arc::new(Shared {
            era,
            relays_modern: OnceLock::new(),
            flight: SingleFlight::new(),
            session: Mutex::default(),
        });
        Self { relay, group, shared, is_relayed: OnceLock::new(), is_main: true }
    }

    /// Sets whether all clients share one session with the server, which translates between the eras. Default: `false`.
    #[must_use]
    pub fn share(mut self, share: bool) -> Self {
        if share {
            self.relay = None;
        }
        self
    }

    /// The group that translates, with the status of its servers. It is idle as long as all clients are relayed.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// Whether every client uses the [group](Self::group).
    pub fn is_shared(&self) -> bool {
        self.relay.is_none()
    }

    /// The relay, if a client is relayed.
    async fn relay_for(&self, is_modern: bool) -> Option<&Relay<SharedConnect>> {
        let relay = self.relay.as_ref()?;
        let is_relayed = match is_modern {
            true => self.relays_modern(relay).await,
            false => self.is_relayed.get().copied().unwrap_or(true),
        };
        is_relayed.then_some(relay)
    }

    /// Whether modern clients are relayed: the server speaks the modern era, or is not reachable, which the relay
    /// reports.
    async fn relays_modern(&self, relay: &Relay<SharedConnect>) -> bool {
        if let Some(known) = self.shared.relays_modern.get() {
            return *known;
        }
        // Boxed, as all that a usual request does not do: it would make the future of each one very large.
        let found = Box::pin(self.shared.flight.run(|| self.detect_modern(relay))).await;
        if let Some(found) = found {
            let _ = self.shared.relays_modern.set(found);
        }
        found.unwrap_or(true)
    }

    /// `None` if it cannot be found out now.
    async fn detect_modern(&self, relay: &Relay<SharedConnect>) -> Option<bool> {
        match self.shared.era {
            EraPolicy::Auto => {}
            EraPolicy::Pinned(version) if version.era() == Era::Modern => return Some(true),
            _ => return self.session_era(true).await.map(|era| era == Era::Modern),
        }
        let probe = async { relay.request(discover()).await.response().await };
        if let Ok(Ok(response)) = tokio::time::timeout(PROBE_TIMEOUT, probe).await {
            match response.outcome {
                Ok(result) if names_modern(&result) => return Some(true),
                Err(error) if is_not_sent(&error) => return None,
                _ => {}
            }
        }
        let era = self.session_era(true).await?;
        if era == Era::Legacy {
            // Its connection is of no use.
            relay.close().await;
        }
        Some(era == Era::Modern)
    }

    /// The era that a session with the server has. With `keeps_legacy` a legacy one stays open, for modern clients.
    async fn session_era(&self, keeps_legacy: bool) -> Option<Era> {
        let mut options = SessionOptions::default();
        options.start_timeout = self.group.start_timeout().saturating_add(Duration::from_secs(1));
        let connect = Memory::new(self.group.clone());
        let session = Session::open(connect, None, options).await.ok()?;
        let version = self.group.status().first().and_then(|server| server.protocol_version);
        let era = version.map(ProtocolVersion::era);
        match era {
            Some(Era::Legacy) if keeps_legacy => {
                let mut kept = self.shared.session.lock().unwrap_or_else(PoisonError::into_inner);
                *kept = Some(session);
            }
            // The relay has its own connection, and a legacy client keeps the group open.
            _ => drop(session.close().await),
        }
        era
    }

    /// Relays the `initialize` of a legacy client, unless the server refuses it because it speaks only the modern era.
    async fn initialize(
        &self,
        relay: &Relay<SharedConnect>,
        request: Envelope<Request>,
    ) -> Exchange {
        let id = request.message.id.clone();
        let response = match relay.request(request.clone()).await.response().await {
            Ok(response) => response,
            Err(error) => return Exchange::from_stream(id, stream::iter([Err(error)])),
        };
        if let Err(error) = &response.outcome
            && !is_not_sent(error)
            && self.session_era(false).await == Some(Era::Modern)
        {
            let _ = self.is_relayed.set(false);
            relay.close().await;
            return self.group.request(request).await;
        }
        Exchange::answered(id, response)
    }
}

impl Serve for Bridge {
    fn for_client(&self) -> Option<Self> {
        Some(Self {
            relay: self.relay.as_ref().and_then(Relay::for_client),
            group: self.group.for_client()?,
            shared: Arc::clone(&self.shared),
            is_relayed: OnceLock::new(),
            is_main: false,
        })
    }

    fn open(&self) -> Inbound {
        let of_group = self.group.open();
        match &self.relay {
            Some(relay) => Inbound::from_stream(stream::select(relay.open(), of_group)),
            None => of_group,
        }
    }

    async fn request(&self, request: Envelope<Request>) -> Exchange {
        let is_modern = is_modern(&request);
        match self.relay_for(is_modern).await {
            Some(relay) if request.message.method == method::INITIALIZE => {
                Box::pin(self.initialize(relay, request)).await
            }
            Some(relay) => relay.request(request).await,
            None => Box::pin(self.group.request(request)).await,
        }
    }

    async fn send(&self, message: Envelope<OneWay>) {
        let is_modern = message.version.is_some_and(|version| version.era() == Era::Modern);
        match self.relay_for(is_modern).await {
            Some(relay) => relay.send(message).await,
            None => self.group.send(message).await,
        }
    }

    async fn close(&self) {
        if let Some(relay) = &self.relay {
            relay.close().await;
        }
        if !self.is_main {
            return Serve::close(&self.group).await;
        }
        let kept = self.shared.session.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(kept);
        if let Err(error) = self.group.close().await {
            tracing::debug!(%error, "a server did not close gracefully");
        }
    }

    fn enforces_idle_limit(&self) -> bool {
        // The relay passes the limit on to its transport, and the group to its session.
        self.relay.is_none()
    }

    fn name(&self) -> String {
        match &self.relay {
            Some(relay) => relay.name(),
            None => self.group.name(),
        }
    }
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bridge")
            .field("server", &self.name())
            .field("is_shared", &self.is_shared())
            .finish_non_exhaustive()
    }
}

fn is_modern(request: &Envelope<Request>) -> bool {
    request.version.is_some_and(|version| version.era() == Era::Modern)
}

/// A `server/discover` of the bridge itself.
fn discover() -> Envelope<Request> {
    let version = ProtocolVersion::LATEST_MODERN;
    let params = json!({ "_meta": {
        meta_key::PROTOCOL_VERSION: version,
        meta_key::CLIENT_CAPABILITIES: ClientCapabilities::default(),
        meta_key::CLIENT_INFO: { "name": "mcp-client", "version": env!("CARGO_PKG_VERSION") },
    }});
    let mut request = Request::new(RequestId::from("probe"), method::SERVER_DISCOVER);
    request.params = RawJson::from_serialize(&params).ok();
    Envelope::new(request).with_version(version)
}

/// Whether the result of `server/discover` names a known revision of the modern era.
fn names_modern(result: &RawJson) -> bool {
    let discovered: Result<DiscoverResult, _> = result.decode();
    discovered.is_ok_and(|it| {
        it.supported_versions
            .iter()
            .filter_map(|version| version.parse().ok())
            .any(|version: ProtocolVersion| version.era() == Era::Modern)
    })
}

/// Whether the relay could not send a request at all.
fn is_not_sent(error: &ErrorObject) -> bool {
    let data = error.data.as_ref().map(RawJson::as_bytes);
    error.code == error_code::INTERNAL_ERROR && data == Some(br#"{"delivery":"notSent"}"#)
}

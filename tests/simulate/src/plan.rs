//! The choices of a seed before the world starts.

use mcp_core::ProtocolVersion;
use mcp_session::EraPolicy;

use crate::random::Random;

/// The carrier of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    Http,
    Sse,
    Pipe,
    /// A pipe below a [`Restart`](mcp_transport::restart::Restart).
    RestartedPipe,
}

/// What is below HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    /// Nothing: the transport uses a service that responds itself.
    None,
    /// The client's pool, with connections of HTTP/1.1.
    Http1,
    /// The client's pool, with connections of HTTP/2.
    Http2,
}

/// One world.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) carrier: Carrier,
    pub(crate) network: Network,
    pub(crate) policy: EraPolicy,
    pub(crate) speaks_modern: bool,
    /// The revision that the server selects for `initialize`; `None` if it has no legacy revision.
    pub(crate) legacy: Option<ProtocolVersion>,
    /// Runtimes, one after the other.
    pub(crate) runtimes: u64,
    pub(crate) callers: u64,
    /// Calls of each caller in each runtime.
    pub(crate) calls: u64,
    /// Probability of a fault, in percent.
    pub(crate) faults: u64,
    /// Whether the server uses session ids (Streamable HTTP).
    pub(crate) has_sessions: bool,
    /// Whether events have ids, so that streams can be resumed.
    pub(crate) is_resumable: bool,
    /// Whether the server supports the GET stream.
    pub(crate) has_server_stream: bool,
    /// The status for an unknown session.
    pub(crate) lost_status: u16,
    /// Whether the session is closed gracefully at the end, or dropped.
    pub(crate) closes: bool,
    /// Whether lines of events end with CRLF.
    pub(crate) has_crlf: bool,
    /// The capacity of each direction of a pipe or connection, in bytes.
    pub(crate) pipe_size: usize,
    /// Whether the session survives a runtime, or is opened again.
    pub(crate) keeps_session: bool,
}

impl Plan {
    pub(crate) fn new(seed: u64) -> (Self, Random) {
        let mut random = Random::new(seed);
        let carrier = random.pick(&[
            Carrier::Http,
            Carrier::Http,
            Carrier::Sse,
            Carrier::Pipe,
            Carrier::RestartedPipe,
        ]);
        let eras = match carrier {
            Carrier::Sse => (false, true),
            _ => random.pick(&[(false, true), (true, false), (true, true)]),
        };
        let (speaks_modern, speaks_legacy) = eras;
        let legacy = random.pick(&[
            ProtocolVersion::V2025_11_25,
            ProtocolVersion::V2025_06_18,
            ProtocolVersion::V2025_03_26,
        ]);
        let modern = EraPolicy::Pinned(ProtocolVersion::V2026_07_28);
        let policy = match eras {
            (true, true) => random.pick(&[EraPolicy::Auto, EraPolicy::Legacy, modern]),
            (true, false) => random.pick(&[EraPolicy::Auto, modern]),
            _ => random.pick(&[EraPolicy::Auto, EraPolicy::Legacy]),
        };
        let has_sessions = random.chance(80);
        let plan = Self {
            seed,
            carrier,
            network: random.pick(&[Network::None, Network::Http1, Network::Http2]),
            policy,
            speaks_modern,
            legacy: speaks_legacy.then_some(legacy),
            runtimes: random.between(1, 3),
            callers: random.between(1, 6),
            calls: random.between(2, 8),
            faults: random.pick(&[0, 2, 5, 10, 20]),
            has_sessions,
            is_resumable: has_sessions && random.chance(50),
            has_server_stream: random.chance(80),
            lost_status: random.pick(&[404, 404, 400]),
            closes: random.chance(60),
            has_crlf: random.chance(30),
            pipe_size: random.pick(&[64, 1024, 64 << 10]),
            keeps_session: random.chance(70),
        };
        (plan, random)
    }

    /// The command that repeats it.
    pub(crate) fn repeat(&self) -> String {
        format!("cargo xtask simulate --seed {}", self.seed)
    }
}

//! What a seed decides before the world begins.

use mcp_core::ProtocolVersion;
use mcp_session::EraPolicy;

use crate::random::Random;

/// What carries the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    Http,
    Sse,
    Pipe,
    /// A pipe below a [`Restart`](mcp_transport::restart::Restart).
    RestartedPipe,
}

/// One world.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) carrier: Carrier,
    pub(crate) policy: EraPolicy,
    pub(crate) speaks_modern: bool,
    /// The revision that the server selects for `initialize`; `None` if it has no legacy revision.
    pub(crate) legacy: Option<ProtocolVersion>,
    /// Runtimes, one after the other.
    pub(crate) runtimes: u64,
    pub(crate) callers: u64,
    /// Calls of each caller in each runtime.
    pub(crate) calls: u64,
    /// How often something fails, in percent of the chances.
    pub(crate) faults: u64,
    /// The server has session ids (Streamable HTTP).
    pub(crate) has_sessions: bool,
    /// Events have ids, so that streams can be resumed.
    pub(crate) is_resumable: bool,
    /// The server offers the GET stream.
    pub(crate) has_server_stream: bool,
    /// The status for a session that the server does not have.
    pub(crate) lost_status: u16,
    /// The session is closed in order at the end, and not just dropped.
    pub(crate) closes: bool,
    /// Lines of events end with CRLF.
    pub(crate) has_crlf: bool,
    /// The room in each direction of a pipe, in bytes.
    pub(crate) pipe_size: usize,
    /// The session is held from one runtime to the next, and not opened again.
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

    /// What the command line of a repetition is.
    pub(crate) fn repeat(&self) -> String {
        format!("cargo xtask simulate --seed {}", self.seed)
    }
}

//! The decision table of the negotiation: pure, and generic over revisions, so that a new revision is only data.
//!
//! Spec: basic/versioning, basic/transports/stdio#backward-compatibility,
//! basic/transports/streamable-http#backward-compatibility

use mcp_core::{Era, ProtocolVersion, error_code};
use mcp_transport::{Binding, ErrorKind};

use crate::EraPolicy;

/// A revision of the protocol.
pub(crate) trait Revision: Copy + PartialEq {
    /// The name on the wire.
    fn name(&self) -> &str;
    fn era(&self) -> Era;
}

/// Facts that are constant during a negotiation.
pub(crate) struct Table<'a, V> {
    pub(crate) policy: Policy<V>,
    pub(crate) binding: Binding,
    /// The revisions supported by this client, newest first.
    pub(crate) ours: &'a [V],
}

/// See [`EraPolicy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy<V> {
    Auto,
    Legacy,
    Pinned(V),
}

/// Knowledge from an earlier session with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prior<V> {
    pub(crate) version: V,
    /// See [`Verdict::assumed`](crate::Verdict::assumed).
    pub(crate) assumed: bool,
    /// Whether it was found in a session, and not created by the application.
    pub(crate) found: bool,
}

/// The messages sent and received so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress<V> {
    pub(crate) prior: Option<Prior<V>>,
    /// The last probe (a `server/discover` with a modern revision).
    pub(crate) probe: Step,
    /// The last `initialize`.
    pub(crate) initialize: Step,
    /// The number of probes.
    pub(crate) probes: u32,
    /// The revisions with which `initialize` was sent.
    pub(crate) tried: Vec<V>,
    /// Whether a probe was the first message on this connection.
    pub(crate) probed_first: bool,
    /// Whether this is the second connection.
    pub(crate) reconnected: bool,
    /// The modern revision that the server used on the first connection.
    pub(crate) known: Option<V>,
    /// Whether the time of [`Patience::Probe`] or [`Patience::Prior`] has elapsed.
    pub(crate) is_silent: bool,
    /// Whether the time of [`Patience::Other`] or [`Patience::Last`] has elapsed.
    pub(crate) is_late: bool,
}

/// The progress of an opening request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Unsent,
    Open,
    Ended(Outcome),
}

/// The outcome of an opening request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A `DiscoverResult` with these versions.
    Discovered(Vec<String>),
    /// An `InitializeResult`.
    Initialized,
    /// A result of another type.
    OtherResult,
    /// A JSON-RPC error, with the versions of its `data.supported` if decodable.
    Answer { code: i64, supported: Option<Vec<String>> },
    /// The connection ended before the request was sent.
    Unsent,
    /// The request failed at the transport level.
    Failure(ErrorKind),
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision<V> {
    /// Use this modern revision.
    Modern(V),
    /// Use the revision of the `InitializeResult`.
    Legacy,
    /// Probe with this revision; an open probe is dropped.
    Probe(V),
    /// Send `initialize` on this connection; a probe stays open.
    Initialize(V),
    /// Reconnect, and probe there.
    ReconnectProbe(V),
    /// Reconnect, and send `initialize` as the first message.
    ReconnectInitialize(V),
    /// Wait until a request completes, or this time elapses.
    Wait(Patience),
    /// Fail: there is no common revision.
    NoCommonVersion,
    /// Fail with the errors of the requests.
    Fail,
}

/// A wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Until the start times out.
    Start,
    /// As long as only the probe is open.
    Probe,
    /// The same for a server that used a modern revision before.
    Prior,
    /// Briefly, for one request after the other was answered.
    Other,
    /// For an `initialize` with little chance of success.
    Last,
}

enum Choice<V> {
    Modern(V),
    /// The common revision can only be used after `initialize`.
    Legacy(V),
    None,
}

impl<V> Progress<V> {
    pub(crate) fn new(prior: Option<Prior<V>>) -> Self {
        Self {
            prior,
            probe: Step::Unsent,
            initialize: Step::Unsent,
            probes: 0,
            tried: Vec::new(),
            probed_first: false,
            reconnected: false,
            known: None,
            is_silent: false,
            is_late: false,
        }
    }

    pub(crate) fn probe_sent(&mut self) {
        self.probes += 1;
        self.probe = Step::Open;
        self.probed_first |= self.initialize == Step::Unsent;
        (self.is_silent, self.is_late) = (false, false);
    }

    pub(crate) fn initialize_sent(&mut self, version: V) {
        self.tried.push(version);
        self.initialize = Step::Open;
        self.is_late = false;
    }

    /// Records a second connection; `known` is the modern revision that the server is known to support.
    pub(crate) fn reconnected(&mut self, known: Option<V>) {
        (self.probe, self.initialize) = (Step::Unsent, Step::Unsent);
        (self.probed_first, self.reconnected) = (false, true);
        (self.prior, self.known) = (None, known);
    }
}

impl<V: Revision> Table<'_, V> {
    pub(crate) fn decide(&self, progress: &Progress<V>) -> Decision<V> {
        match (&progress.probe, &progress.initialize) {
            (Step::Unsent, Step::Unsent) => self.first(progress.prior),
            (Step::Open, Step::Unsent) => self.during_probe(progress),
            (Step::Ended(outcome), Step::Unsent) => self.after_probe(progress, outcome),
            (Step::Unsent, Step::Open) => Decision::Wait(Patience::Start),
            (Step::Ended(Outcome::Discovered(versions)), Step::Open) => {
                self.discovered_late(progress, versions)
            }
            (Step::Open | Step::Ended(_), Step::Open) => Decision::Wait(Patience::Start),
            (probe, Step::Ended(Outcome::Initialized)) => self.initialized(progress, probe),
            (probe, Step::Ended(outcome)) => self.after_initialize(progress, probe, outcome),
        }
    }

    /// Whether the legacy era is only an assumption, since the probe failed like an outage.
    pub(crate) fn is_assumed(&self, progress: &Progress<V>) -> bool {
        let is_http = self.binding == Binding::StreamableHttp;
        is_http
            && match &progress.probe {
                Step::Unsent => false,
                Step::Open | Step::Ended(Outcome::Unsent) => true,
                Step::Ended(Outcome::Failure(kind)) => !is_refusal(*kind),
                Step::Ended(_) => false,
            }
    }

    fn first(&self, prior: Option<Prior<V>>) -> Decision<V> {
        // A process may have been replaced by one of another era, which would execute modern requests without a
        // handshake, and a probe costs nothing.
        let was_found = prior.is_some_and(|prior| prior.found);
        let modern = |version| match self.binding {
            Binding::Pipe if was_found => Decision::Probe(version),
            _ => Decision::Modern(version),
        };
        match (self.policy, prior) {
            (Policy::Pinned(version), prior) if version.era() == Era::Modern => match prior {
                Some(prior) if prior.version == version => modern(version),
                _ => Decision::Probe(version),
            },
            (Policy::Auto, Some(Prior { version, .. })) if version.era() == Era::Modern => {
                modern(version)
            }
            (Policy::Auto, Some(Prior { assumed: true, .. }) | None)
                if self.binding != Binding::HttpSse =>
            {
                self.newest(Era::Modern).map_or_else(|| self.initialize(), Decision::Probe)
            }
            _ => self.initialize(),
        }
    }

    /// No response yet, and only the probe was sent.
    fn during_probe(&self, progress: &Progress<V>) -> Decision<V> {
        // A legacy server on a pipe may ignore an unknown request, or may not have started yet. Over HTTP one of the
        // requests may be stuck. In this process, a server responds when it can.
        let may_fall_back = self.policy == Policy::Auto
            && matches!(self.binding, Binding::Pipe | Binding::StreamableHttp)
            && progress.known.is_none();
        match progress.prior {
            _ if !may_fall_back => Decision::Wait(Patience::Start),
            _ if progress.is_silent => self.initialize(),
            // It may be silent again, so both are sent at once.
            Some(Prior { assumed: true, .. }) => self.initialize(),
            Some(prior) if prior.version.era() == Era::Modern => Decision::Wait(Patience::Prior),
            _ => Decision::Wait(Patience::Probe),
        }
    }

    /// The probe has completed before an `initialize` was sent.
    fn after_probe(&self, progress: &Progress<V>, outcome: &Outcome) -> Decision<V> {
        let legacy = match self.policy {
            Policy::Auto => self.initialize(),
            _ => Decision::NoCommonVersion,
        };
        let with = |version| match self.policy {
            Policy::Auto => Decision::Initialize(version),
            _ => Decision::NoCommonVersion,
        };
        match outcome {
            Outcome::Discovered(versions) => match self.choose(versions) {
                Choice::Modern(version) => Decision::Modern(version),
                Choice::Legacy(version) => with(version),
                Choice::None => legacy,
            },
            Outcome::Answer {
                code: error_code::UNSUPPORTED_PROTOCOL_VERSION,
                supported: Some(versions),
            } => match self.choose(versions) {
                // A server that refuses a revision that it claims to support would be probed without end.
                Choice::Modern(_) if progress.probes > 1 => Decision::Fail,
                Choice::Modern(version) => Decision::Probe(version),
                Choice::Legacy(version) => with(version),
                Choice::None => Decision::NoCommonVersion,
            },
            // Only a modern server uses these codes: it must not be sent an `initialize`.
            Outcome::Answer {
                code: error_code::HEADER_MISMATCH | error_code::MISSING_REQUIRED_CLIENT_CAPABILITY,
                ..
            } => Decision::Fail,
            Outcome::Answer { .. } | Outcome::OtherResult | Outcome::Initialized => legacy,
            // A legacy server on a pipe may exit because of an unknown request.
            Outcome::Unsent | Outcome::Failure(ErrorKind::Closed)
                if self.binding == Binding::Pipe =>
            {
                match self.initialize() {
                    Decision::Initialize(version) if self.may_reconnect(progress) => {
                        Decision::ReconnectInitialize(version)
                    }
                    _ => Decision::Fail,
                }
            }
            // The endpoint exists but does not accept the request, or responds with something other than JSON-RPC.
            Outcome::Failure(kind) if is_refusal(*kind) => legacy,
            Outcome::Unsent if self.policy == Policy::Auto && self.is_remote() => legacy,
            // Servers refuse unknown requests in many ways.
            Outcome::Failure(kind) if self.policy == Policy::Auto && self.is_remote() => {
                match is_hopeless(*kind) {
                    true => Decision::Fail,
                    false => legacy,
                }
            }
            Outcome::Unsent | Outcome::Failure(_) => Decision::Fail,
        }
    }

    /// The probe was answered after an `initialize` had been sent.
    fn discovered_late(&self, progress: &Progress<V>, versions: &[String]) -> Decision<V> {
        match self.choose(versions) {
            // On a pipe, `initialize` may bind a server of both eras to the legacy one.
            Choice::Modern(_) if self.binding == Binding::Pipe && !progress.is_late => {
                Decision::Wait(Patience::Other)
            }
            Choice::Modern(version) => Decision::Modern(version),
            Choice::Legacy(_) => Decision::Wait(Patience::Start),
            // The server responds, but supports only unknown revisions.
            Choice::None if progress.is_late => Decision::NoCommonVersion,
            Choice::None => Decision::Wait(Patience::Last),
        }
    }

    fn initialized(&self, progress: &Progress<V>, probe: &Step) -> Decision<V> {
        let modern = match probe {
            // The probe was sent first: its response may arrive slightly later.
            Step::Open if !progress.is_late => return Decision::Wait(Patience::Other),
            Step::Ended(Outcome::Discovered(versions)) => self.choose(versions),
            _ => Choice::None,
        };
        match (modern, self.binding) {
            (Choice::Modern(version), Binding::Pipe) if self.may_reconnect(progress) => {
                Decision::ReconnectProbe(version)
            }
            (Choice::Modern(version), Binding::StreamableHttp) => Decision::Modern(version),
            _ => Decision::Legacy,
        }
    }

    /// An `initialize` has failed.
    fn after_initialize(
        &self,
        progress: &Progress<V>,
        probe: &Step,
        outcome: &Outcome,
    ) -> Decision<V> {
        let is_auto = self.policy == Policy::Auto;
        let last = progress.tried.last().copied();
        let is_discovered = match probe {
            Step::Ended(Outcome::Discovered(versions)) => match self.choose(versions) {
                Choice::Modern(version) => return Decision::Modern(version),
                _ => true,
            },
            _ => false,
        };
        if let (Outcome::Unsent, Some(version), true) =
            (outcome, last, self.may_reconnect(progress))
        {
            // A URL is opened as HTTP+SSE only after Streamable HTTP was refused.
            return Decision::ReconnectInitialize(version);
        }
        if let Outcome::Answer { supported: Some(versions), .. } = outcome {
            let untried = |version: &V| !progress.tried.contains(version);
            match (self.choose(versions), self.supported(Era::Legacy, versions)) {
                (Choice::Modern(version), _) if is_auto && progress.probes < 2 => {
                    return Decision::Probe(version);
                }
                (_, Some(version)) if untried(&version) => return Decision::Initialize(version),
                (Choice::None, _) => return Decision::NoCommonVersion,
                _ => {}
            }
        }
        if *probe == Step::Open && !progress.is_late {
            return Decision::Wait(Patience::Other);
        }
        if is_auto && progress.probes == 0 {
            // The knowledge of the server may be outdated.
            match (self.newest(Era::Modern), outcome) {
                (Some(version), Outcome::Failure(ErrorKind::Closed))
                    if self.binding == Binding::Pipe && self.may_reconnect(progress) =>
                {
                    return Decision::ReconnectProbe(version);
                }
                (Some(version), Outcome::Answer { .. } | Outcome::OtherResult) => {
                    return Decision::Probe(version);
                }
                (Some(version), Outcome::Failure(kind)) if is_refusal(*kind) => {
                    return Decision::Probe(version);
                }
                _ => {}
            }
        }
        let is_disturbed = progress.probed_first && !is_discovered;
        if let Decision::Initialize(version) = self.initialize()
            && self.binding == Binding::Pipe
            && is_disturbed
            && is_auto
            && self.may_reconnect(progress)
        {
            // Some servers and bridges accept nothing before `initialize`, and no `initialize` after a probe.
            return Decision::ReconnectInitialize(version);
        }
        // Some servers refuse an unknown revision instead of offering theirs.
        if matches!(outcome, Outcome::Answer { code: error_code::INVALID_PARAMS, supported: None })
            && let Some(older) = self.next_older(progress)
        {
            return Decision::Initialize(older);
        }
        match is_discovered {
            true => Decision::NoCommonVersion,
            false => Decision::Fail,
        }
    }

    fn initialize(&self) -> Decision<V> {
        match self.newest(Era::Legacy) {
            Some(version) => Decision::Initialize(version),
            None => Decision::NoCommonVersion,
        }
    }

    fn may_reconnect(&self, progress: &Progress<V>) -> bool {
        !progress.reconnected
    }

    fn is_remote(&self) -> bool {
        self.binding != Binding::InProcess
    }

    /// Selects from the revisions that a server supports: the newest common modern one first.
    fn choose(&self, supported: &[String]) -> Choice<V> {
        match (self.supported(Era::Modern, supported), self.supported(Era::Legacy, supported)) {
            (Some(version), _) => Choice::Modern(version),
            (None, Some(version)) => Choice::Legacy(version),
            (None, None) => Choice::None,
        }
    }

    fn supported(&self, era: Era, supported: &[String]) -> Option<V> {
        self.common(era, |version| supported.iter().any(|name| name == version.name()))
    }

    fn newest(&self, era: Era) -> Option<V> {
        self.common(era, |_| true)
    }

    /// The newest legacy revision older than those tried.
    fn next_older(&self, progress: &Progress<V>) -> Option<V> {
        let tried = |version: &V| progress.tried.contains(version);
        let last = self.ours.iter().rposition(tried)?;
        let mut older = self.ours[last + 1..].iter().copied();
        let is_allowed = !matches!(self.policy, Policy::Pinned(_));
        older.find(|version| is_allowed && version.era() == Era::Legacy)
    }

    /// The newest revision of an era that the policy allows and the server supports.
    fn common(&self, era: Era, is_supported: impl Fn(&V) -> bool) -> Option<V> {
        let is_allowed = |version: &V| match self.policy {
            Policy::Auto => true,
            Policy::Legacy => version.era() == Era::Legacy,
            Policy::Pinned(pinned) => *version == pinned,
        };
        let of_era = self.ours.iter().copied().filter(|version| version.era() == era);
        of_era.filter(is_allowed).find(is_supported)
    }
}

/// Whether the server was reached, but does not accept the request.
fn is_refusal(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Rejected | ErrorKind::Protocol)
}

/// Whether any other request would fail in the same way.
fn is_hopeless(kind: ErrorKind) -> bool {
    use ErrorKind::{Config, Connect, InvalidRequest, Lagged, Redirect, SessionExpired};
    matches!(kind, Config | Connect | InvalidRequest | Lagged | Redirect | SessionExpired)
}

impl Revision for ProtocolVersion {
    fn name(&self) -> &str {
        self.as_str()
    }

    fn era(&self) -> Era {
        (*self).era()
    }
}

impl From<EraPolicy> for Policy<ProtocolVersion> {
    fn from(policy: EraPolicy) -> Self {
        match policy {
            EraPolicy::Auto => Self::Auto,
            EraPolicy::Legacy => Self::Legacy,
            EraPolicy::Pinned(version) => Self::Pinned(version),
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;

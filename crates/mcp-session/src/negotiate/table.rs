//! The decision table of the negotiation: pure, and generic over revisions, so that another revision is
//! nothing but data.
//!
//! Spec: basic/versioning, basic/transports/stdio#backward-compatibility,
//! basic/transports/streamable-http#backward-compatibility

use mcp_core::{Era, ProtocolVersion, error_code};
use mcp_transport::{Binding, ErrorKind};

use crate::EraPolicy;

/// A revision of the protocol.
pub(crate) trait Revision: Copy + PartialEq {
    /// As it stands on the wire.
    fn name(&self) -> &str;
    fn era(&self) -> Era;
}

/// The facts that hold for a whole negotiation.
pub(crate) struct Table<'a, V> {
    pub(crate) policy: Policy<V>,
    pub(crate) binding: Binding,
    /// The revisions that this client speaks, the newest first.
    pub(crate) ours: &'a [V],
}

/// See [`EraPolicy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy<V> {
    Auto,
    Legacy,
    Pinned(V),
}

/// The outcome of a probe (a `server/discover` with a modern revision), or of an `initialize`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A `DiscoverResult` with these versions.
    Discovered(Vec<String>),
    /// A result of another shape.
    OtherResult,
    /// A JSON-RPC error; with the versions of its `data.supported`, where they can be read.
    Answer { code: i64, supported: Option<Vec<String>> },
    /// No answer in the time of the probe.
    Silence,
    /// It failed below the protocol.
    Failure(ErrorKind),
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision<V> {
    /// Speak this modern revision.
    Modern(V),
    /// Probe once more, with this revision.
    Probe(V),
    /// Send `initialize` on this connection.
    Initialize,
    /// Reconnect and send `initialize` there.
    Reconnect,
    /// Fail: there is no revision in common.
    NoCommonVersion,
    /// Fail with the answer to the last request, or its failure.
    Fail,
}

enum Choice<V> {
    Modern(V),
    /// The revision in common is spoken only after `initialize`.
    Legacy,
    None,
}

impl<V: Revision> Table<'_, V> {
    /// The first decision; `prior` is the revision of the last session.
    pub(crate) fn first(&self, prior: Option<V>) -> Decision<V> {
        match (self.policy, prior) {
            (Policy::Legacy, _) => Decision::Initialize,
            (Policy::Pinned(version), _) if version.era() == Era::Legacy => Decision::Initialize,
            (Policy::Pinned(version), Some(prior)) if prior == version => Decision::Modern(version),
            (Policy::Pinned(version), _) => Decision::Probe(version),
            (Policy::Auto, Some(prior)) if prior.era() == Era::Modern => Decision::Modern(prior),
            (Policy::Auto, Some(_)) => Decision::Initialize,
            (Policy::Auto, None) if self.binding == Binding::HttpSse => Decision::Initialize,
            (Policy::Auto, None) => match self.common(Era::Modern, |_| true) {
                Some(newest) => Decision::Probe(newest),
                None => Decision::Initialize,
            },
        }
    }

    /// The decision after a probe; `corrected` says that it was the second one.
    pub(crate) fn after_probe(&self, corrected: bool, outcome: &Outcome) -> Decision<V> {
        let may_fall_back = self.policy == Policy::Auto;
        let is_pipe = self.binding == Binding::Pipe;
        let legacy = match may_fall_back {
            true => Decision::Initialize,
            false => Decision::NoCommonVersion,
        };
        match outcome {
            Outcome::Discovered(versions) => match self.choose(versions) {
                Choice::Modern(version) => Decision::Modern(version),
                Choice::Legacy => legacy,
                Choice::None => Decision::NoCommonVersion,
            },
            Outcome::Answer {
                code: error_code::UNSUPPORTED_PROTOCOL_VERSION,
                supported: Some(versions),
            } => match self.choose(versions) {
                // A server that refuses a revision that it claims to support would be probed for ever.
                Choice::Modern(_) if corrected => Decision::Fail,
                Choice::Modern(version) => Decision::Probe(version),
                Choice::Legacy => legacy,
                Choice::None => Decision::NoCommonVersion,
            },
            // Only a modern server knows these: it must not be sent an `initialize`.
            Outcome::Answer {
                code: error_code::HEADER_MISMATCH | error_code::MISSING_REQUIRED_CLIENT_CAPABILITY,
                ..
            } => Decision::Fail,
            Outcome::Answer { .. } | Outcome::OtherResult => legacy,
            // A legacy server on a pipe may ignore an unknown request, or exit because of it. Elsewhere
            // silence and broken connections are no evidence about the era.
            Outcome::Silence if is_pipe && may_fall_back => Decision::Initialize,
            Outcome::Failure(ErrorKind::Closed) if is_pipe && may_fall_back => Decision::Reconnect,
            // The endpoint exists and does not take the request, or answers something other than JSON-RPC.
            Outcome::Failure(ErrorKind::Rejected | ErrorKind::Protocol) => legacy,
            Outcome::Silence | Outcome::Failure(_) => Decision::Fail,
        }
    }

    /// The decision after an `initialize` that was answered with an error: the probe may have been too slow.
    pub(crate) fn after_initialize(&self, corrected: bool, outcome: &Outcome) -> Decision<V> {
        match outcome {
            Outcome::Answer {
                code: error_code::UNSUPPORTED_PROTOCOL_VERSION,
                supported: Some(versions),
            } if !corrected && self.policy == Policy::Auto => match self.choose(versions) {
                Choice::Modern(version) => Decision::Probe(version),
                _ => Decision::NoCommonVersion,
            },
            _ => Decision::Fail,
        }
    }

    /// Chooses among the revisions that a server supports: the newest modern one in common first.
    fn choose(&self, supported: &[String]) -> Choice<V> {
        let is_supported = |version: &V| supported.iter().any(|name| name == version.name());
        match (self.common(Era::Modern, is_supported), self.common(Era::Legacy, is_supported)) {
            (Some(version), _) => Choice::Modern(version),
            (None, Some(_)) => Choice::Legacy,
            (None, None) => Choice::None,
        }
    }

    /// The newest revision of an era that the policy allows, and the server supports.
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
mod tests {
    use mcp_transport::Binding::{HttpSse, InProcess, Pipe, StreamableHttp as Http};

    use super::{
        Decision::*,
        Outcome::*,
        Policy::{Auto, Legacy, Pinned},
        *,
    };

    const NEW: ProtocolVersion = ProtocolVersion::V2026_07_28;
    const OLD: ProtocolVersion = ProtocolVersion::V2025_06_18;

    fn table(policy: Policy<ProtocolVersion>, binding: Binding) -> Table<'static, ProtocolVersion> {
        Table { policy, binding, ours: &ProtocolVersion::ALL }
    }

    fn versions(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn refused(names: &[&str]) -> Outcome {
        Answer { code: -32022, supported: Some(versions(names)) }
    }

    #[test]
    fn at_the_start() {
        let (auto, pinned) = (Auto, Pinned(NEW));
        let rows = [
            (auto, Pipe, None, Probe(NEW)),
            (auto, Http, None, Probe(NEW)),
            (auto, InProcess, None, Probe(NEW)),
            // Only the legacy era has this carrier: there is no question.
            (auto, HttpSse, None, Initialize),
            (auto, HttpSse, Some(OLD), Initialize),
            (auto, HttpSse, Some(NEW), Modern(NEW)),
            (pinned, HttpSse, None, Probe(NEW)),
            (pinned, Http, None, Probe(NEW)),
            (pinned, Http, Some(NEW), Modern(NEW)),
            (pinned, Http, Some(OLD), Probe(NEW)),
            (Pinned(OLD), Http, Some(NEW), Initialize),
            (Legacy, Http, Some(NEW), Initialize),
            (auto, Http, Some(NEW), Modern(NEW)),
            (auto, Http, Some(OLD), Initialize),
        ];
        for (policy, binding, prior, expected) in rows {
            let decision = table(policy, binding).first(prior);
            assert_eq!(decision, expected, "{policy:?} {binding:?} {prior:?}");
        }
    }

    #[test]
    fn after_a_probe() {
        let (auto, pinned) = (Auto, Pinned(NEW));
        let both = &["2026-07-28", "2025-11-25"];
        let code = |code| Answer { code, supported: None };
        let rows = [
            // An answer that discovers.
            (auto, Pipe, false, Discovered(versions(both)), Modern(NEW)),
            (auto, Http, true, Discovered(versions(&["2025-11-25", "2026-07-28"])), Modern(NEW)),
            (auto, Pipe, false, Discovered(versions(&["2025-11-25"])), Initialize),
            (pinned, Pipe, false, Discovered(versions(&["2025-11-25"])), NoCommonVersion),
            (auto, Pipe, false, Discovered(versions(&["2099-01-01"])), NoCommonVersion),
            (auto, Pipe, false, Discovered(vec![]), NoCommonVersion),
            // The version is refused: never `initialize` where a modern one is in common.
            (auto, Pipe, false, refused(both), Probe(NEW)),
            (pinned, Http, false, refused(both), Probe(NEW)),
            (auto, Http, true, refused(both), Fail),
            (auto, Http, false, refused(&["2025-06-18"]), Initialize),
            (pinned, Http, false, refused(&["2025-06-18"]), NoCommonVersion),
            (auto, Http, false, refused(&["2099-01-01"]), NoCommonVersion),
            (auto, Http, false, code(-32022), Initialize),
            // Other errors of the modern era.
            (auto, Http, false, code(-32020), Fail),
            (auto, Pipe, false, code(-32021), Fail),
            // Any other error is a server of the legacy era.
            (auto, Pipe, false, code(-32601), Initialize),
            (auto, Http, false, code(-32601), Initialize),
            (auto, Pipe, false, code(-32602), Initialize),
            (auto, Http, false, code(-32000), Initialize),
            (auto, Http, false, code(0), Initialize),
            (pinned, Http, false, code(-32601), NoCommonVersion),
            (auto, Http, false, OtherResult, Initialize),
            (pinned, Pipe, false, OtherResult, NoCommonVersion),
            // Silence and broken connections.
            (auto, Pipe, false, Silence, Initialize),
            (pinned, Pipe, false, Silence, Fail),
            (auto, Http, false, Silence, Fail),
            (auto, InProcess, false, Silence, Fail),
            (auto, Pipe, false, Failure(ErrorKind::Closed), Reconnect),
            (pinned, Pipe, false, Failure(ErrorKind::Closed), Fail),
            (auto, Http, false, Failure(ErrorKind::Closed), Fail),
            // HTTP without a JSON-RPC body: 4xx is the legacy era, the rest is no evidence.
            (auto, Http, false, Failure(ErrorKind::Rejected), Initialize),
            (pinned, Http, false, Failure(ErrorKind::Rejected), NoCommonVersion),
            (auto, Http, false, Failure(ErrorKind::Protocol), Initialize),
            (auto, Http, false, Failure(ErrorKind::Unauthorized), Fail),
            (auto, Http, false, Failure(ErrorKind::Unavailable), Fail),
            (auto, Http, false, Failure(ErrorKind::Connect), Fail),
            (auto, Http, false, Failure(ErrorKind::Timeout), Fail),
            (auto, Http, false, Failure(ErrorKind::Redirect), Fail),
            (auto, Pipe, false, Failure(ErrorKind::TooLarge), Fail),
        ];
        for (policy, binding, corrected, outcome, expected) in rows {
            let decision = table(policy, binding).after_probe(corrected, &outcome);
            assert_eq!(decision, expected, "{policy:?} {binding:?} {corrected} {outcome:?}");
        }
    }

    #[test]
    fn after_an_initialize_that_failed() {
        let rows = [
            (Auto, false, refused(&["2026-07-28"]), Probe(NEW)),
            (Auto, true, refused(&["2026-07-28"]), Fail),
            (Auto, false, refused(&["2099-01-01"]), NoCommonVersion),
            (Legacy, false, refused(&["2026-07-28"]), Fail),
            (Pinned(OLD), false, refused(&["2026-07-28"]), Fail),
            (Auto, false, Answer { code: -32602, supported: None }, Fail),
            (Auto, false, Failure(ErrorKind::Closed), Fail),
        ];
        for (policy, corrected, outcome, expected) in rows {
            let decision = table(policy, Pipe).after_initialize(corrected, &outcome);
            assert_eq!(decision, expected, "{policy:?} {corrected} {outcome:?}");
        }
    }

    /// A revision that was made up.
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct MadeUp(&'static str, Era);

    impl Revision for MadeUp {
        fn name(&self) -> &str {
            self.0
        }

        fn era(&self) -> Era {
            self.1
        }
    }

    #[test]
    fn a_second_modern_revision_is_nothing_but_data() {
        let newer = MadeUp("2027-09-01", Era::Modern);
        let modern = MadeUp("2026-07-28", Era::Modern);
        let legacy = MadeUp("2025-11-25", Era::Legacy);
        let ours = [newer, modern, legacy];
        let table = |policy| Table { policy, binding: Http, ours: &ours };
        let auto = table(Auto);
        assert_eq!(auto.first(None), Probe(newer));
        assert_eq!(auto.first(Some(modern)), Modern(modern));
        assert_eq!(auto.first(Some(legacy)), Initialize);
        assert_eq!(table(Pinned(modern)).first(Some(newer)), Probe(modern));
        for (corrected, outcome, expected) in [
            (false, Discovered(versions(&["2026-07-28", "2027-09-01"])), Modern(newer)),
            (false, Discovered(versions(&["2026-07-28", "2025-11-25"])), Modern(modern)),
            (false, refused(&["2026-07-28", "2025-11-25"]), Probe(modern)),
            (true, Discovered(versions(&["2026-07-28"])), Modern(modern)),
            (true, refused(&["2026-07-28"]), Fail),
            (false, refused(&["2025-11-25"]), Initialize),
            (false, Answer { code: -32601, supported: None }, Initialize),
        ] {
            assert_eq!(auto.after_probe(corrected, &outcome), expected, "{corrected} {outcome:?}");
        }
        let both = Discovered(versions(&["2027-09-01", "2026-07-28"]));
        assert_eq!(table(Pinned(modern)).after_probe(false, &both), Modern(modern));
        assert_eq!(auto.after_initialize(false, &refused(&["2026-07-28"])), Probe(modern));
        let only_old = Table { policy: Auto, binding: Http, ours: &[legacy] };
        assert_eq!(only_old.first(None), Initialize);
    }
}

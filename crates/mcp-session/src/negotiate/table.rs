//! The decision table of the negotiation: pure, one row after the other.
//!
//! Spec: basic/versioning, basic/transports/stdio#backward-compatibility,
//! basic/transports/streamable-http#backward-compatibility

use mcp_core::{Era, ProtocolVersion, error_code};
use mcp_transport::{Binding, ErrorKind};

use super::Mode;

/// What came of the probe, a `server/discover` with a modern revision.
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
pub(crate) enum Decision {
    /// Speak this modern revision.
    Modern(ProtocolVersion),
    /// Probe once more, with this revision.
    Probe(ProtocolVersion),
    /// Send `initialize` on this connection.
    Initialize,
    /// Connect anew and send `initialize` there.
    Reconnect,
    /// Give up: no revision in common.
    NoCommonVersion,
    /// Give up: the answer or the failure of the probe is the answer to the user.
    Fail,
}

/// Decides what to begin with, `prior` being the revision that was spoken the last time.
pub(crate) fn first(mode: Mode, binding: Binding, prior: Option<ProtocolVersion>) -> Decision {
    match (mode, prior) {
        (Mode::Legacy, _) => Decision::Initialize,
        (Mode::Pinned(version), _) if version.era() == Era::Legacy => Decision::Initialize,
        (Mode::Pinned(version), Some(prior)) if prior == version => Decision::Modern(version),
        (Mode::Pinned(version), _) => Decision::Probe(version),
        (Mode::Auto, Some(prior)) if prior.era() == Era::Modern => Decision::Modern(prior),
        (Mode::Auto, Some(_)) => Decision::Initialize,
        (Mode::Auto, None) if binding == Binding::HttpSse => Decision::Initialize,
        (Mode::Auto, None) => Decision::Probe(ProtocolVersion::LATEST_MODERN),
    }
}

/// Decides after a probe. `corrected` says that this was the second one already.
pub(crate) fn after_probe(
    mode: Mode,
    binding: Binding,
    corrected: bool,
    outcome: &Outcome,
) -> Decision {
    let may_fall_back = mode == Mode::Auto;
    let legacy = match may_fall_back {
        true => Decision::Initialize,
        false => Decision::NoCommonVersion,
    };
    match outcome {
        Outcome::Discovered(versions) => match choose(mode, versions) {
            Choice::Modern(version) => Decision::Modern(version),
            Choice::Legacy => legacy,
            Choice::None => Decision::NoCommonVersion,
        },
        Outcome::Answer {
            code: error_code::UNSUPPORTED_PROTOCOL_VERSION,
            supported: Some(versions),
        } => {
            match choose(mode, versions) {
                // A server that refuses what it claims to support would be asked for ever.
                Choice::Modern(_) if corrected => Decision::Fail,
                Choice::Modern(version) => Decision::Probe(version),
                Choice::Legacy => legacy,
                Choice::None => Decision::NoCommonVersion,
            }
        }
        // Only a modern server knows these: it must not be sent an `initialize`.
        Outcome::Answer {
            code: error_code::HEADER_MISMATCH | error_code::MISSING_REQUIRED_CLIENT_CAPABILITY,
            ..
        } => Decision::Fail,
        Outcome::Answer { .. } | Outcome::OtherResult => legacy,
        // A server of the legacy era may ignore what it does not know, or end of it. Elsewhere silence
        // and broken connections say nothing about the era.
        Outcome::Silence if binding == Binding::Pipe && may_fall_back => Decision::Initialize,
        Outcome::Failure(ErrorKind::Closed) if binding == Binding::Pipe && may_fall_back => {
            Decision::Reconnect
        }
        // The endpoint is there and does not take the request, or answers what is no JSON-RPC.
        Outcome::Failure(ErrorKind::Rejected | ErrorKind::Protocol) => legacy,
        Outcome::Silence | Outcome::Failure(_) => Decision::Fail,
    }
}

/// Decides after an `initialize` that was answered with an error: the probe may have been too slow.
pub(crate) fn after_initialize(mode: Mode, corrected: bool, outcome: &Outcome) -> Decision {
    match outcome {
        Outcome::Answer {
            code: error_code::UNSUPPORTED_PROTOCOL_VERSION,
            supported: Some(versions),
        } if !corrected && mode == Mode::Auto => match choose(mode, versions) {
            Choice::Modern(version) => Decision::Probe(version),
            _ => Decision::NoCommonVersion,
        },
        _ => Decision::Fail,
    }
}

enum Choice {
    Modern(ProtocolVersion),
    /// What is in common is spoken only after `initialize`.
    Legacy,
    None,
}

/// Chooses among what a server supports: the newest modern revision in common first.
fn choose(mode: Mode, supported: &[String]) -> Choice {
    let offered = |version: &ProtocolVersion| match mode {
        Mode::Auto => true,
        Mode::Legacy => version.era() == Era::Legacy,
        Mode::Pinned(pinned) => *version == pinned,
    };
    let common = |era| {
        ProtocolVersion::ALL
            .into_iter()
            .filter(|version| version.era() == era)
            .filter(offered)
            .find(|version| supported.iter().any(|name| name == version.as_str()))
    };
    match (common(Era::Modern), common(Era::Legacy)) {
        (Some(version), _) => Choice::Modern(version),
        (None, Some(_)) => Choice::Legacy,
        (None, None) => Choice::None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Decision::*, Outcome::*, *};

    const NEW: ProtocolVersion = ProtocolVersion::V2026_07_28;
    const OLD: ProtocolVersion = ProtocolVersion::V2025_06_18;

    fn versions(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn refused(names: &[&str]) -> Outcome {
        Answer { code: -32022, supported: Some(versions(names)) }
    }

    #[test]
    fn to_begin_with() {
        use Binding::{HttpSse, InProcess, Pipe, StreamableHttp as Http};
        let (auto, pinned) = (Mode::Auto, Mode::Pinned(NEW));
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
            (Mode::Pinned(OLD), Http, Some(NEW), Initialize),
            (Mode::Legacy, Http, Some(NEW), Initialize),
            (auto, Http, Some(NEW), Modern(NEW)),
            (auto, Http, Some(OLD), Initialize),
        ];
        for (mode, binding, prior, expected) in rows {
            let decision = first(mode, binding, prior);
            assert_eq!(decision, expected, "{mode:?} {binding:?} {prior:?}");
        }
    }

    #[test]
    fn after_a_probe() {
        use Binding::{InProcess, Pipe, StreamableHttp as Http};
        let auto = Mode::Auto;
        let pinned = Mode::Pinned(NEW);
        let both = &["2026-07-28", "2025-11-25"];
        let code = |code| Answer { code, supported: None };
        let rows: Vec<(Mode, Binding, bool, Outcome, Decision)> = vec![
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
        for (mode, binding, corrected, outcome, expected) in rows {
            let decision = after_probe(mode, binding, corrected, &outcome);
            assert_eq!(decision, expected, "{mode:?} {binding:?} {corrected} {outcome:?}");
        }
    }

    #[test]
    fn after_an_initialize_that_failed() {
        let rows = [
            (Mode::Auto, false, refused(&["2026-07-28"]), Probe(NEW)),
            (Mode::Auto, true, refused(&["2026-07-28"]), Fail),
            (Mode::Auto, false, refused(&["2099-01-01"]), NoCommonVersion),
            (Mode::Legacy, false, refused(&["2026-07-28"]), Fail),
            (Mode::Pinned(OLD), false, refused(&["2026-07-28"]), Fail),
            (Mode::Auto, false, Answer { code: -32602, supported: None }, Fail),
            (Mode::Auto, false, Failure(ErrorKind::Closed), Fail),
        ];
        for (mode, corrected, outcome, expected) in rows {
            let decision = after_initialize(mode, corrected, &outcome);
            assert_eq!(decision, expected, "{mode:?} {corrected} {outcome:?}");
        }
    }
}

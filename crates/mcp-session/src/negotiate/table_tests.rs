use mcp_transport::Binding::{HttpSse, InProcess, Pipe, StreamableHttp as Http};

use super::{
    Decision::*,
    Outcome::{Answer, Discovered, Failure, Initialized, OtherResult},
    Policy::{Auto, Legacy as OnlyLegacy, Pinned},
    *,
};

const NEW: ProtocolVersion = ProtocolVersion::V2026_07_28;
const LATEST: ProtocolVersion = ProtocolVersion::LATEST_LEGACY;
const OLD: ProtocolVersion = ProtocolVersion::V2025_06_18;
const CLOSED: Outcome = Failure(ErrorKind::Closed);
const INIT: Decision<ProtocolVersion> = Initialize(LATEST);

type Version = ProtocolVersion;

fn table(policy: Policy<Version>, binding: Binding) -> Table<'static, Version> {
    Table { policy, binding, ours: &ProtocolVersion::ALL }
}

fn versions(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn discovered(names: &[&str]) -> Outcome {
    Discovered(versions(names))
}

fn offered(code: i64, names: &[&str]) -> Outcome {
    Answer { code, supported: Some(versions(names)) }
}

fn refused(names: &[&str]) -> Outcome {
    offered(-32022, names)
}

fn answer(code: i64) -> Outcome {
    Answer { code, supported: None }
}

/// Nothing was sent.
fn start() -> Progress<Version> {
    Progress::new(None)
}

fn with_prior(version: Version, assumed: bool) -> Progress<Version> {
    Progress::new(Some(Prior { version, assumed, found: true }))
}

/// A probe was sent.
fn probing() -> Progress<Version> {
    let mut progress = start();
    progress.probe_sent();
    progress
}

/// The probe has completed.
fn probed(outcome: Outcome) -> Progress<Version> {
    let mut progress = probing();
    progress.probe = Step::Ended(outcome);
    progress
}

/// The probe timed out, and `initialize` was sent as well.
fn both() -> Progress<Version> {
    let mut progress = probing();
    progress.is_silent = true;
    progress.initialize_sent(LATEST);
    progress
}

/// The probe has completed, and so has the `initialize` after it.
fn tried(probe: Outcome, initialize: Outcome) -> Progress<Version> {
    let mut progress = probed(probe);
    progress.initialize_sent(LATEST);
    progress.initialize = Step::Ended(initialize);
    progress
}

/// An `initialize` without a probe has completed.
fn initialized_first(initialize: Outcome) -> Progress<Version> {
    let mut progress = with_prior(OLD, false);
    progress.initialize_sent(LATEST);
    progress.initialize = Step::Ended(initialize);
    progress
}

/// The same on the second connection, after a probe on the first one.
fn tried_again(initialize: Outcome) -> Progress<Version> {
    let mut progress = probed(CLOSED);
    progress.reconnected(None);
    progress.initialize_sent(LATEST);
    progress.initialize = Step::Ended(initialize);
    progress
}

fn late(mut progress: Progress<Version>) -> Progress<Version> {
    progress.is_late = true;
    progress
}

type Row = (Policy<Version>, Binding, Progress<Version>, Decision<Version>);

fn check(rows: Vec<Row>) {
    for (policy, binding, progress, expected) in rows {
        let decision = table(policy, binding).decide(&progress);
        assert_eq!(decision, expected, "{policy:?} {binding:?} {progress:?}");
    }
}

#[test]
fn at_the_start() {
    let pinned = Pinned(NEW);
    check(vec![
        (Auto, Pipe, start(), Probe(NEW)),
        (Auto, Http, start(), Probe(NEW)),
        (Auto, InProcess, start(), Probe(NEW)),
        // Only the legacy era has this binding: no probe is needed.
        (Auto, HttpSse, start(), INIT),
        (pinned, HttpSse, start(), Probe(NEW)),
        (pinned, Http, start(), Probe(NEW)),
        (OnlyLegacy, Http, start(), INIT),
        (Pinned(OLD), Http, start(), Initialize(OLD)),
    ]);
}

#[test]
fn an_earlier_verdict_is_used() {
    let (new, old) = (|| with_prior(NEW, false), || with_prior(OLD, false));
    let assumed = || with_prior(OLD, true);
    let made_up = || Progress::new(Some(Prior { version: NEW, assumed: false, found: false }));
    check(vec![
        (Auto, Pipe, old(), INIT),
        (Auto, Http, old(), INIT),
        (Auto, HttpSse, old(), INIT),
        (Auto, Http, new(), Modern(NEW)),
        (Auto, HttpSse, new(), Modern(NEW)),
        // The process may be another one, unless the application set the verdict.
        (Auto, Pipe, new(), Probe(NEW)),
        (Auto, Pipe, made_up(), Modern(NEW)),
        // An outage is no evidence.
        (Auto, Http, assumed(), Probe(NEW)),
        (Auto, HttpSse, assumed(), INIT),
        (Pinned(NEW), Http, new(), Modern(NEW)),
        (Pinned(NEW), Pipe, new(), Probe(NEW)),
        (Pinned(NEW), Http, old(), Probe(NEW)),
        (Pinned(OLD), Http, new(), Initialize(OLD)),
        (OnlyLegacy, Http, new(), INIT),
    ]);
    // It may be silent again: both are sent at once.
    let mut progress = assumed();
    progress.probe_sent();
    check(vec![(Auto, Http, progress, INIT)]);
    // A known server gets more time, but not the whole start.
    let mut progress = new();
    progress.probe_sent();
    let mut silent = progress.clone();
    silent.is_silent = true;
    check(vec![
        (Auto, Pipe, progress, Wait(Patience::Prior)),
        (Auto, Pipe, silent.clone(), INIT),
        (Pinned(NEW), Pipe, silent, Wait(Patience::Start)),
    ]);
}

#[test]
fn a_silent_server() {
    let silent = || Progress { is_silent: true, ..probing() };
    check(vec![
        (Auto, Pipe, probing(), Wait(Patience::Probe)),
        (Auto, Http, probing(), Wait(Patience::Probe)),
        (Auto, InProcess, silent(), Wait(Patience::Start)),
        (Pinned(NEW), Pipe, silent(), Wait(Patience::Start)),
        // The probe stays open together with `initialize`.
        (Auto, Pipe, silent(), INIT),
        (Auto, Http, silent(), INIT),
        (Auto, Pipe, both(), Wait(Patience::Start)),
        (Auto, Http, both(), Wait(Patience::Start)),
    ]);
}

#[test]
fn a_late_response_to_the_probe() {
    let answered = |outcome| Progress { probe: Step::Ended(outcome), ..both() };
    let modern = || answered(discovered(&["2026-07-28"]));
    let failed = |outcome| Progress { initialize: Step::Ended(outcome), ..both() };
    let both_ended = |initialize| Progress { initialize: Step::Ended(initialize), ..modern() };
    check(vec![
        // The first response decides.
        (Auto, Http, modern(), Modern(NEW)),
        (Auto, Http, both_ended(Initialized), Modern(NEW)),
        // On a pipe, the response to `initialize` is pending: it may have bound the process to the legacy era.
        (Auto, Pipe, modern(), Wait(Patience::Other)),
        (Auto, Pipe, late(modern()), Modern(NEW)),
        (Auto, Pipe, both_ended(refused(&["2026-07-28"])), Modern(NEW)),
        (Auto, Pipe, both_ended(answer(-32600)), Modern(NEW)),
        (Auto, Pipe, both_ended(Initialized), ReconnectProbe(NEW)),
        // At most once.
        (Auto, Pipe, Progress { reconnected: true, ..both_ended(Initialized) }, Legacy),
        // After a late refusal, `initialize` is still pending.
        (Auto, Pipe, answered(answer(-32601)), Wait(Patience::Start)),
        (Auto, Pipe, answered(discovered(&["2025-06-18"])), Wait(Patience::Start)),
        (Auto, Http, answered(Failure(ErrorKind::Unavailable)), Wait(Patience::Start)),
        // `initialize` is answered, the probe is not.
        (Auto, Pipe, failed(Initialized), Wait(Patience::Other)),
        (Auto, Pipe, late(failed(Initialized)), Legacy),
        (Auto, Http, late(failed(Initialized)), Legacy),
        (Auto, Pipe, failed(refused(&["2026-07-28"])), Probe(NEW)),
        (Auto, Pipe, failed(answer(-32000)), Wait(Patience::Other)),
        (Auto, Pipe, late(failed(answer(-32000))), ReconnectInitialize(LATEST)),
        (Auto, Http, late(failed(answer(-32000))), Fail),
        // The late probe ended the process.
        (
            Auto,
            Pipe,
            Progress { probe: Step::Ended(CLOSED), ..failed(CLOSED) },
            ReconnectInitialize(LATEST),
        ),
    ]);
    let mut known = both_ended(Initialized);
    known.reconnected(Some(NEW));
    known.probe_sent();
    known.is_silent = true;
    check(vec![(Auto, Pipe, known, Wait(Patience::Start))]);
}

#[test]
fn after_a_probe() {
    let pinned = Pinned(NEW);
    let both = &["2026-07-28", "2025-11-25"];
    let corrected = |outcome| Progress { probes: 2, ..probed(outcome) };
    let waiting = || Progress { initialize: Step::Open, ..probed(discovered(&["2099-01-01"])) };
    check(vec![
        // A successful discovery.
        (Auto, Pipe, probed(discovered(both)), Modern(NEW)),
        (Auto, Http, corrected(discovered(&["2025-11-25", "2026-07-28"])), Modern(NEW)),
        (Auto, Pipe, probed(discovered(&["2025-06-18", "2025-03-26"])), Initialize(OLD)),
        (pinned, Pipe, probed(discovered(&["2025-11-25"])), NoCommonVersion),
        // Without a common version, `initialize` decides.
        (Auto, Pipe, probed(discovered(&["2099-01-01"])), INIT),
        (Auto, Pipe, probed(discovered(&[])), INIT),
        (pinned, Pipe, probed(discovered(&["2099-01-01"])), NoCommonVersion),
        (Auto, Pipe, waiting(), Wait(Patience::Last)),
        (Auto, Pipe, late(waiting()), NoCommonVersion),
        (Auto, Pipe, tried(discovered(&["2099-01-01"]), answer(-32601)), NoCommonVersion),
        // The version is refused: never `initialize` if there is a common modern one.
        (Auto, Pipe, probed(refused(both)), Probe(NEW)),
        (pinned, Http, probed(refused(both)), Probe(NEW)),
        (Auto, Http, corrected(refused(both)), Fail),
        (Auto, Http, probed(refused(&["2025-06-18"])), Initialize(OLD)),
        (pinned, Http, probed(refused(&["2025-06-18"])), NoCommonVersion),
        (Auto, Http, probed(refused(&["2099-01-01"])), NoCommonVersion),
        (Auto, Http, probed(answer(-32022)), INIT),
        // Other errors of the modern era.
        (Auto, Http, probed(answer(-32020)), Fail),
        (Auto, Pipe, probed(answer(-32021)), Fail),
        // Any other error means a legacy server.
        (Auto, Pipe, probed(answer(-32601)), INIT),
        (Auto, Http, probed(answer(-32601)), INIT),
        (Auto, Pipe, probed(answer(-32602)), INIT),
        (Auto, Http, probed(answer(-32000)), INIT),
        (Auto, Http, probed(answer(0)), INIT),
        (pinned, Http, probed(answer(-32601)), NoCommonVersion),
        (Auto, Http, probed(OtherResult), INIT),
        (pinned, Pipe, probed(OtherResult), NoCommonVersion),
    ]);
}

#[test]
fn a_probe_that_ends_the_connection() {
    check(vec![
        (Auto, Pipe, probed(CLOSED), ReconnectInitialize(LATEST)),
        (Auto, Pipe, probed(Outcome::Unsent), ReconnectInitialize(LATEST)),
        (Pinned(NEW), Pipe, probed(CLOSED), Fail),
        (Auto, InProcess, probed(CLOSED), Fail),
        // The end follows a response.
        (Auto, Pipe, tried(answer(-32601), CLOSED), ReconnectInitialize(LATEST)),
        (Auto, Pipe, tried(answer(-32602), Outcome::Unsent), ReconnectInitialize(LATEST)),
        (Auto, Pipe, tried_again(CLOSED), Fail),
        (Auto, Pipe, tried_again(Initialized), Legacy),
    ]);
}

#[test]
fn an_unusual_refusal_over_http() {
    use ErrorKind::{
        Cancelled, Closed, Connect, Interrupted, Protocol, Redirect, Rejected, Timeout, TooLarge,
        Unauthorized, Unavailable,
    };
    for kind in [
        Rejected,
        Protocol,
        Unavailable,
        Interrupted,
        Closed,
        Timeout,
        Unauthorized,
        TooLarge,
        Cancelled,
    ] {
        let failed = Failure(kind);
        check(vec![
            (Auto, Http, probed(failed.clone()), INIT),
            // The first failure is final if nothing else can be tried.
            (Auto, Http, tried(failed.clone(), failed.clone()), Fail),
        ]);
        let is_assumed = table(Auto, Http).is_assumed(&tried(failed, Initialized));
        assert_eq!(is_assumed, !matches!(kind, Rejected | Protocol), "{kind:?}");
    }
    check(vec![
        (Auto, Http, probed(Outcome::Unsent), INIT),
        (Auto, Http, probed(Failure(Connect)), Fail),
        (Auto, Http, probed(Failure(Redirect)), Fail),
        (Auto, InProcess, probed(Failure(Unavailable)), Fail),
        (Auto, InProcess, probed(Failure(Rejected)), INIT),
        (Auto, Pipe, probed(Failure(TooLarge)), INIT),
        (Auto, Pipe, probed(Failure(Protocol)), INIT),
        (Pinned(NEW), Http, probed(Failure(Rejected)), NoCommonVersion),
        (Pinned(NEW), Http, probed(Failure(Unavailable)), Fail),
    ]);
    // Responses, and silence on a pipe, are evidence.
    let silent = || late(Progress { initialize: Step::Ended(Initialized), ..both() });
    assert!(table(Auto, Http).is_assumed(&silent()));
    assert!(!table(Auto, Pipe).is_assumed(&silent()));
    assert!(!table(Auto, Http).is_assumed(&tried(answer(-32601), Initialized)));
    assert!(!table(Auto, Http).is_assumed(&initialized_first(Initialized)));
}

#[test]
fn versions_offered_in_an_error() {
    let old = || offered(-32602, &["2025-06-18", "2024-11-05"]);
    let again = |version| {
        let mut progress = tried(answer(-32601), old());
        progress.initialize_sent(version);
        progress.initialize = Step::Ended(old());
        progress
    };
    check(vec![
        (Auto, Pipe, tried(answer(-32601), old()), Initialize(OLD)),
        (Auto, Http, tried(answer(-32601), old()), Initialize(OLD)),
        (OnlyLegacy, Pipe, initialized_first(old()), Initialize(OLD)),
        (Auto, Pipe, tried(answer(-32601), refused(&["2025-06-18"])), Initialize(OLD)),
        // Only once.
        (Auto, Http, again(OLD), Fail),
        (Auto, Pipe, again(OLD), ReconnectInitialize(LATEST)),
        // No common one.
        (Auto, Pipe, tried(answer(-32601), refused(&["2099-01-01"])), NoCommonVersion),
        (OnlyLegacy, Pipe, initialized_first(refused(&["2026-07-28"])), NoCommonVersion),
        (Pinned(OLD), Pipe, initialized_first(refused(&["2025-11-25"])), NoCommonVersion),
        // A modern one: it was not probed, or too early.
        (Auto, Pipe, initialized_first(refused(&["2026-07-28"])), Probe(NEW)),
        (Auto, Pipe, tried(answer(-32601), refused(&["2026-07-28"])), Probe(NEW)),
    ]);
    let corrected = tried(answer(-32601), refused(&["2026-07-28"]));
    check(vec![(Auto, Http, Progress { probes: 2, ..corrected }, Fail)]);
}

#[test]
fn a_refused_revision_without_alternatives() {
    let mut progress = tried(answer(-32601), answer(-32602));
    for older in ["2025-06-18", "2025-03-26", "2024-11-05"] {
        let Initialize(version) = table(Auto, Http).decide(&progress) else { panic!("{older}") };
        assert_eq!(version.as_str(), older);
        progress.initialize_sent(version);
        progress.initialize = Step::Ended(answer(-32602));
    }
    check(vec![
        (Auto, Http, progress, Fail),
        (OnlyLegacy, Pipe, initialized_first(answer(-32602)), Initialize(OLD)),
        (Auto, Pipe, tried_again(answer(-32602)), Initialize(OLD)),
        (Auto, Http, tried(answer(-32601), answer(-32000)), Fail),
        (Pinned(LATEST), Pipe, initialized_first(answer(-32602)), Fail),
    ]);
}

#[test]
fn a_bridge_that_is_initialized_already() {
    check(vec![
        // After the probe: a new process, which receives `initialize` first.
        (Auto, Pipe, tried(answer(-32601), answer(-32600)), ReconnectInitialize(LATEST)),
        (Auto, Pipe, tried(OtherResult, OtherResult), ReconnectInitialize(LATEST)),
        (Auto, Pipe, tried_again(answer(-32600)), Fail),
        (OnlyLegacy, Pipe, initialized_first(answer(-32600)), Fail),
        (Auto, Http, tried(answer(-32601), answer(-32600)), Fail),
    ]);
}

#[test]
fn an_outdated_verdict() {
    let probed_then = |outcome| {
        let mut progress = initialized_first(answer(-32601));
        progress.probe_sent();
        progress.probe = Step::Ended(outcome);
        progress
    };
    check(vec![
        (Auto, Pipe, initialized_first(answer(-32601)), Probe(NEW)),
        (Auto, Http, initialized_first(answer(-32601)), Probe(NEW)),
        (Auto, Http, initialized_first(Failure(ErrorKind::Rejected)), Probe(NEW)),
        (Auto, Http, initialized_first(Failure(ErrorKind::Unavailable)), Fail),
        (Auto, Pipe, initialized_first(CLOSED), ReconnectProbe(NEW)),
        (OnlyLegacy, Pipe, initialized_first(CLOSED), Fail),
        (Auto, Pipe, probed_then(discovered(&["2026-07-28"])), Modern(NEW)),
        (Auto, Pipe, probed_then(answer(-32601)), Fail),
        (Auto, Http, probed_then(answer(-32601)), Fail),
    ]);
}

#[test]
fn another_binding_is_tried_next() {
    // A URL may turn out to be HTTP+SSE.
    check(vec![
        (Auto, Http, tried(answer(-32601), Outcome::Unsent), ReconnectInitialize(LATEST)),
        (OnlyLegacy, Http, initialized_first(Outcome::Unsent), ReconnectInitialize(LATEST)),
        (Auto, HttpSse, tried_again(Outcome::Unsent), Fail),
    ]);
}

/// A hypothetical revision.
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
fn a_second_modern_revision_is_only_data() {
    let newer = MadeUp("2027-09-01", Era::Modern);
    let modern = MadeUp("2026-07-28", Era::Modern);
    let legacy = MadeUp("2025-11-25", Era::Legacy);
    let ours = [newer, modern, legacy];
    let table = |policy| Table { policy, binding: Http, ours: &ours };
    let prior = |version| Progress::new(Some(Prior { version, assumed: false, found: true }));
    let auto = table(Auto);
    assert_eq!(auto.decide(&Progress::new(None)), Probe(newer));
    assert_eq!(auto.decide(&prior(modern)), Modern(modern));
    assert_eq!(auto.decide(&prior(legacy)), Initialize(legacy));
    assert_eq!(table(Pinned(modern)).decide(&prior(newer)), Probe(modern));
    let probed = |probes, outcome| {
        let mut progress = Progress::new(None);
        progress.probe_sent();
        (progress.probes, progress.probe) = (probes, Step::Ended(outcome));
        progress
    };
    for (probes, outcome, expected) in [
        (1, discovered(&["2026-07-28", "2027-09-01"]), Modern(newer)),
        (1, discovered(&["2026-07-28", "2025-11-25"]), Modern(modern)),
        (1, refused(&["2026-07-28", "2025-11-25"]), Probe(modern)),
        (2, discovered(&["2026-07-28"]), Modern(modern)),
        (2, refused(&["2026-07-28"]), Fail),
        (1, refused(&["2025-11-25"]), Initialize(legacy)),
        (1, answer(-32601), Initialize(legacy)),
    ] {
        assert_eq!(auto.decide(&probed(probes, outcome.clone())), expected, "{probes} {outcome:?}");
    }
    let both = probed(1, discovered(&["2027-09-01", "2026-07-28"]));
    assert_eq!(table(Pinned(modern)).decide(&both), Modern(modern));
    let mut upgraded = prior(legacy);
    upgraded.initialize_sent(legacy);
    upgraded.initialize = Step::Ended(refused(&["2026-07-28"]));
    assert_eq!(auto.decide(&upgraded), Probe(modern));
    let only_old = Table { policy: Auto, binding: Http, ours: &[legacy] };
    assert_eq!(only_old.decide(&Progress::new(None)), Initialize(legacy));
}

use std::sync::Arc;

use mcp_core::{Era, ProtocolVersion, method};
use mcp_transport::Delivery;

use super::table::{Outcome, Progress};
use crate::{EraPolicy, Error, ErrorKind, error::Order};

/// Hint for a server that refuses the probe in an unusual way.
const LEGACY_HINT: &str = "is it an older server? `EraPolicy::Legacy` sends no `server/discover`";

/// The failures of the opening requests.
#[derive(Default)]
pub(super) struct Failures {
    probe: Option<Error>,
    initialize: Option<Error>,
    /// The versions that the server named.
    theirs: Vec<String>,
}

impl Failures {
    pub(super) fn probe_failed(&mut self, error: Error) {
        self.probe = Some(error);
    }

    pub(super) fn initialize_failed(&mut self, error: Error) {
        // Later attempts use other revisions, and are less informative.
        self.initialize.get_or_insert(error);
    }

    /// Records versions named by the server.
    pub(super) fn named(&mut self, versions: Option<&[String]>) {
        if let Some(versions) = versions {
            self.theirs = versions.to_vec();
        }
    }

    /// The combined error; `None` if nothing has failed.
    pub(super) fn into_error(self, progress: &Progress<ProtocolVersion>) -> Option<Error> {
        let (probe, initialize) = match (self.probe, self.initialize) {
            (Some(probe), Some(initialize)) => (probe, initialize),
            (probe, initialize) => return probe.or(initialize),
        };
        let is_first = progress.probed_first || progress.reconnected;
        let is_odd = matches!(probe.kind(), ErrorKind::Decode)
            || probe.transport().is_some_and(|error| {
                use mcp_transport::ErrorKind::{Closed, Protocol, Rejected};
                !matches!(error.kind(), Closed | Protocol | Rejected)
            });
        // Missing credentials are an error in any era, and have their own hint.
        if is_first && probe.kind() == ErrorKind::Unauthorized {
            return Some(probe);
        }
        let knows_better = probe.transport().is_some_and(|error| error.hint().is_some());
        Some(match (is_first, is_odd) {
            (true, true) if knows_better => probe.with_other(Order::After, initialize),
            (true, true) => probe.with_other(Order::After, initialize).with_hint(LEGACY_HINT),
            (true, false) => initialize.with_other(Order::Before, probe),
            (false, _) => initialize.with_other(Order::After, probe),
        })
    }

    /// There is no common revision.
    pub(super) fn no_common_version(
        self,
        server: &Arc<str>,
        policy: EraPolicy,
        progress: &Progress<ProtocolVersion>,
    ) -> Error {
        let ours = match policy {
            EraPolicy::Pinned(version) => version.as_str().to_owned(),
            EraPolicy::Auto => ProtocolVersion::ALL.map(ProtocolVersion::as_str).join(", "),
            EraPolicy::Legacy => {
                let legacy = ProtocolVersion::ALL.iter().filter(|it| it.era() == Era::Legacy);
                legacy.map(|it| it.as_str()).collect::<Vec<_>>().join(", ")
            }
        };
        let mut message =
            format!("no revision of the protocol in common: this client speaks {ours}");
        if !self.theirs.is_empty() {
            message = format!("{message}, the server {}", self.theirs.join(", "));
        }
        let error = Error::new(ErrorKind::Version, Arc::clone(server), message);
        let error = error.with_delivery(Delivery::Answered);
        match self.into_error(progress) {
            Some(failure) => error.with_source(failure),
            None => error,
        }
    }
}

/// The server responds to `initialize` with an unsupported revision.
pub(super) fn refused_version(server: &Arc<str>, policy: EraPolicy, answered: &str) -> Error {
    let message = match (answered.parse::<ProtocolVersion>(), policy) {
        (Ok(version), _) if version.era() == Era::Modern => {
            format!("the server answered with {version}, a revision that has no initialize")
        }
        (Ok(version), EraPolicy::Pinned(pinned)) => {
            format!("the server uses {version} instead of the requested {pinned}")
        }
        _ => format!("the server requires {answered:?}, which this client does not support"),
    };
    Error::new(ErrorKind::Version, Arc::clone(server), message)
        .with_delivery(Delivery::Answered)
        .with_method(method::INITIALIZE)
}

/// The versions named in an outcome.
pub(super) fn named(outcome: &Outcome) -> Option<&[String]> {
    match outcome {
        Outcome::Discovered(versions) | Outcome::Answer { supported: Some(versions), .. } => {
            Some(versions)
        }
        _ => None,
    }
}

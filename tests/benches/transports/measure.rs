//! The cases, and how a case is run.

use std::time::{Duration, Instant};

use crate::{floor, ours, relay};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    Memory,
    Stdio,
    HttpJson,
    /// The same with an OAuth token that was issued before.
    HttpToken,
    HttpSse,
    /// HTTP/1.1 over TLS.
    Https,
    /// HTTP/2 over TLS.
    Http2,
    /// From HTTP to HTTP, measured in the relay.
    Relay,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// Small calls, sequential.
    One,
    /// Small calls, 64 in flight.
    Many,
    /// Results of 1 MiB, sequential.
    Mib1,
    /// Results of 10 MiB, sequential.
    Mib10,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) carrier: Carrier,
    pub(crate) load: Load,
}

/// The duration of each call and of all calls.
pub(crate) struct Measured {
    pub(crate) calls: Vec<Duration>,
    pub(crate) total: Duration,
}

pub(crate) const IN_FLIGHT: usize = 64;

impl Carrier {
    pub(crate) const ALL: [Self; 8] = [
        Self::Memory,
        Self::Stdio,
        Self::HttpJson,
        Self::HttpToken,
        Self::HttpSse,
        Self::Https,
        Self::Http2,
        Self::Relay,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Stdio => "stdio",
            Self::HttpJson => "http-json",
            Self::HttpToken => "http-token",
            Self::HttpSse => "http-sse",
            Self::Https => "https",
            Self::Http2 => "http2",
            Self::Relay => "relay",
        }
    }

    pub(crate) fn is_tls(self) -> bool {
        matches!(self, Self::Https | Self::Http2)
    }
}

impl Load {
    pub(crate) const ALL: [Self; 4] = [Self::One, Self::Many, Self::Mib1, Self::Mib10];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|load| load.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Many => "64",
            Self::Mib1 => "1MiB",
            Self::Mib10 => "10MiB",
        }
    }

    /// The tool that returns a result of this size.
    pub(crate) fn tool(self) -> &'static str {
        match self {
            Self::One | Self::Many => "small",
            Self::Mib1 => "mib1",
            Self::Mib10 => "mib10",
        }
    }

    pub(crate) fn in_flight(self) -> usize {
        if self == Self::Many { IN_FLIGHT } else { 1 }
    }
}

impl Case {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Carrier::ALL
            .into_iter()
            .flat_map(|carrier| Load::ALL.into_iter().map(move |load| Self { carrier, load }))
            .filter(|case| {
                // The TLS cost of large results is that of the cipher. The cost of a token is independent of the
                // result.
                let is_small_only = case.carrier.is_tls() || case.carrier == Carrier::HttpToken;
                !is_small_only || matches!(case.load, Load::One | Load::Many)
            })
    }

    pub(crate) fn parse(carrier: &str, load: &str) -> Option<Self> {
        Self::all().find(|case| case.carrier.name() == carrier && case.load.name() == load)
    }

    /// Whether the command line selects this case: each word for a carrier or a load narrows the table.
    pub(crate) fn is_asked(self, only: &[&str]) -> bool {
        let wants = |name: &str, names: &[&str]| {
            only.contains(&name) || !only.iter().any(|word| names.contains(word))
        };
        wants(self.carrier.name(), &Carrier::ALL.map(Carrier::name))
            && wants(self.load.name(), &Load::ALL.map(Load::name))
    }
}

/// One thread: both sides of a ratio get the same resources, and instructions can be counted.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

pub(crate) async fn run(case: Case, floor: bool, calls: usize) -> Measured {
    match (case.carrier, floor) {
        (Carrier::Relay, true) => relay::floor(case.load, calls).await,
        (Carrier::Relay, false) => relay::ours(case.load, calls).await,
        (_, true) => floor::run(case, calls).await,
        (_, false) => ours::run(case, calls).await,
    }
}

/// Runs `call` with this many in flight until `calls` have completed.
pub(crate) async fn drive<F: Future<Output = ()> + Send + 'static>(
    in_flight: usize,
    calls: usize,
    call: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Measured {
    let start = Instant::now();
    let workers: Vec<_> = (0..in_flight)
        .map(|worker| {
            let call = call.clone();
            let share = calls / in_flight;
            let work = async move {
                let mut times = Vec::with_capacity(share);
                for _ in 0..share {
                    let start = Instant::now();
                    call(worker).await;
                    times.push(start.elapsed());
                }
                times
            };
            tokio::spawn(work)
        })
        .collect();
    let mut times = Vec::with_capacity(calls);
    for worker in workers {
        times.extend(worker.await.unwrap());
    }
    Measured { calls: times, total: start.elapsed() }
}

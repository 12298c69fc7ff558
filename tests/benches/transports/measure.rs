//! The cases, and how a case is run.

use std::time::{Duration, Instant};

use crate::{floor, ours, smallest};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    Memory,
    /// A pipe within the process. The server at the other end is that of stdio, and counted with the client.
    Duplex,
    /// The same with the server of this library.
    Served,
    Stdio,
    /// A tool of one of two servers behind a group, over stdio. Its floor is the same call without the group.
    Group,
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
    /// A list of 100 tools, sequential. A call is one tool of it.
    List,
}

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    /// The minimum on the carrier that decodes results into the same types.
    Floor,
    /// The smallest client without an SDK: its own types, one connection, and a task that dispatches responses.
    Smallest,
    /// Another library, in a separate program.
    Rival,
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

/// The length of the measured list.
pub(crate) const TOOLS: usize = 100;

impl Carrier {
    pub(crate) const ALL: [Self; 11] = [
        Self::Memory,
        Self::Duplex,
        Self::Served,
        Self::Stdio,
        Self::Group,
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
            Self::Duplex => "duplex",
            Self::Served => "served",
            Self::Group => "group",
            Self::Stdio => "stdio",
            Self::HttpJson => "http-json",
            Self::HttpToken => "http-token",
            Self::HttpSse => "http-sse",
            Self::Https => "https",
            Self::Http2 => "http2",
            Self::Relay => "relay",
        }
    }

    /// Whether TLS or OAuth is involved.
    fn is_secure(self) -> bool {
        matches!(self, Self::HttpToken | Self::Https | Self::Http2)
    }
}

impl Side {
    const ALL: [Self; 4] = [Self::Ours, Self::Floor, Self::Smallest, Self::Rival];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Floor => "floor",
            Self::Smallest => "smallest",
            Self::Rival => "rival",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|side| side.name() == name)
    }
}

impl Load {
    pub(crate) const ALL: [Self; 5] = [Self::One, Self::Many, Self::Mib1, Self::Mib10, Self::List];

    #[cfg(feature = "full")]
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|load| load.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Many => "64",
            Self::Mib1 => "1MiB",
            Self::Mib10 => "10MiB",
            Self::List => "list",
        }
    }

    /// The tool that returns a result of this size.
    pub(crate) fn tool(self) -> &'static str {
        match self {
            Self::One | Self::Many => "small",
            Self::Mib1 => "mib1",
            Self::Mib10 => "mib10",
            Self::List => "",
        }
    }

    pub(crate) fn in_flight(self) -> usize {
        if self == Self::Many { IN_FLIGHT } else { 1 }
    }

    pub(crate) fn method(self) -> &'static str {
        if self == Self::List { "tools/list" } else { "tools/call" }
    }

    /// The number of calls that a request counts as.
    pub(crate) fn calls_of_request(self) -> usize {
        if self == Self::List { TOOLS } else { 1 }
    }
}

impl Case {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Carrier::ALL
            .into_iter()
            .flat_map(|carrier| Load::ALL.into_iter().map(move |load| Self { carrier, load }))
            .filter(|case| case.exists())
    }

    fn exists(self) -> bool {
        match self.carrier {
            // The TLS cost of large results is that of the cipher, and the cost of a token is independent of the
            // result.
            carrier if carrier.is_secure() => {
                cfg!(feature = "full") && matches!(self.load, Load::One | Load::Many)
            }
            Carrier::Group | Carrier::Served => self.load == Load::One,
            Carrier::Relay => cfg!(feature = "full") && self.load != Load::List,
            Carrier::Stdio => true,
            // A list costs the same on each carrier, except for reading its bytes.
            _ => self.load != Load::List,
        }
    }

    /// Whether another library has this case.
    pub(crate) fn has_rival(self) -> bool {
        matches!(self.carrier, Carrier::Stdio | Carrier::HttpJson | Carrier::HttpSse)
    }

    /// Whether the smallest client has this case.
    pub(crate) fn has_smallest(self) -> bool {
        matches!(
            self.carrier,
            Carrier::Duplex | Carrier::Stdio | Carrier::HttpJson | Carrier::HttpSse
        )
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

pub(crate) async fn run(case: Case, side: Side, calls: usize) -> Measured {
    match (side, case.carrier) {
        #[cfg(feature = "full")]
        (Side::Ours, Carrier::Relay) => crate::relay::ours(case.load, calls).await,
        #[cfg(feature = "full")]
        (Side::Floor, Carrier::Relay) => crate::relay::floor(case.load, calls).await,
        (Side::Ours, _) => ours::run(case, calls).await,
        (_, Carrier::Group) => ours::run(Case { carrier: Carrier::Stdio, ..case }, calls).await,
        (Side::Floor, _) => floor::run(case, calls).await,
        (Side::Smallest, _) => smallest::run(case, calls).await,
        (Side::Rival, _) => unreachable!("its program is run instead"),
    }
}

/// Runs `call` with as many in flight as the load has until `calls` have completed.
pub(crate) async fn drive<F: Future<Output = ()> + Send + 'static>(
    load: Load,
    calls: usize,
    call: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Measured {
    let start = Instant::now();
    let in_flight = load.in_flight();
    let workers: Vec<_> = (0..in_flight)
        .map(|worker| {
            let call = call.clone();
            let share = calls / in_flight / load.calls_of_request();
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

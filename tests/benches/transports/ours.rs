//! This library: typed calls through `Client` and `Session`, as in an application.

use std::time::Duration;

use mcp_client::{Client, Memory, Server, Session, SessionOptions, Stdio, Timeout};
use mcp_group::{Backend, Group};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    measure::{Carrier, Case, Load, Measured, TOOLS, drive},
    peer,
};

/// The arguments of every call, on both sides.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy)]
pub(crate) struct Args {
    pub(crate) query: &'static str,
    pub(crate) limit: u32,
}

pub(crate) const ARGS: Args = Args { query: "the left hand of darkness", limit: 10 };

#[derive(Deserialize, JsonSchema)]
struct Search {
    #[allow(dead_code, reason = "decoded as a tool would")]
    query: String,
    #[allow(dead_code, reason = "decoded as a tool would")]
    limit: u32,
}

/// A server whose tools return texts of the measured sizes.
pub(crate) fn server() -> Server {
    let mut builder = Server::builder("bench");
    for load in [Load::One, Load::Mib1, Load::Mib10] {
        let text: std::sync::Arc<str> = peer::text(load).into();
        builder = builder.tool(load.tool(), "Answers with a text", move |_: Search| {
            let text = text.clone();
            async move { text.to_string() }
        });
    }
    builder.build()
}

pub(crate) async fn run(case: Case, calls: usize) -> Measured {
    let (session, peer) = connect(case.carrier).await;
    let caller = session.clone();
    let measured = match case.load {
        Load::List => {
            drive(case.load, calls, move |_| {
                let listing = caller.list_tools();
                async move {
                    let tools = listing.await.unwrap();
                    assert_eq!(tools.len(), TOOLS);
                    std::hint::black_box(tools);
                }
            })
            .await
        }
        load => {
            let tool = match case.carrier {
                Carrier::Group => "b_small",
                _ => load.tool(),
            };
            drive(load, calls, move |_| {
                let call = caller.call_tool(tool).args(ARGS);
                async move {
                    let result = call.await.unwrap();
                    std::hint::black_box(result);
                }
            })
            .await
        }
    };
    session.close().await.unwrap();
    drop(peer);
    measured
}

/// A process with a server, which ends when it is dropped.
pub(crate) enum Peer {
    None,
    Http(#[allow(dead_code, reason = "dropped")] peer::Http),
    #[cfg(feature = "full")]
    Https(#[allow(dead_code, reason = "dropped")] crate::peer_tls::Https),
}

/// A client under valgrind is slow.
const LIMIT: Duration = Duration::from_secs(300);

/// The client with limits that are not reached.
pub(crate) fn patient(client: Client) -> Client {
    client.timeout(Timeout::idle(LIMIT)).probe_timeout(LIMIT).start_timeout(LIMIT)
}

fn stdio() -> Stdio {
    Stdio::new(std::env::current_exe().unwrap()).args(["--peer", "stdio"])
}

/// A session with a server on this carrier.
pub(crate) async fn connect(carrier: Carrier) -> (Session, Peer) {
    let mut peer = Peer::None;
    let client = match carrier {
        Carrier::Memory => Client::new(server()),
        Carrier::Duplex => Client::new(peer::duplex()),
        Carrier::Served => {
            let (ours, theirs) = tokio::io::duplex(peer::DUPLEX);
            tokio::spawn(async move {
                let (reader, writer) = tokio::io::split(theirs);
                let _ = server().serve(reader, writer).await;
            });
            Client::new(tokio::io::split(ours))
        }
        Carrier::Stdio => Client::new(stdio()),
        Carrier::Group => {
            let mut options = SessionOptions::default();
            (options.probe_timeout, options.start_timeout) = (LIMIT, LIMIT);
            let server = |name| Backend::new(name, stdio()).options(options.clone());
            let group = Group::builder().backend(server("a")).backend(server("b")).build();
            Client::new(Memory::new(group))
        }
        Carrier::HttpJson | Carrier::HttpSse => {
            let server = peer::Http::start(carrier);
            let url = server.url();
            peer = Peer::Http(server);
            Client::new(url)
        }
        #[cfg(feature = "full")]
        Carrier::HttpToken => {
            let server = peer::Http::start(carrier);
            let url = server.url();
            let issuer = url.trim_end_matches("/mcp");
            let auth =
                mcp_client::OAuth::client_credentials("bench").secret("bench").issuer(issuer);
            peer = Peer::Http(server);
            Client::new(url).map(|client| client.auth(auth))
        }
        #[cfg(feature = "full")]
        Carrier::Https | Carrier::Http2 => {
            let server = crate::peer_tls::Https::start(carrier);
            let service = mcp_client::http::HttpClient::builder()
                .extra_root_pem(server.pem.clone())
                .http1_only(carrier == Carrier::Https)
                .build()
                .unwrap();
            let target =
                mcp_client::StreamableHttp::new(server.url()).unwrap().with_service(service);
            peer = Peer::Https(server);
            Client::new(target)
        }
        _ => unreachable!("no case of the table"),
    };
    (patient(client.unwrap()).connect().await.unwrap(), peer)
}

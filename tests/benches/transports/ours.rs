//! This library: typed calls through `Client` and `Session`, as in an application.

use std::time::Duration;

use mcp_client::{Client, OAuth, Server, Stdio, StreamableHttp, Timeout, http::HttpClient};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    measure::{Carrier, Case, Load, Measured, drive},
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
    let (mut http, mut https) = (None, None);
    let client = match case.carrier {
        Carrier::Memory => Client::new(server()),
        Carrier::Stdio => {
            Client::new(Stdio::new(std::env::current_exe().unwrap()).args(["--peer", "stdio"]))
        }
        Carrier::HttpJson | Carrier::HttpSse => {
            let peer = peer::Http::start(case.carrier);
            let url = peer.url();
            http = Some(peer);
            Client::new(url)
        }
        Carrier::HttpToken => {
            let peer = peer::Http::start(case.carrier);
            let url = peer.url();
            let issuer = url.trim_end_matches("/mcp");
            let auth = OAuth::client_credentials("bench").secret("bench").issuer(issuer);
            http = Some(peer);
            Client::new(url).map(|client| client.auth(auth))
        }
        Carrier::Relay => unreachable!("in its own module"),
        Carrier::Https | Carrier::Http2 => {
            let peer = peer::Https::start(case.carrier);
            let service = HttpClient::builder()
                .extra_root_pem(peer.pem.clone())
                .http1_only(case.carrier == Carrier::Https)
                .build()
                .unwrap();
            let server = StreamableHttp::new(peer.url()).unwrap().with_service(service);
            https = Some(peer);
            Client::new(server)
        }
    };
    let session =
        client.unwrap().timeout(Timeout::idle(Duration::from_secs(300))).connect().await.unwrap();
    let tool = case.load.tool();
    let caller = session.clone();
    let measured = drive(case.load.in_flight(), calls, move |_| {
        let call = caller.call_tool(tool).args(ARGS);
        async move {
            let result = call.await.unwrap();
            std::hint::black_box(result);
        }
    })
    .await;
    session.close().await.unwrap();
    drop((http, https));
    measured
}

//! The server of this project, as a process and over HTTP.

use std::future::pending;

use mcp_client::{Client, EraPolicy};
use mcp_integration::own_server;
use mcp_serve::{Http, Listener, Routes};
use tokio::{runtime::Runtime, task::JoinHandle};

use crate::support::{Expect, Log, Program, StdioPeer, bounded, exercise};

/// The server of this project over HTTP. Dropping it stops it.
pub(crate) struct OwnHttp {
    pub(crate) url: String,
    pub(crate) log: Log,
    pub(crate) http: Http<mcp_client::Server>,
    serving: JoinHandle<()>,
    /// Runs it if the test has no runtime.
    _runtime: Option<Runtime>,
}

impl OwnHttp {
    async fn new() -> Self {
        let log = Log::new();
        let lines = log.clone();
        let http = Http::new(own_server(move |line| lines.push(line)));
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let serving =
            tokio::spawn(listener.serve(Routes::new(http.clone()).sse_path("/sse"), pending()));
        Self { url, log, http, serving, _runtime: None }
    }

    /// The same, in a separate runtime.
    pub(crate) fn start(runtime: Runtime) -> Self {
        let mut own = runtime.block_on(Self::new());
        own._runtime = Some(runtime);
        own
    }
}

impl Drop for OwnHttp {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[tokio::test]
async fn over_http_in_both_eras() {
    for (era, expect) in
        [(EraPolicy::Auto, Expect::modern("own")), (EraPolicy::Legacy, Expect::legacy("own"))]
    {
        let own = OwnHttp::new().await;
        let client = Client::new(&*own.url).unwrap().era(era);
        let session = bounded(client.connect()).await.unwrap();
        exercise(&session, &own.log, &expect).await;
        assert_eq!(own.http.sessions(), usize::from(era == EraPolicy::Legacy));
        bounded(session.close()).await.unwrap();
        assert_eq!(own.http.sessions(), 0, "the client has ended its session");
    }
}

fn own() -> StdioPeer {
    StdioPeer::start(&Program::new(env!("CARGO_BIN_EXE_own-peer")))
}

#[tokio::test]
async fn over_http_sse() {
    let own = OwnHttp::new().await;
    let url = own.url.replace("/mcp", "/sse");
    let session = bounded(Client::new(&*url).unwrap().connect()).await.unwrap();
    exercise(&session, &own.log, &Expect::legacy("own")).await;
    bounded(session.close()).await.unwrap();
}

#[tokio::test]
async fn modern() {
    own().exercise(EraPolicy::Auto, &Expect::modern("own")).await;
}

#[tokio::test]
async fn legacy() {
    own().exercise(EraPolicy::Legacy, &Expect::legacy("own")).await;
}

#[tokio::test]
async fn nothing_is_left_of_it_when_the_session_is_dropped() {
    own().drop_it().await;
}

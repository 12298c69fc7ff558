//! Three replicas of a server behind a front that sends each connection to the next one.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use mcp_core::ProtocolVersion;
use mcp_http::HttpClient;
use mcp_serve::{Http, Listener};
use mcp_server::Server;
use mcp_session::{EraPolicy, Session, SessionOptions};
use mcp_testkit::within;
use mcp_transport_http::StreamableHttp;
use schemars::JsonSchema;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};

use crate::server::Redis;

const CLIENTS: usize = 200;
const CALLS: usize = 6;

#[derive(serde::Deserialize, JsonSchema)]
struct Echo {
    text: String,
}

/// A replica in a separate runtime. Dropping it closes its connections without any message.
struct Replica {
    runtime: Option<Runtime>,
    address: SocketAddr,
    calls: Arc<AtomicUsize>,
}

impl Replica {
    fn start(redis: &Redis) -> Self {
        let calls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&calls);
        let server = Server::builder("replica").tool("echo", "Echoes", move |echo: Echo| {
            count.fetch_add(1, Ordering::Relaxed);
            async move { echo.text }
        });
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(Listener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let http = Http::new(server.build()).session_table(redis.store());
        runtime.spawn(listener.serve(http, std::future::pending()));
        Self { runtime: Some(runtime), address, calls }
    }

    fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Forwards each connection to the next replica that accepts it.
async fn front(replicas: Arc<Mutex<Vec<SocketAddr>>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for turn in 0.. {
            let Ok((mut client, _)) = listener.accept().await else { return };
            let replicas = Arc::clone(&replicas);
            tokio::spawn(async move {
                let addresses = replicas.lock().unwrap().clone();
                for attempt in 0..addresses.len() {
                    let address = addresses[(turn + attempt) % addresses.len()];
                    if let Ok(mut replica) = TcpStream::connect(address).await {
                        let _ = copy_bidirectional(&mut client, &mut replica).await;
                        return;
                    }
                }
            });
        }
    });
    url
}

/// A session whose requests all have connections of their own, so that each goes to the next replica.
async fn open(url: &str, is_legacy: bool) -> Session {
    let client = HttpClient::builder().no_proxy().max_idle_per_host(0).build().unwrap();
    let connect = StreamableHttp::new(url).unwrap().with_service(client);
    let mut options = SessionOptions::default();
    options.era = match is_legacy {
        true => EraPolicy::Pinned(ProtocolVersion::V2025_06_18),
        false => EraPolicy::Pinned(ProtocolVersion::V2026_07_28),
    };
    Session::open(connect, None, options).await.unwrap()
}

/// The number of calls that failed and may have been executed. A call that was certainly not executed is repeated.
async fn call_all(session: &Session, client: usize) -> usize {
    let mut failed = 0;
    for number in 0..CALLS {
        let text = format!("{client}.{number}");
        match session.call_tool("echo").arg("text", &text).await {
            Ok(result) => assert_eq!(result.text(), text),
            Err(error) => {
                failed += 1;
                assert!(error.to_string().contains("tools/call echo"), "{error}");
            }
        }
    }
    failed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_may_die_under_two_hundred_clients() {
    let Some(redis) = Redis::start() else { return };
    let started = tokio::task::spawn_blocking(move || {
        let replicas: Vec<_> = (0..3).map(|_| Replica::start(&redis)).collect();
        (redis, replicas)
    });
    let (redis, mut replicas) = started.await.unwrap();
    let addresses: Vec<_> = replicas.iter().map(|replica| replica.address).collect();
    let addresses = Arc::new(Mutex::new(addresses));
    let url = front(Arc::clone(&addresses)).await;

    let sessions = (0..CLIENTS).map(|client| open(&url, client % 2 == 0));
    let sessions = within(join_all(sessions)).await;
    let calls = sessions.iter().enumerate().map(|(client, it)| call_all(it, client));
    let failed: usize = within(join_all(calls)).await.iter().sum();
    assert_eq!(failed, 0, "with three replicas");
    let counts: Vec<_> =
        replicas.iter().map(|replica| replica.calls.load(Ordering::Relaxed)).collect();
    assert_eq!(counts.iter().sum::<usize>(), CLIENTS * CALLS);
    assert!(counts.iter().all(|count| *count > CLIENTS * CALLS / 6), "{counts:?}");

    // One dies in the middle of all calls. Only calls that it had received can fail.
    let calls = sessions.iter().enumerate().map(|(client, it)| call_all(it, client));
    let dying = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        replicas[0].kill();
        addresses.lock().unwrap().remove(0);
    };
    let (failed, ()) = tokio::join!(join_all(calls), dying);
    let failed: usize = failed.iter().sum();
    assert!(failed <= CLIENTS, "{failed} calls failed");

    // Every session is served by the two that are left.
    let calls = sessions.iter().enumerate().map(|(client, it)| call_all(it, client));
    let failed: usize = within(join_all(calls)).await.iter().sum();
    assert_eq!(failed, 0, "with two replicas");
    within(join_all(sessions.iter().map(Session::close))).await;
    drop(redis);
    tokio::task::spawn_blocking(move || drop(replicas)).await.unwrap();
}

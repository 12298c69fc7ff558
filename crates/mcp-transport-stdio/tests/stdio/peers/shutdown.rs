//! A shutdown leaves no process, and no process below it.

use std::{
    io::Read as _,
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use mcp_testkit::within;
use mcp_transport::{Connection, ErrorKind, Transport};
use mcp_transport_stdio::{Stdio, StdioTransport};

use super::{SOON, call, connect, open, peer};

/// A server with a child process and a grandchild, each of which keeps a connection to this process as long as it
/// runs.
struct Tree {
    connection: Connection<StdioTransport>,
    descendants: Vec<TcpStream>,
}

impl Tree {
    async fn start(last: &[&str], configure: impl FnOnce(Stdio) -> Stdio) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let children = format!("spawn=spawn=hold={address};hold={address}");
        let steps: Vec<&str> =
            [&*children, "echo"].into_iter().chain(last.iter().copied()).collect();
        let connection = connect(configure(peer(&steps))).await;
        call(&connection.transport, 1).await.unwrap();
        let accept = move || Vec::from([(); 2].map(|()| listener.accept().unwrap().0));
        let descendants = within(tokio::task::spawn_blocking(accept)).await.unwrap();
        Self { connection, descendants }
    }
}

/// Waits until the processes at the other ends have ended.
fn wait_for_end(descendants: Vec<TcpStream>) {
    for mut descendant in descendants {
        descendant.set_read_timeout(Some(SOON)).unwrap();
        match descendant.read_to_end(&mut Vec::new()) {
            Ok(0) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            other => panic!("a descendant is still running: {other:?}"),
        }
    }
}

fn short(stdio: Stdio) -> Stdio {
    let wait = Duration::from_millis(200);
    stdio.close_stdin_wait(wait).terminate_wait(wait)
}

#[tokio::test]
async fn a_server_that_exits_at_the_end_of_stdin_is_not_waited_for_longer() {
    let wait = Duration::from_secs(60);
    let server = peer(&["echo"]).close_stdin_wait(wait).terminate_wait(wait);
    let transport = connect(server).await.transport;
    call(&transport, 1).await.unwrap();
    let started = Instant::now();
    within(transport.close()).await.unwrap();
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_close_fails_open_requests_and_may_be_repeated() {
    let transport = connect(peer(&["hang"])).await.transport;
    let exchange = open(&transport, 1).await;
    let other = transport.clone();
    let other = tokio::spawn(async move { other.close().await });
    within(transport.close()).await.unwrap();
    within(other).await.unwrap().unwrap();
    within(transport.close()).await.unwrap();
    assert_eq!(within(exchange.response()).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(call(&transport, 2).await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn descendants_that_outlive_the_server_are_ended() {
    let tree = Tree::start(&[], short).await;
    let started = Instant::now();
    within(tree.connection.transport.close()).await.unwrap();
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    wait_for_end(tree.descendants);
}

#[tokio::test]
async fn a_server_that_ignores_the_end_of_stdin_is_ended() {
    let tree = Tree::start(&["hang-for-ever"], short).await;
    let started = Instant::now();
    within(tree.connection.transport.close()).await.unwrap();
    let took = started.elapsed();
    assert!(took > Duration::from_millis(200) && took < SOON, "{took:?}");
    wait_for_end(tree.descendants);
}

#[tokio::test]
async fn a_server_that_ignores_sigterm_is_ended() {
    let steps = ["ignore-term", "echo", "hang-for-ever"];
    let transport = connect(short(peer(&steps))).await.transport;
    call(&transport, 1).await.unwrap();
    let started = Instant::now();
    within(transport.close()).await.unwrap();
    let took = started.elapsed();
    assert!(took > Duration::from_millis(200) && took < SOON, "{took:?}");
}

#[tokio::test]
async fn dropping_the_last_handle_ends_the_tree() {
    let tree = Tree::start(&["hang-for-ever"], short).await;
    let clone = tree.connection.transport.clone();
    drop(tree.connection);
    call(&clone, 2).await.unwrap();
    drop(clone);
    within(tokio::task::spawn_blocking(|| wait_for_end(tree.descendants))).await.unwrap();
}

#[tokio::test]
async fn an_exit_of_the_server_ends_its_descendants() {
    let tree = Tree::start(&["read", "exit=3"], short).await;
    tree.connection.transport.close().await.unwrap();
    wait_for_end(tree.descendants);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn dropping_outside_a_runtime_ends_the_tree_at_once() {
    let runtime = runtime();
    let tree = runtime.block_on(Tree::start(&["hang-for-ever"], |stdio| stdio));
    let exchange = runtime.block_on(open(&tree.connection.transport, 2));
    let started = Instant::now();
    drop(tree.connection);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    wait_for_end(tree.descendants);
    // The exchange ends, with a response or an error.
    let _ = runtime.block_on(within(exchange.response()));
}

#[test]
fn shutting_the_runtime_down_leaves_no_process() {
    for in_background in [true, false] {
        let runtime = runtime();
        let tree = runtime.block_on(Tree::start(&["hang-for-ever"], |stdio| stdio));
        match in_background {
            true => runtime.shutdown_background(),
            false => drop(runtime),
        }
        wait_for_end(tree.descendants);
        // Must not panic.
        drop(tree.connection);
    }
}

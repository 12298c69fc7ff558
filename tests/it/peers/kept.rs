//! Sessions that a client keeps open: real servers of both eras.

use std::{path::Path, time::Duration};

use futures_util::future::join_all;
use mcp_client::{
    Client, EraPolicy, ErrorKind, Session, Stdio,
    transport::{Delivery, restart::Restart},
    types::Era,
};

use super::{node, python};
use crate::support::{Program, StdioPeer, bounded, kill, runs, within};

/// Limit for immediate events, on a busy machine.
const SOON: Duration = Duration::from_secs(5);

/// The stdio servers, each in every era that it supports.
fn servers() -> Vec<(Program, EraPolicy)> {
    let both = [python("mcp2"), python("fastmcp4"), node("ts2")].into_iter().flatten();
    let both = both.flat_map(|peer| [(peer.clone(), EraPolicy::Auto), (peer, EraPolicy::Legacy)]);
    let legacy = [python("mcp1"), node("ts1")].into_iter().flatten();
    both.chain(legacy.map(|peer| (peer, EraPolicy::Auto))).collect()
}

async fn echo(session: &Session) -> u32 {
    let echo = bounded(session.call_tool("echo").arg("text", "alive")).await.unwrap();
    assert_eq!(echo.text(), "alive");
    session.pid().unwrap()
}

#[tokio::test]
async fn one_process_serves_all_sessions_until_the_client_is_closed() {
    for (server, mode) in servers() {
        let peer = StdioPeer::start(&server);
        let client = peer.client().era(mode);
        let first = bounded(client.connect()).await.unwrap();
        let pid = echo(&first).await;
        let before = peer.tree.running();
        assert_eq!(before, [pid]);
        drop(first);

        let connects = (0..8).map(|_| async {
            let session = client.clone().connect().await.unwrap();
            echo(&session).await
        });
        assert_eq!(bounded(join_all(connects)).await, [pid; 8]);
        assert_eq!(peer.tree.running(), before);
        within(SOON, client.close()).await.unwrap();
        peer.tree.gone(&before, Duration::ZERO).await;

        let another = bounded(client.connect()).await.unwrap();
        assert_ne!(echo(&another).await, pid);
        let before = peer.tree.running();
        drop((another, client));
        peer.tree.gone(&before, SOON).await;
    }
}

/// The messages on the pipe, recorded in between.
#[tokio::test]
async fn one_handshake_serves_all_sessions() {
    for (server, mode) in servers() {
        let said = tempfile::NamedTempFile::new().unwrap();
        let peer = StdioPeer::new(overheard(&server, said.path()));
        // On a busy machine, a server may start late.
        let client = peer.client().era(mode).probe_timeout(4 * SOON);
        for _ in 0..3 {
            echo(&bounded(client.connect()).await.unwrap()).await;
        }
        within(SOON, client.close()).await.unwrap();
        let said = std::fs::read_to_string(said.path()).unwrap();
        let said = |method: &str| said.matches(&format!("\"{method}\"")).count();
        let is_legacy = client.verdict().unwrap().era() == Era::Legacy;
        assert_eq!(said("initialize"), usize::from(is_legacy));
        assert_eq!(said("server/discover"), usize::from(mode == EraPolicy::Auto));
        assert_eq!(said("tools/call"), 3);
    }
}

fn overheard(server: &Program, said: &Path) -> Stdio {
    let command = server.command();
    Stdio::new("sh")
        .args(["-c", r#"tee "$SAID" | "$0" "$@""#])
        .arg(command.get_program())
        .args(command.get_args())
        .env("SAID", said)
}

#[tokio::test]
async fn without_keep_alive_each_session_has_its_own_process() {
    for (server, mode) in servers() {
        let peer = StdioPeer::start(&server);
        let client = peer.client().era(mode).keep_alive(false);
        let first = bounded(client.connect()).await.unwrap();
        let second = bounded(client.connect()).await.unwrap();
        let (one, two) = (echo(&first).await, echo(&second).await);
        assert_ne!(one, two);
        drop(first);
        within(SOON, ended(one)).await;
        assert_eq!(echo(&second).await, two);
        assert_eq!(peer.tree.running(), [two]);
        within(SOON, second.close()).await.unwrap();
        peer.tree.gone(&[one, two], Duration::ZERO).await;
    }
}

async fn ended(pid: u32) {
    while runs(pid) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_killed_server_is_noticed_at_once_and_replaced() {
    for (server, mode) in servers() {
        is_replaced(&StdioPeer::start(&server), |client| client.era(mode)).await;
    }
}

/// A legacy session is lost with its process, even with `restart`.
#[tokio::test]
async fn a_killed_legacy_server_is_not_restarted_under_its_session() {
    let restart = |client: Client| client.era(EraPolicy::Legacy).restart(Restart::BACKOFF);
    for server in [python("mcp1"), node("ts2")].into_iter().flatten() {
        is_replaced(&StdioPeer::start(&server), restart).await;
    }
}

async fn is_replaced(peer: &StdioPeer, options: impl Fn(Client) -> Client) {
    let client = options(peer.client());
    let session = bounded(client.connect()).await.unwrap();
    let pid = peer.tree.running()[0];
    let wait = tokio::spawn(session.call_tool("wait").arg("ms", 60_000).into_future());
    bounded(peer.log.line(0, "waiting")).await;
    kill(pid);
    within(SOON, session.closed()).await;
    assert!(session.is_closed());
    let error = within(SOON, wait).await.unwrap().unwrap_err();
    assert_eq!(error.delivery(), Delivery::Unknown, "{error}");
    for error in [error, within(SOON, session.list_tools()).await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
        let text = error.to_string();
        assert!(text.contains("signal 9") || text.contains("SIGKILL"), "{text}");
    }

    let again = bounded(client.connect()).await.unwrap();
    let echo = bounded(again.call_tool("echo").arg("text", "alive")).await.unwrap();
    assert_eq!(echo.text(), "alive");
    let before = peer.tree.running();
    assert!(!before.contains(&pid), "{before:?}");
    assert!(session.is_closed());
    within(SOON, client.close()).await.unwrap();
    peer.tree.gone(&before, Duration::ZERO).await;
}

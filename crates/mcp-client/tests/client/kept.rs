//! Sessions that a client keeps between connects.

use std::{collections::HashSet, time::Duration};

use mcp_client::{Client, ErrorKind, Session, Stdio, types::ProtocolVersion};

/// A server of the legacy era as a shell script that writes its pid for each `initialize`.
const SERVER: &str = r#"
while IFS= read -r line; do
    case "$line" in
        *'"server/discover"'*)
            id=${line#*'"id":"'}; id=${id%%'"'*}
            echo '{"jsonrpc":"2.0","id":"'$id'","error":{"code":-32601,"message":"what?"}}' ;;
        *'"initialize"'*)
            echo $$ >> "$LOG"
            echo '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"sh","version":"1"}}}' ;;
        *'"ping"'*)
            id=${line#*'"id":'}; id=${id%%,*}
            echo '{"jsonrpc":"2.0","id":'$id',"result":{}}' ;;
        *'"x/die"'*) exit 3 ;;
    esac
done
"#;

struct Started {
    client: Client,
    _dir: tempfile::TempDir,
    log: std::path::PathBuf,
}

impl Started {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("pids");
        let server = Stdio::new("sh").args(["-c", SERVER]).env("LOG", &log);
        Self { client: Client::new(server).unwrap(), _dir: dir, log }
    }

    /// The pids of the processes, one entry for each handshake.
    fn handshakes(&self) -> Vec<u32> {
        let log = std::fs::read_to_string(&self.log).unwrap();
        log.lines().map(|pid| pid.parse().unwrap()).collect()
    }
}

fn runs(pid: u32) -> bool {
    let kill = std::process::Command::new("kill").args(["-0", &pid.to_string()]).output();
    kill.unwrap().status.success()
}

async fn gone(pid: u32) {
    let ended = async {
        while runs(pid) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ended).await.unwrap();
}

async fn alive(session: &Session) -> u32 {
    session.ping().await.unwrap();
    session.pid().unwrap()
}

#[tokio::test]
async fn one_process_and_one_handshake_for_all_sessions() {
    let started = Started::new();
    let first = started.client.connect().await.unwrap();
    let pid = alive(&first).await;
    drop(first);
    let second = started.client.clone().connect().await.unwrap();
    assert_eq!(alive(&second).await, pid);
    assert_eq!(started.handshakes(), [pid]);
    assert_eq!(started.client.verdict().unwrap().protocol_version, ProtocolVersion::V2025_06_18);
    drop(second);
    assert!(runs(pid));
    started.client.close().await.unwrap();
    assert!(!runs(pid), "close waits for the process to exit");

    let third = started.client.connect().await.unwrap();
    let another = alive(&third).await;
    assert_ne!(another, pid);
    drop((third, started.client));
    gone(another).await;
}

#[tokio::test]
async fn concurrent_connects_share_one_start() {
    let started = Started::new();
    let connects = (0..8).map(|_| {
        let client = started.client.clone();
        tokio::spawn(async move { client.connect().await.unwrap() })
    });
    let mut pids = HashSet::new();
    for connect in connects.collect::<Vec<_>>() {
        pids.insert(alive(&connect.await.unwrap()).await);
    }
    assert_eq!((pids.len(), started.handshakes().len()), (1, 1));
}

#[tokio::test]
async fn a_dead_process_is_detected_and_replaced() {
    let started = Started::new();
    let session = started.client.connect().await.unwrap();
    let pid = alive(&session).await;
    let failure = session.request("x/die", &()).await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Closed);
    assert!(failure.to_string().contains("exit"), "{failure}");
    session.closed().await;
    assert!(session.is_closed());
    let failure = session.ping().await.unwrap_err();
    assert!(failure.to_string().contains("status 3"), "{failure}");

    let another = alive(&started.client.connect().await.unwrap()).await;
    assert_ne!(another, pid);
    assert_eq!(started.handshakes(), [pid, another]);
}

#[tokio::test]
async fn without_keep_alive_each_connect_has_a_process_of_its_own() {
    let started = Started::new();
    let client = started.client.clone().keep_alive(false);
    let first = client.connect().await.unwrap();
    let second = client.connect().await.unwrap();
    let (one, two) = (alive(&first).await, alive(&second).await);
    assert_ne!(one, two);
    drop(first);
    gone(one).await;
    assert_eq!(alive(&second).await, two);
    // The verdict is still stored: the second connect did not probe the era.
    assert_eq!(client.verdict().unwrap().era(), mcp_client::types::Era::Legacy);
}

#[tokio::test]
async fn other_settings_are_another_session() {
    let started = Started::new();
    let first = started.client.connect().await.unwrap();
    let named = started.client.clone().name("other").connect().await.unwrap();
    assert_ne!(alive(&first).await, alive(&named).await);
    assert_eq!(named.name(), "other");
}

#[tokio::test]
async fn a_failed_start_leaves_no_process() {
    let client = Client::new(Stdio::new("/nowhere/server")).unwrap();
    for _ in 0..2 {
        let failure = client.connect().await.unwrap_err();
        assert!(
            failure.to_string().contains("cannot start /nowhere/server: there is no such file"),
            "{failure}"
        );
    }
    assert_eq!(client.verdict(), None);
    client.close().await.unwrap();
}

#[test]
fn a_process_that_ended_with_its_runtime_is_replaced_in_the_next_one() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let started = Started::new();
    let mut pids = Vec::new();
    for _ in 0..3 {
        let runtime = runtime();
        pids.push(runtime.block_on(async {
            let session = started.client.connect().await.unwrap();
            alive(&session).await
        }));
    }
    assert_eq!(started.handshakes(), pids);
    assert_eq!(HashSet::<u32>::from_iter(pids).len(), 3);
}

//! Typical first programs: errors of each crate with `?`, servers that start late, stderr of processes.

use std::time::Duration;

use mcp_client::{
    Client, Error, ErrorKind, Handlers, McpConfig, Stdio, StreamableHttp,
    transport::Backoff,
    types::{CallToolResult, Root},
};
use mcp_testkit::scripted::{Peer, Reply};
use serde_json::json;

const ATTEMPTS: u32 = 3;

fn backoff() -> Backoff {
    Backoff::new(Duration::from_secs(1), Duration::from_secs(1)).with_attempts(ATTEMPTS)
}

fn shop() -> Peer {
    Peer::modern(json!({ "tools": {} }), |_, _| Reply::Nothing)
}

/// Each line returns an error of a different crate.
#[test]
fn the_question_mark_converts_every_error() {
    type Step = fn() -> Result<(), Error>;
    let steps: [(Step, ErrorKind); 5] = [
        (
            || {
                let _ = StreamableHttp::new("no url")?;
                Ok(())
            },
            ErrorKind::Config,
        ),
        (
            || {
                let _ = Stdio::command_line("'open")?;
                Ok(())
            },
            ErrorKind::Config,
        ),
        (
            || {
                let _ = McpConfig::from_file("no/such/file.json")?;
                Ok(())
            },
            ErrorKind::Config,
        ),
        (
            || {
                let _ = CallToolResult::error("failed").into_result()?;
                Ok(())
            },
            ErrorKind::Tool,
        ),
        (
            || {
                let _ = CallToolResult::from_text("x").structured::<String>()?;
                Ok(())
            },
            ErrorKind::Decode,
        ),
    ];
    for (step, kind) in steps {
        let error = step().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!error.to_string().starts_with(':'), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_connect_is_retried_on_request() {
    let peer = shop();
    peer.refuse(2);
    let failure = Client::new(peer.clone()).unwrap().connect().await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Connect, "{failure}");
    // One more attempt is refused.
    let client = Client::new(peer.clone()).unwrap().connect_backoff(backoff());
    client.connect().await.unwrap();

    let peer = shop();
    peer.refuse(100);
    let client = Client::new(peer).unwrap().connect_backoff(backoff());
    let start = tokio::time::Instant::now();
    client.connect().await.unwrap_err();
    let waited = start.elapsed();
    assert!(waited > Duration::from_secs(1) && waited <= Duration::from_secs(3), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_command_that_does_not_exist_is_not_retried() {
    let missing = Stdio::new("no-such-command-of-any-machine");
    let start = tokio::time::Instant::now();
    Client::new(missing).unwrap().connect_backoff(backoff()).connect().await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[test]
fn handlers_are_added_to_earlier_handlers() {
    let client = Client::new(shop()).unwrap().roots([Root::new("file:///a")]);
    let client = client.handlers(Handlers::new().on_log(|_| {})).on_progress(|_| {});
    assert!(format!("{client:?}").contains("roots: true"), "{client:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn stderr_of_all_processes_goes_to_one_place() {
    use std::sync::{Arc, Mutex};

    use mcp_client::stdio::Stderr;

    let document = json!({ "mcpServers": {
        "a": { "command": "sh", "args": ["-c", "echo words of a >&2"] },
        "b": { "command": "sh", "args": ["-c", "echo words of b >&2"] },
    }});
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    let stderr = Stderr::lines(move |line| sink.lock().unwrap().push(line.to_owned()));
    let client = Client::new(document).unwrap().stderr(stderr);
    // Neither process is a server.
    let _ = client.connect().await;
    client.close().await.unwrap();
    let all = || {
        let lines = lines.lock().unwrap();
        ["words of a", "words of b"].iter().all(|it| lines.iter().any(|line| line == it))
    };
    mcp_testkit::until("both have written", all).await;
}

#[tokio::test]
async fn stderr_of_a_target_without_a_process_is_an_error() {
    let client = Client::new("https://example.com/mcp").unwrap().trace_stderr();
    let failure = client.connect().await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Config);
    assert!(failure.to_string().contains("Client::trace_stderr applies to processes"), "{failure}");
}

//! `proxy`, in both directions.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::support::{Served, command, run, run_in};

const MCP: &str = env!("CARGO_BIN_EXE_mcp");

/// A proxy that listens, which ends with it.
pub(crate) struct Listening {
    pub(crate) url: String,
    pub(crate) child: Child,
    _folder: tempfile::TempDir,
}

impl Listening {
    pub(crate) fn start(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::of(command(folder.path()).args(["proxy", "--listen", "0"]).args(args), folder)
    }

    fn of(command: &mut Command, folder: tempfile::TempDir) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let url = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}"));
        let url = url.to_owned();
        // Read on, so that it is never blocked.
        std::thread::spawn(move || lines.for_each(drop));
        Self { url, child, _folder: folder }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_url_is_a_program_and_a_program_is_a_url() {
    let served = Served::start();
    // From stdio to HTTP.
    let program = ["--", MCP, "proxy", &*served.url];
    // From HTTP to stdio to HTTP.
    let listening = Listening::start(&program);
    for (era, version) in [("legacy", "2025-11-25"), ("modern", "2026-07-28")] {
        for server in [&[&*listening.url][..], &program] {
            let run_on = |args: &[&str]| {
                let (before, after): (&[&str], &[&str]) = match server {
                    [url] => (std::slice::from_ref(url), &[]),
                    program => (&[], program),
                };
                run(&[&args[..1], before, &args[1..], &["--era", era], after].concat())
            };
            assert_eq!(run_on(&["call", "echo", "text=x"]).ok(), "x\n");
            assert_eq!(run_on(&["read", "shop://item/3"]).ok(), "item 3");
            let inspected: Value =
                serde_json::from_str(&run_on(&["inspect", "--json"]).ok()).unwrap();
            assert_eq!(inspected["protocolVersion"], version);
            assert_eq!(inspected["serverInfo"]["name"], "shop");
            run_on(&["call", "fail"]).fails(5);
        }
    }
}

#[test]
fn tools_are_allowed_and_denied() {
    let served = Served::start();
    let program = ["--", MCP, "proxy", &*served.url, "--allow-tool", "echo", "--allow-tool", "add"];
    let list = run(&[&["list"][..], &program].concat()).ok();
    assert!(list.contains("echo(") && list.contains("add(") && !list.contains("wait("), "{list}");
    let program = ["--", MCP, "proxy", &*served.url, "--deny-tool", "echo"];
    let list = run(&[&["list"][..], &program].concat()).ok();
    assert!(!list.contains("echo(") && list.contains("wait("), "{list}");
    let said = run(&[&["call", "--no-check", "echo", "text=x"][..], &program].concat()).fails(1);
    assert!(said.contains("echo"), "{said}");
}

#[test]
fn what_is_no_address_is_refused_with_what_is_expected() {
    for address in ["abc", "localhost", "::1"] {
        let said = run(&["proxy", "--listen", address, "http://127.0.0.1:1/mcp"]).fails(2);
        assert!(said.contains("expected PORT or ADDRESS:PORT"), "{said}");
    }
}

#[test]
fn other_machines_need_a_token() {
    let served = Served::start();
    let open = ["proxy", &*served.url, "--listen", "0.0.0.0:0"];
    let said = run(&open).fails(2);
    assert!(said.contains("--token-env") && said.contains("--no-auth"), "{said}");
    run(&[&open[..], &["--token-env", "NO_SUCH"]].concat()).fails(2);

    let folder = tempfile::tempdir().unwrap();
    let mut proxy = command(folder.path());
    proxy.args(open).args(["--token-env", "TOKEN"]).env("TOKEN", "front-secret");
    let listening = Listening::of(&mut proxy, folder);
    let url = listening.url.replace("0.0.0.0", "127.0.0.1");
    run(&["ping", &url, "-n", "1"]).fails(3);
    run(&["ping", &url, "-n", "1", "-H", "Authorization: Bearer other"]).fails(3);
    run(&["ping", &url, "-n", "1", "-H", "Authorization: Bearer front-secret"]).ok();
}

#[test]
fn http_sse_is_served_and_reached() {
    let served = Served::start();
    let listening = Listening::start(&[&*served.url, "--serve-sse"]);
    let sse = listening.url.replace("/mcp", "/sse");
    assert_eq!(run(&["call", &sse, "echo", "text=x", "--sse"]).ok(), "x\n");
    // And from there to stdio, without being told what it is.
    let program = ["--", MCP, "proxy", &*sse];
    assert_eq!(run(&[&["call", "echo", "text=y"][..], &program].concat()).ok(), "y\n");
    let moved = sse.replace("/sse", "/healthz");
    run(&["ping", &moved]).fails(4);
}

#[test]
fn one_session_is_shared_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start();
    let script = format!("echo started >> log; exec '{MCP}' proxy '{}'", served.url);
    let starts =
        || std::fs::read_to_string(folder.path().join("log")).map_or(0, |it| it.lines().count());
    for (options, expected) in [(&["--share"][..], 1), (&[], 3)] {
        let own = tempfile::tempdir().unwrap();
        let mut proxy = command(own.path());
        proxy.args(["proxy", "--listen", "0", "--cwd"]).arg(folder.path());
        proxy.args(options).args(["--", "sh", "-c", &script]);
        let before = starts();
        let listening = Listening::of(&mut proxy, own);
        for _ in 0..3 {
            run(&["call", &listening.url, "echo", "text=x", "--era", "legacy"]).ok();
        }
        assert_eq!(starts() - before, expected, "{options:?}");
    }
}

#[cfg(unix)]
fn terminate(child: &Child) {
    let kill = Command::new("kill").arg(child.id().to_string()).status();
    assert!(kill.unwrap().success());
}

#[cfg(unix)]
fn is_gone(pid: &str) -> bool {
    let kill = Command::new("kill").args(["-0", pid]).stderr(Stdio::null()).status();
    !kill.unwrap().success()
}

fn within(limit: Duration, mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < limit, "it does not happen within {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The process of a session ends with the session, and the last ones with the proxy.
#[cfg(unix)]
#[test]
fn it_ends_in_an_orderly_way_and_leaves_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start();
    let script = format!("echo $$ >> pids; exec '{MCP}' proxy '{}'", served.url);
    let own = tempfile::tempdir().unwrap();
    let mut proxy = command(own.path());
    proxy
        .args(["proxy", "--listen", "0", "--cwd"])
        .arg(folder.path())
        .args(["--", "sh", "-c", &script]);
    let mut listening = Listening::of(&mut proxy, own);
    let pids = || std::fs::read_to_string(folder.path().join("pids")).unwrap_or_default();
    run(&["call", &listening.url, "echo", "text=x", "--era", "legacy"]).ok();
    run(&["call", &listening.url, "echo", "text=x", "--era", "modern"]).ok();
    let first = pids().lines().next().unwrap().to_owned();
    within(Duration::from_secs(5), || is_gone(&first));
    terminate(&listening.child);
    assert_eq!(listening.child.wait().unwrap().code(), Some(0));
    within(Duration::from_secs(5), || pids().lines().all(is_gone));
}

/// A host that goes away closes the input.
#[test]
fn a_client_that_is_gone_ends_it() {
    let served = Served::start();
    let folder = tempfile::tempdir().unwrap();
    let mut proxy = command(folder.path());
    proxy.args(["proxy", &served.url]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut proxy = proxy.spawn().unwrap();
    let mut stdin = proxy.stdin.take().unwrap();
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    writeln!(stdin, "{hello}").unwrap();
    let mut line = String::new();
    BufReader::new(proxy.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("\"shop\""), "{line}");
    drop(stdin);
    let start = Instant::now();
    assert_eq!(proxy.wait().unwrap().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_server_that_is_not_there_is_an_error_at_once() {
    let said = run(&["proxy", "http://127.0.0.1:1/mcp"]).fails(4);
    assert!(said.contains("onnection refused"), "{said}");
}

/// A whole configuration is one server.
#[test]
fn several_servers_are_one() {
    let (one, other) = (Served::start(), Served::start());
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        r#"{{"mcpServers": {{"a": {{"url": "{}"}}, "b": {{"url": "{}"}}}}}}"#,
        one.url, other.url
    );
    std::fs::write(folder.path().join("all.json"), config).unwrap();
    let file = folder.path().join("all.json");
    let list = list_through(folder.path(), file.to_str().unwrap());
    assert!(list.contains("a_echo(") && list.contains("b_echo("), "{list}");
}

/// The status and the body of a GET.
fn get(url: &str) -> (u16, String) {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

#[test]
fn each_server_of_a_configuration_has_its_own_url() {
    let (one, other) = (Served::start(), Served::start());
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        r#"{{"mcpServers": {{"a": {{"url": "{}"}}, "b c": {{"url": "{}"}}}}}}"#,
        one.url, other.url
    );
    let file = folder.path().join("all.json");
    std::fs::write(&file, config).unwrap();
    for share in [&[][..], &["--share"]] {
        let listening = Listening::start(&[&[file.to_str().unwrap()], share].concat());
        let all = run(&["list", &listening.url]).ok();
        assert!(all.contains("a_echo(") && all.contains("b_c_echo("), "{all}");
        for name in ["a", "b%20c"] {
            let url = listening.url.replace("/mcp", &format!("/servers/{name}/mcp"));
            for era in ["legacy", "modern"] {
                assert_eq!(run(&["call", &url, "echo", "text=x", "--era", era]).ok(), "x\n");
            }
        }
        let unknown = run(&["ping", &listening.url.replace("/mcp", "/servers/c/mcp")]).fails(1);
        assert!(unknown.contains(r#""a", "b c""#), "{unknown}");
    }
}

#[test]
fn readiness_is_that_of_the_server_and_health_that_of_the_process() {
    let folder = tempfile::tempdir().unwrap();
    for options in [&[][..], &["--share"]] {
        let served = Served::start();
        let listening = Listening::start(&[&[&*served.url], options].concat());
        let (healthy, ready) =
            (listening.url.replace("/mcp", "/healthz"), listening.url.replace("/mcp", "/readyz"));
        assert_eq!(get(&healthy), (200, String::new()));
        assert_eq!(get(&ready), (200, String::new()));
        drop(served);
        within(Duration::from_secs(20), || get(&ready).0 == 503);
        let (_, cause) = get(&ready);
        assert!(cause.contains("onnection refused"), "{cause}");
        assert_eq!(get(&healthy).0, 200);
    }
    // A program that ends at once.
    let own = tempfile::tempdir().unwrap();
    let mut proxy = command(own.path());
    proxy.args(["proxy", "--listen", "0", "--", MCP, "no-such-command"]).current_dir(folder.path());
    let listening = Listening::of(&mut proxy, own);
    let (status, cause) = get(&listening.url.replace("/mcp", "/readyz"));
    assert!(status == 503 && cause.contains("exited with status 2"), "{status} {cause}");
    assert_eq!(get(&listening.url.replace("/mcp", "/healthz")).0, 200);
}

#[test]
fn https_is_served_with_a_certificate() {
    let served = Served::start();
    let folder = tempfile::tempdir().unwrap();
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let cert = file("cert.pem", made.cert.pem());
    let key = file("key.pem", made.signing_key.serialize_pem());
    let listening = Listening::start(&[&*served.url, "--tls-cert", &cert, "--tls-key", &key]);
    assert!(listening.url.starts_with("https://127.0.0.1:"), "{}", listening.url);
    for era in ["legacy", "modern"] {
        let call = ["call", &*listening.url, "--cacert", &cert, "--era", era, "echo", "text=x"];
        assert_eq!(run(&call).ok(), "x\n");
    }
    run(&["ping", &listening.url]).fails(4);
    let plain = run(&["ping", &listening.url.replace("https", "http")]).fails(1);
    assert!(plain.contains("the server uses TLS"), "{plain}");

    let listen = ["proxy", &*served.url, "--listen", "0", "--tls-cert"];
    run(&[&listen[..], &[&cert]].concat()).fails(2);
    let swapped = run(&[&listen[..], &[&key, "--tls-key", &key]].concat()).fails(2);
    assert!(swapped.contains("no PEM certificate"), "{swapped}");
    let missing = run(&[&listen[..], &[&cert, "--tls-key", "none.pem"]].concat()).fails(2);
    assert!(missing.contains("cannot read none.pem"), "{missing}");
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = file("other.pem", other.signing_key.serialize_pem());
    let wrong = run(&[&listen[..], &[&cert, "--tls-key", &other]].concat()).fails(2);
    assert!(wrong.contains("are not valid"), "{wrong}");
}

/// The process of the server is killed under 64 calls. All of them end with an error that says whether the server may
/// have worked on them, and the client opens another session.
#[cfg(unix)]
#[test]
fn calls_of_a_server_that_is_killed_end_and_the_session_too() {
    use mcp_client::{Client, EraPolicy, ErrorKind};

    let folder = tempfile::tempdir().unwrap();
    let served = Served::start();
    let script = format!("echo $$ >> pids; exec '{MCP}' proxy '{}'", served.url);
    let own = tempfile::tempdir().unwrap();
    let mut proxy = command(own.path());
    proxy.args(["proxy", "--listen", "0", "--cwd"]).arg(folder.path());
    proxy.args(["--", "sh", "-c", &script]);
    let listening = Listening::of(&mut proxy, own);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for era in [EraPolicy::Legacy, EraPolicy::Pinned("2026-07-28".parse().unwrap())] {
            let client = Client::new(&*listening.url).unwrap().era(era);
            let session = client.connect().await.unwrap();
            let calls = (0..64).map(|_| {
                let call = session.call_tool("wait").arg("seconds", 60);
                tokio::spawn(async move { call.await.unwrap_err() })
            });
            let calls: Vec<_> = calls.collect();
            tokio::time::sleep(Duration::from_secs(1)).await;
            let pids = std::fs::read_to_string(folder.path().join("pids")).unwrap();
            let pid = pids.lines().last().unwrap();
            assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
            let start = Instant::now();
            for call in calls {
                let error = call.await.unwrap();
                assert_eq!(error.kind(), ErrorKind::Answer, "{error}");
                let data = error.answer().unwrap().data.clone().unwrap();
                assert_eq!(data.as_bytes(), br#"{"delivery":"unknown"}"#);
            }
            assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
            // The transport opens another session of the legacy era where the old one is unknown.
            let echo = session.call_tool("echo").arg("text", "again").await.unwrap();
            assert_eq!(echo.text(), "again");
            session.close().await.unwrap();
        }
    });
}

/// A host notices that the server of its session has ended, as if it had started it itself.
#[cfg(unix)]
#[test]
fn a_session_on_stdio_ends_with_its_server() {
    let served = Served::start();
    let folder = tempfile::tempdir().unwrap();
    let script = format!("echo $$ > pid; exec '{MCP}' proxy '{}'", served.url);
    let mut proxy = command(folder.path());
    proxy.args(["proxy", "--", "sh", "-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut proxy = proxy.stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = proxy.stdin.take().unwrap();
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    writeln!(stdin, "{hello}").unwrap();
    let mut line = String::new();
    BufReader::new(proxy.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let pid = std::fs::read_to_string(folder.path().join("pid")).unwrap();
    assert!(Command::new("kill").args(["-9", pid.trim()]).status().unwrap().success());
    within(Duration::from_secs(5), || proxy.try_wait().unwrap().is_some());
    let ended = proxy.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(4), "{said}");
    assert!(said.contains("the server has ended"), "{said}");
    drop(stdin);
}

fn list_through(folder: &Path, target: &str) -> String {
    run_in(folder, &["list", "--", MCP, "proxy", target]).ok()
}

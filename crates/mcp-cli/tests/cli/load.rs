//! `proxy` under load: what sessions and health checks leave behind.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::Child,
    time::{Duration, Instant},
};

use mcp_client::serve::Http;
use mcp_server::Server;

use crate::{
    proxy::Listening,
    support::{Served, server},
};

const SESSIONS: usize = 1000;
const HEALTH_CHECKS: usize = 10_000;
/// The limit of the memory of idle sessions, in bytes.
const IDLE_LIMIT: u64 = 40 << 20;
/// The memory that a further round may need, in bytes: allocators do not return all of it.
const GROWTH_LIMIT: u64 = 10 << 20;

/// One connection with many requests, in place of a client, whose own sessions would need memory and time.
struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Connection {
    fn open(url: &str) -> Self {
        let host = url.strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
        let stream = TcpStream::connect(&host).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { stream: BufReader::new(stream), host }
    }

    /// Sends a request, and returns the status and the id of the session.
    fn send(&mut self, line: &str, headers: &str, body: &str) -> (u16, Option<String>) {
        let (host, length) = (&self.host, body.len());
        let request = format!(
            "{line} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\naccept: \
             application/json, text/event-stream\r\n{headers}content-length: {length}\r\n\r\n{body}"
        );
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut status, mut session, mut length) = (0, None, Some(0));
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            match line.trim_end().split_once(": ") {
                Some(("mcp-session-id", id)) => session = Some(id.to_owned()),
                Some(("content-length", text)) => length = Some(text.parse().unwrap()),
                Some(("transfer-encoding", _)) => length = None,
                Some(_) => {}
                None if line.starts_with("HTTP/1.1 ") => status = line[9..12].parse().unwrap(),
                None => break,
            }
        }
        match length {
            Some(length) => self.skip(length),
            None => while self.skip_chunk() {},
        }
        (status, session)
    }

    fn skip(&mut self, length: usize) {
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
    }

    /// Whether there is another one.
    fn skip_chunk(&mut self) -> bool {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let length = usize::from_str_radix(line.trim(), 16).unwrap();
        self.skip(length + 2);
        length > 0
    }

    fn open_session(&mut self) -> String {
        let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
        let (status, session) = self.send("POST /mcp", "", hello);
        assert_eq!(status, 200);
        let session = session.unwrap();
        let header = format!("mcp-session-id: {session}\r\n");
        let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        assert_eq!(self.send("POST /mcp", &header, ready).0, 202);
        session
    }
}

/// The resident memory of a process in bytes, and the number of its descriptors.
fn usage(child: &Child) -> (u64, usize) {
    let folder = format!("/proc/{}", child.id());
    let status = std::fs::read_to_string(format!("{folder}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kibibytes: u64 = resident.trim().strip_suffix(" kB").unwrap().trim().parse().unwrap();
    (kibibytes << 10, std::fs::read_dir(format!("{folder}/fd")).unwrap().count())
}

fn wait(what: &str, mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Clients of one listening `mcp proxy`, and the sessions at the server behind it.
struct Load {
    listening: Listening,
    upstream: Http<Server>,
    _served: Served,
    /// The descriptors of the proxy when it is idle.
    descriptors: usize,
}

impl Load {
    fn start(options: &[&str]) -> Self {
        let mut upstream = None;
        let served = Served::of(server(), |http| {
            upstream = Some(http.clone());
            http
        });
        let limits = ["--max-sessions", "2000", &*served.url];
        let listening = Listening::start(&[options, &limits].concat());
        // What the first session needs is not needed again.
        Connection::open(&listening.url).open_session();
        let (_, descriptors) = usage(&listening.child);
        Self { listening, upstream: upstream.unwrap(), _served: served, descriptors }
    }

    /// Opens this many sessions, drops them without DELETE, and waits until nothing is left of them. Returns the
    /// memory of the proxy in bytes: before, and while all are open.
    fn drop_sessions(&self, count: usize) -> (u64, u64) {
        let (before, _) = usage(&self.listening.child);
        // A server closes a connection that was not used for long.
        let mut connection = Connection::open(&self.listening.url);
        let start = Instant::now();
        let sessions: Vec<_> = (0..count).map(|_| connection.open_session()).collect();
        let opened = start.elapsed();
        let (during, _) = usage(&self.listening.child);
        eprintln!(
            "{count} sessions in {opened:?}, {} KiB more",
            during.saturating_sub(before) >> 10
        );
        // Each check is a request, which keeps one session open for longer.
        let mut checked = sessions.iter();
        let ping = r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#;
        wait("the sessions expire", || {
            std::thread::sleep(Duration::from_millis(500));
            let header = format!("mcp-session-id: {}\r\n", checked.next().unwrap());
            connection.send("POST /mcp", &header, ping).0 == 404
        });
        wait("those at the server are closed", || self.upstream.sessions() <= 1);
        (before, during)
    }

    /// Waits until all connections are closed, also the idle ones, which the server closes.
    fn wait_for_descriptors(&self) {
        wait("the descriptors are closed", || {
            usage(&self.listening.child).1 <= self.descriptors + 8
        });
    }
}

/// Longer than it takes to open all sessions.
const IDLE: &[&str] = &["--idle", "6s"];

#[test]
fn dropped_sessions_leave_nothing_behind() {
    let load = Load::start(IDLE);
    let (before, during) = load.drop_sessions(SESSIONS);
    assert!(during.saturating_sub(before) < IDLE_LIMIT, "{before} {during}");
    load.wait_for_descriptors();
}

#[test]
fn dropped_sessions_of_a_shared_server_leave_nothing_behind() {
    let options = [&["--share"], IDLE].concat();
    let load = Load::start(&options);
    let (before, during) = load.drop_sessions(SESSIONS);
    assert!(during.saturating_sub(before) < IDLE_LIMIT, "{before} {during}");
    load.wait_for_descriptors();
}

#[test]
fn memory_does_not_grow_with_the_number_of_dropped_sessions() {
    let load = Load::start(&["--idle", "2s"]);
    // After the first time, the allocator keeps what all sessions that end at once need.
    let [_, (_, second), (_, third)] = [(); 3].map(|()| load.drop_sessions(200));
    assert!(third.saturating_sub(second) < GROWTH_LIMIT, "{second} {third}");
    load.wait_for_descriptors();
}

#[test]
fn health_checks_open_no_session() {
    let load = Load::start(IDLE);
    let mut connection = Connection::open(&load.listening.url);
    let (before, _) = usage(&load.listening.child);
    for _ in 0..HEALTH_CHECKS {
        assert_eq!(connection.send("GET /healthz", "", "").0, 200);
    }
    for _ in 0..HEALTH_CHECKS / 10 {
        assert_eq!(connection.send("GET /readyz", "", "").0, 200);
        assert_eq!(connection.send("GET /mcp", "", "").0, 405, "it has no session");
    }
    let (after, open) = usage(&load.listening.child);
    assert!(after.saturating_sub(before) < 2 << 20, "{before} {after}");
    assert!(open <= load.descriptors + 8, "{open} {}", load.descriptors);
    assert!(load.upstream.sessions() <= 2, "the first session and that of the readiness check");
}

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    time::Duration,
};

use mcp_client::{Client, EraPolicy};

use super::{Expect, Log, Program, Row, bounded, exercise, within};

/// Time limit for a server to listen. Some import for a long time on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A remote server. It runs until it is dropped.
pub(crate) struct HttpPeer {
    pub(crate) url: String,
    pub(crate) log: Log,
    child: Option<Child>,
}

impl HttpPeer {
    /// Starts a peer at a port of its choice, which it prints once it listens.
    pub(crate) async fn start(program: &Program, options: &[&str]) -> Self {
        Self::start_as("http", program, options).await
    }

    /// The same over HTTP+SSE, with its stream at this path.
    pub(crate) async fn start_sse(program: &Program, path: &str) -> Self {
        Self::start_as("sse", program, &[path]).await
    }

    /// Kills it and restarts it at the same port.
    #[cfg(target_os = "linux")]
    pub(crate) async fn replace(&mut self, form: &str, program: &Program, options: &[&str]) {
        self.kill();
        let address = self.url.trim_start_matches("http://").split('/').next().unwrap();
        let port = address.rsplit(':').next().unwrap().to_owned();
        let url = std::mem::take(&mut self.url);
        *self = Self::start_at(form, &port, program, options).await;
        assert_eq!(self.url, url);
    }

    async fn start_as(form: &str, program: &Program, options: &[&str]) -> Self {
        Self::start_at(form, "0", program, options).await
    }

    async fn start_at(form: &str, port: &str, program: &Program, options: &[&str]) -> Self {
        let mut command = program.command();
        command.args([form, port]).args(options);
        let mut peer = Self::spawn(command);
        let ready = peer.says("listening on").await;
        peer.url = ready.split_whitespace().last().unwrap_or_default().to_owned();
        assert!(peer.url.starts_with("http://127.0.0.1:"), "{ready}");
        peer
    }

    /// Starts a server that gets its port as an environment variable, and prints `ready` once it listens.
    pub(crate) async fn start_at_port(
        mut command: Command,
        variable: &str,
        path: &str,
        ready: &str,
    ) -> Self {
        let port = free_port().to_string();
        let mut peer = Self::spawn(command.env(variable, &port));
        peer.says(ready).await;
        peer.url = format!("http://127.0.0.1:{port}{path}");
        peer
    }

    /// Starts a server that gets its port on the command line, and waits until it listens.
    pub(crate) async fn start_with_port(command: impl FnOnce(&str) -> Command, path: &str) -> Self {
        let port = free_port();
        let mut peer = Self::spawn(command(&port.to_string()));
        let begun = std::time::Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let text = peer.log.text();
            assert!(begun.elapsed() < START_LIMIT, "the server does not listen: {text}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        peer.url = format!("http://127.0.0.1:{port}{path}");
        peer
    }

    /// Starts a server at `url` that prints `ready` once it listens.
    pub(crate) async fn start_ready(command: Command, url: &str, ready: &str) -> Self {
        let mut peer = Self::spawn(command);
        peer.says(ready).await;
        url.clone_into(&mut peer.url);
        peer
    }

    fn spawn(mut command: impl std::borrow::BorrowMut<Command>) -> Self {
        let command = command.borrow_mut();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let mut child = command.spawn().unwrap();
        let log = Log::new();
        read(child.stdout.take().unwrap(), log.clone());
        read(child.stderr.take().unwrap(), log.clone());
        Self { url: String::new(), log, child: Some(child) }
    }

    async fn says(&self, ready: &str) -> String {
        let line = self.log.line(0, ready);
        match tokio::time::timeout(START_LIMIT, line).await {
            Ok(line) => line,
            Err(_) => panic!("the server does not listen: {}", self.log.text()),
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.url).unwrap()
    }

    /// Everything: every kind of call, a close, and another session with the saved verdict.
    pub(crate) async fn exercise(&self, mode: EraPolicy, expect: &Expect) {
        let session = bounded(self.client().era(mode).connect()).await.unwrap();
        let row = Row::of(expect.server, &session);
        exercise(&session, &self.log, expect).await;
        within(Duration::from_secs(5), session.close()).await.unwrap();
        bounded(session.list_tools()).await.unwrap_err();

        let known = self.client().era(mode).prior_discover(session.verdict().clone());
        let again = bounded(known.connect()).await.unwrap();
        assert_eq!(again.protocol_version(), expect.version);
        assert_eq!(bounded(again.list_prompts()).await.unwrap().len(), 1);
        within(Duration::from_secs(5), again.close()).await.unwrap();
        row.passed();
    }
}

/// A port without a listener.
fn free_port() -> u16 {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    free.local_addr().unwrap().port()
}

/// Reads to the end in the background.
fn read(pipe: impl Read + Send + 'static, log: Log) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            log.push(&line);
        }
    });
}

impl HttpPeer {
    /// Kills it with its process tree.
    pub(crate) fn kill(&mut self) {
        // Only once: the process id may be reused afterwards.
        let Some(mut child) = self.child.take() else { return };
        #[cfg(unix)]
        if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw)
        {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Drop for HttpPeer {
    fn drop(&mut self) {
        self.kill();
    }
}

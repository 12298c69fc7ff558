//! The examples of authorization, as programs, at `oidc-provider` and a server of FastMCP that trusts it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use mcp_client::http::HttpClient;
use mcp_testkit::http::log_in;

use super::{HttpPeer, at_localhost, bounded, fastmcp, oidc};

/// What the user gives at the login page.
const FIELDS: &[(&str, &str)] = &[("login", "ada"), ("password", "pw")];

/// The authorization server, the MCP server, and a home for the programs.
struct World {
    issuer: String,
    url: String,
    home: tempfile::TempDir,
    _peers: [HttpPeer; 2],
}

impl World {
    async fn start() -> Option<Self> {
        let home = tempfile::tempdir().unwrap();
        let provider = oidc::provider_with_key(600, Some(&home.path().join("key.pem"))).await?;
        let issuer = at_localhost(&provider);
        let server = fastmcp(&[("ISSUER", &issuer)]).await?;
        let url = at_localhost(&server);
        Some(Self { issuer, url, home, _peers: [provider, server] })
    }

    /// A program whose home and browser are ours: the browser writes down the page that it is to open.
    fn program(&self, path: &str, args: &[&str]) -> Command {
        let browser = self.home.path().join("browser");
        if !browser.exists() {
            let text = format!(
                "#!/bin/sh\nprintf %s \"$1\" > '{0}.new'\nmv '{0}.new' '{0}'\n",
                self.page().display()
            );
            let script = self.home.path().join("browser.txt");
            std::fs::write(&script, text).unwrap();
            // Copied by another process: a file that a concurrent fork holds open cannot be executed.
            let mut install = Command::new("install");
            install.args(["-m", "755"]).args([&script, &browser]);
            assert!(install.status().unwrap().success());
        }
        let mut command = Command::new(path);
        command.arg(&self.url).args(args).stdin(Stdio::null());
        command.env("HOME", self.home.path()).env("BROWSER", &browser);
        command.env_remove("XDG_DATA_HOME").env_remove("XDG_CONFIG_HOME");
        command.env_remove("XDG_STATE_HOME");
        command
    }

    fn page(&self) -> PathBuf {
        self.home.path().join("page")
    }

    /// Runs a program that opens the browser, and logs in there. Returns what the program printed, and the page that
    /// the user saw in the end.
    async fn with_browser(&self, command: &mut Command) -> (String, String) {
        let child = piped(command);
        let page = bounded(opened(&self.page())).await;
        std::fs::remove_file(self.page()).unwrap();
        let redirect = log_in(&page, FIELDS).await.unwrap();
        let request = http::Request::get(redirect).body(mcp_client::http::Body::empty()).unwrap();
        let response = bounded(HttpClient::new().send(request)).await.unwrap();
        let seen = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
        (finished(child).await, String::from_utf8_lossy(&seen).into_owned())
    }
}

async fn opened(page: &Path) -> String {
    loop {
        if let Ok(page) = std::fs::read_to_string(page) {
            return page;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn piped(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The output of a program that succeeds.
async fn finished(child: Child) -> String {
    let waiting = tokio::task::spawn_blocking(|| child.wait_with_output());
    let output = bounded(waiting).await.unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {text}{errors}", output.status);
    text
}

#[tokio::test]
async fn oauth_logs_in_remembers_and_logs_out() {
    let Some(world) = World::start().await else { return };
    let path = env!("CARGO_BIN_EXE_example-oauth");
    for login in 1..3 {
        let (text, seen) = world.with_browser(&mut world.program(path, &[])).await;
        assert!(text.contains("log in to") && text.contains("\necho\n"), "{login}: {text}");
        assert!(text.contains("is_logged_in: true"), "{text}");
        assert!(seen.contains("logged in") || seen.contains("Logged in"), "{seen}");
        // Nobody is asked.
        let text = finished(piped(&mut world.program(path, &[]))).await;
        assert!(text.contains("echo\n") && !text.contains("log in to"), "{text}");
        assert!(!world.page().exists());
        finished(piped(&mut world.program(path, &["logout"]))).await;
    }
}

#[tokio::test]
async fn client_credentials_uses_a_secret_or_a_key() {
    let Some(world) = World::start().await else { return };
    let path = env!("CARGO_BIN_EXE_example-client-credentials");
    let mut secret = world.program(path, &["service", &world.issuer]);
    let text = finished(piped(secret.env("CLIENT_SECRET", "service-secret"))).await;
    assert!(text.contains("echo\n"), "{text}");
    let mut key = world.program(path, &["signer", &world.issuer]);
    let text = finished(piped(key.env("CLIENT_KEY", world.home.path().join("key.pem")))).await;
    assert!(text.contains("echo\n"), "{text}");
    // The key of another is refused.
    let mut wrong = world.program(path, &["service", &world.issuer]);
    let mut child = piped(wrong.env("CLIENT_SECRET", "guessed"));
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap());
    assert!(!bounded(status).await.unwrap().success());
}

#[tokio::test]
async fn remote_shell_takes_the_pasted_address() {
    let Some(world) = World::start().await else { return };
    let mut command = world.program(env!("CARGO_BIN_EXE_example-remote-shell"), &[]);
    let mut child = piped(command.stdin(Stdio::piped()));
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let page = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        while !line.trim().starts_with("http") {
            line.clear();
            assert_ne!(errors.read_line(&mut line).unwrap(), 0, "no page was printed");
        }
        // Reads on, so that the program can write.
        std::thread::spawn(move || errors.read_to_end(&mut Vec::new()));
        line.trim().to_owned()
    });
    let page = bounded(page).await.unwrap();
    let redirect = log_in(&page, FIELDS).await.unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "not an address").unwrap();
    writeln!(stdin, "{redirect}").unwrap();
    let text = finished(child).await;
    assert!(text.contains("Implementation"), "{text}");
    assert!(!world.page().exists());
}

#[tokio::test]
async fn authorized_tower_logs_in_below_its_trace() {
    let Some(world) = World::start().await else { return };
    let mut command = world.program(env!("CARGO_BIN_EXE_example-authorized-tower"), &[]);
    let (text, _) = world.with_browser(command.env("RUST_LOG", "tower_http=debug")).await;
    assert!(text.contains("echo\n"), "{text}");
    assert!(text.contains("finished processing request"), "{text}");
}

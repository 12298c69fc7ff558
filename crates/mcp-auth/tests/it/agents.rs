//! User agents without a browser, in separate processes: their output and input.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use http::Request;
use mcp_auth::{Browser, Event, OAuth, Terminal};
use mcp_http::Body;
use mcp_testkit::http::log_in;
use mcp_testkit::within;

use crate::world::{World, client};

const URL: &str = "MCP_AUTH_TEST_AGENT_URL";
const PAGE: &str = "page: ";

/// Not a test: a process whose browser does not open.
#[tokio::test]
async fn browser() {
    let Ok(url) = std::env::var(URL) else { return };
    let oauth = OAuth::new().user_agent(Browser::new().host("localhost")).on_event(|event| {
        if let Event::BrowserFailed { url, .. } = event {
            eprintln!("{PAGE}{}", url.as_str());
        }
    });
    within(oauth.http(client()).login(&url)).await.unwrap();
}

/// Not a test: a process at a shell.
#[tokio::test]
async fn terminal() {
    let Ok(url) = std::env::var(URL) else { return };
    within(OAuth::new().user_agent(Terminal::new()).http(client()).login(&url)).await.unwrap();
}

fn start(name: &str, url: &str) -> Child {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([&format!("agents::{name}"), "--exact", "--nocapture"]);
    // No program can open a page.
    for variable in ["BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "XDG_CURRENT_DESKTOP"] {
        command.env_remove(variable);
    }
    for variable in ["PATH", "HOME", "XDG_CONFIG_DIRS", "XDG_DATA_DIRS"] {
        command.env(variable, home.path().join("none"));
    }
    let command = command.env(URL, url).stdin(Stdio::piped()).stderr(Stdio::piped());
    command.stdout(Stdio::null()).spawn().unwrap()
}

/// The next line in which `find` finds something.
async fn line(
    mut lines: impl Iterator<Item = std::io::Result<String>> + Send + 'static,
    find: impl Fn(&str) -> Option<String> + Send + 'static,
) -> (String, impl Iterator<Item = std::io::Result<String>> + Send + 'static) {
    let reading = tokio::task::spawn_blocking(move || {
        let found = lines.by_ref().map_while(Result::ok).find_map(|line| find(&line));
        (found.expect("the process ended"), lines)
    });
    within(reading).await.unwrap()
}

async fn ended(mut child: Child) {
    let ending = tokio::task::spawn_blocking(move || child.wait().unwrap());
    assert!(within(ending).await.unwrap().success());
}

#[tokio::test]
async fn a_browser_that_does_not_open_is_reported_and_the_login_continues() {
    let world = World::start().await;
    let mut child = start("browser", &world.url());
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let found = line(lines, |line| line.split_once(PAGE).map(|(_, page)| page.to_owned()));
    let (page, _rest) = found.await;
    // The user opens the URL in another way on the same machine.
    let redirect = log_in(&page, &[]).await.unwrap();
    assert!(redirect.starts_with("http://localhost:"), "{redirect}");
    let back = client().send(Request::get(redirect).body(Body::empty()).unwrap());
    let shown = within(back).await.unwrap().into_body().read_to_end(10_000).await.unwrap();
    let shown = String::from_utf8(shown.to_vec()).unwrap();
    assert!(shown.contains("Logged in") && !shown.contains("canary"), "{shown}");
    assert_eq!(world.seen("code").len(), 1, "the page was answered after the exchange");
    ended(child).await;
}

#[tokio::test]
async fn a_redirect_url_pasted_into_the_terminal_completes_the_login() {
    let world = World::start().await;
    let mut child = start("terminal", &world.url());
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let origin = world.origin();
    let is_page = move |line: &str| line.trim().starts_with(&origin).then(|| line.trim().into());
    let (page, lines) = line(lines, move |line| is_page(line)).await;
    // The browser is on another machine: its redirect cannot arrive.
    let redirect = log_in(&page, &[]).await.unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "what do I do?").unwrap();
    let (_, lines) = line(lines, |line| line.contains("no code").then(String::new)).await;
    let (_, query) = redirect.split_once('?').unwrap();
    writeln!(stdin, "{query}").unwrap();
    let (_, _rest) = line(lines, |line| line.contains("Logged in").then(String::new)).await;
    ended(child).await;
    assert_eq!(world.seen("code").len(), 1);
}

//! What every server with the tools of the peers has to stand.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use mcp_client::{ErrorKind, Session, types::ProtocolVersion};

use super::{Log, bounded};

/// What is different from peer to peer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expect {
    /// Who it says it is.
    pub(crate) server: &'static str,
    pub(crate) version: ProtocolVersion,
    /// Whether progress comes through; where answers are plain JSON, nothing can come before them.
    pub(crate) progress: bool,
    /// Whether a tool of it gets to know that it was cancelled.
    pub(crate) cancels: bool,
}

impl Expect {
    pub(crate) const fn new(server: &'static str, version: ProtocolVersion) -> Self {
        Self { server, version, progress: true, cancels: true }
    }

    pub(crate) const fn legacy(server: &'static str) -> Self {
        Self::new(server, ProtocolVersion::LATEST_LEGACY)
    }

    pub(crate) const fn modern(server: &'static str) -> Self {
        Self::new(server, ProtocolVersion::LATEST_MODERN)
    }

    pub(crate) const fn without_progress(mut self) -> Self {
        self.progress = false;
        self
    }

    pub(crate) const fn without_cancel(mut self) -> Self {
        self.cancels = false;
        self
    }
}

/// Makes every kind of call. `log` is what the server writes beside the protocol.
pub(crate) async fn exercise(session: &Session, log: &Log, expect: &Expect) {
    identity(session, expect);
    tools(session).await;
    failures(session).await;
    progress(session, expect).await;
    cancellation(session, log, expect).await;
    concurrency(session).await;
    big_result(session).await;
    resources(session).await;
    prompts(session).await;
    assert!(!session.is_closed());
}

fn identity(session: &Session, expect: &Expect) {
    assert_eq!(session.protocol_version(), expect.version);
    assert_eq!(session.era(), expect.version.era());
    let info = session.server_info().expect("every peer says who it is");
    assert_eq!(info.name, expect.server);
    assert_eq!(session.instructions(), Some("the tools of the peers"));
    let capabilities = session.capabilities();
    assert!(capabilities.tools.is_some() && capabilities.resources.is_some());
    assert!(capabilities.prompts.is_some());
}

async fn tools(session: &Session) {
    let tools = bounded(session.list_tools()).await.unwrap();
    let mut names: Vec<_> = tools.iter().map(|tool| &*tool.name).collect();
    names.sort_unstable();
    names.retain(|name| *name != "poll");
    assert_eq!(names, ["add", "big", "echo", "fail", "slow", "wait"]);
    let echo = tools.iter().find(|tool| tool.name == "echo").unwrap();
    assert!(echo.description.as_ref().unwrap().starts_with("Returns the text"));
    assert_eq!(echo.input_schema["properties"]["text"]["type"], "string");

    let text = "grüße, \u{1f980}\u{2028}\r\n\"quoted\"\0";
    let echo = bounded(session.call_tool("echo").arg("text", text)).await.unwrap();
    assert_eq!(echo.into_result().unwrap().text(), text);
    let sum = bounded(session.call_tool("add").arg("a", 2).arg("b", 40)).await.unwrap();
    assert_eq!(sum.into_result().unwrap().text(), "42");
}

async fn failures(session: &Session) {
    // What a tool reports is a value.
    let failed = bounded(session.call_tool("fail").arg("message", "no paper")).await.unwrap();
    assert_eq!(failed.is_error, Some(true));
    let error = failed.into_result().unwrap_err();
    assert!(error.to_string().contains("no paper"), "{error}");

    // Servers differ in whether these are errors of the protocol or of the tool.
    let unknown = refusal(session.call_tool("no_such_tool")).await;
    assert!(unknown.contains("no_such_tool") || unknown.contains("not found"), "{unknown}");
    let wrong = refusal(session.call_tool("add").arg("a", "two").arg("b", 1)).await;
    assert!(!wrong.is_empty());

    let error = bounded(session.request("no/such/method", &())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Answer, "{error}");
    assert_eq!(error.method(), Some("no/such/method"));
    assert!(error.to_string().starts_with(session.name()), "{error}");
}

/// The text of an error that the server answered with, or the tool.
async fn refusal(call: mcp_client::Call<mcp_client::types::CallToolResult>) -> String {
    match bounded(call).await {
        Ok(result) => result.into_result().unwrap_err().to_string(),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Answer, "{error}");
            error.answer().unwrap().message.to_string()
        }
    }
}

async fn progress(session: &Session, expect: &Expect) {
    const STEPS: u32 = 20;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&seen);
    let call = session.call_tool("slow").arg("steps", STEPS).arg("ms", 1).on_progress(move |it| {
        let total = it.total.map(|total| total.to_f64());
        heard.lock().unwrap().push((it.progress.to_f64(), total, it.message));
    });
    let result = bounded(call).await.unwrap();
    assert_eq!(result.into_result().unwrap().text(), "done");
    // All of it and in order, before the call returns.
    let steps = if expect.progress { STEPS } else { 0 };
    let expected: Vec<_> = (1..=steps)
        .map(|step| (f64::from(step), Some(f64::from(STEPS)), Some(format!("step {step}"))))
        .collect();
    assert_eq!(*seen.lock().unwrap(), expected);
}

async fn cancellation(session: &Session, log: &Log, expect: &Expect) {
    let skip = log.len();
    let mut call = Box::pin(session.call_tool("wait").arg("ms", 60_000).into_future());
    bounded(async {
        tokio::select! {
            result = &mut call => panic!("it does not wait: {result:?}"),
            _ = log.line(skip, "waiting") => {}
        }
    })
    .await;
    drop(call);
    if expect.cancels {
        bounded(log.line(skip, "cancelled")).await;
    }
    let echo = bounded(session.call_tool("echo").arg("text", "alive")).await.unwrap();
    assert_eq!(echo.text(), "alive");
}

/// Calls do not wait for one another.
async fn concurrency(session: &Session) {
    const CALLS: u32 = 16;
    const EACH: Duration = Duration::from_millis(400);
    let begun = Instant::now();
    let calls = (0..CALLS)
        .map(|_| session.call_tool("wait").arg("ms", EACH.as_millis() as u64).into_future());
    for result in bounded(join_all(calls)).await {
        assert_eq!(result.unwrap().into_result().unwrap().text(), "waited");
    }
    let took = begun.elapsed();
    assert!(took >= EACH && took < EACH * CALLS / 2, "{took:?}");
}

async fn big_result(session: &Session) {
    const SIZE: usize = 1 << 20;
    let result = bounded(session.call_tool("big").arg("bytes", SIZE)).await.unwrap();
    let text = result.into_result().unwrap().text();
    assert_eq!(text.len(), SIZE);
    assert!(text.bytes().all(|byte| byte == b'x'));
}

async fn resources(session: &Session) {
    let resources = bounded(session.list_resources()).await.unwrap();
    assert!(resources.iter().any(|resource| resource.uri == "test://greeting"), "{resources:?}");
    let templates = bounded(session.list_resource_templates()).await.unwrap();
    assert_eq!(templates[0].uri_template, "test://item/{id}");
    for (uri, expected) in [("test://greeting", "hello"), ("test://item/7", "item 7")] {
        let read = bounded(session.read_resource(uri)).await.unwrap();
        assert_eq!(read.contents[0].uri(), uri);
        assert_eq!(read.contents[0].as_text(), Some(expected));
    }
    let error = bounded(session.read_resource("test://nothing")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Answer, "{error}");
}

async fn prompts(session: &Session) {
    let prompts = bounded(session.list_prompts()).await.unwrap();
    assert_eq!(prompts[0].name, "greet");
    let prompt = bounded(session.get_prompt("greet").arg("name", "Ann")).await.unwrap();
    assert_eq!(prompt.messages[0].content.as_text(), Some("Hello, Ann!"));
}

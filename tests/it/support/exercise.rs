//! The calls that every peer must support.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use mcp_client::{
    Call, ErrorKind, Session,
    types::{CallToolResult, ProtocolVersion},
};

use super::{Log, bounded};

/// The differences between peers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expect {
    /// The server's name.
    pub(crate) server: &'static str,
    pub(crate) version: ProtocolVersion,
    /// Whether progress arrives; with plain JSON responses nothing can precede them.
    pub(crate) progress: bool,
    /// Whether a tool notices its cancellation.
    pub(crate) cancels: bool,
    /// Its name in a group, if it is one of several servers behind the session.
    among: Option<&'static str>,
}

impl Expect {
    pub(crate) const fn new(server: &'static str, version: ProtocolVersion) -> Self {
        Self { server, version, progress: true, cancels: true, among: None }
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

    /// Sets the name of the server in the group of the session.
    #[cfg(target_os = "linux")]
    pub(crate) const fn among_others(mut self, name: &'static str) -> Self {
        self.among = Some(name);
        self
    }

    /// The name of a tool or prompt in the session.
    fn name(&self, name: &str) -> String {
        self.among.map_or(name.to_owned(), |server| format!("{server}_{name}"))
    }

    /// The URI of `test://…` in the session.
    fn uri(&self, rest: &str) -> String {
        self.among.map_or(format!("test://{rest}"), |server| format!("test://{server}/{rest}"))
    }

    fn call(&self, session: &Session, tool: &str) -> Call<CallToolResult> {
        session.call_tool(&self.name(tool))
    }
}

/// Makes every kind of call. `log` is the server's output outside of the protocol.
pub(crate) async fn exercise(session: &Session, log: &Log, expect: &Expect) {
    identity(session, expect);
    tools(session, expect).await;
    failures(session, expect).await;
    progress(session, expect).await;
    cancellation(session, log, expect).await;
    concurrency(session, expect).await;
    overtaking(session, expect).await;
    big_result(session, expect).await;
    resources(session, expect).await;
    prompts(session, expect).await;
    assert!(!session.is_closed());
}

fn identity(session: &Session, expect: &Expect) {
    assert!(session.capabilities().tools.is_some() && session.capabilities().resources.is_some());
    assert!(session.capabilities().prompts.is_some());
    if let Some(server) = expect.among {
        let part = format!("## {server}\n\nthe tools of the peers");
        let instructions = session.instructions().unwrap();
        assert!(instructions.contains(&part), "{instructions}");
        return;
    }
    assert_eq!(session.protocol_version(), expect.version);
    assert_eq!(session.era(), expect.version.era());
    let info = session.server_info().expect("every peer says who it is");
    assert_eq!(info.name, expect.server);
    assert_eq!(session.instructions(), Some("the tools of the peers"));
}

async fn tools(session: &Session, expect: &Expect) {
    let tools = bounded(session.list_tools()).await.unwrap();
    let prefix = expect.name("");
    let names: Vec<_> = tools.iter().filter_map(|tool| tool.name.strip_prefix(&prefix)).collect();
    for name in ["add", "big", "echo", "fail", "slow", "wait"] {
        assert_eq!(names.iter().filter(|it| **it == name).count(), 1, "{name}: {names:?}");
    }
    let echo = tools.iter().find(|tool| tool.name == expect.name("echo")).unwrap();
    assert!(echo.description.as_ref().unwrap().starts_with("Returns the text"));
    assert_eq!(echo.input_schema["properties"]["text"]["type"], "string");

    let text = "grüße, \u{1f980}\u{2028}\r\n\"quoted\"\0";
    let echo = bounded(expect.call(session, "echo").arg("text", text)).await.unwrap();
    assert_eq!(echo.into_result().unwrap().text(), text);
    let sum = bounded(expect.call(session, "add").arg("a", 2).arg("b", 40)).await.unwrap();
    assert_eq!(sum.into_result().unwrap().text(), "42");
}

async fn failures(session: &Session, expect: &Expect) {
    // A failed tool is a result.
    let failed = bounded(expect.call(session, "fail").arg("message", "no paper")).await.unwrap();
    assert_eq!(failed.is_error, Some(true));
    let error = failed.into_result().unwrap_err();
    assert!(error.to_string().contains("no paper"), "{error}");

    // Servers differ in whether these are errors of the protocol or of the tool.
    let unknown = refusal(expect.call(session, "no_such_tool")).await;
    assert!(unknown.contains("no_such_tool") || unknown.contains("not found"), "{unknown}");
    let wrong = refusal(expect.call(session, "add").arg("a", "two").arg("b", 1)).await;
    assert!(!wrong.is_empty());

    let error = bounded(session.request("no/such/method", &())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Answer, "{error}");
    assert_eq!(error.method(), Some("no/such/method"));
    assert!(error.to_string().starts_with(session.name()), "{error}");
}

/// The text of the server's error, or of the failed tool.
async fn refusal(call: Call<CallToolResult>) -> String {
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
    let call =
        expect.call(session, "slow").arg("steps", STEPS).arg("ms", 1).on_progress(move |it| {
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
    let mut call = Box::pin(expect.call(session, "wait").arg("ms", 60_000).into_future());
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
    let echo = bounded(expect.call(session, "echo").arg("text", "alive")).await.unwrap();
    assert_eq!(echo.text(), "alive");
}

/// Calls do not wait for one another.
async fn concurrency(session: &Session, expect: &Expect) {
    const CALLS: u32 = 16;
    const EACH: Duration = Duration::from_millis(400);
    let begun = Instant::now();
    let calls = (0..CALLS)
        .map(|_| expect.call(session, "wait").arg("ms", EACH.as_millis() as u64).into_future());
    for result in bounded(join_all(calls)).await {
        assert_eq!(result.unwrap().into_result().unwrap().text(), "waited");
    }
    let took = begun.elapsed();
    assert!(took >= EACH && took < EACH * CALLS / 2, "{took:?}");
}

/// A slow call is overtaken by later ones.
async fn overtaking(session: &Session, expect: &Expect) {
    let order = Mutex::new(Vec::new());
    let slow = async {
        let result = expect.call(session, "wait").arg("ms", 500).await.unwrap();
        assert_eq!(result.into_result().unwrap().text(), "waited");
        order.lock().unwrap().push("slow".to_owned());
    };
    let quick = (0..3).map(|number| async move {
        let echo = expect.call(session, "echo").arg("text", number.to_string()).await.unwrap();
        echo.text()
    });
    let quick = async {
        for text in join_all(quick).await {
            order.lock().unwrap().push(text);
        }
    };
    bounded(futures_util::future::join(slow, quick)).await;
    assert_eq!(*order.lock().unwrap(), ["0", "1", "2", "slow"]);
}

async fn big_result(session: &Session, expect: &Expect) {
    const SIZE: usize = 1 << 20;
    let result = bounded(expect.call(session, "big").arg("bytes", SIZE)).await.unwrap();
    let text = result.into_result().unwrap().text();
    assert_eq!(text.len(), SIZE);
    assert!(text.bytes().all(|byte| byte == b'x'));
}

async fn resources(session: &Session, expect: &Expect) {
    let resources = bounded(session.list_resources()).await.unwrap();
    assert!(
        resources.iter().any(|resource| resource.uri == expect.uri("greeting")),
        "{resources:?}"
    );
    let templates = bounded(session.list_resource_templates()).await.unwrap();
    let template = expect.uri("item/{id}");
    assert!(templates.iter().any(|it| it.uri_template == template), "{templates:?}");
    for (rest, expected) in [("greeting", "hello"), ("item/7", "item 7")] {
        let uri = expect.uri(rest);
        let read = bounded(session.read_resource(&uri)).await.unwrap();
        assert_eq!(read.contents[0].uri(), uri);
        assert_eq!(read.contents[0].as_text(), Some(expected));
    }
    let error = bounded(session.read_resource(&expect.uri("nothing"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Answer, "{error}");
}

async fn prompts(session: &Session, expect: &Expect) {
    let prompts = bounded(session.list_prompts()).await.unwrap();
    let name = expect.name("greet");
    assert!(prompts.iter().any(|prompt| prompt.name == name), "{prompts:?}");
    let prompt = bounded(session.get_prompt(&name).arg("name", "Ann")).await.unwrap();
    assert_eq!(prompt.messages[0].content.as_text(), Some("Hello, Ann!"));
}

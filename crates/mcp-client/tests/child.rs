//! Clients and groups of servers that are processes of this program, and of servers behind URLs, on every system.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::{future::IntoFuture as _, time::Duration};

use mcp_client::{
    Client, ErrorKind, Session, Stdio, group::ServerState, server::Server, stdio::Stderr,
};
use mcp_serve::{Http, Listener, Routes};
use mcp_testkit::{until, within};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize, JsonSchema)]
struct Text {
    text: String,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match std::env::args().nth(1).as_deref() {
        Some("serve") => {
            let name = std::env::args().nth(2).unwrap();
            runtime.block_on(server(&name).serve_stdio()).unwrap();
            std::process::exit(0);
        }
        // What else a test program is asked, such as by tools that list tests.
        Some("--list") => println!("all: test"),
        _ => runtime.block_on(all()),
    }
}

async fn all() {
    a_process_answers_many_calls_at_once().await;
    a_process_that_dies_is_reported_with_its_status().await;
    a_group_of_processes_and_urls_answers_and_replaces_what_died().await;
    println!("child: ok");
}

fn server(name: &str) -> Server {
    Server::builder(name.to_owned())
        .tool("echo", "The same text", |it: Text| async move { it.text })
        .tool("die", "Ends the process", |_: ()| async {
            eprintln!("so long");
            std::process::exit(3);
            #[allow(unreachable_code, reason = "the type of a result")]
            String::new()
        })
        .build()
}

fn child(name: &str) -> Stdio {
    Stdio::new(std::env::current_exe().unwrap()).args(["serve", name]).stderr(Stderr::Null)
}

async fn echo(session: &Session, tool: &str, text: &str) {
    let result = within(session.call_tool(tool).arg("text", text).into_future()).await;
    assert_eq!(result.unwrap().text(), text);
}

async fn a_process_answers_many_calls_at_once() {
    let client = Client::new(child("one")).unwrap();
    let session = within(client.connect().into_future()).await.unwrap();
    assert_eq!(session.server_info().unwrap().name, "one");
    let calls = (0..50).map(|n| {
        let session = session.clone();
        tokio::spawn(async move { echo(&session, "echo", &format!("text {n}")).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    echo(&session, "echo", &"x".repeat(4 << 20)).await;
    within(session.close()).await.unwrap();
    within(client.close()).await.unwrap();
}

async fn a_process_that_dies_is_reported_with_its_status() {
    let client = Client::new(child("mortal")).unwrap();
    let session = within(client.connect().into_future()).await.unwrap();
    let error = within(session.call_tool("die").into_future()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    let text = error.to_string();
    assert!(text.contains("exited with status 3") && text.contains("so long"), "{text}");
    // A session that a client keeps is opened again.
    let session = within(client.connect().into_future()).await.unwrap();
    echo(&session, "echo", "here again").await;
    within(client.close()).await.unwrap();
}

async fn a_group_of_processes_and_urls_answers_and_replaces_what_died() {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Routes::new(Http::new(server("web"))).sse_path("/sse");
    let serving = tokio::spawn(listener.serve(routes, std::future::pending()));
    let exe = std::env::current_exe().unwrap();
    let document = json!({ "mcpServers": {
        "a": { "command": exe, "args": ["serve", "a"] },
        "b": { "command": exe, "args": ["serve", "b"] },
        "web": { "url": format!("http://{address}/mcp") },
        "events": { "url": format!("http://{address}/sse"), "type": "sse" },
    }});
    let client = Client::new(document).unwrap().stderr(Stderr::Null);
    let session = within(client.connect().into_future()).await.unwrap();
    let names = ["a_echo", "b_echo", "web_echo", "events_echo"];
    let listed = within(session.list_tools().into_future()).await.unwrap();
    for name in names {
        assert!(listed.iter().any(|tool| tool.name == name), "{name}");
        echo(&session, name, "größer").await;
    }
    let group = client.group().unwrap().clone();
    let pid = |name: &str| {
        let status = group.status().into_iter().find(|it| &*it.name == name).unwrap();
        (status.state == ServerState::Ready).then_some(status.pid).flatten()
    };
    let first = pid("a").unwrap();
    within(session.call_tool("a_die").into_future()).await.unwrap_err();
    until("it is started again", || pid("a").is_some_and(|it| it != first)).await;
    for name in names {
        echo(&session, name, "still there").await;
    }
    within(client.close()).await.unwrap();
    serving.abort();
    // The processes have ended: none answers, and a close does not wait for the time-outs of a shutdown.
    let closed = tokio::time::timeout(Duration::from_secs(1), client.close()).await;
    closed.unwrap().unwrap();
}

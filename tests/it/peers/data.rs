//! Structured results and completion, with servers of every SDK.

use mcp_client::{
    Call, Client, EraPolicy, ErrorKind, Group, Memory, OutputChecks, Session,
    group::Backend,
    server::{Json, Server},
    types::{CallToolResult, CompleteRequestParams},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{node, python};
use crate::support::{Program, StdioPeer, bounded};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Author {
    name: String,
    born: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Book {
    title: String,
    authors: Vec<Author>,
    price: f64,
}

fn dune() -> Book {
    let author = Author { name: "Frank Herbert".to_owned(), born: Some(1920) };
    Book { title: "Dune".to_owned(), authors: vec![author], price: 9.5 }
}

#[derive(Deserialize, JsonSchema)]
struct Count {
    count: usize,
}

#[derive(Deserialize, JsonSchema)]
struct Find {
    found: bool,
}

#[tokio::test]
async fn mcp1() {
    let Some(program) = python("mcp1") else { return };
    both_eras(&program, &[EraPolicy::Legacy]).await;
}

#[tokio::test]
async fn mcp2() {
    let Some(program) = python("mcp2") else { return };
    both_eras(&program, &[EraPolicy::Auto, EraPolicy::Legacy]).await;
}

#[tokio::test]
async fn ts2() {
    let Some(program) = node("ts2") else { return };
    both_eras(&program, &[EraPolicy::Auto, EraPolicy::Legacy]).await;
}

#[tokio::test]
async fn fastmcp4() {
    let Some(program) = python("fastmcp4") else { return };
    both_eras(&program, &[EraPolicy::Auto, EraPolicy::Legacy]).await;
}

#[tokio::test]
async fn fastmcp4_that_breaks_its_word() {
    let Some(program) = python("fastmcp4") else { return };
    let client = with_data(&program).client();
    let trusting = bounded(client.connect()).await.unwrap();
    let lie = bounded(trusting.call_tool("lies")).await.unwrap();
    assert_eq!(lie.structured_content, Some(json!({ "n": "seven" })));
    bounded(client.close()).await.unwrap();

    let client = client.validate_output(OutputChecks::default().look_up(true));
    let session = bounded(client.connect()).await.unwrap();
    let error = bounded(session.call_tool("lies")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Output, "{error}");
    assert!(error.to_string().contains("at /n: "), "{error}");
    assert_eq!(error.result().unwrap().text(), "seven");
    bounded(session.close()).await.unwrap();
}

/// The schemas that schemars makes, and what serde makes of the same types.
#[tokio::test]
async fn own() {
    let server = || {
        Server::builder("own")
            .tool("book", "", |_: ()| async { Json(dune()) })
            .tool("books", "", |it: Count| async move { Json(vec![dune(); it.count]) })
            .tool("count", "", |_: ()| async { Json(42) })
            .tool("find", "", |it: Find| async move { Json(it.found.then(dune)) })
            .build()
    };
    for mode in [EraPolicy::Auto, EraPolicy::Legacy] {
        let client = Client::new(server()).unwrap().era(mode);
        let client = client.validate_output(OutputChecks::default());
        let session = bounded(client.connect()).await.unwrap();
        data(&session).await;
    }
}

/// Behind a group the tools have other names, and are the same.
#[tokio::test]
async fn behind_a_group() {
    let shop = Server::builder("shop").tool("book", "", |_: ()| async { Json(dune()) }).build();
    let liar = Server::builder("liar")
        .tool_with(
            "book",
            "",
            |tool| tool.with_output_schema(count_schema()),
            |_: ()| async {
                CallToolResult::new().with_structured_content(json!({ "count": "three" }))
            },
        )
        .build();
    let group = Group::builder()
        .backend(Backend::new("shop", Memory::new(shop)))
        .backend(Backend::new("liar", Memory::new(liar)))
        .build();
    let client = Client::new(group).unwrap();
    let client = client.validate_output(OutputChecks::default().look_up(true));
    let session = bounded(client.connect()).await.unwrap();
    let book: Book = bounded(session.call_tool("shop_book").result_as()).await.unwrap();
    assert_eq!(book, dune());
    let error = bounded(session.call_tool("liar_book")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Output, "{error}");
    assert!(error.to_string().contains("at /count: "), "{error}");
}

fn count_schema() -> Map<String, Value> {
    let schema = json!({ "type": "object", "properties": { "count": { "type": "integer" } } });
    schema.as_object().unwrap().clone()
}

fn with_data(program: &Program) -> StdioPeer {
    StdioPeer::start(program).env("MCP_DATA", "1".as_ref())
}

async fn both_eras(program: &Program, modes: &[EraPolicy]) {
    for mode in modes {
        let client = with_data(program).client().era(*mode);
        let client = client.validate_output(OutputChecks::default());
        let session = bounded(client.connect()).await.unwrap();
        data(&session).await;
        completion(&session).await;
        bounded(session.close()).await.unwrap();
    }
}

fn find(session: &Session, found: bool) -> Call<CallToolResult> {
    session.call_tool("find").arg("found", found)
}

/// Unjudged and judged: what the session knows of the tools is another thing.
async fn data(session: &Session) {
    for listed in [false, true] {
        if listed {
            let tools = bounded(session.list_tools()).await.unwrap();
            let with_schema = tools.iter().filter(|tool| tool.output_schema.is_some()).count();
            assert!(with_schema > 0, "{tools:?}");
        }
        let book: Book = bounded(session.call_tool("book").result_as()).await.unwrap();
        assert_eq!(book, dune());
        let raw: Value = bounded(session.call_tool("book").result_as()).await.unwrap();
        assert_eq!(raw["title"], "Dune");
        let books = session.call_tool("books").arg("count", 3).result_as::<Vec<Book>>();
        assert_eq!(bounded(books).await.unwrap(), vec![dune(); 3]);
        let count: u32 = bounded(session.call_tool("count").result_as()).await.unwrap();
        assert_eq!(count, 42);
        let found = bounded(find(session, true).result_as::<Option<Book>>()).await.unwrap();
        assert_eq!(found, Some(dune()));
        let found = bounded(find(session, false).result_as::<Option<Book>>()).await.unwrap();
        assert_eq!(found, None);
        let error = bounded(session.call_tool("book").result_as::<u8>()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Output, "{error}");
        assert!(error.result().is_some());
        let wrong = session.call_tool("books").arg("count", "three").result_as::<Vec<Book>>();
        let error = bounded(wrong).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Tool | ErrorKind::Answer), "{error}");
    }
}

async fn completion(session: &Session) {
    assert!(session.capabilities().completions.is_some());
    let typed = |typed: &str| CompleteRequestParams::prompt("review", "framework", typed);
    for (params, expected) in [
        (typed("f").with_settled("language", "python"), &["flask", "fastapi"][..]),
        (typed("fl").with_settled("language", "python"), &["flask"]),
        (typed("").with_settled("language", "rust"), &["axum", "actix"]),
        (typed("f"), &[]),
    ] {
        let proposals = bounded(session.complete(&params)).await.unwrap().completion.values;
        assert_eq!(proposals, expected, "{params:?}");
    }
}

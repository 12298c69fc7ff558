use mcp_core::{PromptArgument, PromptMessage};
use mcp_server::Server;
use serde_json::json;

use crate::fixture::{bookshop, connect, initialized};

#[tokio::test]
async fn resources_are_read_as_text_or_bytes() {
    let server = bookshop().build();
    let client = connect(&server).await;
    let read = async |uri: &str| client.result("resources/read", json!({"uri": uri})).await;
    assert_eq!(
        read("shop://hours").await,
        json!({
            "contents": [{"uri": "shop://hours", "mimeType": "text/plain", "text": "9 to 5"}],
            "ttlMs": 0,
            "cacheScope": "private",
            "resultType": "complete",
            "_meta": {
                "io.modelcontextprotocol/serverInfo": {"name": "Bookshop", "version": "1.0"}
            },
        })
    );
    assert_eq!(read("shop://logo").await["contents"][0]["blob"], "AP8=");
    let book = read("shop://books/War%20and%20Peace").await;
    assert_eq!(
        book["contents"],
        json!([{"uri": "shop://books/War%20and%20Peace", "text": "<War and Peace>"}])
    );
    let listed = client.result("resources/list", json!({})).await;
    assert_eq!(
        listed["resources"][0],
        json!({"uri": "shop://hours", "name": "hours", "mimeType": "text/plain"})
    );
    let templates = client.result("resources/templates/list", json!({})).await;
    assert_eq!(
        templates["resourceTemplates"],
        json!([{"uriTemplate": "shop://books/{title}", "name": "book"}])
    );
}

#[tokio::test]
async fn an_unknown_resource_is_an_error_of_the_era() {
    let server = bookshop().build();
    let modern = connect(&server).await;
    let legacy = initialized(&server, "2025-11-25").await;
    for uri in ["shop://nothing", "shop://books/none", "shop://books/a/b"] {
        for (client, expected) in [(&modern, -32602), (&legacy, -32002)] {
            let (code, error) = client.error("resources/read", json!({"uri": uri})).await;
            assert_eq!((code, &error["data"]), (expected, &json!({"uri": uri})));
        }
    }
    let (code, error) = modern.error("resources/read", json!({"uri": "shop://broken"})).await;
    assert_eq!((code, &error["message"]), (-32603, &json!("the disk is broken")));
    assert_eq!(modern.error("resources/read", json!({})).await.0, -32602);
    let read = legacy.result("resources/read", json!({"uri": "shop://logo"})).await;
    assert_eq!(read, json!({"contents": [{"uri": "shop://logo", "blob": "AP8="}]}));
}

#[tokio::test]
async fn prompts_are_listed_with_arguments_and_filled_in() {
    let server = bookshop()
        .prompt_with(
            "map",
            "Takes anything",
            |prompt| prompt.with_arguments([PromptArgument::new("must").with_required(true)]),
            |all: std::collections::BTreeMap<String, String>| async move {
                vec![
                    PromptMessage::user(all.into_values().collect::<Vec<_>>().join(",")),
                    PromptMessage::assistant("yes"),
                ]
            },
        )
        .build();
    let client = connect(&server).await;
    let listed = client.result("prompts/list", json!({})).await["prompts"].clone();
    assert_eq!(
        listed[0],
        json!({
            "name": "recommend",
            "description": "Ask for a book",
            "arguments": [{"name": "taste", "required": true}],
        })
    );
    assert_eq!(listed[1]["arguments"], json!([{"name": "must", "required": true}]));
    let get = |name: &str, arguments| json!({"name": name, "arguments": arguments});
    let filled = client.result("prompts/get", get("recommend", json!({"taste": "tea"}))).await;
    assert_eq!(
        filled["messages"],
        json!([{"role": "user", "content": {"type": "text", "text": "A book about tea"}}])
    );
    assert_eq!(filled["resultType"], "complete");
    let filled = client.result("prompts/get", get("map", json!({"must": "a", "x": "b"}))).await;
    assert_eq!(filled["messages"][0]["content"]["text"], "a,b");
    for params in [
        get("recommend", json!({})),
        get("recommend", json!({"taste": 5})),
        get("map", json!({"x": "b"})),
        get("nothing", json!({})),
        json!({}),
    ] {
        assert_eq!(client.error("prompts/get", params).await.0, -32602);
    }
}

#[tokio::test]
async fn completion_returns_the_best_hundred() {
    let client = connect(&bookshop().build()).await;
    let params = json!({
        "ref": {"type": "ref/prompt", "name": "recommend"},
        "argument": {"name": "taste", "value": "t"},
    });
    let result = client.result("completion/complete", params).await;
    let completion = &result["completion"];
    assert_eq!(completion["values"].as_array().unwrap().len(), 100);
    assert_eq!(completion["values"][99], "t99");
    assert_eq!((&completion["total"], &completion["hasMore"]), (&json!(150), &json!(true)));
    assert_eq!(client.error("completion/complete", json!({})).await.0, -32602);
}

#[tokio::test]
async fn content_blocks_and_unit_are_results() {
    let server = bookshop().tool("nothing", "", |_: ()| async {}).build();
    let client = connect(&server).await;
    let blocks = client.call("blocks", json!({})).await;
    assert_eq!(
        blocks["content"][1],
        json!({"type": "image", "data": "AA==", "mimeType": "image/png"})
    );
    assert_eq!(client.call("nothing", json!({})).await["content"], json!([]));
}

#[tokio::test]
async fn server_info_is_in_every_result() {
    let server = Server::builder("s").info(|info| info.with_title("S")).build();
    let info = json!({"name": "s", "version": "0.0.0", "title": "S"});
    let discovered = connect(&server).await.result("server/discover", json!({})).await;
    assert_eq!(discovered["_meta"]["io.modelcontextprotocol/serverInfo"], info);
}

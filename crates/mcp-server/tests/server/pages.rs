use std::{num::NonZeroUsize, time::Duration};

use mcp_core::CacheScope;
use serde_json::{Value, json};

use crate::fixture::{bookshop, connect, initialized};

#[tokio::test]
async fn pages_follow_one_another_without_loss() {
    let whole = connect(&bookshop().build()).await.result("tools/list", json!({})).await;
    assert!(whole.get("nextCursor").is_none());
    for size in [1, 2, 3, 11, 100] {
        let server = bookshop().page_size(NonZeroUsize::new(size).unwrap()).build();
        for client in [connect(&server).await, initialized(&server, "2025-11-25").await] {
            let (mut names, mut params, mut pages) = (Vec::new(), json!({}), 0);
            loop {
                let page = client.result("tools/list", params).await;
                let tools = page["tools"].as_array().unwrap();
                assert!(tools.len() <= size);
                names.extend(tools.iter().map(|tool| tool["name"].clone()));
                pages += 1;
                match page.get("nextCursor") {
                    Some(cursor) => params = json!({"cursor": cursor}),
                    None => break,
                }
            }
            let expected = whole["tools"].as_array().unwrap();
            assert_eq!(pages, expected.len().div_ceil(size));
            let expected: Vec<Value> = expected.iter().map(|tool| tool["name"].clone()).collect();
            assert_eq!(names, expected);
        }
    }
}

#[tokio::test]
async fn an_unknown_cursor_is_refused() {
    let server = bookshop().page_size(NonZeroUsize::new(2).unwrap()).build();
    let client = connect(&server).await;
    for cursor in ["", "0", "1", "02", "+2", "ff", "ffffffffffffffffff", "x"] {
        for method in ["tools/list", "resources/list", "resources/templates/list", "prompts/list"] {
            let (code, _) = client.error(method, json!({"cursor": cursor})).await;
            assert_eq!(code, -32602, "{method} {cursor}");
        }
    }
    assert_eq!(client.error("tools/list", json!({"cursor": 2})).await.0, -32602);
    client.result("tools/list", json!({"cursor": null})).await;
}

#[tokio::test]
async fn all_cacheable_results_have_the_hints() {
    let server = bookshop().cache(Duration::from_secs(60), CacheScope::Public).build();
    let client = connect(&server).await;
    for method in [
        "server/discover",
        "tools/list",
        "resources/list",
        "resources/templates/list",
        "prompts/list",
    ] {
        let result = client.result(method, json!({})).await;
        assert_eq!((&result["ttlMs"], &result["cacheScope"]), (&json!(60_000), &json!("public")));
        assert_eq!(result["resultType"], "complete");
        assert!(result["_meta"]["io.modelcontextprotocol/serverInfo"].is_object());
    }
    let legacy = initialized(&server, "2025-11-25").await;
    let listed = legacy.result("tools/list", json!({})).await;
    assert_eq!(listed.as_object().unwrap().keys().collect::<Vec<_>>(), ["tools"]);
}

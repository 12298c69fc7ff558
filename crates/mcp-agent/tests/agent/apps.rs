use mcp_agent::{
    AgentErrorKind,
    apps::{App, AppsExtension, ID, MIME_TYPE},
};
use mcp_session::{Session, SessionOptions};
use mcp_transport_memory::Memory;
use serde_json::{Value, json};

use crate::server::{Shop, open};

const PAGE: &str = "<!doctype html><title>Weather</title>";

fn shop(contents: Value) -> Shop {
    Shop::modern(json!([])).with_page("ui://shop/page", contents)
}

fn text(mime: &str, more: Value) -> Value {
    let mut contents = json!({"uri": "ui://shop/page", "text": PAGE, "mimeType": mime});
    contents.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    json!([contents])
}

async fn read(shop: &Shop) -> Result<App, mcp_agent::AgentError> {
    App::read(&open(shop).await, "ui://shop/page").await
}

#[tokio::test]
async fn the_extension_is_declared_only_when_added() {
    for (shop, pointer) in [
        (Shop::modern(json!([])), "/_meta/io.modelcontextprotocol~1clientCapabilities/extensions"),
        (Shop::legacy(json!([])), "/capabilities/extensions"),
    ] {
        let options = SessionOptions::default().with_extension(AppsExtension::new());
        let session = Session::open(Memory::new(shop.clone()), None, options).await.unwrap();
        session.list_tools().await.unwrap();
        let asked = [shop.asked("initialize"), shop.asked("tools/list")].concat();
        let declared = asked.iter().find_map(|params| params.pointer(pointer)).unwrap();
        assert_eq!(declared, &json!({ID: {"mimeTypes": [MIME_TYPE]}}));
        let plain = Shop::legacy(json!([]));
        open(&plain).await;
        assert_eq!(plain.asked("initialize")[0]["capabilities"].get("extensions"), None);
    }
}

#[tokio::test]
async fn a_page_is_read_with_its_metadata() {
    let meta = json!({"_meta": {"ui": {"csp": {"connectDomains": ["https://api.example.com"]}}}});
    let app = read(&shop(text(MIME_TYPE, meta))).await.unwrap();
    assert_eq!((app.html.as_str(), app.uri.as_str()), (PAGE, "ui://shop/page"));
    assert_eq!(app.ui.csp.connect_domains, ["https://api.example.com"]);

    let blob =
        json!([{"uri": "ui://shop/page", "blob": "PGI+aMOpPC9iPg==", "mimeType": MIME_TYPE}]);
    assert_eq!(read(&shop(blob)).await.unwrap().html, "<b>hé</b>");
}

#[tokio::test]
async fn listed_metadata_is_the_fallback() {
    let listed = json!([
        {"uri": "ui://shop/other", "name": "o", "_meta": {"ui": {"domain": "o"}}},
        {"uri": "ui://shop/page", "name": "p", "_meta": {"ui": {"domain": "listed"}}},
    ]);
    let silent = shop(text(MIME_TYPE, json!({}))).with_listed(listed.clone());
    assert_eq!(read(&silent).await.unwrap().ui.domain.as_deref(), Some("listed"));
    let own =
        shop(text(MIME_TYPE, json!({"_meta": {"ui": {"domain": "own"}}}))).with_listed(listed);
    assert_eq!(read(&own).await.unwrap().ui.domain.as_deref(), Some("own"));
    assert!(own.asked("resources/list").is_empty());
    // The page of a tool need not be listed.
    let unlisted = shop(text(MIME_TYPE, json!({})));
    assert_eq!(read(&unlisted).await.unwrap().ui, Default::default());
}

#[tokio::test]
async fn resources_that_are_not_apps_are_refused() {
    use AgentErrorKind::{AppMeta, AppResource, Call};
    let other = json!([{"uri": "ui://shop/other", "text": PAGE, "mimeType": MIME_TYPE}]);
    let broken = json!([{"uri": "ui://shop/page", "blob": "?", "mimeType": MIME_TYPE}]);
    let bytes = json!([{"uri": "ui://shop/page", "blob": "/w==", "mimeType": MIME_TYPE}]);
    let without = json!([{"uri": "ui://shop/page", "text": PAGE}]);
    for (contents, kind, words) in [
        (text("text/html", json!({})), AppResource, "its MIME type is \"text/html\""),
        (without, AppResource, "it has no MIME type"),
        (other, AppResource, "the contents have another URI"),
        (broken, AppResource, "not in base64"),
        (bytes, AppResource, "it is not UTF-8"),
        (json!([{"uri": "ui://shop/page"}]), AppResource, "neither text nor a blob"),
        (json!([]), AppResource, "the contents have another URI"),
        (text(MIME_TYPE, json!({"_meta": {"ui": {"csp": 5}}})), AppMeta, "malformed _meta.ui"),
    ] {
        let error = read(&shop(contents.clone())).await.unwrap_err();
        assert_eq!((error.kind(), error.subject()), (kind, Some("ui://shop/page")), "{contents}");
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(read(&Shop::modern(json!([]))).await.unwrap_err().kind(), Call);
    let shop = shop(json!([]));
    let elsewhere = App::read(&open(&shop).await, "file:///etc/passwd").await.unwrap_err();
    assert_eq!(elsewhere.kind(), AppMeta);
    assert!(shop.asked("resources/read").is_empty());
}

//! The response cache: what is cached and for how long.

use std::{
    future::IntoFuture,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mcp_core::{Outcome, ReadResourceResult, SubscriptionFilter, method};
use mcp_session::{Cache, CacheMode, Error, ErrorKind, Session, SessionOptions};
use mcp_transport::{Binding, restart::Restart};
use serde_json::{Value, json};

use crate::faulty::{Fate, Fault, Faulty};
use crate::peer::{Peer, Reply, error, legacy, modern, result, routings};

/// A cacheable result of any kind, which contains the number of requests so far.
pub(crate) fn hinted(message: &Value, asked: u32, ttl: Value, scope: &str) -> Value {
    let mut result = json!({ "resultType": "complete", "ttlMs": ttl, "cacheScope": scope });
    match message["method"].as_str().unwrap() {
        "tools/list" => result["tools"] = json!([tool(asked)]),
        "prompts/list" => result["prompts"] = json!([{ "name": asked.to_string() }]),
        "resources/list" => {
            result["resources"] = json!([{ "uri": "a://b", "name": asked.to_string() }]);
        }
        "resources/templates/list" => {
            result["resourceTemplates"] = json!([{ "uriTemplate": "a://{b}", "name": "b" }]);
        }
        "resources/read" => {
            let uri = &message["params"]["uri"];
            result["contents"] = json!([{ "uri": uri, "text": asked.to_string() }]);
        }
        _ => {}
    }
    result
}

fn tool(asked: u32) -> Value {
    json!({ "name": asked.to_string(), "inputSchema": { "type": "object" } })
}

/// A server whose results have a TTL of 5 s. The tool `say` sends its arguments as notifications before its result.
pub(crate) fn generous() -> Peer {
    generous_with(json!(5000), "private")
}

pub(crate) fn generous_with(ttl: Value, scope: &'static str) -> Peer {
    let asked = AtomicU32::new(0);
    modern(move |message| match message["method"].as_str() {
        Some("subscriptions/listen") => acknowledge(message),
        Some("tools/call") if message["params"]["name"] == "die" => Reply::Close,
        Some("tools/call") => {
            let mut lines = message["params"]["arguments"]["say"].as_array().cloned().unwrap();
            lines.push(json!({
                "jsonrpc": "2.0", "id": message["id"],
                "result": { "resultType": "complete", "content": [] },
            }));
            Reply::Lines(lines)
        }
        Some(method) if method.contains('/') && !method.starts_with("notifications/") => {
            let asked = asked.fetch_add(1, Ordering::SeqCst) + 1;
            result(message, hinted(message, asked, ttl.clone(), scope))
        }
        _ => Reply::Nothing,
    })
}

fn acknowledge(listen: &Value) -> Reply {
    let meta = json!({ "io.modelcontextprotocol/subscriptionId": listen["id"] });
    let params = json!({ "notifications": listen["params"]["notifications"], "_meta": meta });
    Reply::Lines(vec![notification("notifications/subscriptions/acknowledged", params)])
}

/// Listens until it is aborted.
async fn listen(session: &Session, filter: Value) -> tokio::task::JoinHandle<()> {
    let session = session.clone();
    let listen = tokio::spawn(async move {
        let params = json!({ "notifications": filter });
        let _ = session.request(method::SUBSCRIPTIONS_LISTEN, &params).await;
    });
    tokio::time::sleep(Duration::from_millis(1)).await;
    listen
}

pub(crate) async fn open(peer: &Peer, cache: &Cache) -> Session {
    let mut options = SessionOptions::default();
    options.cache = Some(cache.clone());
    Session::open(peer.clone(), Some("shop"), options).await.unwrap()
}

/// The name of the first tool: the number of requests when the server sent it.
pub(crate) async fn tools(session: &Session) -> String {
    session.list_tools().await.unwrap().remove(0).name
}

pub(crate) async fn read(session: &Session, uri: &str) -> String {
    let result = session.read_resource(uri).await.unwrap();
    let text = serde_json::to_value(&result.contents[0]).unwrap()["text"].take();
    text.as_str().unwrap().to_owned()
}

async fn say(session: &Session, notifications: &[Value]) {
    session.call_tool("say").arg("say", notifications).await.unwrap();
    // Messages outside of calls are handled by another task.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

fn notification(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

fn asked(peer: &Peer, method: &str) -> usize {
    peer.methods().iter().filter(|asked| *asked == method).count()
}

#[tokio::test(start_paused = true)]
async fn a_list_is_requested_again_after_its_ttl() {
    let peer = generous();
    let session = open(&peer, &Cache::new()).await;
    assert_eq!(tools(&session).await, "1");
    tokio::time::advance(Duration::from_millis(4999)).await;
    assert_eq!(tools(&session).await, "1");
    assert_eq!(session.list_tools().page(None).await.unwrap().ttl_ms, Some(1), "what is left");
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(tools(&session).await, "2");
    assert_eq!(asked(&peer, "tools/list"), 2);
}

#[tokio::test(start_paused = true)]
async fn only_results_with_a_ttl_are_cached() {
    for ttl in [json!(0), json!(-1), json!(null)] {
        let peer = generous_with(ttl.clone(), "public");
        let session = open(&peer, &Cache::new()).await;
        assert_eq!([tools(&session).await, tools(&session).await], ["1", "2"], "{ttl}");
    }
    let old = legacy(|message| result(message, hinted(message, 1, json!(5000), "public")));
    let session = open(&old, &Cache::new()).await;
    assert_eq!([tools(&session).await, tools(&session).await], ["1", "1"]);
    assert_eq!(asked(&old, "tools/list"), 2);
    let peer = generous();
    let session = open(&peer, &Cache::off()).await;
    assert_eq!([tools(&session).await, tools(&session).await], ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn the_maximum_ttl_is_a_day() {
    let peer = generous_with(json!(u64::MAX), "private");
    let session = open(&peer, &Cache::new()).await;
    // The typed result cannot represent so large a number.
    let list = async || {
        let list = session.request(method::TOOLS_LIST, &()).await.unwrap();
        list.decode::<Value>().unwrap()["tools"][0]["name"].take()
    };
    assert_eq!(list().await, "1");
    tokio::time::advance(Duration::from_secs(24 * 60 * 60 - 1)).await;
    assert_eq!(list().await, "1");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(list().await, "2");
}

#[tokio::test(start_paused = true)]
async fn a_call_selects_its_cache_mode() {
    let peer = generous();
    let session = open(&peer, &Cache::new()).await;
    let list = async |mode| session.list_tools().cache(mode).await.unwrap().remove(0).name;
    assert_eq!(list(CacheMode::Bypass).await, "1");
    assert_eq!(list(CacheMode::Use).await, "2", "nothing was kept");
    assert_eq!(list(CacheMode::Bypass).await, "3");
    assert_eq!(list(CacheMode::Use).await, "2", "what was kept stayed");
    assert_eq!(list(CacheMode::Refresh).await, "4");
    assert_eq!(list(CacheMode::Use).await, "4");
    let page = session.list_tools().page(None).cache(CacheMode::Refresh).await.unwrap();
    assert_eq!(page.tools[0].name, "5");
}

#[tokio::test(start_paused = true)]
async fn each_kind_is_cached_by_its_parameters() {
    let peer = generous();
    let session = open(&peer, &Cache::new()).await;
    for _ in 0..2 {
        assert_eq!(tools(&session).await, "1");
        session.list_prompts().await.unwrap();
        session.list_resources().await.unwrap();
        session.list_resource_templates().await.unwrap();
        assert_eq!(read(&session, "a://one").await, "5");
        assert_eq!(read(&session, "a://two").await, "6");
    }
    // The same request, sent as a raw request and decoded as another type.
    let params = json!({ "uri": "a://one", "_meta": { "progressToken": 3 } });
    let raw = session.request(method::RESOURCES_READ, &params).await.unwrap();
    let Outcome::Complete(result) = raw.decode::<Outcome<ReadResourceResult>>().unwrap() else {
        panic!("{raw:?}");
    };
    assert_eq!(serde_json::to_value(&result.contents).unwrap()[0]["text"], "5");
    assert_eq!(peer.methods().len(), 1 + 6);
    // Different requests.
    for params in [
        json!({ "uri": "a://one", "_meta": { "version": 2 } }),
        json!({ "uri": "a://one", "requestState": "s" }),
        json!({ "uri": "a://one", "requestState": "s" }),
        json!({ "uri": "a://one", "inputResponses": {} }),
    ] {
        let before = peer.methods().len();
        session.request(method::RESOURCES_READ, &params).await.unwrap();
        assert_eq!(peer.methods().len(), before + 1, "{params}");
    }
    assert_eq!(read(&session, "a://one").await, "5");
}

#[tokio::test(start_paused = true)]
async fn results_that_depend_on_input_are_not_cached() {
    let peer = modern(|message| match message["params"].get("requestState") {
        Some(_) => result(message, hinted(message, 1, json!(5000), "public")),
        None => result(
            message,
            json!({ "resultType": "input_required", "requestState": "s", "ttlMs": 5000 }),
        ),
    });
    let session = open(&peer, &Cache::new()).await;
    for round in 1..=2 {
        assert_eq!(read(&session, "a://b").await, "1");
        assert_eq!(asked(&peer, "resources/read"), 2 * round);
    }
}

/// Two pages, the second under a cursor that changes with `set`.
fn paged() -> (Peer, Arc<Mutex<&'static str>>) {
    let cursor = Arc::new(Mutex::new("old"));
    let now = Arc::clone(&cursor);
    let peer = modern(move |message| {
        let now = *now.lock().unwrap();
        let page = |name: &str, next: Option<&str>| {
            let mut page = json!({
                "resultType": "complete", "ttlMs": 5000, "cacheScope": "private",
                "tools": [{ "name": name, "inputSchema": { "type": "object" } }],
            });
            if let Some(next) = next {
                page["nextCursor"] = json!(next);
            }
            page
        };
        match message["params"]["cursor"].as_str() {
            None => result(message, page(&format!("first {now}"), Some(now))),
            Some(cursor) if cursor == now => result(message, page(&format!("second {now}"), None)),
            Some(_) => error(message, json!({ "code": -32602, "message": "unknown cursor" })),
        }
    });
    (peer, cursor)
}

async fn names(session: &Session) -> Result<Vec<String>, Error> {
    Ok(session.list_tools().await?.into_iter().map(|tool| tool.name).collect())
}

#[tokio::test(start_paused = true)]
async fn pages_are_cached_separately() {
    let (peer, _) = paged();
    let session = open(&peer, &Cache::new()).await;
    assert_eq!(session.list_tools().page(None).await.unwrap().tools[0].name, "first old");
    tokio::time::advance(Duration::from_secs(3)).await;
    for _ in 0..2 {
        assert_eq!(names(&session).await.unwrap(), ["first old", "second old"]);
    }
    assert_eq!(asked(&peer, "tools/list"), 2);
    tokio::time::advance(Duration::from_secs(3)).await;
    names(&session).await.unwrap();
    assert_eq!(asked(&peer, "tools/list"), 3, "the first page was older");
}

#[tokio::test(start_paused = true)]
async fn a_list_restarts_when_a_cached_cursor_is_refused() {
    let (peer, cursor) = paged();
    let session = open(&peer, &Cache::new()).await;
    let first = session.list_tools().page(None).await.unwrap();
    *cursor.lock().unwrap() = "new";
    assert_eq!(names(&session).await.unwrap(), ["first new", "second new"]);
    assert_eq!(asked(&peer, "tools/list"), 4);
    // Requesting a single page fails, and all cached pages are evicted.
    let error = session.list_tools().page(first.next_cursor.as_deref()).await.unwrap_err();
    assert_eq!(error.answer().unwrap().code, -32602);
    names(&session).await.unwrap();
    assert_eq!(asked(&peer, "tools/list"), 7);
    // A server that refuses its own cursors is not requested without end.
    let broken = modern(|message| match message["params"]["cursor"].as_str() {
        None => {
            let mut page = hinted(message, 1, json!(5000), "private");
            page["nextCursor"] = json!("x");
            result(message, page)
        }
        Some(_) => error_of(message),
    });
    let session = open(&broken, &Cache::new()).await;
    for requests in [2, 4] {
        names(&session).await.unwrap_err();
        assert_eq!(asked(&broken, "tools/list"), requests);
    }
}

fn error_of(message: &Value) -> Reply {
    error(message, json!({ "code": -32602, "message": "unknown cursor" }))
}

/// The methods whose results are still cached.
async fn fresh(peer: &Peer, session: &Session) -> Vec<&'static str> {
    let before = peer.methods().len();
    session.list_tools().await.unwrap();
    session.list_prompts().await.unwrap();
    session.list_resources().await.unwrap();
    session.list_resource_templates().await.unwrap();
    for uri in ["a://b", "a://b/c", "a://d"] {
        session.read_resource(uri).await.unwrap();
    }
    let messages = peer.received();
    let asked = |method: &str, uri: Option<&str>| {
        messages[before..]
            .iter()
            .any(|it| it["method"] == method && uri.is_none_or(|uri| it["params"]["uri"] == uri))
    };
    let mut fresh = Vec::new();
    for (name, method, uri) in [
        ("tools", "tools/list", None),
        ("prompts", "prompts/list", None),
        ("resources", "resources/list", None),
        ("templates", "resources/templates/list", None),
        ("b", "resources/read", Some("a://b")),
        ("b/c", "resources/read", Some("a://b/c")),
        ("d", "resources/read", Some("a://d")),
    ] {
        if !asked(method, uri) {
            fresh.push(name);
        }
    }
    fresh
}

const ALL: [&str; 7] = ["tools", "prompts", "resources", "templates", "b", "b/c", "d"];

fn without(gone: &[&str]) -> Vec<&'static str> {
    ALL.into_iter().filter(|name| !gone.contains(name)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_change_notification_evicts_the_affected_entries() {
    let peer = generous();
    let session = open(&peer, &Cache::new()).await;
    assert!(fresh(&peer, &session).await.is_empty());
    assert_eq!(fresh(&peer, &session).await, ALL);
    let reads = ["b", "b/c", "d"];
    for (method, params, gone) in [
        ("notifications/tools/list_changed", json!({}), &["tools"][..]),
        ("notifications/prompts/list_changed", json!({}), &["prompts"]),
        ("notifications/resources/list_changed", json!({}), &["resources", "templates"]),
        // No subscription names it, so it may be part of any resource.
        ("notifications/resources/updated", json!({ "uri": "a://b/c" }), &reads),
        ("notifications/resources/updated", json!({ "uri": 1 }), &reads),
        ("notifications/message", json!({ "level": "info", "data": "x" }), &[]),
    ] {
        say(&session, &[notification(method, params.clone())]).await;
        assert_eq!(fresh(&peer, &session).await, without(gone), "{method} {params}");
        assert_eq!(fresh(&peer, &session).await, ALL);
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_of_a_subscribed_resource_evicts_it_and_its_parts() {
    let peer = generous();
    let session = open(&peer, &Cache::new()).await;
    fresh(&peer, &session).await;
    let filter = json!({ "toolsListChanged": true, "resourceSubscriptions": ["a://b", "a://b/c"] });
    let listen = listen(&session, filter).await;
    assert_eq!(
        fresh(&peer, &session).await,
        ["prompts", "resources", "templates"],
        "it may have changed before anybody listened"
    );
    let updated =
        |uri: &str| [notification("notifications/resources/updated", json!({ "uri": uri }))];
    say(&session, &updated("a://b")).await;
    assert_eq!(fresh(&peer, &session).await, without(&["b", "b/c"]));
    say(&session, &updated("a://d")).await;
    assert_eq!(
        fresh(&peer, &session).await,
        without(&["b", "b/c", "d"]),
        "a part of who knows what"
    );
    assert_eq!(fresh(&peer, &session).await, ALL);
    listen.abort();
    let _ = listen.await;
    assert!(fresh(&peer, &session).await.is_empty(), "nobody listens any more");
}

#[tokio::test(start_paused = true)]
async fn a_refused_subscription_evicts_nothing() {
    let asked = AtomicU32::new(0);
    let peer = modern(move |message| match message["method"].as_str() {
        Some("subscriptions/listen") => error_of(message),
        Some("tools/list") => {
            let asked = asked.fetch_add(1, Ordering::SeqCst) + 1;
            result(message, hinted(message, asked, json!(5000), "private"))
        }
        _ => Reply::Nothing,
    });
    let session = open(&peer, &Cache::new()).await;
    assert_eq!(tools(&session).await, "1");
    listen(&session, json!({ "toolsListChanged": true })).await.await.unwrap();
    let mut filter = SubscriptionFilter::default();
    filter.tools_list_changed = Some(true);
    session.subscribe(filter).await.unwrap_err();
    assert_eq!(tools(&session).await, "1");
}

#[tokio::test(start_paused = true)]
async fn a_subscription_without_an_id_works() {
    // Neither the acknowledgement nor the notification has a subscription id.
    for word in ["notifications/subscriptions/acknowledged", "notifications/resources/list_changed"]
    {
        let asked = AtomicU32::new(0);
        let peer = modern(move |message| match message["method"].as_str() {
            Some("subscriptions/listen") => {
                Reply::Lines(vec![notification(word, json!({ "notifications": {} }))])
            }
            Some("tools/list") => {
                let asked = asked.fetch_add(1, Ordering::SeqCst) + 1;
                result(message, hinted(message, asked, json!(5000), "private"))
            }
            _ => Reply::Nothing,
        });
        let session = open(&peer, &Cache::new()).await;
        let listen = listen(&session, json!({ "toolsListChanged": true })).await;
        assert_eq!([tools(&session).await, tools(&session).await], ["1", "1"]);
        listen.abort();
        let _ = listen.await;
        assert_eq!(tools(&session).await, "2", "{word}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refreshed_list_is_not_restarted_when_a_cursor_is_refused() {
    let second = Duration::from_secs(1);
    let peer = modern(move |message| match message["params"]["cursor"].as_str() {
        None => {
            let mut page = hinted(message, 1, json!(5000), "private");
            page["nextCursor"] = json!("x");
            result(message, page)
        }
        Some(_) => Reply::Later(second, Box::new(error_of(message))),
    });
    let session = open(&peer, &Cache::new()).await;
    let list = tokio::spawn(session.list_tools().cache(CacheMode::Refresh).into_future());
    tokio::time::sleep(second / 2).await;
    // Another call is answered from the cache.
    session.list_tools().page(None).await.unwrap();
    assert_eq!(asked(&peer, "tools/list"), 2);
    list.await.unwrap().unwrap_err();
    assert_eq!(asked(&peer, "tools/list"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_notified_handler_finds_no_stale_entry() {
    let peer = generous();
    let session: Arc<Mutex<Option<Session>>> = Arc::default();
    let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel();
    let mut options = SessionOptions::default();
    let inner = Arc::clone(&session);
    options.on_notification = Some(Arc::new(move |_| {
        let (session, tx) = (inner.lock().unwrap().clone().unwrap(), tx.clone());
        tokio::spawn(async move { tx.send(tools(&session).await) });
    }));
    let open = Session::open(peer.clone(), None, options).await.unwrap();
    *session.lock().unwrap() = Some(open.clone());
    assert_eq!(tools(&open).await, "1");
    let changed = notification("notifications/tools/list_changed", json!({}));
    open.call_tool("say").arg("say", [changed]).await.unwrap();
    assert_eq!(rx.recv().await.unwrap(), "2");
}

#[tokio::test(start_paused = true)]
async fn a_response_overtaken_by_a_change_is_not_cached() {
    for (changed, uri, subscribed) in [
        ("notifications/tools/list_changed", "", &[][..]),
        ("notifications/resources/updated", "a://b", &[]),
        ("notifications/resources/updated", "a://b", &["a://b"]),
    ] {
        let asked = AtomicU32::new(0);
        let peer = modern(move |message| match message["method"].as_str() {
            Some("tools/list" | "resources/read") => {
                let asked = asked.fetch_add(1, Ordering::SeqCst) + 1;
                let answer = json!({
                    "jsonrpc": "2.0", "id": message["id"],
                    "result": hinted(message, asked, json!(5000), "public"),
                });
                match asked {
                    1 => Reply::Lines(vec![notification(changed, json!({ "uri": uri })), answer]),
                    _ => Reply::Lines(vec![answer]),
                }
            }
            Some("subscriptions/listen") => acknowledge(message),
            _ => Reply::Nothing,
        });
        let session = open(&peer, &Cache::new()).await;
        let filter = json!({ "toolsListChanged": true, "resourceSubscriptions": subscribed });
        let _listen = listen(&session, filter).await;
        let ask = async || match uri {
            "" => tools(&session).await,
            uri => read(&session, uri).await,
        };
        assert_eq!([ask().await, ask().await, ask().await], ["1", "2", "2"], "{changed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_process_is_requested_again() {
    let peer = generous();
    let cache = Cache::new();
    let restart = Restart::new(peer.clone(), Restart::BACKOFF);
    let mut options = SessionOptions::default();
    options.cache = Some(cache.clone());
    let session = Session::open(restart, Some("shop"), options).await.unwrap();
    assert_eq!([tools(&session).await, tools(&session).await], ["1", "1"]);
    session.call_tool("die").await.unwrap_err();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!([tools(&session).await, tools(&session).await], ["2", "2"]);
    assert_eq!(peer.connections(), 2);
    session.close().await.unwrap();
    session.list_tools().await.unwrap_err();

    let session = open(&peer, &cache).await;
    assert_eq!([tools(&session).await, tools(&session).await], ["3", "3"]);
}

#[tokio::test(start_paused = true)]
async fn sessions_share_the_cache_of_their_client_only() {
    let peer = generous().bound(Binding::StreamableHttp);
    let cache = Cache::new();
    let first = open(&peer, &cache).await;
    assert_eq!(tools(&first).await, "1");
    drop(first);
    assert_eq!(tools(&open(&peer, &cache).await).await, "1", "a later session");
    assert_eq!(tools(&open(&peer, &cache.for_client()).await).await, "2", "another client");
    let mut options = SessionOptions::default();
    options.cache = Some(cache.clone());
    let other = Session::open(peer.clone(), Some("other shop"), options).await.unwrap();
    assert_eq!(tools(&other).await, "3", "another server");
    // A change notified to one session is visible to all.
    let (one, two) = (open(&peer, &cache).await, open(&peer, &cache).await);
    say(&one, &[notification("notifications/tools/list_changed", json!({}))]).await;
    assert_eq!([tools(&two).await, tools(&one).await, tools(&other).await], ["4", "4", "3"]);
}

#[tokio::test(start_paused = true)]
async fn sessions_without_a_cache_share_nothing() {
    // One address, and two users who log in.
    let (ann, bob) =
        (generous().bound(Binding::StreamableHttp), generous().bound(Binding::StreamableHttp));
    let options = SessionOptions::default();
    for peer in [ann, bob] {
        let session = Session::open(peer.clone(), None, options.clone()).await.unwrap();
        assert_eq!([tools(&session).await, tools(&session).await], ["1", "1"]);
        assert_eq!(asked(&peer, "tools/list"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn each_process_has_its_own_entries() {
    for binding in [Binding::Pipe, Binding::InProcess] {
        let cache = Cache::new();
        let peers = [generous().bound(binding), generous().bound(binding)];
        let sessions = [open(&peers[0], &cache).await, open(&peers[1], &cache).await];
        for _ in 0..2 {
            for (peer, session) in peers.iter().zip(&sessions) {
                assert_eq!(read(session, "a://x").await, "1");
                assert_eq!(asked(peer, "resources/read"), 1, "{binding:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_cache_is_bounded() {
    let peer = generous();
    let session = open(&peer, &Cache::new().max_entries(2)).await;
    for (uri, answer) in [("a", "1"), ("b", "2"), ("a", "1"), ("c", "3"), ("a", "1"), ("b", "4")] {
        assert_eq!(read(&session, uri).await, answer, "{uri}");
    }
    let session = open(&peer, &Cache::new().max_bytes(100)).await;
    assert_ne!(read(&session, "a").await, read(&session, "a").await);
}

#[tokio::test(start_paused = true)]
async fn a_tool_whose_headers_are_wrong_is_listed_again() {
    let lists = AtomicU32::new(0);
    let peer = modern(move |message| match message["method"].as_str() {
        Some("tools/list") => {
            let asked = lists.fetch_add(1, Ordering::SeqCst) + 1;
            result(message, hinted(message, asked, json!(5000), "private"))
        }
        Some("tools/call") => {
            error(message, json!({ "code": -32020, "message": "a header is missing" }))
        }
        _ => Reply::Nothing,
    })
    .bound(Binding::StreamableHttp);
    let session = open(&peer, &Cache::new()).await;
    assert_eq!(tools(&session).await, "1");
    session.call_tool("x").await.unwrap_err();
    assert_eq!(asked(&peer, "tools/list"), 2, "the server itself was asked");
    assert_eq!(tools(&session).await, "3", "what it said then was no better");
    assert_eq!(tools(&session).await, "3");
    session.call_tool("x").manual_input().await.unwrap_err();
    assert_eq!((asked(&peer, "tools/list"), asked(&peer, "tools/call")), (4, 4));
    assert_eq!(tools(&session).await, "5");
}

#[tokio::test(start_paused = true)]
async fn a_cached_list_provides_header_parameters_too() {
    let schema = json!({
        "type": "object",
        "properties": { "region": { "type": "string", "x-mcp-header": "Region" } },
    });
    let peer = modern(move |message| match message["method"].as_str() {
        Some("tools/list") => {
            let mut list = hinted(message, 1, json!(5000), "private");
            list["tools"][0]["inputSchema"] = schema.clone();
            result(message, list)
        }
        Some("tools/call") => result(message, json!({ "resultType": "complete", "content": [] })),
        _ => Reply::Nothing,
    })
    .bound(Binding::StreamableHttp);
    let cache = Cache::new();
    open(&peer, &cache).await.list_tools().await.unwrap();
    let session = open(&peer, &cache).await;
    assert_eq!(tools(&session).await, "1");
    assert_eq!(asked(&peer, "tools/list"), 1, "the second session did not ask");
    session.call_tool("1").arg("region", "eu").await.unwrap();
    let raw = json!({ "name": "1", "arguments": { "region": "us" } });
    session.request(method::TOOLS_CALL, &raw).await.unwrap();
    session.request(method::TOOLS_CALL, &json!({ "name": "1" })).await.unwrap();
    let region = |region: &str| vec![("Region".to_owned(), region.to_owned())];
    let sent: Vec<_> = routings(&peer).into_iter().map(|it| it.params).collect();
    assert_eq!(sent, [region("eu"), region("us"), vec![]]);
}

#[tokio::test(start_paused = true)]
async fn results_without_a_ttl_use_the_default_of_the_client() {
    let second = Duration::from_secs(1);
    let plain = || {
        let asked = AtomicU32::new(0);
        move |message: &Value| match message["method"].as_str() {
            Some("tools/list") => {
                let asked = asked.fetch_add(1, Ordering::SeqCst) + 1;
                result(message, json!({ "resultType": "complete", "tools": [tool(asked)] }))
            }
            Some("tools/call") => Reply::Lines(vec![
                notification("notifications/tools/list_changed", json!({})),
                json!({ "jsonrpc": "2.0", "id": message["id"],
                    "result": { "resultType": "complete", "content": [] } }),
            ]),
            _ => Reply::Nothing,
        }
    };
    for peer in [modern(plain()), legacy(plain())] {
        let session = open(&peer, &Cache::new().default_ttl(10 * second)).await;
        assert_eq!((tools(&session).await, tools(&session).await), ("1".into(), "1".into()));
        tokio::time::advance(11 * second).await;
        assert_eq!(tools(&session).await, "2");
        // Change notifications still evict it.
        session.call_tool("change").await.unwrap();
        tokio::time::sleep(second).await;
        assert_eq!(tools(&session).await, "3");
        let again = session.list_tools().cache(CacheMode::Refresh).await.unwrap();
        assert_eq!(again[0].name, "4");
    }
    for peer in [modern(plain()), legacy(plain())] {
        let session = open(&peer, &Cache::new()).await;
        assert_eq!((tools(&session).await, tools(&session).await), ("1".into(), "2".into()));
    }
    // A TTL of 0 is honoured.
    let session =
        open(&generous_with(json!(0), "private"), &Cache::new().default_ttl(second)).await;
    assert_eq!((tools(&session).await, tools(&session).await), ("1".into(), "2".into()));
}

#[tokio::test(start_paused = true)]
async fn a_stale_result_is_used_during_an_outage_if_enabled() {
    let second = Duration::from_secs(1);
    const OUTAGE: Fault = Fault::Fails(mcp_transport::ErrorKind::Unavailable);
    let is_down: Fate = |method| (method == "tools/list").then_some(OUTAGE);
    let open = async |cache: Cache| {
        let peer = generous();
        let up = Session::open(peer.clone().bound(Binding::StreamableHttp), Some("shop"), {
            SessionOptions::default().with_cache(cache.clone())
        });
        let up = up.await.unwrap();
        assert_eq!(tools(&up).await, "1");
        tokio::time::advance(6 * second).await;
        let down = Faulty(peer.bound(Binding::StreamableHttp), is_down);
        let options = SessionOptions::default().with_cache(cache);
        Session::open(down, Some("shop"), options).await.unwrap()
    };
    let session = open(Cache::new().stale_if_error(10 * second)).await;
    let page = session.list_tools().page(None).await.unwrap();
    assert_eq!((page.tools.iter().next().unwrap().name.as_str(), page.ttl_ms), ("1", Some(0)));
    // A refreshing call gets the error.
    let refreshed = session.list_tools().cache(CacheMode::Refresh).await;
    assert_eq!(refreshed.unwrap_err().kind(), ErrorKind::Unavailable);
    tokio::time::advance(11 * second).await;
    assert_eq!(session.list_tools().await.unwrap_err().kind(), ErrorKind::Unavailable);

    let session = open(Cache::new()).await;
    assert_eq!(session.list_tools().await.unwrap_err().kind(), ErrorKind::Unavailable);
}

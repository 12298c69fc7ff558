use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use futures_util::future::join_all;
use mcp_core::{Message, ProtocolVersion, RawJson, Request, RequestId};
use mcp_transport::{Connect, Delivery, Envelope, ErrorKind, Exchange, Transport};
use serde_json::json;

use super::{
    Setup,
    client::{Client, raw, request, stream},
};

/// An exchange yields any number of messages, then exactly one terminal item, and nothing after it.
pub async fn answers_each_request<C: Connect>(setup: Setup<C>) {
    let client = Client::connect(setup).await;
    for (id, count) in [(1, 0), (2, 1), (3, 5)] {
        let mut exchange = client.open(id, "contract/stream", stream(count, "token")).await;
        assert_eq!(exchange.id(), &RequestId::from(id));
        for _ in 0..count {
            let item = exchange.next().await;
            assert!(matches!(item, Some(Ok(Message::Notification(_)))), "{item:?}");
        }
        let end = exchange.next().await;
        let Some(Ok(Message::Response(response))) = end else {
            panic!("expected a response, not {end:?}")
        };
        assert_eq!(response.id, Some(id.into()));
        for _ in 0..2 {
            let after = exchange.next().await;
            assert!(after.is_none(), "an item after the end: {after:?}");
        }
    }
}

/// Concurrent exchanges never wait for one another, and each gets the response with its own id.
pub async fn correlates_out_of_order<C: Connect>(setup: Setup<C>) {
    let client = Client::connect(setup).await;
    let words: Vec<String> = (0..16).map(|word| word.to_string()).collect();
    let mut late = Vec::new();
    for (id, word) in (0..).zip(&words) {
        late.push(client.open(id, "contract/late", json!({ "until": word })).await);
    }
    // A fast request after slow ones.
    assert!(client.answer(100, "contract/echo", json!({})).await.outcome.is_ok());
    for word in words.iter().rev() {
        client.release(word).await;
        let exchange = late.pop().expect("one exchange for each word");
        let id = exchange.id().clone();
        let response = exchange.response().await.expect("a released request is answered");
        assert_eq!(response.id, Some(id));
    }
}

/// The id `1` and the id `"1"` are two exchanges.
pub async fn keeps_id_types<C: Connect>(setup: Setup<C>) {
    let client = Client::connect(setup).await;
    let ids = [RequestId::from(1), RequestId::from("1")];
    let number = client.open(1, "contract/late", json!({ "until": "number" })).await;
    let string = client.open("1", "contract/late", json!({ "until": "string" })).await;
    client.release("string").await;
    let response = string.response().await.expect("a released request is answered");
    assert_eq!(response.id.as_ref(), Some(&ids[1]));
    client.release("number").await;
    let response = number.response().await.expect("a released request is answered");
    assert_eq!(response.id.as_ref(), Some(&ids[0]));
    for id in [i64::MAX, i64::MIN, 0] {
        assert_eq!(client.answer(id, "contract/echo", json!({})).await.id, Some(id.into()));
    }
    for id in ["", "ünï \"quoted\" \\ \n", "9223372036854775808"] {
        assert_eq!(client.answer(id, "contract/echo", json!({})).await.id, Some(id.into()));
    }
}

/// The messages of one exchange arrive in the order they were sent, all of them before its response.
pub async fn keeps_order<C: Connect>(setup: Setup<C>) {
    const COUNT: u64 = 200;
    let client = Client::connect(setup).await;
    let tokens = ["a", "b", "c"];
    let exchanges = join_all(
        (1..)
            .zip(tokens)
            .map(|(id, token)| client.open(id, "contract/stream", stream(COUNT, token))),
    );
    let read = |(mut exchange, token): (Exchange, &'static str)| async move {
        for step in 0..COUNT {
            let item = exchange.next().await;
            let Some(Ok(Message::Notification(notification))) = item else { panic!("{item:?}") };
            let params = notification.params.expect("progress has parameters");
            let params: serde_json::Value = params.decode().expect("parameters are JSON");
            assert_eq!(params, json!({ "progressToken": token, "progress": step }));
        }
        let end = exchange.next().await;
        assert!(matches!(end, Some(Ok(Message::Response(_)))), "{end:?}");
    };
    join_all(exchanges.await.into_iter().zip(tokens).map(read)).await;
}

/// A JSON-RPC error is a response, never an [`Error`](mcp_transport::Error).
pub async fn peer_errors_are_answers<C: Connect>(setup: Setup<C>) {
    let client = Client::connect(setup).await;
    for code in [-32601, -32602, -32603, -32020, -1, 7] {
        let params = json!({ "code": code, "message": "no\n\u{1f600}", "data": { "a": [1] } });
        let response = client.answer(code, "contract/error", params).await;
        assert_eq!(response.id, Some(code.into()));
        let error = response.outcome.expect_err("the peer answered with an error");
        assert_eq!((error.code, &*error.message), (code, "no\n\u{1f600}"));
        assert_eq!(error.data, Some(raw(&json!({ "a": [1] }))));
    }
    let response = client.answer(1, "contract/unknown", json!({})).await;
    assert!(response.outcome.is_err());
}

/// Big numbers, nesting, the order of keys and line breaks inside strings survive in both directions.
pub async fn payloads_are_untouched<C: Connect>(setup: Setup<C>) {
    let client = Client::connect(setup).await;
    let deep = format!("{{\"deep\":{}{}}}", "[".repeat(1000), "]".repeat(1000));
    let texts = [
        r#"{"z":1,"a":2,"m":{"y":0,"b":0}}"#,
        r#"{"n":[123456789012345678901234567890,-0,0.1e-7,1E400,9007199254740993,1.0]}"#,
        r#"{"s":"line\nline\r\n\u2028\u0000\ud83d\ude00 😀 é \/ \\n data: x"}"#,
        "{ \"spaces\" :\t[ 1 , 2 ] }",
        r#"{"null":null,"empty":{},"":[[]]}"#,
        &deep,
    ];
    for (id, text) in (1..).zip(texts) {
        let params = RawJson::from_text(text.to_owned()).expect("the text is JSON");
        let request = Request::new(id, "contract/echo").with_params(params);
        let request = Envelope::new(request).with_version(ProtocolVersion::LATEST_MODERN);
        let exchange = client.transport.request(request).await.expect("the request is accepted");
        let response = exchange.response().await.expect("the request is answered");
        let result = response.outcome.expect("an echo is a result");
        assert_eq!(String::from_utf8_lossy(result.as_bytes()), text);
    }
}

/// Dropping an exchange before its terminal item cancels the request at the server. Other exchanges are not
/// affected. Dropping never blocks and never panics.
pub async fn drop_cancels<C: Connect>(setup: Setup<C>) {
    let client = Client::connect(setup).await;
    let late = client.open("late", "contract/late", json!({ "until": "end" })).await;
    let unpolled = client.open(1, "contract/silent", json!({})).await;
    let polled = client.open(2, "contract/silent", json!({})).await;
    let outside = client.open(3, "contract/silent", json!({})).await;
    drop(unpolled);
    let mut polled = polled;
    let early = poll_fn(|cx| Poll::Ready(polled.poll_item(cx))).await;
    assert!(early.is_pending(), "a silent request has no response: {early:?}");
    drop(polled);
    // Outside a runtime.
    std::thread::spawn(move || drop(outside)).join().expect("dropping does not panic");
    let ids = [1, 2, 3].map(RequestId::from);
    let received =
        client.received(|received| ids.iter().all(|id| received.cancelled.contains(id))).await;
    assert_eq!(received.cancelled.len(), 3, "each request is cancelled once");
    client.release("end").await;
    assert!(late.response().await.is_ok());
}

/// Dropping the future of `request` or `send` never leaves half a message on the wire.
pub async fn drop_of_request_future_is_safe<C: Connect>(setup: Setup<C>) {
    let client = Client::connect(setup).await;
    let filler = "x".repeat(100_000);
    for id in 0..20 {
        let params = json!({ "filler": filler });
        poll_some(client.transport.request(request(id, "contract/echo", params)), id).await;
        poll_some(client.send("notifications/filler", json!({ "filler": filler })), id).await;
        let answer = client.answer("between", "contract/echo", json!({})).await;
        assert!(answer.outcome.is_ok());
    }
    // The ids can be used again.
    for id in 0..20 {
        assert!(client.answer(id, "contract/echo", json!({})).await.outcome.is_ok());
    }
    let received = client.received(|_| true).await;
    assert_eq!(received.junk, 0, "parts of messages arrived");
    for (_, params) in received.messages {
        assert_eq!(params["filler"].as_str().map(str::len), Some(filler.len()));
    }
}

/// Polls a future a few times, unless it completes, and drops it.
async fn poll_some<F: Future>(future: F, times: i64) {
    let mut future = pin!(future);
    for _ in 0..=times % 4 {
        if poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// A message that `send` accepted reaches the server. There is no response.
pub async fn sends_one_way<C: Connect>(setup: Setup<C>) {
    const COUNT: usize = 10;
    let client = Client::connect(setup).await;
    for note in 0..COUNT {
        client.send("notifications/note", json!({ "note": note })).await;
    }
    let received = client.received(|received| received.messages.len() >= COUNT).await;
    let expected: Vec<_> =
        (0..COUNT).map(|note| ("notifications/note".to_owned(), json!({ "note": note }))).collect();
    assert_eq!(received.messages, expected);
}

/// `close` ends every open exchange with an error of kind [`Closed`](ErrorKind::Closed), makes every
/// later request fail the same way with delivery [`NotSent`](Delivery::NotSent), ends `Inbound`, makes
/// `closed` return, and may be called twice.
pub async fn close_ends_everything<C: Connect>(setup: Setup<C>) {
    let mut client = Client::connect(setup).await;
    assert!(client.answer(1, "contract/echo", json!({})).await.outcome.is_ok());
    let polled = client.open(2, "contract/silent", json!({})).await;
    let unpolled = client.open(3, "contract/silent", json!({})).await;
    let transport = &client.transport;
    let (end, closed) = tokio::join!(polled.response(), async {
        tokio::task::yield_now().await;
        transport.close().await
    });
    closed.expect("the transport closes gracefully");
    for end in [end, unpolled.response().await] {
        let error = end.expect_err("a silent request has no response");
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    }
    let later = transport.request(request(4, "contract/echo", json!({}))).await;
    let error = match later {
        Err(error) => error,
        Ok(exchange) => exchange.response().await.expect_err("the transport is closed"),
    };
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, Delivery::NotSent), "{error}");
    let mut items = 0;
    while let Some(item) = client.inbound.next().await {
        items += 1;
        assert!(items < 10_000, "`Inbound` does not end: {item:?}");
    }
    let reason = client.transport.closed().await;
    assert_eq!(reason.kind(), ErrorKind::Closed, "{reason}");
    client.transport.close().await.expect("a second close succeeds");
}

/// Messages far larger than any buffer pass in both directions at once.
pub async fn large_messages_both_ways<C: Connect>(setup: Setup<C>) {
    const BYTES: usize = 3 << 20;
    let client = Client::connect(setup).await;
    let echo = |id: i64| {
        let client = &client;
        async move {
            let filler: String = char::from(b'a' + id as u8).to_string().repeat(BYTES);
            let params = json!({ "filler": filler });
            let response = client.answer(id, "contract/echo", params.clone()).await;
            assert_eq!(response.id, Some(id.into()));
            let result = response.outcome.expect("an echo is a result");
            assert!(result == raw(&params), "the echo of request {id} differs");
        }
    };
    join_all((0..4).map(echo)).await;
}

/// A request with the id of an open one fails unsent. The open one is not affected.
pub async fn duplicate_id_is_refused<C: Connect>(setup: Setup<C>) {
    let client = Client::connect(setup).await;
    let first = client.open(1, "contract/late", json!({ "until": "end" })).await;
    let second = client.transport.request(request(1, "contract/silent", json!({}))).await;
    let error = match second {
        Err(error) => error,
        Ok(exchange) => exchange.response().await.expect_err("the id is in flight"),
    };
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    assert_eq!(error.delivery(), Delivery::NotSent, "{error}");
    client.release("end").await;
    assert!(first.response().await.is_ok(), "the first request is not affected");
    let echo = client.answer(1, "contract/echo", json!({})).await;
    assert!(echo.outcome.is_ok(), "the id can be used again");
    let received = client.received(|_| true).await;
    assert!(received.cancelled.is_empty(), "the second request was sent");
}

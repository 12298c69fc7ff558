use std::time::Duration;

use mcp_server::{Context, Server};
use serde_json::{Value, json};
use tokio::{
    io::{
        AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf,
        WriteHalf,
    },
    task::JoinHandle,
};

use crate::fixture::{bookshop, meta};

struct Pipe {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    writer: WriteHalf<DuplexStream>,
    served: JoinHandle<std::io::Result<()>>,
}

fn serve(server: Server, buffer: usize) -> Pipe {
    let (near, far) = tokio::io::duplex(buffer);
    let served = tokio::spawn(async move {
        let (reader, writer) = tokio::io::split(far);
        server.serve(reader, writer).await
    });
    let (reader, writer) = tokio::io::split(near);
    Pipe { lines: BufReader::new(reader).lines(), writer, served }
}

fn request(id: impl Into<Value>, method: &str, mut params: Value) -> Value {
    params["_meta"] = meta();
    json!({"jsonrpc": "2.0", "id": id.into(), "method": method, "params": params})
}

impl Pipe {
    async fn write(&mut self, line: impl ToString) {
        self.writer.write_all(format!("{}\n", line.to_string()).as_bytes()).await.unwrap();
    }

    async fn read(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_secs(60), self.lines.next_line());
        serde_json::from_str(&line.await.unwrap().unwrap().unwrap()).unwrap()
    }
}

#[tokio::test]
async fn both_eras_over_a_pipe() {
    let mut pipe = serve(bookshop().build(), 4096);
    pipe.write(request("discover-1", "server/discover", json!({}))).await;
    assert_eq!(pipe.read().await["result"]["resultType"], "complete");
    pipe.write(json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"},
    }}))
    .await;
    assert_eq!(pipe.read().await["result"]["protocolVersion"], "2025-06-18");
    pipe.write(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    pipe.write(
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "data"}}),
    )
    .await;
    let answer = pipe.read().await;
    assert_eq!((&answer["id"], &answer["result"]["resultType"]), (&json!(2), &json!(null)));
}

#[tokio::test(start_paused = true)]
async fn a_slow_request_delays_no_other() {
    let server = Server::builder("s")
        .tool("sleep", "", |milliseconds: Milliseconds| async move {
            tokio::time::sleep(Duration::from_millis(milliseconds.of)).await;
        })
        .build();
    let mut pipe = serve(server, 4096);
    for (id, of) in [(1, 300), (2, 200), (3, 100), (4, 0)] {
        let params = json!({"name": "sleep", "arguments": {"of": of}});
        pipe.write(request(id, "tools/call", params)).await;
    }
    for id in [4, 3, 2, 1] {
        assert_eq!(pipe.read().await["id"], id);
    }
    // Their ids can be used again.
    let params = json!({"name": "sleep", "arguments": {"of": 1}});
    pipe.write(request(1, "tools/call", params)).await;
    assert_eq!(pipe.read().await["id"], 1);
}

#[derive(serde::Deserialize, mcp_server::JsonSchema)]
struct Milliseconds {
    of: u64,
}

#[tokio::test]
async fn a_cancelled_request_is_dropped_without_a_response() {
    struct OnDrop(Option<tokio::sync::oneshot::Sender<()>>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.take().map(|sender| sender.send(()));
        }
    }

    let (sender, dropped) = tokio::sync::oneshot::channel();
    let sender = std::sync::Mutex::new(Some(sender));
    let server = bookshop()
        .tool("hold", "", move |_: ()| {
            let guard = OnDrop(sender.lock().unwrap().take());
            async move {
                let _guard = guard;
                std::future::pending::<()>().await
            }
        })
        .build();
    let mut pipe = serve(server, 4096);
    pipe.write(request(1, "tools/call", json!({"name": "hold"}))).await;
    // Missing and unknown ids are ignored.
    for params in [json!({}), json!({"requestId": "1"}), json!({"requestId": 9}), json!(null)] {
        pipe.write(
            json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}),
        )
        .await;
    }
    pipe.write(request(2, "tools/call", json!({"name": "data"}))).await;
    assert_eq!(pipe.read().await["id"], 2);
    let params = json!({"requestId": 1, "reason": "enough"});
    pipe.write(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}))
        .await;
    dropped.await.unwrap();
    // The id can be used again.
    pipe.write(request(1, "tools/call", json!({"name": "data"}))).await;
    let answer = pipe.read().await;
    assert_eq!(
        (&answer["id"], &answer["result"]["content"][0]["type"]),
        (&json!(1), &json!("text"))
    );
}

#[tokio::test]
async fn an_invalid_request_is_answered_with_its_id_if_known() {
    let mut pipe = serve(bookshop().build(), 4096);
    for (line, code, id) in [
        ("banner", -32700, json!(null)),
        (r#"{"jsonrpc":"2.0","id":1,"#, -32700, json!(1)),
        (r#"{"jsonrpc":"2.0","id":4}"#, -32600, json!(4)),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600, json!(null)),
        (r#"[{"jsonrpc":"2.0","id":4,"method":"ping"}]"#, -32600, json!(null)),
    ] {
        pipe.write(line).await;
        let answer = pipe.read().await;
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(code), &id), "{line}");
    }
    pipe.writer.write_all(b"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\"}\n").await.unwrap();
    assert!(pipe.read().await["error"].is_object());
    // Responses and unknown notifications get no response.
    pipe.write(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#).await;
    pipe.write(r#"{"jsonrpc":"2.0","method":"notifications/unknown"}"#).await;
    pipe.write("\r").await;
    pipe.write(r#"{"jsonrpc":"2.0","id":5,"method":"ping"}"#).await;
    assert_eq!(pipe.read().await, json!({"jsonrpc": "2.0", "id": 5, "result": {}}));
}

#[tokio::test]
async fn batches_are_accepted_in_one_revision() {
    let mut pipe = serve(bookshop().build(), 4096);
    pipe.write(json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"},
    }}))
    .await;
    pipe.read().await;
    pipe.write(
        r#"[{"jsonrpc":"2.0","id":2,"method":"ping"},{"jsonrpc":"2.0","id":"2","method":"ping"}]"#,
    )
    .await;
    assert_eq!(pipe.read().await["id"], 2);
    assert_eq!(pipe.read().await["id"], "2");
    pipe.write("[]").await;
    assert_eq!(pipe.read().await["error"]["code"], -32600);
}

#[tokio::test]
async fn an_id_in_flight_and_too_many_requests_are_refused() {
    let mut pipe = serve(bookshop().build(), 1 << 20);
    pipe.write(request(1, "tools/call", json!({"name": "never"}))).await;
    pipe.write(request(1, "tools/call", json!({"name": "data"}))).await;
    let refused = pipe.read().await;
    assert_eq!((&refused["error"]["code"], &refused["id"]), (&json!(-32600), &json!(null)));
    for id in 2..=1025 {
        pipe.write(request(id, "tools/call", json!({"name": "never"}))).await;
    }
    let refused = pipe.read().await;
    assert_eq!((&refused["error"]["code"], &refused["id"]), (&json!(-32603), &json!(1025)));
    // Requests can still be cancelled.
    let params = json!({"requestId": 3});
    pipe.write(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}))
        .await;
    pipe.write(request(2000, "tools/call", json!({"name": "data"}))).await;
    assert_eq!(pipe.read().await["id"], 2000);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_stops_the_server_and_nothing_is_lost() {
    let server = Server::builder("s")
        .tool("big", "", |_: ()| async { "x".repeat(100_000) })
        .tool("talk", "", |_: (), cx: Context| async move {
            for step in 1..=1000 {
                cx.progress(step).message("y".repeat(10_000)).await;
            }
        })
        .build();
    let mut pipe = serve(server, 1024);
    let count = 50;
    let Pipe { lines, writer, .. } = &mut pipe;
    let is_written = std::cell::Cell::new(false);
    let write = async {
        for id in 0..count {
            let line = request(id, "tools/call", json!({"name": "big"}));
            writer.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }
        let mut line = request("talk", "tools/call", json!({"name": "talk"}));
        line["params"]["_meta"]["progressToken"] = json!(1);
        writer.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        is_written.set(true);
    };
    let read = async {
        // Paused time advances only when every task is idle.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!is_written.get(), "the responses are queued");
        let (mut answers, mut reports) = (0, 0);
        while answers <= count {
            let line = lines.next_line().await.unwrap().unwrap();
            let message: Value = serde_json::from_str(&line).unwrap();
            match message.get("method") {
                Some(_) => reports += 1,
                None => answers += 1,
            }
        }
        reports
    };
    assert_eq!(tokio::join!(write, read).1, 1000);
}

#[tokio::test(start_paused = true)]
async fn after_the_end_of_input_requests_may_finish() {
    let server = || {
        Server::builder("s")
            .tool("sleep", "", |milliseconds: Milliseconds| async move {
                tokio::time::sleep(Duration::from_millis(milliseconds.of)).await;
            })
            .build()
    };
    for (of, answered) in [(500, true), (60_000, false)] {
        let mut pipe = serve(server(), 4096);
        let params = json!({"name": "sleep", "arguments": {"of": of}});
        // The last line needs no line end.
        let line = request(1, "tools/call", params).to_string();
        pipe.writer.write_all(line.as_bytes()).await.unwrap();
        pipe.writer.shutdown().await.unwrap();
        let started = tokio::time::Instant::now();
        pipe.served.await.unwrap().unwrap();
        assert!(started.elapsed() <= Duration::from_secs(1));
        let line = pipe.lines.next_line().await.unwrap();
        assert_eq!(line.is_some(), answered, "{line:?}");
    }
    // A subscription does not delay the end.
    let mut pipe = serve(server(), 4096);
    pipe.write(request(1, "subscriptions/listen", json!({"notifications": {}}))).await;
    assert_eq!(pipe.read().await["method"], "notifications/subscriptions/acknowledged");
    pipe.writer.shutdown().await.unwrap();
    let started = tokio::time::Instant::now();
    pipe.served.await.unwrap().unwrap();
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_and_the_next_one_served() {
    let mut pipe = serve(bookshop().build(), 1 << 20);
    let writer = async {
        let head = br#"{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"x":""#;
        pipe.writer.write_all(head).await.unwrap();
        let megabyte = vec![b'x'; 1 << 20];
        for _ in 0..65 {
            pipe.writer.write_all(&megabyte).await.unwrap();
        }
        pipe.writer.write_all(b"\"}}\n").await.unwrap();
    };
    writer.await;
    let refused = pipe.read().await;
    assert_eq!((&refused["error"]["code"], &refused["id"]), (&json!(-32600), &json!(8)));
    let text = refused["error"]["message"].as_str().unwrap();
    assert!(text.contains("67108864"), "{text}");
    pipe.write(request(9, "tools/call", json!({"name": "data"}))).await;
    assert_eq!(pipe.read().await["id"], 9);
}

#[tokio::test]
async fn a_closed_reader_is_an_error() {
    let (near, far) = tokio::io::duplex(64);
    let (mut input, reader) = tokio::io::duplex(4096);
    drop(near);
    let server = bookshop().build();
    let served = tokio::spawn(async move { server.serve(reader, far).await });
    input.write_all(format!("{}\n", request(1, "tools/list", json!({}))).as_bytes()).await.unwrap();
    let error = served.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    let mut rest = Vec::new();
    assert_eq!(input.read_to_end(&mut rest).await.unwrap(), 0);
}

//! Output on stdout that is not JSON-RPC, or too long.

use mcp_testkit::within;
use mcp_transport::{ErrorKind, Transport};

use crate::support::{call, connect, open, sh, small_limits};

#[tokio::test]
async fn banners_and_invalid_bytes_are_skipped_and_counted() {
    let script = r#"
        printf 'Welcome to \033[1mthe server\033[0m\n\n   \n{"half": \n\377\376\n[1,2]\n42\n'
        serve"#;
    let connection = connect(sh(script)).await;
    for id in 1..4 {
        within(call(&connection.transport, id)).await.unwrap();
    }
    assert_eq!(connection.transport.skipped_lines(), 5);
    connection.transport.close().await.unwrap();
}

#[tokio::test]
async fn other_output_during_a_call_is_skipped() {
    let script = r#"while IFS= read -r line; do id "$line"; echo printed; answer "$id"; done"#;
    let connection = connect(sh(script)).await;
    for id in 1..50 {
        within(call(&connection.transport, id)).await.unwrap();
    }
    assert_eq!(connection.transport.skipped_lines(), 49);
    connection.transport.close().await.unwrap();
}

const LONG: &str = "long() { head -c 2000000 /dev/zero | tr '\\0' x; }\nread -r line\n";

#[tokio::test]
async fn an_oversize_response_fails_the_request_with_its_id() {
    for answer in [
        r#"printf '{"jsonrpc":"2.0","id":1,"result":"'; long; echo '"}'"#,
        r#"printf '{"jsonrpc":"2.0","result":"'; long; echo '","id":1}'"#,
    ] {
        let script = format!("{LONG} {answer}; serve");
        let connection = connect(sh(&script).limits(small_limits())).await;
        let long = open(&connection.transport, 1).await;
        let other = open(&connection.transport, 2).await;
        let error = within(long.response()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert!(error.to_string().contains("1048576"), "{error}");
        within(other.response()).await.unwrap();
        within(call(&connection.transport, 3)).await.unwrap();
        connection.transport.close().await.unwrap();
    }
}

#[tokio::test]
async fn an_oversize_line_without_an_id_fails_all_open_requests() {
    let script = format!("{LONG} read -r line; long; echo; serve");
    let connection = connect(sh(&script).limits(small_limits())).await;
    let first = open(&connection.transport, 1).await;
    let second = open(&connection.transport, 2).await;
    for exchange in [first, second] {
        let error = within(exchange.response()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }
    within(call(&connection.transport, 3)).await.unwrap();
    connection.transport.close().await.unwrap();
}

//! The independent `fastmcp` 4.x: both eras.

use mcp_client::EraPolicy;

use super::{over_http, python, resumes};
use crate::support::{Expect, StdioPeer};

const LEGACY: Expect = Expect::legacy("fastmcp4");
const MODERN: Expect = Expect::modern("fastmcp4");

#[tokio::test]
async fn stdio_modern() {
    let Some(peer) = python("fastmcp4") else { return };
    StdioPeer::start(&peer).exercise(EraPolicy::Auto, &MODERN).await;
}

#[tokio::test]
async fn stdio_legacy() {
    let Some(peer) = python("fastmcp4") else { return };
    StdioPeer::start(&peer).exercise(EraPolicy::Legacy, &LEGACY).await;
}

#[tokio::test]
async fn http() {
    let Some(peer) = python("fastmcp4") else { return };
    over_http(&peer, &[], &[(EraPolicy::Auto, MODERN), (EraPolicy::Legacy, LEGACY)]).await;
}

#[tokio::test]
async fn http_json() {
    let Some(peer) = python("fastmcp4") else { return };
    over_http(
        &peer,
        &["json"],
        &[
            (EraPolicy::Auto, MODERN.without_progress().without_cancel()),
            (EraPolicy::Legacy, LEGACY.without_progress()),
        ],
    )
    .await;
}

#[tokio::test]
async fn http_stateless() {
    let Some(peer) = python("fastmcp4") else { return };
    over_http(&peer, &["stateless"], &[(EraPolicy::Auto, MODERN), (EraPolicy::Legacy, LEGACY)])
        .await;
}

#[tokio::test]
async fn a_closed_stream_is_resumed() {
    let Some(peer) = python("fastmcp4") else { return };
    resumes(&peer).await;
}

//! A client of the testkit's server, and a user who logs in there.

use http::{Request, Response, StatusCode};
use mcp_auth::{OAuth, ServerAuth, UserAgent, follow};
use mcp_http::{Authorized, Body, HttpClient, ResponseBody};
use mcp_testkit::http::log_in;
use mcp_transport::Background;
use tower::ServiceExt as _;

pub(crate) use mcp_testkit::oauth::{CANARY, Guarded as World, json_answer, params};

/// An `OAuth` whose user agrees at once.
pub(crate) fn for_user() -> OAuth {
    OAuth::new().user_agent(user()).http(client())
}

/// A client that uses no proxy of the environment.
pub(crate) fn client() -> HttpClient {
    HttpClient::builder().no_proxy().build().unwrap()
}

/// A user who agrees at once.
pub(crate) fn user() -> impl UserAgent {
    follow(|page| async move { log_in(&page, &[]).await })
}

/// Sends a foreground request.
pub(crate) async fn call(auth: &ServerAuth, url: &str) -> Result<StatusCode, mcp_http::Error> {
    send(auth, url, false).await.map(|response| response.status())
}

pub(crate) async fn send(
    auth: &ServerAuth,
    url: &str,
    is_background: bool,
) -> Result<Response<ResponseBody>, mcp_http::Error> {
    let mut request = Request::post(url).body(Body::from("{}")).unwrap();
    if is_background {
        request.extensions_mut().insert(Background);
    }
    Authorized::new(client(), auth.clone()).oneshot(request).await
}

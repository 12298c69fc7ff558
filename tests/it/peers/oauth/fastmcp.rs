//! FastMCP servers that are their own authorization server.

use mcp_client::StreamableHttp;

use super::*;

#[tokio::test]
async fn a_refresh_and_a_logout() {
    // Using an expired token there revokes its refresh token.
    let Some(server) = fastmcp(&[("TTL", "4")]).await else { return };
    let url = at_localhost(&server);
    let user = User::default();
    let auth = user.oauth();
    let http = StreamableHttp::new(&url).unwrap().auth(&auth);
    let session = bounded(Client::new(http).unwrap().connect()).await.unwrap();
    until_refreshed(&user, 2, async || echo(&session, "still here").await).await;
    assert_eq!((user.counts().pages, user.counts().logins), (1, 1));
    bounded(session.close()).await.unwrap();
    bounded(auth.logout(&url)).await.unwrap();
    bounded(connect(&url, &auth).await.close()).await.unwrap();
    assert_eq!((user.counts().pages, user.counts().logins), (2, 2));
}

#[tokio::test]
async fn a_step_up_over_each_transport() {
    for (transport, path) in [("http", "/mcp"), ("sse", "/sse")] {
        let Some(server) = fastmcp(&[("TRANSPORT", transport)]).await else { return };
        let url = at_localhost(&server).replace("/mcp", path);
        let user = User::default();
        let auth = user.oauth();
        let session = connect(&url, &auth).await;
        echo(&session, "hello").await;
        let demand = session.call_tool("demand").arg("scope", "mcp:write");
        bounded(demand).await.unwrap().into_result().unwrap();
        assert_eq!(user.counts(), counts(1, 1, 0));
        echo(&session, "more").await;
        assert_eq!(user.counts(), counts(2, 2, 0));
        let scopes = bounded(auth.status(&url)).await.unwrap().scopes;
        assert_eq!(scopes, ["mcp", "mcp:write"]);
        bounded(session.close()).await.unwrap();
    }
}

//! Routes to an authorization server: proxy, certificates and addresses of the client.

use std::sync::Arc;

use mcp_auth::{ErrorKind, OAuth};
use mcp_http::{HttpClient, Proxy};
use mcp_testkit::http2::Certificate;
use mcp_testkit::within;
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::world::{World, client};

fn service() -> OAuth {
    OAuth::client_credentials("svc").secret("s3cret-canary")
}

/// A client whose proxy is `world`, which also plays every server.
fn through(world: &World) -> HttpClient {
    let proxy = Proxy::http(world.origin()).unwrap();
    HttpClient::builder().proxy(proxy).build().unwrap()
}

#[tokio::test]
async fn requests_of_an_authorization_go_through_the_proxy() {
    let world = World::start().await;
    // A name that only the proxy can resolve.
    let url = "http://mcp.localhost/mcp";
    within(service().http(through(&world)).login(url)).await.unwrap();
    let log = world.log();
    assert!(log.iter().all(|it| it.path.starts_with("http://mcp.localhost/")), "{log:?}");
    assert_eq!(world.seen("client_credentials").len(), 1);
}

#[tokio::test]
async fn through_a_proxy_addresses_are_checked_and_names_are_not() {
    for (endpoint, is_asked) in [
        ("https://10.0.0.1/token", false),
        ("https://169.254.169.254/token", false),
        ("https://[fd00::1]/token", false),
        ("https://auth.internal/token", true),
    ] {
        let world = World::start().await;
        world.lock().metadata.insert("token_endpoint".into(), json!(endpoint));
        let oauth = service().http(through(&world));
        let error = within(oauth.login("http://mcp.localhost/mcp")).await.unwrap_err();
        let tunnels: Vec<_> = world.log().into_iter().filter(|it| it.method == "CONNECT").collect();
        assert_eq!(tunnels.len(), usize::from(is_asked), "{endpoint}: {error:?}");
        let expected = if is_asked { ErrorKind::Unavailable } else { ErrorKind::Untrusted };
        assert_eq!(error.kind(), expected, "{endpoint}: {error:?}");
        assert!(!format!("{error:?}").contains("canary"));
    }
}

/// A TLS proxy in front of `world`: its URL.
async fn by_tls(world: &World, certificate: &Certificate) -> String {
    world.lock().is_https = true;
    let acceptor = TlsAcceptor::from(Arc::new(certificate.server_config(&["http/1.1"])));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/mcp", listener.local_addr().unwrap());
    let to = world.origin().trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, to) = (acceptor.clone(), to.clone());
            tokio::spawn(async move {
                let Ok(mut near) = acceptor.accept(stream).await else { return };
                let mut far = TcpStream::connect(to).await.unwrap();
                let _ = copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    url
}

#[tokio::test]
async fn certificates_of_the_client_apply_to_the_authorization_server() {
    let world = World::start().await;
    let certificate = Certificate::new();
    let url = by_tls(&world, &certificate).await;
    let error = within(service().http(client()).login(&url)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(world.paths().is_empty());
    let trusting = HttpClient::builder().no_proxy().extra_root_pem(certificate.pem.clone());
    // Headers of the application are only sent to the server.
    let key = [("x-api-key".parse().unwrap(), "k3y-canary".parse().unwrap())];
    let trusting = trusting.default_headers(key.into_iter().collect()).build().unwrap();
    within(service().http(trusting).login(&url)).await.unwrap();
    assert_eq!(world.seen("client_credentials").len(), 1);
    assert!(world.log().iter().all(|it| it.header("x-api-key").is_none()));
}

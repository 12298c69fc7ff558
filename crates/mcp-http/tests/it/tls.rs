use std::convert::Infallible;
use std::error::Error as _;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response, Uri, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mcp_http::{ConnectStep, ErrorKind, HttpClient, HttpClientBuilder, Wait};
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use crate::server::{Server, post, read_request};

/// A certificate authority, and its certificate as PEM.
pub(crate) fn authority(name: &str) -> (Issuer<'static, KeyPair>, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Authorities of the same name could not be distinguished.
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (Issuer::new(params, key), certificate.pem())
}

/// A certificate for `127.0.0.1`, and its key.
pub(crate) fn certificate(issuer: &Issuer<'_, KeyPair>) -> (Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    (params.signed_by(&key, issuer).unwrap(), key)
}

/// A server with a certificate of a new authority, and that authority as PEM.
pub(crate) async fn start(alpn: &[&[u8]]) -> (Server, Uri, String) {
    let (issuer, ca) = authority(&format!("authority of {alpn:?}"));
    let (server, url) = serve(server_config(&issuer, alpn)).await;
    (server, url, ca)
}

/// A server configuration with a certificate of this authority.
pub(crate) fn server_config(issuer: &Issuer<'_, KeyPair>, alpn: &[&[u8]]) -> ServerConfig {
    let (certificate, key) = certificate(issuer);
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.into()], key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    config
}

/// Responds to each request with its URL.
pub(crate) async fn serve(config: ServerConfig) -> (Server, Uri) {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = Server::start(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let io = TokioIo::new(stream);
            if is_h2 {
                let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                let _ = connection.serve_connection(io, service_fn(answer)).await;
            } else {
                let connection = hyper::server::conn::http1::Builder::new();
                let _ = connection.serve_connection(io, service_fn(answer)).await;
            }
        }
    })
    .await;
    let url = server.url.to_string().replace("http:", "https:");
    (server, url.parse().unwrap())
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let uri = request.uri().to_string();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    if body == "wait" {
        pending::<()>().await;
    }
    Ok(Response::new(Full::new(uri.into())))
}

pub(crate) fn trusting(pem: String) -> HttpClientBuilder {
    HttpClient::builder().extra_root_pem(pem)
}

#[cfg(feature = "http2")]
#[tokio::test]
async fn http2_is_negotiated_and_shared() {
    let (server, url, ca) = start(&[b"h2", b"http/1.1"]).await;
    let client = trusting(ca).build().unwrap();
    client.check(&url).unwrap();
    for _ in 0..2 {
        let calls = join_all((0..16).map(|_| client.send(post(&url, "{}")))).await;
        for response in calls {
            let response = response.unwrap();
            assert_eq!(response.version(), Version::HTTP_2);
            let body = response.into_body().read_to_end(1024).await.unwrap();
            assert_eq!(body, url.to_string());
        }
    }
    assert_eq!(server.connections(), 1);
}

#[cfg(feature = "http2")]
#[tokio::test]
async fn http2_requests_end_independently() {
    let (server, url, ca) = start(&[b"h2"]).await;
    let client = trusting(ca).build().unwrap();
    let mut waiting = post(&url, "wait");
    waiting.extensions_mut().insert(mcp_http::ReadTimeout(Some(Duration::from_millis(100))));
    let error = client.send(waiting).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(Wait::Read));
    client.send(post(&url, "{}")).await.unwrap();
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn http1_is_used_if_requested() {
    let (_server, url, ca) = start(&[b"h2", b"http/1.1"]).await;
    // Without the feature, HTTP/1.1 is all that is offered.
    let client = trusting(ca).http1_only(cfg!(feature = "http2")).build().unwrap();
    let response = client.send(post(&url, "{}")).await.unwrap();
    assert_eq!(response.version(), Version::HTTP_11);

    let (server, url, ca) = start(&[]).await;
    let client = trusting(ca).build().unwrap();
    for _ in 0..3 {
        let response = client.send(post(&url, "{}")).await.unwrap();
        assert_eq!(response.version(), Version::HTTP_11);
        assert_eq!(response.into_body().read_to_end(1024).await.unwrap(), "/mcp");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_unknown_authority_is_refused_and_named() {
    let (_server, url, _) = start(&[b"h2", b"http/1.1"]).await;
    let (_, _, other_ca) = start(&[]).await;
    for client in [HttpClient::new(), trusting(other_ca).build().unwrap()] {
        let error = client.send(post(&url, "{}")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect(ConnectStep::Tls), "{error:?}");
        assert!(error.is_not_sent());
        assert!(error.source().unwrap().to_string().contains("UnknownIssuer"), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_named() {
    let server = Server::start(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        read_request(&mut stream).await;
    })
    .await;
    let url: Uri = server.url.to_string().replace("http:", "https:").parse().unwrap();
    let error = HttpClient::new().send(post(&url, "{}")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect(ConnectStep::Tls), "{error:?}");
    assert!(error.to_string().contains("does not use TLS"), "{error}");
    assert!(error.is_not_sent());
}

#[cfg(feature = "http2")]
#[tokio::test]
async fn a_failed_handshake_fails_all_waiting_requests() {
    let (server, url, _) = start(&[b"h2"]).await;
    let client = HttpClient::new();
    for round in 1..=2 {
        for call in join_all((0..16).map(|_| client.send(post(&url, "{}")))).await {
            let error = call.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Connect(ConnectStep::Tls), "{error:?}");
            assert!(error.is_not_sent());
        }
        assert_eq!(server.connections(), round);
    }
}

#[tokio::test]
async fn a_silent_handshake_ends_at_the_connect_timeout() {
    let server = Server::start(|mut stream| async move {
        read_request(&mut stream).await;
        pending::<()>().await;
    })
    .await;
    let url: Uri = server.url.to_string().replace("http:", "https:").parse().unwrap();
    let client = HttpClient::builder().connect_timeout(Duration::from_millis(100)).build().unwrap();
    let calls = join_all((0..5).map(|_| client.send(post(&url, "{}"))));
    let calls = tokio::time::timeout(Duration::from_secs(2), calls).await.expect("all at once");
    for call in calls {
        let error = call.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout(Wait::Connect), "{error:?}");
        assert!(error.is_not_sent());
    }
}

#[test]
fn an_invalid_certificate_is_refused() {
    for pem in ["", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"] {
        assert!(HttpClient::builder().extra_root_pem(pem).build().is_err());
    }
}

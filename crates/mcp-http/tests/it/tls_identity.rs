//! Client certificates, and verification of server certificates.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use mcp_http::{ConnectStep, ErrorKind, HttpClient};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::server::{Server, post};
use crate::tls::{authority, certificate, serve, start, trusting};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

struct Demanding {
    url: http::Uri,
    authority: String,
    certificate: String,
    key: String,
    _server: Server,
}

/// A server that requires clients with a certificate of its authority.
async fn demanding(version: &'static SupportedProtocolVersion) -> Demanding {
    let (issuer, ca) = authority("authority of servers and clients");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let (own, own_key) = certificate(&issuer);
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![own.into()],
            PrivateKeyDer::try_from(own_key.serialize_der()).unwrap(),
        )
        .unwrap();
    let (server, url) = serve(config).await;
    let (client, client_key) = certificate(&issuer);
    Demanding {
        url,
        authority: ca,
        certificate: client.pem(),
        key: client_key.serialize_pem(),
        _server: server,
    }
}

#[tokio::test]
async fn a_client_certificate_is_accepted() {
    for version in VERSIONS {
        let server = demanding(version).await;
        let client = trusting(server.authority)
            .client_certificate(server.certificate, server.key)
            .build()
            .unwrap();
        let response = client.send(post(&server.url, "{}")).await.unwrap();
        assert_eq!(response.into_body().read_to_end(1024).await.unwrap(), "/mcp", "{version:?}");
    }
}

#[tokio::test]
async fn a_missing_certificate_is_reported() {
    for version in VERSIONS {
        let server = demanding(version).await;
        let client = trusting(server.authority).build().unwrap();
        let error = client.send(post(&server.url, "{}")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect(ConnectStep::Tls), "{version:?} {error:?}");
        assert!(
            error.to_string().contains("requires a client certificate"),
            "{version:?} {error:?}"
        );
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    for version in VERSIONS {
        let server = demanding(version).await;
        let (other, _) = authority("somebody");
        let (certificate, key) = certificate(&other);
        let client = trusting(server.authority)
            .client_certificate(certificate.pem(), key.serialize_pem())
            .build()
            .unwrap();
        let error = client.send(post(&server.url, "{}")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect(ConnectStep::Tls), "{version:?} {error:?}");
    }
}

#[test]
fn an_invalid_client_certificate_is_refused_and_not_shown() {
    let (issuer, _) = authority("any");
    let (certificate, key) = certificate(&issuer);
    let (certificate, key) = (certificate.pem(), key.serialize_pem());
    let (_, other_key) = crate::tls::certificate(&issuer);
    let other_key = other_key.serialize_pem();
    for (chain, key) in [("", &*key), (&*certificate, ""), (&key, &key), (&certificate, &other_key)]
    {
        let builder = HttpClient::builder().client_certificate(chain, key);
        let error = builder.clone().build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Other);
        assert!(error.to_string().contains("client certificate"), "{error}");
        for secret in key.lines().filter(|line| !line.is_empty()) {
            let shown = format!("{builder:?} {error:?} {error} {:?}", error.source());
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    HttpClient::builder().client_certificate(certificate, key).build().unwrap();
}

#[tokio::test]
async fn invalid_certificates_are_accepted_if_allowed() {
    let (_server, url, _) = start(&[]).await;
    let client = HttpClient::builder().danger_accept_invalid_certs(true).build().unwrap();
    let response = client.send(post(&url, "{}")).await.unwrap();
    assert_eq!(response.into_body().read_to_end(1024).await.unwrap(), "/mcp");
    let client = HttpClient::builder().danger_accept_invalid_certs(false).build().unwrap();
    client.send(post(&url, "{}")).await.unwrap_err();
}

#[test]
fn accepting_invalid_certificates_logs_one_warning() {
    let warnings = Arc::new(AtomicUsize::new(0));
    tracing::subscriber::with_default(Warnings(warnings.clone()), || {
        HttpClient::builder().build().unwrap();
        assert_eq!(warnings.load(Relaxed), 0);
        HttpClient::builder().danger_accept_invalid_certs(true).build().unwrap();
    });
    assert_eq!(warnings.load(Relaxed), 1);
}

/// Counts warnings.
struct Warnings(Arc<AtomicUsize>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Relaxed);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

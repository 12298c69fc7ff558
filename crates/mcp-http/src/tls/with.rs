use std::sync::{Arc, OnceLock};

use http::Uri;
use rustls::client::WantsClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ConfigBuilder, WantsVerifier};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::unchecked::Unchecked;
use super::{TlsSettings, unavailable};
use crate::error::{ConnectStep, Error, ErrorKind};
use crate::io::Stream;

/// Opens TLS connections. Trusted certificates are loaded on first use.
#[derive(Debug)]
pub(crate) struct Tls {
    extra_roots: Vec<CertificateDer<'static>>,
    identity: Option<Arc<SingleCertAndKey>>,
    checks_nothing: bool,
    http1_only: bool,
    config: OnceLock<Result<Arc<ClientConfig>, rustls::Error>>,
}

impl Tls {
    pub(crate) fn new(settings: &TlsSettings, http1_only: bool) -> Result<Self, Error> {
        let mut extra_roots = Vec::new();
        for pem in &settings.extra_roots {
            extra_roots.extend(certificates(pem, "an extra root")?);
        }
        let identity = settings.identity.as_ref();
        let identity = identity.map(|(chain, key)| identify(chain, key)).transpose()?;
        let checks_nothing = settings.accept_invalid;
        if checks_nothing {
            tracing::warn!("server certificates are not verified: connections can be intercepted");
        }
        let config = OnceLock::new();
        Ok(Self { extra_roots, identity, checks_nothing, http1_only, config })
    }

    /// The same without the client certificate.
    pub(crate) fn without_identity(&self) -> Self {
        Self {
            extra_roots: self.extra_roots.clone(),
            identity: None,
            checks_nothing: self.checks_nothing,
            http1_only: self.http1_only,
            config: OnceLock::new(),
        }
    }

    /// Checks that there are trusted certificates.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let has_roots = cfg!(any(feature = "tls-platform-roots", feature = "tls-webpki-roots"));
        if has_roots || self.checks_nothing || !self.extra_roots.is_empty() {
            Ok(())
        } else {
            Err(unavailable("`tls-platform-roots` or `tls-webpki-roots`"))
        }
    }

    pub(crate) async fn handshake(
        &self,
        server: &Uri,
        stream: Stream,
    ) -> Result<TlsStream<Stream>, Error> {
        self.check()?;
        let failed = |message| Error::new(ErrorKind::Connect(ConnectStep::Tls), message);
        let config = self.config.get_or_init(|| self.configure()).clone();
        let config = config.map_err(|error| {
            failed("cannot load the certificates to trust".to_owned()).with_source(error)
        })?;
        let host = server.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(|error| {
            failed(format!("{host} is not a valid name for TLS")).with_source(error)
        })?;
        TlsConnector::from(config).connect(name, stream).await.map_err(|error| {
            let text = match cause(&error) {
                Some(error) if speaks_no_tls(error) => {
                    format!("{host} does not use TLS at this port: try http instead of https")
                }
                Some(error) if wants_certificate(error) => {
                    format!("{host} requires a client certificate")
                }
                _ => format!("the TLS handshake with {host} failed"),
            };
            failed(text).with_source(error)
        })
    }

    fn configure(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        let provider = Arc::new(provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?;
        let builder = self.trust(builder, &provider)?;
        let mut config = match &self.identity {
            Some(identity) => builder.with_client_cert_resolver(identity.clone()),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = match self.http1_only || cfg!(not(feature = "http2")) {
            true => vec![b"http/1.1".to_vec()],
            false => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        };
        Ok(Arc::new(config))
    }

    fn trust(&self, builder: WantsTrust, provider: &Arc<CryptoProvider>) -> Trusting {
        if self.checks_nothing {
            let verifier = Arc::new(Unchecked::new(provider));
            return Ok(builder.dangerous().with_custom_certificate_verifier(verifier));
        }
        self.trust_authorities(builder, provider)
    }

    #[cfg(feature = "tls-platform-roots")]
    fn trust_authorities(&self, builder: WantsTrust, provider: &Arc<CryptoProvider>) -> Trusting {
        use rustls_platform_verifier::Verifier;

        match Verifier::new_with_extra_roots(self.extra_roots.clone(), provider.clone()) {
            Ok(verifier) => {
                Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)))
            }
            // A system without certificates, such as a minimal container image.
            Err(_) if cfg!(feature = "tls-webpki-roots") => self.trust_store(builder),
            Err(error) => Err(error),
        }
    }

    #[cfg(not(feature = "tls-platform-roots"))]
    fn trust_authorities(&self, builder: WantsTrust, _: &Arc<CryptoProvider>) -> Trusting {
        self.trust_store(builder)
    }

    fn trust_store(&self, builder: WantsTrust) -> Trusting {
        let mut store = rustls::RootCertStore::empty();
        #[cfg(feature = "tls-webpki-roots")]
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        for certificate in &self.extra_roots {
            store.add(certificate.clone())?;
        }
        Ok(builder.with_root_certificates(store))
    }
}

type WantsTrust = ConfigBuilder<ClientConfig, WantsVerifier>;
type Trusting = Result<ConfigBuilder<ClientConfig, WantsClientCert>, rustls::Error>;

/// The certificates in `pem`, at least one; `what` names the source in errors.
fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => {
            Err(Error::new(ErrorKind::Other, format!("{what} holds no PEM certificate")))
        }
        Ok(found) => Ok(found),
        Err(error) => {
            Err(Error::new(ErrorKind::Other, format!("{what} is not valid PEM")).with_source(error))
        }
    }
}

/// The client certificate.
fn identify(chain: &[u8], key: &[u8]) -> Result<Arc<SingleCertAndKey>, Error> {
    let chain = certificates(chain, "the client certificate")?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| {
        Error::new(ErrorKind::Other, "the key of the client certificate is not a PEM private key")
            .with_source(error)
    })?;
    let identity = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| {
        Error::new(ErrorKind::Other, "the client certificate and its key are not valid")
            .with_source(error)
    })?;
    Ok(Arc::new(identity.into()))
}

fn cause(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Whether the server's first bytes were not TLS, such as a plain HTTP response.
fn speaks_no_tls(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType))
}

/// Whether the server refuses clients without a certificate. With TLS 1.3 it does so only after the handshake.
pub(crate) fn wants_certificate(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired))
}

#[cfg(feature = "tls-ring")]
fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

#[cfg(all(feature = "tls-aws-lc", not(feature = "tls-ring")))]
fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

#[cfg(not(any(feature = "tls-aws-lc", feature = "tls-ring")))]
compile_error!("`_tls` is private: enable `tls-ring` or `tls-aws-lc`");

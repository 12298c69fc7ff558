use crate::error::{Error, ErrorKind};

#[cfg(feature = "_tls")]
pub(crate) use with::Tls;
#[cfg(not(feature = "_tls"))]
pub(crate) use without::Tls;

fn unavailable(features: &'static str) -> Error {
    Error::new(
        ErrorKind::TlsUnavailable,
        format!("this build cannot speak https: enable the feature {features} of mcp-http"),
    )
    .not_sent()
}

#[cfg(feature = "_tls")]
mod with {
    use std::sync::{Arc, OnceLock};

    use http::Uri;
    use rustls::ClientConfig;
    use rustls::crypto::CryptoProvider;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName};
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;

    use super::unavailable;
    use crate::error::{ConnectStep, Error, ErrorKind};
    use crate::io::Tcp;

    /// Makes TLS connections. The trusted certificates are loaded with the first of them.
    #[derive(Debug)]
    pub(crate) struct Tls {
        extra_roots: Vec<CertificateDer<'static>>,
        http1_only: bool,
        config: OnceLock<Result<Arc<ClientConfig>, rustls::Error>>,
    }

    impl Tls {
        pub(crate) fn new(extra_roots: &[Vec<u8>], http1_only: bool) -> Result<Self, Error> {
            let mut roots = Vec::new();
            for pem in extra_roots {
                let before = roots.len();
                for certificate in CertificateDer::pem_slice_iter(pem) {
                    let certificate = certificate.map_err(|error| {
                        Error::new(ErrorKind::Other, "an extra root certificate is not valid PEM")
                            .with_source(error)
                    })?;
                    roots.push(certificate);
                }
                if roots.len() == before {
                    return Err(Error::new(
                        ErrorKind::Other,
                        "an extra root holds no PEM certificate",
                    ));
                }
            }
            Ok(Self { extra_roots: roots, http1_only, config: OnceLock::new() })
        }

        /// Whether there is anything to trust.
        pub(crate) fn check(&self) -> Result<(), Error> {
            let has_roots = cfg!(any(feature = "tls-platform-roots", feature = "tls-webpki-roots"));
            if has_roots || !self.extra_roots.is_empty() {
                Ok(())
            } else {
                Err(unavailable("`tls-platform-roots` or `tls-webpki-roots`"))
            }
        }

        pub(crate) async fn handshake(
            &self,
            server: &Uri,
            tcp: Tcp,
        ) -> Result<TlsStream<Tcp>, Error> {
            self.check()?;
            let failed = |message| Error::new(ErrorKind::Connect(ConnectStep::Tls), message);
            let config = self.config.get_or_init(|| self.configure()).clone();
            let config = config.map_err(|error| {
                failed("cannot load the certificates to trust".to_owned()).with_source(error)
            })?;
            let host = server.host().unwrap_or_default();
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let name = ServerName::try_from(host.to_owned())
                .map_err(|error| failed(format!("{host} is no name for TLS")).with_source(error))?;
            TlsConnector::from(config).connect(name, tcp).await.map_err(|error| {
                let text = match speaks_no_tls(&error) {
                    true => format!("{host} does not speak TLS there: is it http and not https?"),
                    false => format!("the TLS handshake with {host} failed"),
                };
                failed(text).with_source(error)
            })
        }

        fn configure(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
            let provider = Arc::new(provider());
            let builder = ClientConfig::builder_with_provider(provider.clone())
                .with_safe_default_protocol_versions()?;
            let mut config = self.trust(builder, &provider)?;
            config.alpn_protocols = if self.http1_only {
                vec![b"http/1.1".to_vec()]
            } else {
                vec![b"h2".to_vec(), b"http/1.1".to_vec()]
            };
            Ok(Arc::new(config))
        }

        #[cfg(feature = "tls-platform-roots")]
        fn trust(
            &self,
            builder: rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>,
            provider: &Arc<CryptoProvider>,
        ) -> Result<ClientConfig, rustls::Error> {
            use rustls_platform_verifier::Verifier;

            match Verifier::new_with_extra_roots(self.extra_roots.clone(), provider.clone()) {
                Ok(verifier) => Ok(builder
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(verifier))
                    .with_no_client_auth()),
                // A system without certificates, such as a minimal container image.
                Err(_) if cfg!(feature = "tls-webpki-roots") => self.trust_store(builder),
                Err(error) => Err(error),
            }
        }

        #[cfg(not(feature = "tls-platform-roots"))]
        fn trust(
            &self,
            builder: rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>,
            _: &Arc<CryptoProvider>,
        ) -> Result<ClientConfig, rustls::Error> {
            self.trust_store(builder)
        }

        fn trust_store(
            &self,
            builder: rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>,
        ) -> Result<ClientConfig, rustls::Error> {
            let mut store = rustls::RootCertStore::empty();
            #[cfg(feature = "tls-webpki-roots")]
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            for certificate in &self.extra_roots {
                store.add(certificate.clone())?;
            }
            Ok(builder.with_root_certificates(store).with_no_client_auth())
        }
    }

    /// Whether the first answer was nothing of TLS, as a server of plain HTTP gives.
    fn speaks_no_tls(error: &std::io::Error) -> bool {
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
        matches!(
            cause,
            Some(rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType))
        )
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
}

#[cfg(not(feature = "_tls"))]
mod without {
    use super::unavailable;
    use crate::error::Error;

    /// The place of TLS in a build without it.
    #[derive(Debug)]
    pub(crate) struct Tls;

    impl Tls {
        pub(crate) fn new(extra_roots: &[Vec<u8>], _: bool) -> Result<Self, Error> {
            if extra_roots.is_empty() { Ok(Self) } else { Self.check().map(|()| Self) }
        }

        pub(crate) fn check(&self) -> Result<(), Error> {
            Err(unavailable("`tls-ring` or `tls-aws-lc`"))
        }
    }
}

//! TLS of a listener.

use std::{error::Error as StdError, fmt, fs, io, path::Path, sync::Arc, time::Duration};

use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The certificate and the private key of a [`Listener`](crate::Listener), for https with TLS 1.2 and 1.3.
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

impl Tls {
    /// Reads PEM files: the chain of certificates, that of the server first, and the private key (PKCS #8, PKCS #1 or
    /// SEC1). Both may be in one file.
    ///
    /// # Errors
    /// A file cannot be read, which the error names, or as [`from_pem`](Self::from_pem).
    pub fn from_files(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> io::Result<Self> {
        let read = |path: &Path| {
            let text = |error: io::Error| format!("cannot read {}: {error}", path.display());
            fs::read(path).map_err(|error| io::Error::new(error.kind(), text(error)))
        };
        Self::from_pem(read(chain.as_ref())?, read(key.as_ref())?)
    }

    /// Takes the contents of PEM files, as [`from_files`](Self::from_files).
    ///
    /// # Errors
    /// Kind [`InvalidData`](io::ErrorKind::InvalidData): there is no certificate or no private key in the PEM, or they do
    /// not belong together.
    pub fn from_pem(chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> io::Result<Self> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain.as_ref()).collect();
        let chain = found.map_err(|error| invalid("the certificate is not valid PEM", error))?;
        if chain.is_empty() {
            let text = "the file of the certificate contains no PEM certificate";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let key = PrivateKeyDer::from_pem_slice(key.as_ref());
        let key = key.map_err(|error| invalid("there is no PEM private key", error))?;
        let unusable = |error| invalid("the certificate and its key are not valid", error);
        let builder = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?;
        let mut config =
            builder.with_no_client_auth().with_single_cert(chain, key).map_err(unusable)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    /// Accepts a connection, within 10 s.
    pub(crate) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let accepting = TlsAcceptor::from(Arc::clone(&self.0)).accept(stream);
        timeout(HANDSHAKE_TIMEOUT, accepting).await.map_err(|_| io::ErrorKind::TimedOut)?
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// With both providers enabled, ring is used, as by the client.
fn provider() -> CryptoProvider {
    #[cfg(feature = "tls-ring")]
    return rustls::crypto::ring::default_provider();
    #[cfg(not(feature = "tls-ring"))]
    return rustls::crypto::aws_lc_rs::default_provider();
}

fn invalid(text: &str, cause: impl StdError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{text}: {cause}"))
}

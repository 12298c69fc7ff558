use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

use rcgen::{CertificateParams, KeyPair};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::TlsAcceptor;

use super::{connection::Connection, log::Log};

/// A self-signed certificate for 127.0.0.1, with its key.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Certificate {
    /// The certificate, to be trusted by clients.
    pub pem: String,
    /// Its key.
    pub key_pem: String,
    der: Vec<u8>,
    key_der: Vec<u8>,
}

impl Certificate {
    /// Generates a certificate.
    ///
    /// # Panics
    /// If there are no random numbers.
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self {
            pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            der: certificate.der().to_vec(),
            key_der: key.serialize_der(),
        }
    }

    /// A server configuration with this certificate and these ALPN protocols.
    ///
    /// # Panics
    /// Never for a generated certificate.
    pub fn server_config(&self, alpn: &[&str]) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::try_from(self.key_der.clone()).expect("a key");
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider supports these versions")
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone().into()], key)
            .expect("the key belongs to the certificate");
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }
}

impl Default for Certificate {
    fn default() -> Self {
        Self::new()
    }
}

/// An HTTP/2 server. Dropping it stops it.
pub struct Server {
    /// `https://127.0.0.1:<port>/mcp`.
    pub url: String,
    /// Its certificate, to be trusted by clients.
    pub pem: String,
    log: Arc<Log>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Starts a server on a free port. `script` is the server side of each connection, which is closed when the script
    /// returns.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start<F, A>(script: F) -> Self
    where
        F: Fn(Connection) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        let certificate = Certificate::new();
        let acceptor = TlsAcceptor::from(Arc::new(certificate.server_config(&["h2"])));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let log = Arc::new(Log::default());
        let (mut tasks, connection_log) = (JoinSet::new(), Arc::clone(&log));
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let (log, acceptor) = (Arc::clone(&connection_log), acceptor.clone());
                let script = script.clone();
                let number = log.connections.fetch_add(1, Ordering::SeqCst);
                log.open.fetch_add(1, Ordering::SeqCst);
                let guard = OpenGuard(Arc::clone(&log));
                open.spawn(async move {
                    let _guard = guard;
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    if let Some(connection) = Connection::accept(stream, log, number).await {
                        script(connection).await;
                    }
                });
                while open.try_join_next().is_some() {}
            }
        });
        let url = format!("https://{address}/mcp");
        Self { url, pem: certificate.pem, log, _tasks: tasks }
    }

    /// The bodies of all requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.log.requests().clone()
    }

    /// The number of connections so far.
    pub fn connections(&self) -> usize {
        self.log.connections.load(Ordering::SeqCst)
    }

    /// The number of open connections.
    pub fn open_connections(&self) -> usize {
        self.log.open.load(Ordering::SeqCst)
    }

    /// The number of pings of clients.
    pub fn pings(&self) -> usize {
        self.log.pings.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("url", &self.url).finish_non_exhaustive()
    }
}

struct OpenGuard(Arc<Log>);

impl Drop for OpenGuard {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

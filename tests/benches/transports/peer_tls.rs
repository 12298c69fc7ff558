//! The benchmark server over TLS.

use std::{
    io::{BufRead, BufReader, Write},
    sync::Arc,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mcp_testkit::http2::Certificate;
use tokio_rustls::TlsAcceptor;

use crate::{
    measure::Carrier,
    peer::{Answers, Http},
};

/// A TLS server, which prints its port and certificate.
pub(crate) fn run(answers: Answers, protocol: &'static str) {
    let certificate = Certificate::new();
    let acceptor = TlsAcceptor::from(Arc::new(certificate.server_config(&[protocol])));
    let answers = Arc::new(answers);
    crate::measure::runtime().block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap().port());
        println!("{}", serde_json::to_string(&certificate.pem).unwrap());
        std::io::stdout().flush().unwrap();
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let (acceptor, answers) = (acceptor.clone(), Arc::clone(&answers));
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(move |request: http::Request<Incoming>| {
                    let answers = Arc::clone(&answers);
                    async move {
                        let body = request.into_body().collect().await?.to_bytes();
                        let mut answer = Vec::new();
                        answers.answer(&body, &mut answer);
                        let response = http::Response::builder()
                            .header("content-type", "application/json")
                            .body(Full::<Bytes>::new(answer.into()))
                            .unwrap();
                        Ok::<_, hyper::Error>(response)
                    }
                });
                let io = TokioIo::new(stream);
                if protocol == "h2" {
                    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(io, service).await;
                } else {
                    let builder = hyper::server::conn::http1::Builder::new();
                    let _ = builder.serve_connection(io, service).await;
                }
            });
        }
    });
}

/// An HTTPS peer, stopped on drop.
pub(crate) struct Https {
    peer: Http,
    pub(crate) pem: String,
}

impl Https {
    pub(crate) fn start(carrier: Carrier) -> Self {
        let mut peer = Http::spawn(carrier.name());
        let mut lines = BufReader::new(peer.child.stdout.take().unwrap()).lines();
        peer.port = lines.next().unwrap().unwrap().trim().parse().unwrap();
        let pem = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        Self { peer, pem }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}/mcp", self.port())
    }

    pub(crate) fn port(&self) -> u16 {
        self.peer.port
    }
}

//! A transport over TCP in a few lines: a socket, newline framing and `Multiplex` do the rest.
//!
//! `cargo run --example custom_transport`

use mcp_client::{
    Client, Server,
    transport::{
        Binding, Connect, Connection, Envelope, Error, ErrorKind, Exchange, Limits, Multiplex,
        OneWay, Transport,
    },
};
use tokio::{net::TcpStream, task::JoinHandle};

struct Tcp(String);

impl Connect for Tcp {
    type Transport = TcpTransport;

    async fn connect(&self) -> Result<Connection<TcpTransport>, Error> {
        let socket = TcpStream::connect(&self.0).await.map_err(|error| {
            Error::new(ErrorKind::Connect, "the host is not there").with_source(error)
        })?;
        let (reader, writer) = socket.into_split();
        let (multiplex, inbound, driver) = Multiplex::lines(reader, writer, Limits::default());
        Ok(Connection::new(TcpTransport(multiplex, tokio::spawn(driver)), inbound))
    }

    fn binding(&self) -> Binding {
        Binding::Stream
    }

    fn describe(&self) -> String {
        format!("tcp {}", self.0)
    }
}

/// Owns the task that moves the bytes.
struct TcpTransport(Multiplex, JoinHandle<Error>);

impl Transport for TcpTransport {
    async fn request(&self, request: Envelope<mcp_core::Request>) -> Result<Exchange, Error> {
        self.0.request(request).await
    }
    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        self.0.send(message).await
    }
    async fn close(&self) -> Result<(), Error> {
        self.0.close().await
    }
}

impl Drop for TcpTransport {
    fn drop(&mut self) {
        self.1.abort();
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let server =
        Server::builder("Clock").tool("tick", "Tells that it lives", |()| async { "tock" }).build();
    tokio::spawn(async move {
        let (reader, writer) = listener.accept().await?.0.into_split();
        server.serve(reader, writer).await
    });

    let session = Client::new(Tcp(address))?.connect().await?;
    eprintln!("{}: {}", session.name(), session.call_tool("tick").await?.text());
    Ok(session.close().await?)
}

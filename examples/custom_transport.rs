//! A TCP transport in a few lines: a socket, newline framing and `Multiplex`.
//!
//! `cargo run --example custom_transport`

#![allow(clippy::print_stdout, reason = "an example")]

use mcp_client::{
    Client, Server,
    transport::{
        Binding, Carrier, Connect, Connection, ConnectionInfo, Error, ErrorKind, Limits,
        multiplex::Multiplex,
    },
};
use tokio::net::{TcpListener, TcpStream};

struct Tcp(String);

impl Connect for Tcp {
    type Transport = Multiplex;

    async fn connect(&self) -> Result<Connection<Multiplex>, Error> {
        let socket = TcpStream::connect(&self.0)
            .await
            .map_err(|error| Error::new(ErrorKind::Connect, "cannot connect").with_source(error))?;
        let (reader, writer) = socket.into_split();
        let (transport, inbound, driver) = Multiplex::lines(reader, writer, Limits::default());
        // Completes when the last handle of the transport is dropped.
        tokio::spawn(driver);
        let info = ConnectionInfo::new(Binding::Pipe, self.describe()).with_carrier(Carrier::Tcp);
        Ok(Connection::new(transport, inbound, info))
    }

    fn describe(&self) -> String {
        format!("tcp {}", self.0)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let server =
        Server::builder("Clock").tool("tick", "Replies with tock", |()| async { "tock" }).build();
    tokio::spawn(async move {
        let (reader, writer) = listener.accept().await?.0.into_split();
        server.serve(reader, writer).await
    });

    let session = Client::new(Tcp(address))?.connect().await?;
    println!("{}: {}", session.name(), session.call_tool("tick").await?.text());
    Ok(session.close().await?)
}

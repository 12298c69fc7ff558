//! A pipe of lines between the client and the process of the server.

use mcp_transport::{
    Binding, Connect, Connection, ConnectionInfo, Delivery, Error, ErrorKind, Limits,
    multiplex::Multiplex,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};

use crate::{
    log::Log,
    wire::{End, Risks, carry},
    world::World,
};

/// Opens pipes to the server.
pub(crate) struct Pipe(pub(crate) World);

impl Connect for Pipe {
    type Transport = Multiplex;

    async fn connect(&self) -> Result<Connection<Multiplex>, Error> {
        let world = &self.0;
        if world.is_down() || world.fails("a process does not start") {
            let error = Error::new(ErrorKind::Connect, "the simulated process does not start");
            return Err(error.with_delivery(Delivery::NotSent));
        }
        let size = world.plan().pipe_size;
        let (client_writer, from_client) = duplex(size);
        let (to_server, server_reader) = duplex(size);
        let (server_writer, from_server) = duplex(size);
        let (to_client, client_reader) = duplex(size);
        let end = End::new();
        // One half breaks first, or the whole process exits.
        let risks = Risks { cut: "a pipe is cut", may_be_half: false, silence: None };
        let to = Risks { may_be_half: true, ..risks };
        end.spawn(world, carry(world.clone(), from_client, to_server, to, end.clone()));
        end.spawn(world, carry(world.clone(), from_server, to_client, risks, end.clone()));
        let log = Log::new();
        end.spawn(world, read(world.clone(), server_reader, log.clone()));
        let process = Process(log.clone());
        end.spawn(world, async move {
            let _process = process;
            write(server_writer, log).await;
        });
        let (multiplex, inbound, driver) =
            Multiplex::lines(client_reader, client_writer, Limits::default());
        tokio::spawn(driver);
        let info = ConnectionInfo::new(Binding::Pipe, self.describe());
        Ok(Connection::new(multiplex, inbound, info))
    }

    fn describe(&self) -> String {
        "simulated pipe".to_owned()
    }
}

/// Ends the executions of the server when its process exits.
struct Process(Log);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Reads the client's messages until the end.
async fn read(world: World, reader: DuplexStream, log: Log) {
    let mut lines = BufReader::new(reader).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // A partial line is not a message.
        let Ok(message) = serde_json::from_str::<serde_json::Value>(&line) else { continue };
        if message["method"] == "notifications/initialized" {
            world.listen(&log, None);
        }
        world.handle(&message, &log, false);
    }
    log.end();
}

/// Writes the server's messages.
async fn write(mut writer: DuplexStream, log: Log) {
    for index in 0.. {
        let Some(message) = log.get(index).await else { return };
        if writer.write_all(format!("{message}\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

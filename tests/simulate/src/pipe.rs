//! A pipe of lines, which is slow, splits its bytes into chunks, and ends at any byte.

use std::sync::Arc;

use mcp_transport::{
    Binding, Connect, Connection, ConnectionInfo, Delivery, Error, ErrorKind, Limits,
    multiplex::Multiplex,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex},
    sync::watch,
    time::sleep,
};

use crate::{log::Log, world::World};

/// Opens pipes to the server.
pub(crate) struct Pipe(pub(crate) World);

/// The end of one pipe, shared by its tasks.
#[derive(Clone)]
struct End(Arc<watch::Sender<bool>>);

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
        let end = End(Arc::new(watch::channel(false).0));
        end.spawn(world, carry(world.clone(), from_client, to_server, true, end.clone()));
        end.spawn(world, carry(world.clone(), from_server, to_client, false, end.clone()));
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

impl End {
    /// Spawns a task that ends with the pipe or with all connections.
    fn spawn(&self, world: &World, task: impl Future<Output = ()> + Send + 'static) {
        let (mut ended, mut breaks) = (self.0.subscribe(), world.breaks());
        world.spawn(async move {
            tokio::select! {
                biased;
                _ = ended.wait_for(|ended| *ended) => {}
                _ = breaks.changed() => {}
                () = task => {}
            }
        });
    }
}

/// Ends the executions of the server when its process exits.
struct Process(Log);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Carries bytes in one direction.
async fn carry(
    world: World,
    mut from: DuplexStream,
    mut to: DuplexStream,
    is_to_server: bool,
    end: End,
) {
    let cut = world.fails("a pipe is cut");
    let mut left = cut.then(|| world.random(|random| random.between(0, 4000) as usize));
    // One half breaks first, or the whole process exits.
    let is_half = world.random(|random| random.chance(30));
    let mut buffer = vec![0; 512];
    loop {
        let (size, delay) = world.random(|random| {
            let size = random.between(1, buffer.len() as u64) as usize;
            (size, random.chance(20).then(|| random.millis(1, 30)))
        });
        let size = size.min(left.unwrap_or(usize::MAX));
        if size == 0 {
            if !(is_half && is_to_server) {
                end.0.send_replace(true);
            }
            return;
        }
        let Ok(read @ 1..) = from.read(&mut buffer[..size]).await else {
            // The end of stdin ends the process gracefully.
            return;
        };
        if let Some(delay) = delay {
            sleep(delay).await;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
        if let Some(left) = &mut left {
            *left -= read;
        }
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

//! Shuts down its servers when a signal ends the program: Ctrl-C, or SIGTERM on Unix.
//!
//! Each server runs in its own process group, so that a Ctrl-C at the terminal does not reach it. A program killed by a
//! signal runs no destructors: without `close`, its servers only see the end of their stdin, and those that ignore it
//! continue to run.
//!
//! ```text
//! cargo run --example shutdown -- npx -y @modelcontextprotocol/server-everything
//! ```

#![allow(clippy::print_stdout, reason = "an example")]

use std::time::Duration;

use mcp_client::{Client, Error, ErrorKind, Stdio};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut args = std::env::args().skip(1);
    let command = args
        .next()
        .ok_or_else(|| Error::new(ErrorKind::Config, "shutdown", "name the command of a server"))?;
    let client = Client::new(Stdio::new(command).args(args))?;
    let outcome = tokio::select! {
        outcome = work(&client) => outcome,
        () = signalled() => {
            println!("a signal: the server is shut down");
            Ok(())
        }
    };
    // Closes stdin, then sends SIGTERM, then SIGKILL, each after a time limit.
    client.close().await?;
    outcome
}

async fn work(client: &Client) -> Result<(), Error> {
    let session = client.connect().await?;
    println!("{} is connected; press Ctrl-C", session.name());
    loop {
        println!("{} tools", session.list_tools().await?.len());
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

/// Waits for a signal to end the program.
async fn signalled() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

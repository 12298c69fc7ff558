//! A call with a progress bar, an idle timeout and a total timeout.
//!
//! `cargo run --example progress`

#![allow(clippy::print_stdout, reason = "an example")]

use std::{io::Write, time::Duration};

use mcp_client::{Client, Server, Timeout, server::Context};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Shelves {
    shelves: u32,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bookshop = Server::builder("Bookshop")
        .tool("dust", "Dusts the shelves", |Shelves { shelves }: Shelves, cx: Context| async move {
            for shelf in 1..=shelves {
                tokio::time::sleep(Duration::from_millis(50)).await;
                cx.progress(shelf).total(shelves).message(format!("shelf {shelf}")).await;
            }
            format!("{shelves} shelves are clean")
        })
        .build();

    let session = Client::new(bookshop)?.connect().await?;
    // Each progress notification restarts the idle timeout; the whole call may take a minute.
    let mut limits = Timeout::idle(Duration::from_secs(5));
    limits.total = Some(Duration::from_secs(60));
    let result = session
        .call_tool("dust")
        .arg("shelves", 30)
        .timeout(limits)
        // In order, and always before the call returns.
        .on_progress(|progress| {
            let total = progress.total.map_or(1.0, |total| total.to_f64());
            let share = (progress.progress.to_f64() / total).clamp(0.0, 1.0);
            let bar = "#".repeat((share * 30.0) as usize);
            let message = progress.message.unwrap_or_default();
            print!("\r[{bar:<30}] {:>3.0} % {message:<10}", share * 100.0);
            let _ = std::io::stdout().flush();
        })
        .await?;
    println!("\n{}", result.text());
    Ok(session.close().await?)
}

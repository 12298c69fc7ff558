//! A server in this process, reached like any other.
//!
//! `cargo run --example quickstart`

#![allow(clippy::print_stdout, reason = "an example")]

use mcp_client::{Client, Server};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct SearchArgs {
    /// Words in the title.
    query: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let books = ["Dune", "Dune Messiah", "Solaris", "Roadside Picnic"];
    let bookshop = Server::builder("Bookshop")
        .tool("search_books", "Search the catalog", move |args: SearchArgs| async move {
            let found: Vec<_> =
                books.into_iter().filter(|book| book.contains(&args.query)).collect();
            found.join(", ")
        })
        .build();

    let session = Client::new(bookshop)?.connect().await?;
    println!("connected to {} in {}", session.name(), session.protocol_version());
    for tool in session.list_tools().await? {
        println!("tool {}: {}", tool.name, tool.description.unwrap_or_default());
    }
    let result = session.call_tool("search_books").arg("query", "Dune").or_error().await?;
    println!("found: {}", result.text());
    session.close().await?;
    Ok(())
}

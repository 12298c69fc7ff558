//! The server used by these tests.

use std::future::pending;

use mcp_client::{
    server::{ReadRequest, Server},
    types::CompleteRequestParams,
};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Search {
    query: String,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Taste {
    taste: String,
}

pub(crate) fn bookshop() -> Server {
    Server::builder("Bookshop")
        .version("1.0")
        .instructions("Search first.")
        .tool("search", "Search the catalog", |search: Search| async move {
            format!("nothing about {}", search.query)
        })
        .tool("never", "Never ends", |_: ()| pending::<String>())
        .resource("shop://hours", "hours", |_| async { "9 to 5" })
        .resource("shop://logo", "logo", |_| async { vec![0_u8, 255] })
        .resource_template("shop://books/{title}", "book", |request: ReadRequest| async move {
            format!("<{}>", request.variable("title"))
        })
        .prompt("recommend", "Ask for a book", |it: Taste| async move {
            format!("A book about {}", it.taste)
        })
        .completion(|request: CompleteRequestParams| async move {
            vec![format!("{}une", request.argument.value)]
        })
        .page_size(1.try_into().unwrap())
        .build()
}

//! A bookshop over standard input and output. Try it in a shell:
//!
//! ```text
//! echo '{"jsonrpc":"2.0","id":1,"method":"ping"}' | cargo run -p mcp-server --example bookshop_stdio
//! ```

use std::time::Duration;

use mcp_server::{Context, Json, JsonSchema, ReadRequest, Server};
use serde::{Deserialize, Serialize};

const BOOKS: [(&str, &str); 3] =
    [("Dune", "Frank Herbert"), ("Emma", "Jane Austen"), ("Persuasion", "Jane Austen")];

#[derive(Deserialize, JsonSchema)]
struct Search {
    /// Words of the title or the author.
    query: String,
}

#[derive(Serialize, JsonSchema)]
struct Found {
    titles: Vec<&'static str>,
}

#[derive(Deserialize, JsonSchema)]
struct Recommend {
    /// What the reader likes.
    taste: String,
}

async fn search_books(search: Search) -> Json<Found> {
    let matches = |text: &str| text.to_lowercase().contains(&search.query.to_lowercase());
    let found = BOOKS.iter().filter(|(title, author)| matches(title) || matches(author));
    Json(Found { titles: found.map(|(title, _)| *title).collect() })
}

async fn take_stock(_: (), cx: Context) -> String {
    for (at, (title, _)) in BOOKS.iter().enumerate() {
        cx.progress(at + 1).total(BOOKS.len()).message(*title).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    format!("{} books", BOOKS.len())
}

async fn book(request: ReadRequest) -> Option<String> {
    let wanted = request.variable("title");
    let (title, author) = BOOKS.iter().find(|(title, _)| *title == wanted)?;
    Some(format!("{title} by {author}"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    Server::builder("Bookshop")
        .version("1.0")
        .instructions("Search before you recommend.")
        .tool("search_books", "Search the catalog", search_books)
        .tool("take_stock", "Count the books, with progress", take_stock)
        .resource("shop://hours", "Opening hours", |_| async { "9 to 5" })
        .resource_template("shop://books/{title}", "A book", book)
        .prompt("recommend", "Ask for a book", |it: Recommend| async move {
            format!("Recommend a book to somebody who likes {}.", it.taste)
        })
        .completion(|request| async move {
            let typed = request.argument.value;
            let titles = BOOKS.iter().map(|(title, _)| *title);
            titles.filter(|title| title.starts_with(&typed)).collect::<Vec<_>>()
        })
        .build()
        .serve_stdio()
        .await
}

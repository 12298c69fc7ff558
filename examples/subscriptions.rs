//! Subscriptions: one stream of events in both eras.
//!
//! Without arguments it subscribes to a group of servers in this process, to which another server is added. With a
//! target (and resource URIs) it prints the changes there until the server ends the subscription:
//!
//! ```text
//! cargo run --example subscriptions
//! cargo run --example subscriptions -- https://example.com/mcp file:///notes.txt
//! ```

#![allow(clippy::print_stdout, reason = "an example")]

use mcp_client::{
    Client, Event, Group, Memory, Server, Session, Subscribe, group::Backend,
    types::SubscriptionFilter,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    if let Some(target) = args.next() {
        let session = Client::new(target)?.connect().await?;
        return listen(&session, args.collect(), usize::MAX).await;
    }
    let group = Group::builder().backend(shop("books")).backend(shop("maps")).build();
    let session = Client::new(group.clone())?.connect().await?;
    println!("{} tools", session.list_tools().await?.len());
    let adding = async {
        group.add(shop("globes")).await?;
        println!("a server was added");
        Ok::<_, Box<dyn std::error::Error>>(())
    };
    tokio::try_join!(listen(&session, Vec::new(), 1), adding)?;
    Ok(session.close().await?)
}

/// Prints this many events.
async fn listen(
    session: &Session,
    uris: Vec<String>,
    events: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut filter =
        SubscriptionFilter::new().with_tools_list_changed(true).with_resources_list_changed(true);
    if !uris.is_empty() {
        filter = filter.with_resource_subscriptions(uris);
    }
    let mut changes = session.subscribe(filter).resubscribe(Subscribe::BACKOFF).await?;
    println!("the server acknowledged {:?}", changes.acknowledged());
    for _ in 0..events {
        let Some(event) = changes.next().await else { break };
        match event? {
            Event::ToolsListChanged => {
                println!("other tools: {} now", session.list_tools().await?.len());
            }
            Event::ResourceUpdated { uri } => println!("{uri} changed"),
            // The connection was lost, or too many events were unread: read everything again.
            Event::Resync | Event::Lagged { .. } => println!("something may have been missed"),
            other => println!("{other:?}"),
        }
    }
    Ok(())
}

fn shop(name: &str) -> Backend {
    let tool = |_: ()| async { "nothing on the shelves" };
    let server = Server::builder(name).tool("search", "Searches the shelves", tool).build();
    Backend::new(name, Memory::new(server))
}

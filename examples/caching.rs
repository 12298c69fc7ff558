//! A server sets the TTL of its results, and the client caches them.
//!
//! ```text
//! cargo run --example caching
//! ```

#![allow(clippy::print_stdout, reason = "an example")]

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use mcp_client::{
    Cache, CacheMode, Client, MemoryStore, Server, Session,
    types::{CacheScope, Cacheable, ReadResourceResult, TextResourceContents},
};

/// The number of times the server has read its thermometer.
static LOOKS: AtomicU32 = AtomicU32::new(0);

#[tokio::main]
async fn main() -> Result<(), mcp_client::Error> {
    let server = Server::builder("Weather")
        // Lists are valid for an hour and public.
        .cache(Duration::from_secs(3600), CacheScope::Public)
        .resource("weather://now", "temperature", |request| async move {
            let looks = LOOKS.fetch_add(1, Ordering::Relaxed) + 1;
            let text = format!("{} °C", 20 + looks);
            let contents = TextResourceContents::new(request.uri, text);
            let mut result = ReadResourceResult::new(vec![contents.into()]);
            // A temperature is valid for a fifth of a second.
            result.set_cache(Duration::from_millis(200), CacheScope::Public);
            result
        })
        .build();

    // All clients with this store share public results.
    let store = MemoryStore::new();
    let cache = Cache::new().store("weather, version 1", store.clone());
    let client = Client::new(server.clone())?.name("weather").cache(cache.clone());
    let session = client.connect().await?;
    read(&session, "first", CacheMode::Use).await?;
    read(&session, "again", CacheMode::Use).await?;
    read(&client.connect().await?, "in another session", CacheMode::Use).await?;
    let other = Client::new(server)?.name("weather").cache(cache);
    read(&other.connect().await?, "by another client", CacheMode::Use).await?;
    read(&session, "requested again", CacheMode::Refresh).await?;
    tokio::time::sleep(Duration::from_millis(250)).await;
    read(&session, "a while later", CacheMode::Use).await?;

    let resources = session.list_resources().page(None).await?;
    println!("the list holds for {:?}", resources.ttl());
    client.close().await
}

async fn read(session: &Session, what: &str, mode: CacheMode) -> Result<(), mcp_client::Error> {
    let result = session.read_resource("weather://now").cache(mode).await?;
    let text = result.contents[0].as_text().unwrap_or_default();
    let (looks, left) = (LOOKS.load(Ordering::Relaxed), result.ttl());
    println!("{what:<20} {text}, {looks} looks at the thermometer, holds for {left:?}");
    Ok(())
}

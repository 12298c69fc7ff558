//! `deny`: checks the dependencies against `deny.toml`.

use std::time::{Duration, Instant};

use crate::run::{self, Result, cargo};

/// The version of `cargo-deny` that is installed if it is missing.
const VERSION: &str = "0.20.2";

/// The longest time to fetch the database of advisories.
const FETCH_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) fn run(_: &[String]) -> Result {
    run::tool("deny", VERSION)?;
    run::run(&mut cargo("deny check --hide-inclusion-graph licenses bans sources"))?;
    if !fetch_advisories()? {
        println!("skipped: advisories, since their database cannot be fetched");
        return Ok(());
    }
    run::run(&mut cargo("deny --offline check advisories"))
}

/// Fetches the database, and returns whether that succeeded. Its host is not a package registry and may be
/// blocked by the network, so neither a failure nor a time-out is an error.
fn fetch_advisories() -> Result<bool> {
    let mut fetch = cargo("deny --log-level off fetch db")
        .spawn()
        .map_err(|error| format!("cannot start cargo deny: {error}"))?;
    let end = Instant::now() + FETCH_TIMEOUT;
    loop {
        match fetch.try_wait().map_err(|error| error.to_string())? {
            Some(status) => return Ok(status.success()),
            None if Instant::now() < end => std::thread::sleep(Duration::from_millis(100)),
            None => {
                let _ = fetch.kill();
                let _ = fetch.wait();
                return Ok(false);
            }
        }
    }
}

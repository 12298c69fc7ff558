//! `deny`: what the dependencies are, by `deny.toml`.

use std::time::{Duration, Instant};

use crate::run::{self, Result, cargo};

/// The version that is installed where there is none.
const VERSION: &str = "0.20.2";

/// How long the database of advisories may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn run(_: &[String]) -> Result {
    run::tool("deny", VERSION)?;
    run::run(&mut cargo("deny check --hide-inclusion-graph licenses bans sources"))?;
    if !fetch_advisories()? {
        println!("skipped: advisories, whose database cannot be fetched here");
        return Ok(());
    }
    run::run(&mut cargo("deny --offline check advisories"))
}

/// Whether the database is here now. It comes from outside the package registries, which not
/// every network lets through, so neither a refusal nor silence is an error.
fn fetch_advisories() -> Result<bool> {
    let mut fetch = cargo("deny --log-level off fetch db")
        .spawn()
        .map_err(|error| format!("cannot start cargo deny: {error}"))?;
    let end = Instant::now() + PATIENCE;
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

//! The lists of a server for completion, requested within one second, or from a cache.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use mcp_client::Session;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    context::Context,
    output::Printer,
    state,
    target::{self, Ask, TargetOptions},
};

/// Limit on the time for a server to respond. After that, nothing is completed.
const LIMIT: Duration = Duration::from_secs(1);
/// Lifetime of a cache entry.
const FRESH: Duration = Duration::from_secs(5 * 60);

/// The names that a server lists.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Offers {
    /// Tools with the names of their arguments.
    pub(super) tools: BTreeMap<String, Vec<String>>,
    pub(super) resources: Vec<String>,
    pub(super) prompts: Vec<String>,
}

/// The lists of a server; `None` if it does not respond in time.
pub(super) fn offers(server: &str) -> Option<Offers> {
    let file = file(server)?;
    if let Some(offers) = remembered(&file, Some(FRESH)) {
        return Some(offers);
    }
    match asked(server) {
        Some(offers) => {
            // Without a cache, the next completion requests them again.
            let folder = file.parent().map(fs::create_dir_all);
            let _ = folder.and_then(|_| fs::write(&file, serde_json::to_vec(&offers).ok()?).ok());
            Some(offers)
        }
        None => remembered(&file, None),
    }
}

/// The file name is a hash, since a URL may contain secrets. For a relative name, the folder is included.
fn file(server: &str) -> Option<PathBuf> {
    let mut hash = Sha256::new();
    hash.update(std::env::current_dir().ok()?.to_string_lossy().as_bytes());
    hash.update(server);
    let name: String = hash.finalize()[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    Some(state::folder()?.join("completion").join(name))
}

fn remembered(file: &PathBuf, limit: Option<Duration>) -> Option<Offers> {
    let age = SystemTime::now().duration_since(fs::metadata(file).ok()?.modified().ok()?).ok()?;
    if limit.is_some_and(|limit| age > limit) {
        return None;
    }
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

/// Starts only trusted programs.
fn asked(server: &str) -> Option<Offers> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let asked = runtime.block_on(async {
        let cx = Context::new(Printer::quiet());
        let asking = async {
            let found = target::find(server).ok()?;
            target::trust(&found, false, Ask::Never).await.ok()?;
            let client = cx.client_of(found, &TargetOptions::default()).ok()?;
            of(&cx.open(&client).await.ok()?).await
        };
        tokio::time::timeout(LIMIT, asking).await.ok()?
    });
    runtime.shutdown_background();
    asked
}

async fn of(session: &Session) -> Option<Offers> {
    let mut offers = Offers::default();
    for tool in session.list_tools().await.ok()? {
        let keys = tool.input_schema.get("properties").and_then(serde_json::Value::as_object);
        let keys = keys.into_iter().flatten().map(|(key, _)| key.clone()).collect();
        offers.tools.insert(tool.name, keys);
    }
    if session.capabilities().resources.is_some() {
        offers.resources =
            session.list_resources().await.ok()?.into_iter().map(|it| it.uri).collect();
    }
    if session.capabilities().prompts.is_some() {
        offers.prompts = session.list_prompts().await.ok()?.into_iter().map(|it| it.name).collect();
    }
    Some(offers)
}

//! What a server offers, asked for within a second, or remembered from the last time.

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

/// How long a server may take; then nothing is completed.
const LIMIT: Duration = Duration::from_secs(1);
/// How long what it said is used without asking again.
const FRESH: Duration = Duration::from_secs(5 * 60);

/// Names of what a server offers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Offers {
    /// Tools with the keys of their arguments.
    pub(super) tools: BTreeMap<String, Vec<String>>,
    pub(super) resources: Vec<String>,
    pub(super) prompts: Vec<String>,
}

/// What the server of this name offers; `None` where it does not say so in time.
pub(super) fn offers(server: &str) -> Option<Offers> {
    let file = file(server)?;
    if let Some(offers) = remembered(&file, Some(FRESH)) {
        return Some(offers);
    }
    match asked(server) {
        Some(offers) => {
            // The next completion asks again if it cannot be kept.
            let folder = file.parent().map(fs::create_dir_all);
            let _ = folder.and_then(|_| fs::write(&file, serde_json::to_vec(&offers).ok()?).ok());
            Some(offers)
        }
        None => remembered(&file, None),
    }
}

/// Its name is a hash: a URL may hold secrets. Of a relative name the folder counts.
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

/// Starts nothing that the user was not asked about.
fn asked(server: &str) -> Option<Offers> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let asked = runtime.block_on(async {
        let cx = Context::new(Printer::quiet());
        let asking = async {
            let found = target::find(server).ok()?;
            target::trust(&found, false, Ask::Nobody).await.ok()?;
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

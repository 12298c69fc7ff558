//! Services that log in with their own credentials, as `mcp login --client-credentials` stored them: not the secret, but
//! where it is.

use std::{collections::BTreeMap, fs, path::PathBuf};

use mcp_client::oauth::{FileStore, OAuth};
use serde::{Deserialize, Serialize};

use super::oauth;
use crate::{exit::Exit, failure::Failure, state};

/// The file in the folder for state.
const FILE: &str = "services.json";

/// The credentials of a service at one server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Service {
    pub(crate) client_id: String,
    pub(crate) scopes: Vec<String>,
    /// The environment variable with the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret_env: Option<String>,
    /// The PEM file with the private key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<PathBuf>,
}

impl Service {
    /// The authorization of the service. Without its secret, a stored token is used until it expires.
    pub(crate) fn oauth(&self) -> Result<OAuth, Failure> {
        let store = FileStore::user();
        let store = store.map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
        let mut oauth = OAuth::client_credentials(&self.client_id).client_name("mcp").store(store);
        if !self.scopes.is_empty() {
            oauth = oauth.scopes(&self.scopes);
        }
        if let Some(secret) = self.secret_env.as_ref().and_then(|it| std::env::var(it).ok()) {
            oauth = oauth.secret(secret);
        }
        if let Some(file) = &self.key {
            let wrong = |error: &dyn std::fmt::Display| {
                Failure::usage(format!("the key of the client, {}: {error}", file.display()))
            };
            let pem = fs::read(file).map_err(|error| wrong(&error))?;
            oauth = oauth.private_key_pem(pem).map_err(|error| wrong(&error))?;
        }
        Ok(oauth)
    }

    /// Stores the service for a server, or with `None` deletes that of the server.
    pub(crate) fn store(url: &str, service: Option<Self>) -> Result<(), Failure> {
        let mut services = services();
        let had = services.remove(url).is_some();
        if let Some(service) = service {
            services.insert(url.to_owned(), service);
        } else if !had {
            return Ok(());
        }
        let Some(folder) = state::folder() else { return Ok(()) };
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(FILE), serde_json::to_string_pretty(&services)?)?;
        Ok(())
    }
}

/// The authorization at a server: of a service that logged in there, or of a user.
pub(crate) fn oauth_at(url: &str) -> Result<OAuth, Failure> {
    match services().remove(url) {
        Some(service) => service.oauth(),
        None => oauth(),
    }
}

fn services() -> BTreeMap<String, Service> {
    let text = state::folder().and_then(|it| fs::read_to_string(it.join(FILE)).ok());
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

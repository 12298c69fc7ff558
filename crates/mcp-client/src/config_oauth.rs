//! OAuth settings of a configuration.

use mcp_auth::{Browser, Error, ErrorKind, FileStore, MemoryStore, OAuth, Resource};
use mcp_config::{OAuthGrant, OAuthStore};

/// Creates the `OAuth` of a configuration.
pub(crate) fn oauth(settings: &mcp_config::OAuth) -> Result<OAuth, Error> {
    let mut oauth = match settings.grant {
        Some(OAuthGrant::ClientCredentials) => {
            let client_id = settings.client_id.clone().ok_or_else(|| {
                Error::new(ErrorKind::Config, "the grant client_credentials needs a client_id")
            })?;
            OAuth::client_credentials(client_id)
        }
        _ => OAuth::new().user_agent(browser(settings)),
    };
    if let Some(client_id) = &settings.client_id {
        oauth = oauth.client(client_id);
    }
    if let Some(secret) = &settings.client_secret {
        oauth = oauth.secret(secret.as_str());
    }
    if let Some(issuer) = &settings.issuer {
        oauth = oauth.issuer(issuer);
    }
    if let Some(resource) = &settings.resource {
        oauth = oauth.resource(Resource::As(resource.clone()));
    }
    if let Some(url) = &settings.client_metadata_url {
        oauth = oauth.client_metadata_url(url);
    }
    oauth = oauth.scopes(&settings.scopes);
    Ok(match settings.token_store {
        Some(OAuthStore::File) => oauth.store(FileStore::user()?),
        _ => oauth.store(MemoryStore::new()),
    })
}

fn browser(settings: &mcp_config::OAuth) -> Browser {
    let mut browser = Browser::new();
    if let Some(port) = settings.callback_port {
        // The applications that write this setting register this host.
        browser = browser.host("localhost").port(port);
    }
    if let Some(uri) = &settings.redirect_uri {
        browser = browser.redirect_uri(uri);
    }
    browser
}

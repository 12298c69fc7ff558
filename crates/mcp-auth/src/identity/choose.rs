//! Chooses the client id: configured, metadata document or registration.

use super::binding;
use super::register::Registration;
use super::registered::{AuthMethod, Identity, method_of_secret};
use crate::discovery::fetch::Fetch;
use crate::discovery::server::ServerMetadata;
use crate::error::{Error, ErrorKind};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::sign::jwt::now;
use crate::store::StoreKey;

/// The configured client if there is one, or its document if the server supports it.
pub(crate) async fn known(
    settings: &Settings,
    server: &ServerMetadata,
) -> Result<Option<Identity>, Error> {
    if let Some(client_id) = &settings.client_id {
        binding::check(settings, server).await?;
        let listed = &server.token_endpoint_auth_methods_supported;
        let method = if settings.signer.is_some() || settings.assertion.is_some() {
            AuthMethod::PrivateKey
        } else if settings.secret.is_some() {
            method_of_secret(listed)
        } else {
            AuthMethod::None
        };
        return Ok(Some(Identity::registered(client_id, method)));
    }
    let document = settings.client_metadata_url.as_deref();
    let document = document.filter(|_| server.client_id_metadata_document_supported);
    Ok(document.map(Identity::document))
}

/// The configured client, for grants that need one.
pub(crate) async fn of_settings(
    settings: &Settings,
    server: &ServerMetadata,
) -> Result<Identity, Error> {
    known(settings, server).await?.ok_or_else(|| {
        Error::new(ErrorKind::Registration, "this grant needs a client: set `.client(\"id\")`")
    })
}

fn key(settings: &Settings, issuer: &str) -> StoreKey {
    StoreKey::new("client", &[issuer, &settings.namespace, &settings.client_name])
}

/// The registration of an earlier login at this authorization server.
pub(crate) async fn stored(settings: &Settings, issuer: &str) -> Result<Option<Identity>, Error> {
    let Some(text) = settings.store.load(&key(settings, issuer)).await? else { return Ok(None) };
    let identity: Option<Identity> = serde_json::from_str(text.expose()).ok();
    Ok(identity.filter(|it| it.expires_at.is_none_or(|at| at > now())))
}

/// Deletes a registration, unless it was replaced in the meantime.
pub(crate) async fn forget(
    settings: &Settings,
    issuer: &str,
    dead: &Identity,
) -> Result<(), Error> {
    let current = stored(settings, issuer).await?;
    match current.is_some_and(|current| current.client_id == dead.client_id) {
        true => settings.store.remove(&key(settings, issuer)).await,
        false => Ok(()),
    }
}

/// Registers a client and stores the registration.
pub(crate) async fn register(
    fetch: &Fetch,
    settings: &Settings,
    server: &ServerMetadata,
    redirect_uri: &str,
    scopes: Vec<String>,
) -> Result<Identity, Error> {
    let client_name = settings.client_name.as_str();
    let registration = Registration { client_name, redirect_uri, scopes };
    let identity = registration.register(fetch, server).await?;
    let text = Secret::new(serde_json::to_string(&identity).unwrap_or_default());
    if let Err(error) = settings.store.save(&key(settings, &server.issuer), &text).await {
        tracing::warn!(%error, "could not save the registration of the client");
    }
    Ok(identity)
}

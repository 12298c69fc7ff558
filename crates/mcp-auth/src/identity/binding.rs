//! Binds a secret to one authorization server.

use crate::discovery::server::ServerMetadata;
use crate::discovery::wellknown::is_same_issuer;
use crate::error::{Error, ErrorKind, one_line};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::store::StoreKey;

/// Checks that the configured client credentials belong to `server`: the configured issuer, or the first issuer they
/// were used with.
pub(crate) async fn check(settings: &Settings, server: &ServerMetadata) -> Result<(), Error> {
    let has_proof =
        settings.secret.is_some() || settings.signer.is_some() || settings.assertion.is_some();
    let (true, Some(client_id)) = (has_proof, &settings.client_id) else { return Ok(()) };
    let key = StoreKey::new("issuer", &[client_id, &settings.namespace]);
    let bound = match &settings.issuer {
        Some(issuer) => Some(Secret::new(issuer)),
        None => settings.store.load(&key).await?,
    };
    match bound {
        Some(bound) if is_same_issuer(bound.expose(), &server.issuer) => Ok(()),
        Some(bound) => {
            let message = format!(
                "the client {client_id} belongs to {}, and its secret is not sent to {}: set `.issuer(…)`",
                one_line(bound.expose()),
                one_line(&server.issuer)
            );
            Err(Error::new(ErrorKind::Untrusted, message))
        }
        None => settings.store.save(&key, &Secret::new(&server.issuer)).await,
    }
}

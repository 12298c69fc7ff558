//! Limit on the time for a login.

use super::state::ServerState;
use crate::discovery::Discovered;
use crate::error::{Error, ErrorKind};
use crate::token::set::Tokens;

/// Waits for a login until the limit of the settings.
pub(super) async fn within_limit(
    state: &ServerState,
    discovered: &Discovered,
    work: impl Future<Output = Result<Tokens, Error>>,
) -> Result<Tokens, Error> {
    let limit = state.settings.login_timeout;
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => {
            let message = format!(
                "the login at {} was not completed within {limit:?}{}",
                state.shown,
                hint(discovered)
            );
            Err(Error::new(ErrorKind::Timeout, message))
        }
    }
}

/// Hint for errors that the login page shows without redirecting.
fn hint(discovered: &Discovered) -> &'static str {
    let page = discovered.server.authorization_endpoint.as_deref().unwrap_or_default();
    match page.starts_with("https://login.microsoftonline.com/") {
        true if discovered.resource.is_some() => {
            ": if its page shows an error about the resource, set `.resource(Resource::Omit)`"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::server::ServerMetadata;

    #[test]
    fn a_timed_out_login_at_entra_has_a_hint() {
        for (page, resource, has_hint) in [
            ("https://login.microsoftonline.com/t/oauth2/v2.0/authorize", Some("r"), true),
            ("https://login.microsoftonline.com/t/oauth2/v2.0/authorize", None, false),
            ("https://auth.example.com/authorize", Some("r"), false),
        ] {
            let authorization_endpoint = Some(page.to_owned());
            let server = ServerMetadata { authorization_endpoint, ..ServerMetadata::default() };
            let resource = resource.map(str::to_owned);
            let discovered = Discovered { resource, scopes: Vec::new(), wants_dpop: false, server };
            assert_eq!(hint(&discovered).contains("Resource::Omit"), has_hint, "{page}");
        }
    }
}

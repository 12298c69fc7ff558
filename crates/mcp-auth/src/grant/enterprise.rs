//! Enterprise grant: the identity provider of an organization vouches for the user at the authorization server.
//!
//! Spec: extensions/auth/enterprise-managed-authorization

use super::context::Context;
use super::credentials::JWT_BEARER;
use super::kind::Enterprise;
use crate::discovery::server;
use crate::error::{Error, ErrorKind};
use crate::identity::choose;
use crate::identity::registered::{AuthMethod, Identity};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::token::form::Form;
use crate::token::request::Requester;
use crate::token::set::Tokens;

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";

pub(crate) async fn obtain(
    context: &Context<'_>,
    enterprise: &Enterprise,
    scopes: Vec<String>,
) -> Result<Tokens, Error> {
    let client = choose::of_settings(context.settings, &context.discovered.server).await?;
    let grant = exchange(context, enterprise, &scopes).await?;
    let form = Form::new(JWT_BEARER).with("assertion", grant);
    let form = match client.method {
        AuthMethod::None => form.with("client_id", client.client_id.as_str()),
        _ => form,
    };
    let form = context.wanted(form, &scopes);
    context.ask(&client, form, scopes).await
}

/// Exchanges the ID token for an authorization grant.
///
/// Spec: RFC 8693
async fn exchange(
    context: &Context<'_>,
    enterprise: &Enterprise,
    scopes: &[String],
) -> Result<Secret, Error> {
    let missing = |what: &str| {
        let message = format!("the enterprise grant needs `.{what}(…)`");
        Error::new(ErrorKind::Config, message)
    };
    let id_token = enterprise.id_token.as_ref().ok_or_else(|| missing("id_token"))?;
    let client_id = enterprise.idp_client.as_ref().ok_or_else(|| missing("idp_client"))?;
    let (endpoint, issuer) = match (&enterprise.idp_token_endpoint, &enterprise.idp) {
        (Some(endpoint), issuer) => (endpoint.clone(), issuer.clone().unwrap_or_default()),
        (None, Some(issuer)) => {
            let found = server::find(context.fetch, issuer).await?.ok_or_else(|| {
                let message =
                    format!("{issuer} publishes no metadata: set `.idp_token_endpoint(…)`");
                Error::new(ErrorKind::Unsupported, message)
            })?;
            (found.token_endpoint()?.to_owned(), issuer.clone())
        }
        (None, None) => return Err(missing("idp")),
    };
    let subject = id_token.call(&issuer).await?;
    let server = &context.discovered.server;
    let form = Form::new(TOKEN_EXCHANGE)
        .with("requested_token_type", ID_JAG)
        .with("subject_token", subject)
        .with("subject_token_type", ID_TOKEN)
        .with("audience", server.issuer.as_str());
    let form = context.wanted(form, scopes);
    // The secrets of the authorization server are not sent to the identity provider.
    let mut settings = Settings::new(context.settings.grant.clone());
    settings.secret.clone_from(&enterprise.idp_secret);
    let method = match settings.secret {
        Some(_) => AuthMethod::Basic,
        None => AuthMethod::None,
    };
    let client = Identity::registered(client_id, method);
    let requester = Requester {
        fetch: context.fetch,
        settings: &settings,
        issuer: &issuer,
        client: &client,
        proof_key: None,
    };
    match requester.token(&endpoint, form).await? {
        Ok(response) => Ok(response.access_token),
        Err(refused) => Err(refused.into_error()),
    }
}

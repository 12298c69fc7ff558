//! Authorization code grant: the user logs in at a page, which redirects with a code.
//!
//! Spec: basic/authorization#authorization-flow-steps

mod failure;
mod login;
mod redirect;

use failure::Failure;
use login::Login;

use super::context::Context;
use super::registration::is_alive;
use crate::agent::erased::{BoxedVisit, SharedAgent};
use crate::discovery::server::ServerMetadata;
use crate::error::{Error, ErrorKind, one_line};
use crate::flow::scope::without_offline;
use crate::identity::choose;
use crate::identity::registered::{Identity, IdentityKind};
use crate::token::set::Tokens;

/// Logs a user in.
pub(crate) async fn obtain(
    context: &Context<'_>,
    mut scopes: Vec<String>,
) -> Result<Tokens, Error> {
    let server = &context.discovered.server;
    check_pkce(context, server)?;
    let agent = context.settings.agent.as_ref().ok_or_else(|| {
        let message = "a user has to log in, and there is no user agent: set `.user_agent(…)`";
        Error::new(ErrorKind::LoginRequired, message)
    })?;
    let (mut may_register_again, mut may_drop_scope) = (true, true);
    loop {
        let (client, visit, is_earlier) = prepare(context, agent, &scopes).await?;
        let login = Login::new(context, &client, visit.redirect_uri(), &scopes)?;
        if is_earlier && may_register_again && !is_alive(context.fetch, &login.page).await {
            may_register_again = false;
            choose::forget(context.settings, &server.issuer, &client).await?;
            continue;
        }
        let failure = match login.run(context, visit).await {
            Ok(response) => return context.tokens(&client, response, scopes),
            Err(failure) => failure,
        };
        match failure {
            Failure::UnknownClient(_)
                if may_register_again && client.kind == IdentityKind::Dynamic =>
            {
                may_register_again = false;
                choose::forget(context.settings, &server.issuer, &client).await?;
            }
            Failure::Scope(error) if may_drop_scope => {
                may_drop_scope = false;
                scopes = without_offline(&scopes).ok_or(error)?;
            }
            Failure::UnknownClient(error) | Failure::Scope(error) | Failure::Final(error) => {
                return Err(error);
            }
        }
    }
}

/// Spec: basic/authorization#authorization-code-protection
fn check_pkce(context: &Context<'_>, server: &ServerMetadata) -> Result<(), Error> {
    let announces = server.code_challenge_methods_supported.iter().any(|it| it == "S256");
    // Without metadata, revision 2025-03-26 requires PKCE.
    if announces || server.is_assumed || context.settings.assume_pkce {
        return Ok(());
    }
    let message = format!(
        "{} does not announce PKCE with S256: if it has it, as Cognito and Entra do, set \
         `.assume_pkce(true)`",
        one_line(&server.issuer)
    );
    Err(Error::new(ErrorKind::Unsupported, message))
}

/// The client, the visit that waits for the redirect, and whether the client comes from an earlier login.
async fn prepare(
    context: &Context<'_>,
    agent: &SharedAgent,
    scopes: &[String],
) -> Result<(Identity, BoxedVisit, bool), Error> {
    let (settings, server) = (context.settings, &context.discovered.server);
    if let Some(client) = choose::known(settings, server).await? {
        return Ok((client, agent.prepare(None).await?, false));
    }
    let stored = choose::stored(settings, &server.issuer).await?;
    let earlier = stored.as_ref().and_then(|it| it.redirect_uri.as_deref());
    let visit = agent.prepare(earlier).await?;
    let mut wanted = context.registered_scopes.clone();
    if let Some(client) = stored {
        let has_redirect = client.redirect_uri.as_deref() == Some(visit.redirect_uri());
        if has_redirect && client.may_ask_for(scopes) {
            return Ok((client, visit, true));
        }
        // Other servers of this issuer have requested these scopes.
        wanted
            .extend(client.scopes.into_iter().filter(|it| !context.registered_scopes.contains(it)));
    }
    let uri = visit.redirect_uri().to_owned();
    let client = choose::register(context.fetch, settings, server, &uri, wanted).await?;
    Ok((client, visit, false))
}

//! Authorization code grant: the user logs in at a page, which redirects with a code.
//!
//! Spec: basic/authorization#authorization-flow-steps

use url::Url;

use super::context::Context;
use super::registration::is_alive;
use crate::agent::erased::{BoxedVisit, SharedAgent};
use crate::agent::redirect::{Prompt, Redirect};
use crate::discovery::server::ServerMetadata;
use crate::error::{Error, ErrorKind, one_line};
use crate::event::{Event, LoginUrl};
use crate::flow::scope::without_offline;
use crate::identity::choose;
use crate::identity::registered::{Identity, IdentityKind};
use crate::secret::Secret;
use crate::sign::digest::{fingerprint, unguessable};
use crate::token::request::Form;
use crate::token::response::{Refused, TokenResponse};
use crate::token::set::Tokens;

/// Why there is no token, and what a retry must change.
enum Failure {
    /// The authorization server does not know the client.
    UnknownClient(Error),
    /// The authorization server refused a scope.
    Scope(Error),
    Final(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

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

/// One visit of the login page.
struct Login<'a> {
    client: &'a Identity,
    page: Url,
    redirect_uri: String,
    state: Secret,
    verifier: Secret,
}

impl<'a> Login<'a> {
    fn new(
        context: &Context<'_>,
        client: &'a Identity,
        redirect_uri: &str,
        scopes: &[String],
    ) -> Result<Self, Error> {
        let server = &context.discovered.server;
        let what = "authorization endpoint";
        let endpoint = server.endpoint(&server.authorization_endpoint, what)?;
        let mut page = context.fetch.policy.check(endpoint, what)?;
        page.set_fragment(None);
        let (state, verifier) = (unguessable()?, unguessable()?);
        let own = &context.settings.authorize_params;
        let mut params = vec![
            ("response_type", "code".to_owned()),
            ("client_id", client.client_id.clone()),
            ("redirect_uri", redirect_uri.to_owned()),
            ("state", state.expose().to_owned()),
            ("code_challenge", fingerprint(verifier.expose())),
            ("code_challenge_method", "S256".to_owned()),
        ];
        params.extend(context.discovered.resource.clone().map(|it| ("resource", it)));
        params.extend(context.proof_key.as_ref().map(|key| ("dpop_jkt", key.thumbprint())));
        if !scopes.is_empty() {
            params.push(("scope", scopes.join(" ")));
        }
        // OpenID Connect issues refresh tokens only after a consent prompt.
        if scopes.iter().any(|scope| scope == "offline_access") {
            params.push(("prompt", "consent".to_owned()));
        }
        params.retain(|(name, _)| !own.iter().any(|(it, _)| it == name));
        params.extend(own.iter().map(|(name, value)| (name.as_str(), value.clone())));
        page.query_pairs_mut().extend_pairs(params);
        let redirect_uri = redirect_uri.to_owned();
        Ok(Self { client, page, redirect_uri, state, verifier })
    }

    async fn run(
        &self,
        context: &Context<'_>,
        mut visit: BoxedVisit,
    ) -> Result<TokenResponse, Failure> {
        let outcome = self.log_in(context, &mut visit).await;
        let shown = match &outcome {
            Ok(_) => Ok(()),
            Err(Failure::UnknownClient(error) | Failure::Scope(error) | Failure::Final(error)) => {
                Err(error.clone())
            }
        };
        visit.finish(shown).await;
        outcome
    }

    async fn log_in(
        &self,
        context: &Context<'_>,
        visit: &mut BoxedVisit,
    ) -> Result<TokenResponse, Failure> {
        let settings = context.settings;
        let url = LoginUrl::new(self.page.as_str());
        settings.report(Event::LoginStarted { server: context.shown.to_owned(), url });
        let report = settings.on_event.clone();
        let prompt = Prompt::new(&self.page, context.shown, self.state.clone(), report);
        let redirect = visit.visit(&prompt).await?;
        let code = self.code(&prompt, &redirect, &context.discovered.server)?;
        let form = Form::new("authorization_code")
            .with("code", code)
            .with("redirect_uri", self.redirect_uri.as_str())
            .with("code_verifier", self.verifier.clone())
            .with_some("resource", context.discovered.resource.as_deref());
        let endpoint = context.discovered.server.token_endpoint()?;
        match context.requester(self.client).token(endpoint, form).await? {
            Ok(response) => Ok(response),
            Err(refused) => Err(failure(refused)),
        }
    }

    /// Extracts the code of a redirect. Checks first that the redirect belongs to this login and to this issuer.
    fn code(
        &self,
        prompt: &Prompt,
        redirect: &Redirect,
        server: &ServerMetadata,
    ) -> Result<Secret, Failure> {
        let untrusted = |text: &'static str| Err(Error::new(ErrorKind::Untrusted, text).into());
        if !prompt.expects(redirect) {
            return untrusted("the redirect belongs to another login: its state differs");
        }
        if ["iss", "code", "error"].iter().any(|name| redirect.repeats(name)) {
            return untrusted("the redirect repeats a parameter");
        }
        // Spec: RFC 9207, 2.4
        match redirect.param("iss") {
            Some(issuer) if issuer == server.issuer => {}
            // An assumed server has no issuer to compare with.
            Some(_) if server.is_assumed => {}
            None if !server.authorization_response_iss_parameter_supported => {}
            None => {
                return untrusted(
                    "the redirect has no `iss`, which the authorization server announces",
                );
            }
            Some(_) => return untrusted("the redirect names another issuer"),
        }
        if let Some(error) = redirect.param("error") {
            return Err(self.refusal(redirect, error, server));
        }
        match redirect.param("code") {
            Some(code) if !code.is_empty() => Ok(Secret::new(code)),
            _ => untrusted("the redirect has no code"),
        }
    }

    fn refusal(&self, redirect: &Redirect, error: &str, server: &ServerMetadata) -> Failure {
        let mut message =
            format!("{} refused the login: {}", one_line(&server.issuer), one_line(error));
        if let Some(description) = redirect.param("error_description") {
            message = format!("{message}: {}", one_line(description));
        }
        let kind = match error {
            "access_denied" => ErrorKind::Denied,
            "temporarily_unavailable" | "server_error" => ErrorKind::Unavailable,
            _ => ErrorKind::Refused,
        };
        let cause = Error::new(kind, message).with_code(error);
        match error {
            "invalid_scope" => Failure::Scope(cause),
            "invalid_client" | "unauthorized_client" => Failure::UnknownClient(cause),
            _ => Failure::Final(cause),
        }
    }
}

fn failure(refused: Refused) -> Failure {
    if refused.is_unknown_client() {
        Failure::UnknownClient(refused.into_error())
    } else if refused.is("invalid_scope") {
        Failure::Scope(refused.into_error())
    } else {
        Failure::Final(refused.into_error())
    }
}

//! One login: the page that the user visits, and the exchange of the code.

use url::Url;

use super::failure::Failure;
use super::redirect::code;
use crate::agent::erased::BoxedVisit;
use crate::agent::redirect::Prompt;
use crate::error::Error;
use crate::event::{Event, LoginUrl};
use crate::grant::context::Context;
use crate::identity::registered::Identity;
use crate::secret::Secret;
use crate::sign::digest::{fingerprint, unguessable};
use crate::token::form::Form;
use crate::token::response::TokenResponse;

/// One visit of the login page.
pub(super) struct Login<'a> {
    client: &'a Identity,
    pub(super) page: Url,
    redirect_uri: String,
    state: Secret,
    verifier: Secret,
}

impl<'a> Login<'a> {
    pub(super) fn new(
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

    pub(super) async fn run(
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
        let code = code(&prompt, &redirect, &context.discovered.server)?;
        let form = Form::new("authorization_code")
            .with("code", code)
            .with("redirect_uri", self.redirect_uri.as_str())
            .with("code_verifier", self.verifier.clone())
            .with_some("resource", context.discovered.resource.as_deref());
        let endpoint = context.discovered.server.token_endpoint()?;
        match context.requester(self.client).token(endpoint, form).await? {
            Ok(response) => Ok(response),
            Err(refused) => Err(refused.into()),
        }
    }
}

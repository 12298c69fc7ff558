//! Context shared by all grants.

use crate::discovery::Discovered;
use crate::discovery::fetch::Fetch;
use crate::error::Error;
use crate::identity::registered::Identity;
use crate::settings::Settings;
use crate::sign::ProofKey;
use crate::token::form::Form;
use crate::token::request::Requester;
use crate::token::response::TokenResponse;
use crate::token::set::{Origin, Tokens};

/// A request for the token of one server.
pub(crate) struct Context<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) fetch: &'a Fetch,
    /// Display form of the server's URL.
    pub(crate) shown: &'a str,
    pub(crate) discovered: &'a Discovered,
    /// The scopes that a client is registered with.
    pub(crate) registered_scopes: Vec<String>,
    pub(crate) proof_key: Option<ProofKey>,
}

impl Context<'_> {
    pub(crate) fn requester<'b>(&'b self, client: &'b Identity) -> Requester<'b> {
        Requester {
            fetch: self.fetch,
            settings: self.settings,
            issuer: &self.discovered.server.issuer,
            client,
            proof_key: self.proof_key.as_ref(),
        }
    }

    /// Adds resource and scope.
    pub(crate) fn wanted(&self, form: Form, scopes: &[String]) -> Form {
        let form = form.with_some("resource", self.discovered.resource.as_deref());
        match scopes {
            [] => form,
            scopes => form.with("scope", scopes.join(" ")),
        }
    }

    /// Requests a token, and converts a refusal into an error.
    pub(crate) async fn ask(
        &self,
        client: &Identity,
        form: Form,
        scopes: Vec<String>,
    ) -> Result<Tokens, Error> {
        let endpoint = self.discovered.server.token_endpoint()?;
        match self.requester(client).token(endpoint, form).await? {
            Ok(response) => self.tokens(client, response, scopes),
            Err(refused) => Err(refused.into_error()),
        }
    }

    pub(crate) fn tokens(
        &self,
        client: &Identity,
        response: TokenResponse,
        scopes: Vec<String>,
    ) -> Result<Tokens, Error> {
        let server = &self.discovered.server;
        let origin = Origin {
            server: self.shown.to_owned(),
            issuer: server.issuer.clone(),
            token_endpoint: server.token_endpoint()?.to_owned(),
            revocation_endpoint: server.revocation_endpoint.clone(),
            resource: self.discovered.resource.clone(),
            client: client.clone(),
            scopes,
            proof_key: self.proof_key.as_ref().map(|key| key.stored().clone()),
        };
        Ok(Tokens::new(origin, response))
    }
}

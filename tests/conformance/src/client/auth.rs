//! Logs in: as a user who agrees at once, or as the service named by a scenario.

use std::env;

use mcp_client::{
    OAuth,
    http::{Body, HttpClient},
    oauth::follow,
};
use serde::Deserialize;

use crate::Result;

/// The metadata document of this client, which the suite knows.
const CLIENT_METADATA: &str = "https://conformance-test.local/client-metadata.json";

/// The client described by a scenario.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Client {
    client_id: String,
    client_secret: String,
    private_key_pem: String,
    valid_jwt: String,
    idp_client_id: String,
    idp_id_token: String,
    idp_issuer: String,
    idp_token_endpoint: String,
}

pub(crate) fn oauth(scenario: &str) -> Result<OAuth> {
    let client: Client = match env::var("MCP_CONFORMANCE_CONTEXT") {
        Ok(context) => serde_json::from_str(&context)?,
        Err(_) => Client::default(),
    };
    let id = client.client_id;
    Ok(match scenario {
        "auth/client-credentials-basic" => {
            OAuth::client_credentials(id).secret(client.client_secret)
        }
        "auth/client-credentials-jwt" => {
            OAuth::client_credentials(id).private_key_pem(client.private_key_pem)?
        }
        "auth/wif-jwt-bearer" => OAuth::jwt_bearer(id, move |_| {
            let jwt = client.valid_jwt.clone();
            async { jwt }
        }),
        "auth/enterprise-managed-authorization" => OAuth::enterprise(id)
            .secret(client.client_secret)
            .id_token(move || {
                let token = client.idp_id_token.clone();
                async { token }
            })
            .idp(client.idp_issuer)
            .idp_token_endpoint(client.idp_token_endpoint)
            .idp_client(client.idp_client_id),
        "auth/pre-registration" => user().client(id).secret(client.client_secret),
        _ => user().client_metadata_url(CLIENT_METADATA),
    })
}

/// A user who agrees at once: the page redirects immediately.
fn user() -> OAuth {
    OAuth::new().user_agent(follow(|page| async move {
        let request = http::Request::get(page).body(Body::empty())?;
        let response = HttpClient::new().send(request).await?;
        let location = response.headers().get(http::header::LOCATION);
        let location = location.ok_or("the page does not redirect")?.to_str()?.to_owned();
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(location)
    }))
}

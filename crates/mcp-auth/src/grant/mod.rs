//! Grants: how a token is obtained.

pub(crate) mod code;
pub(crate) mod context;
pub(crate) mod credentials;
pub(crate) mod device;
pub(crate) mod enterprise;
pub(crate) mod kind;
pub(crate) mod poll;
pub(crate) mod registration;

use context::Context;
use kind::GrantKind;

use crate::error::Error;
use crate::token::set::Tokens;

/// Requests tokens with these scopes.
pub(crate) async fn obtain(context: &Context<'_>, scopes: Vec<String>) -> Result<Tokens, Error> {
    match &context.settings.grant {
        GrantKind::Code => code::obtain(context, scopes).await,
        GrantKind::Device(on_code) => device::obtain(context, on_code.as_ref(), scopes).await,
        GrantKind::ClientCredentials => credentials::obtain(context, scopes).await,
        GrantKind::JwtBearer(assertion) => credentials::vouched(context, assertion, scopes).await,
        GrantKind::Custom(grant) => credentials::custom(context, grant, scopes).await,
        GrantKind::Enterprise(enterprise) => enterprise::obtain(context, enterprise, scopes).await,
    }
}

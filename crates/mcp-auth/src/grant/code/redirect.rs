//! Checks the redirect of a login and extracts its code.

use super::failure::Failure;
use crate::agent::redirect::{Prompt, Redirect};
use crate::discovery::server::ServerMetadata;
use crate::error::{Error, ErrorKind, one_line};
use crate::secret::Secret;

/// Extracts the code of a redirect. Checks first that the redirect belongs to this login and to this issuer.
pub(super) fn code(
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
        return Err(refusal(redirect, error, server));
    }
    match redirect.param("code") {
        Some(code) if !code.is_empty() => Ok(Secret::new(code)),
        _ => untrusted("the redirect has no code"),
    }
}

fn refusal(redirect: &Redirect, error: &str, server: &ServerMetadata) -> Failure {
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

//! The form of a request to a token endpoint.

use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Parameters that contain secrets.
const SECRETS: &[&str] = &[
    "assertion",
    "client_assertion",
    "client_secret",
    "code",
    "code_verifier",
    "device_code",
    "refresh_token",
    "subject_token",
    "token",
];

/// The parameters of a request.
pub(crate) struct Form(Vec<(String, Secret)>);

impl Form {
    pub(crate) fn new(grant_type: &str) -> Self {
        Self::empty().with("grant_type", grant_type)
    }

    pub(crate) fn empty() -> Self {
        Self(Vec::new())
    }

    /// Sets a parameter unless it is set already.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Secret>) -> Self {
        if !self.0.iter().any(|(it, _)| it == name) {
            self.0.push((name.to_owned(), value.into()));
        }
        self
    }

    pub(crate) fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The values of the parameters that contain secrets.
    pub(super) fn secrets(&self) -> impl Iterator<Item = Secret> {
        let secrets = self.0.iter().filter(|(name, _)| SECRETS.contains(&name.as_str()));
        secrets.map(|(_, value)| value.clone())
    }

    pub(super) fn encode(&self) -> Zeroizing<String> {
        let mut serializer = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.0 {
            serializer.append_pair(name, value.expose());
        }
        Zeroizing::new(serializer.finish())
    }
}

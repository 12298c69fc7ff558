//! Callbacks of the application that provide a secret.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::secret::Secret;

/// Return types of a callback that provides a secret: a text, a [`Secret`], or a `Result` of one.
pub trait IntoSecret {
    /// Converts into the secret.
    ///
    /// # Errors
    /// The error of a `Result`.
    fn into_secret(self) -> Result<Secret, Box<dyn StdError + Send + Sync>>;
}

impl IntoSecret for String {
    fn into_secret(self) -> Result<Secret, Box<dyn StdError + Send + Sync>> {
        Ok(Secret::new(self))
    }
}

impl IntoSecret for &str {
    fn into_secret(self) -> Result<Secret, Box<dyn StdError + Send + Sync>> {
        Ok(Secret::new(self))
    }
}

impl IntoSecret for Secret {
    fn into_secret(self) -> Result<Secret, Box<dyn StdError + Send + Sync>> {
        Ok(self)
    }
}

impl<S: IntoSecret, E: Into<Box<dyn StdError + Send + Sync>>> IntoSecret for Result<S, E> {
    fn into_secret(self) -> Result<Secret, Box<dyn StdError + Send + Sync>> {
        self.map_err(Into::into)?.into_secret()
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Secret, Error>> + Send>>;

/// A callback from a text to a secret, such as from an audience to an assertion.
#[derive(Clone)]
pub(crate) struct Callback(Arc<dyn Fn(String) -> Answer + Send + Sync>);

impl Callback {
    /// `what` is the name of the secret in errors.
    pub(crate) fn new<F, R>(what: &'static str, function: F) -> Self
    where
        F: Fn(String) -> R + Send + Sync + 'static,
        R: Future<Output: IntoSecret> + Send + 'static,
    {
        Self(Arc::new(move |text| {
            let answer = function(text);
            Box::pin(async move {
                let secret = answer.await.into_secret().map_err(|error| {
                    let message = format!("the application provided no {what}");
                    Error::new(ErrorKind::Config, message).with_source(error)
                })?;
                match secret.is_empty() {
                    true => {
                        let message = format!("the application provided an empty {what}");
                        Err(Error::new(ErrorKind::Config, message))
                    }
                    false => Ok(secret),
                }
            })
        }))
    }

    pub(crate) async fn call(&self, text: &str) -> Result<Secret, Error> {
        (self.0)(text.to_owned()).await
    }
}

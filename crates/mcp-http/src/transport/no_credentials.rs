use crate::authorize::{Authorize, Credentials, NextStep, Refusal};
use crate::error::Error;
use crate::hook::RequestHead;

/// Authorizes no request: takes the place of an [`Authorize`] that could not be made.
#[derive(Debug)]
pub struct NoCredentials;

impl Authorize for NoCredentials {
    fn ready(&self, _: &RequestHead) -> Option<Credentials> {
        Some(Credentials::none())
    }

    async fn authorize(&self, _: &RequestHead) -> Result<Credentials, Error> {
        Ok(Credentials::none())
    }

    async fn challenged(&self, _: &RequestHead, _: Refusal<'_>) -> Result<NextStep, Error> {
        Ok(NextStep::GiveUp)
    }
}

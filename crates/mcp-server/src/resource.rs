//! Resources and resource templates.

use std::fmt::Display;

use base64::{Engine, engine::general_purpose::STANDARD};
use mcp_core::{
    BlobResourceContents, CacheScope, Cacheable, Era, ErrorObject, InputRequiredResult, Outcome,
    ProtocolVersion, RawJson, ReadResourceResult, ResourceContents, TextResourceContents,
    error_code,
};

use crate::{
    Context,
    call::Started,
    incoming::Incoming,
    reply::{Answer, Reply, internal, protocol_error},
};

/// The request to read a resource.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReadRequest {
    /// The requested URI.
    pub uri: String,
    /// Context for progress and log messages.
    pub context: Context,
    variables: Vec<(String, String)>,
}

impl ReadRequest {
    /// The value of a variable of the template, percent-decoded; empty if the template has no such
    /// variable.
    pub fn variable(&self, name: &str) -> &str {
        let found = self.variables.iter().find(|(variable, _)| variable == name);
        found.map_or("", |(_, value)| value)
    }
}

/// Return types of a resource handler.
///
/// - `String`, `&'static str`: its text. `Vec<u8>`: its bytes.
/// - [`ResourceContents`], `Vec<ResourceContents>`, [`ReadResourceResult`].
/// - `Option<T>`: `None` is the error for an unknown resource.
/// - `Result<T, E>`: an `Err` is an internal error with the text of `E`, or an [`ErrorObject`] unchanged.
/// - [`InputRequiredResult`] or [`Outcome`], if input of the client is needed first.
#[diagnostic::on_unimplemented(
    message = "the handler of a resource cannot return `{Self}`",
    label = "not a result of a resource",
    note = "return a `String`, a `Vec<u8>`, a `ResourceContents`, a `ReadResourceResult`, or an `Option` or `Result` of one of these"
)]
pub trait IntoResource {
    /// Converts the handler's return value into the result; `None` means that the resource does not exist.
    ///
    /// # Errors
    /// The error to answer the request with.
    fn into_resource(
        self,
        about: About<'_>,
    ) -> Result<Option<Outcome<ReadResourceResult>>, ErrorObject>;
}

/// The resource being read.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct About<'a> {
    /// The URI.
    pub uri: &'a str,
    /// The MIME type of its contents, as listed.
    pub mime_type: Option<&'a str>,
}

type Read = Result<Option<Outcome<ReadResourceResult>>, ErrorObject>;

fn complete(contents: Vec<ResourceContents>) -> Read {
    Ok(Some(ReadResourceResult::new(contents).into()))
}

impl IntoResource for String {
    fn into_resource(self, about: About<'_>) -> Read {
        let mut contents = TextResourceContents::new(about.uri, self);
        contents.mime_type = about.mime_type.map(str::to_owned);
        complete(vec![contents.into()])
    }
}

impl IntoResource for &'static str {
    fn into_resource(self, about: About<'_>) -> Read {
        self.to_owned().into_resource(about)
    }
}

impl IntoResource for Vec<u8> {
    fn into_resource(self, about: About<'_>) -> Read {
        let mut contents = BlobResourceContents::new(about.uri, STANDARD.encode(self));
        contents.mime_type = about.mime_type.map(str::to_owned);
        complete(vec![contents.into()])
    }
}

impl IntoResource for ResourceContents {
    fn into_resource(self, _: About<'_>) -> Read {
        complete(vec![self])
    }
}

impl IntoResource for Vec<ResourceContents> {
    fn into_resource(self, _: About<'_>) -> Read {
        complete(self)
    }
}

impl IntoResource for ReadResourceResult {
    fn into_resource(self, _: About<'_>) -> Read {
        Ok(Some(self.into()))
    }
}

impl IntoResource for Outcome<ReadResourceResult> {
    fn into_resource(self, _: About<'_>) -> Read {
        Ok(Some(self))
    }
}

impl IntoResource for InputRequiredResult {
    fn into_resource(self, _: About<'_>) -> Read {
        Ok(Some(Outcome::InputRequired(self)))
    }
}

impl<T: IntoResource> IntoResource for Option<T> {
    fn into_resource(self, about: About<'_>) -> Read {
        self.map_or(Ok(None), |contents| contents.into_resource(about))
    }
}

impl<T: IntoResource, E: Display + 'static> IntoResource for Result<T, E> {
    fn into_resource(self, about: About<'_>) -> Read {
        match self {
            Ok(contents) => contents.into_resource(about),
            Err(error) => Err(protocol_error(&error).unwrap_or_else(|| internal(error))),
        }
    }
}

/// The type-erased handler of a resource or resource template.
pub(crate) type ErasedRead =
    Box<dyn Fn(&Incoming<'_>, Vec<(String, String)>) -> Result<Started, ErrorObject> + Send + Sync>;

pub(crate) fn read<F, Fut>(mime_type: Option<String>, handler: F) -> ErasedRead
where
    F: Fn(ReadRequest) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoResource> + Send + 'static,
{
    Box::new(move |incoming, variables| {
        let uri = incoming.params.uri.as_ref().map_or("", |uri| &uri.0).to_owned();
        let context = incoming.context();
        let (reply, version) = (incoming.reply(), incoming.version);
        let mime_type = mime_type.clone();
        let request = ReadRequest { uri: uri.clone(), variables, context: context.clone() };
        let future = handler(request);
        let work = Box::pin(async move {
            let about = About { uri: &uri, mime_type: mime_type.as_deref() };
            match future.await.into_resource(about)? {
                Some(outcome) => answer(&reply, outcome),
                None => Err(not_found(version, &uri)),
            }
        });
        Ok(Started::Working { work, context: Some(context) })
    })
}

fn answer(reply: &Reply, mut outcome: Outcome<ReadResourceResult>) -> Answer {
    // Spec: server/utilities/caching: complete results must have both hints.
    if let Outcome::Complete(result) = &mut outcome
        && reply.is_modern()
        && (result.ttl_ms.is_none() || result.cache_scope.is_none())
    {
        let scope = result.cache_scope.take().unwrap_or(CacheScope::Private);
        result.set_cache(result.ttl(), scope);
    }
    reply.outcome(outcome)
}

/// Spec: server/resources#error-handling
pub(crate) fn not_found(version: ProtocolVersion, uri: &str) -> ErrorObject {
    let code = match version.era() {
        Era::Modern => error_code::INVALID_PARAMS,
        Era::Legacy => error_code::RESOURCE_NOT_FOUND,
    };
    let error = ErrorObject::new(code, format!("no such resource: {uri}"));
    match RawJson::from_serialize(&serde_json::json!({ "uri": uri })) {
        Ok(data) => error.with_data(data),
        Err(_) => error,
    }
}

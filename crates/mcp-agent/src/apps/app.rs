use base64::{Engine as _, engine::general_purpose::STANDARD};
use mcp_core::{Meta, ReadResourceResult, ResourceContents};
use mcp_session::Session;

use super::{extension::MIME_TYPE, mime, resource_ui::ResourceUi, tool_ui::is_app_uri};
use crate::error::{AgentError, AgentErrorKind};

/// A page that displays the results of a tool. Its content is untrusted: display it only in a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct App {
    /// The URI of the resource.
    pub uri: String,
    /// The HTML of the page.
    pub html: String,
    /// The metadata about its display.
    pub ui: ResourceUi,
}

impl App {
    /// Reads a page. Metadata of the contents takes precedence over that of the resource in the server's
    /// list.
    ///
    /// Dropping the future cancels the read.
    ///
    /// # Errors
    /// Kind [`Call`](AgentErrorKind::Call) when it cannot be read,
    /// [`AppResource`](AgentErrorKind::AppResource) when the contents have another URI or MIME type, or
    /// are not UTF-8, [`AppMeta`](AgentErrorKind::AppMeta) when the URI is not `ui://…`, or the metadata
    /// is malformed.
    ///
    /// Spec: ext-apps 2026-01-26#content-requirements
    pub async fn read(session: &Session, uri: &str) -> Result<Self, AgentError> {
        if !is_app_uri(uri) {
            let message = "the URI of an app begins with ui://";
            return Err(AgentError::new(AgentErrorKind::AppMeta, message).about(uri));
        }
        let result = session.read_resource(uri).await;
        let (html, meta) = page(result.map_err(|error| AgentError::from(error).about(uri))?, uri)?;
        let ui = match ResourceUi::of(meta.as_ref(), uri)? {
            Some(ui) => ui,
            None => listed(session, uri).await?.unwrap_or_default(),
        };
        Ok(Self { uri: uri.to_owned(), html, ui })
    }
}

/// The HTML of the contents, with their `_meta`.
fn page(result: ReadResourceResult, uri: &str) -> Result<(String, Option<Meta>), AgentError> {
    let failed = |message: String| AgentError::new(AgentErrorKind::AppResource, message).about(uri);
    let contents = result.contents.into_iter().find(|it| it.uri() == uri);
    let contents = contents.ok_or_else(|| failed("the contents have another URI".to_owned()))?;
    let check = |mime: Option<&str>| match mime {
        Some(mime) if mime::is_app(mime) => Ok(()),
        Some(mime) => Err(failed(format!("its MIME type is {mime:?} and not {MIME_TYPE:?}"))),
        None => Err(failed(format!("it has no MIME type, and should have {MIME_TYPE:?}"))),
    };
    match contents {
        ResourceContents::Text(text) => {
            check(text.mime_type.as_deref())?;
            Ok((text.text, text.meta))
        }
        ResourceContents::Blob(blob) => {
            check(blob.mime_type.as_deref())?;
            let bytes = STANDARD.decode(&blob.blob);
            let bytes = bytes.map_err(|error| failed(format!("it is not in base64: {error}")))?;
            let html = String::from_utf8(bytes);
            Ok((html.map_err(|error| failed(format!("it is not UTF-8: {error}")))?, blob.meta))
        }
        _ => Err(failed("it is neither text nor a blob".to_owned())),
    }
}

/// The metadata in the server's list. The resource need not be listed, and the server need not list
/// resources.
///
/// Spec: ext-apps draft#metadata-location
async fn listed(session: &Session, uri: &str) -> Result<Option<ResourceUi>, AgentError> {
    match session.list_resources().await {
        Ok(all) => {
            let resource = all.into_iter().find(|it| it.uri == uri);
            ResourceUi::of(resource.and_then(|it| it.meta).as_ref(), uri)
        }
        Err(error) if error.answer().is_some() => Ok(None),
        Err(error) => Err(AgentError::from(error).about(uri)),
    }
}

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mcp_core::{Meta, ReadResourceResult, ResourceContents};
use mcp_session::Session;

use super::{extension::MIME_TYPE, mime, resource_ui::ResourceUi, tool_ui::is_app_uri};
use crate::error::{AgentError, AgentErrorKind};

/// A page that shows the results of a tool. It is what the server wrote: show it in a sandbox alone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct App {
    /// The resource.
    pub uri: String,
    /// The page.
    pub html: String,
    /// How it is to be shown.
    pub ui: ResourceUi,
}

impl App {
    /// Reads a page. What is listed of the resource says how it is shown, where the page itself does not.
    ///
    /// Dropping the future cancels the read.
    ///
    /// # Errors
    /// Kind [`Call`](AgentErrorKind::Call) when it cannot be read, [`AppResource`](AgentErrorKind::AppResource)
    /// when what was read has another URI or MIME type, or is no text in UTF-8,
    /// [`AppMeta`](AgentErrorKind::AppMeta) when `uri` is not at `ui://`, or the metadata is malformed.
    ///
    /// Spec: ext-apps 2026-01-26#content-requirements
    pub async fn read(session: &Session, uri: &str) -> Result<Self, AgentError> {
        if !is_app_uri(uri) {
            let message = "the page of an app is at ui://";
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

/// The HTML among what was read, with its `_meta`.
fn page(result: ReadResourceResult, uri: &str) -> Result<(String, Option<Meta>), AgentError> {
    let failed = |message: String| AgentError::new(AgentErrorKind::AppResource, message).about(uri);
    let contents = result.contents.into_iter().find(|it| it.uri() == uri);
    let contents =
        contents.ok_or_else(|| failed("contents of another URI were read".to_owned()))?;
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
            Ok((html.map_err(|error| failed(format!("it is no text: {error}")))?, blob.meta))
        }
        _ => Err(failed("it is neither text nor a blob".to_owned())),
    }
}

/// What is listed of the resource. It need not be listed, and the server need not list resources at all.
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

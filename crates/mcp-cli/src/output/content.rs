//! Content blocks as text.

use std::borrow::Cow;

use mcp_client::types::{ContentBlock, ResourceContents};

use crate::escape::line;

/// Text unchanged, and a summary of any other content.
pub(crate) fn described(block: &ContentBlock) -> Cow<'_, str> {
    match block {
        ContentBlock::Text(text) => Cow::Borrowed(&text.text),
        ContentBlock::Image(image) => bytes("image", &image.mime_type, image.data.len()),
        ContentBlock::Audio(audio) => bytes("audio", &audio.mime_type, audio.data.len()),
        ContentBlock::ResourceLink(link) => {
            format!("[link {} {}]", line(&link.name), line(&link.uri)).into()
        }
        ContentBlock::Resource(embedded) => contents(&embedded.resource),
        other => format!("[{}]", line(other.kind())).into(),
    }
}

/// The text of a resource unchanged, or the number of its bytes.
fn contents(contents: &ResourceContents) -> Cow<'_, str> {
    match contents {
        ResourceContents::Text(text) => Cow::Borrowed(&text.text),
        ResourceContents::Blob(blob) => {
            let mime_type = blob.mime_type.as_deref().unwrap_or("application/octet-stream");
            let what = format!("resource {}", line(&blob.uri));
            bytes(&what, mime_type, blob.blob.len())
        }
        other => format!("[resource {}]", line(other.uri())).into(),
    }
}

/// `length`: of the Base64.
fn bytes(what: &str, mime_type: &str, length: usize) -> Cow<'static, str> {
    format!("[{what}: {}, about {} bytes]", line(mime_type), length / 4 * 3).into()
}

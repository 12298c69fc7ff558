//! The blocks of a result, independent of the API's notation.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mcp_core::{CallToolResult, ContentBlock, ResourceContents, ResourceLink};
use serde_json::{Map, Value, json};

use super::{
    limits::OutputLimits,
    media::{MediaKind, accepted, is_base64},
    omission::{Omission, OmissionReason},
    same::repeats,
    text::Text,
};
use crate::{api::Api, apps::is_app_uri};

/// One block of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Block {
    Text(String),
    /// An image or document. The data stays in the result: see [`data`].
    Media {
        kind: MediaKind,
        mime: &'static str,
        at: usize,
    },
}

/// The blocks of a result, and the omitted parts.
pub(crate) fn blocks(
    api: Api,
    result: &CallToolResult,
    has_app: bool,
    limits: OutputLimits,
) -> (Vec<Block>, Vec<Omission>) {
    let mut builder = Builder {
        api,
        // Anthropic accepts only text in the result of a failed tool.
        takes_media: api != Api::Anthropic || result.is_error != Some(true),
        text: Text::new(limits.text),
        media: limits.media,
        blocks: Vec::new(),
        omitted: Vec::new(),
    };
    for (at, content) in result.content.iter().enumerate() {
        builder.content(at, content);
    }
    if let Some(data) = &result.structured_content {
        builder.structured(result, data, has_app);
    }
    (builder.blocks, builder.omitted)
}

/// The data of a block of media, in base64.
pub(crate) fn data(result: &CallToolResult, at: usize) -> &str {
    match result.content.get(at) {
        Some(ContentBlock::Image(image)) => &image.data,
        Some(ContentBlock::Resource(resource)) => match &resource.resource {
            ResourceContents::Blob(blob) => &blob.blob,
            _ => "",
        },
        _ => "",
    }
}

struct Builder {
    api: Api,
    takes_media: bool,
    text: Text,
    media: usize,
    blocks: Vec<Block>,
    omitted: Vec<Omission>,
}

impl Builder {
    fn content(&mut self, at: usize, content: &ContentBlock) {
        match content {
            ContentBlock::Text(text) => self.text("text", text.text.clone()),
            ContentBlock::Image(image) => self.media(at, &image.mime_type, &image.data),
            ContentBlock::Audio(audio) => {
                self.omit(&audio.mime_type, audio.data.len(), OmissionReason::Unsupported);
            }
            ContentBlock::ResourceLink(link) => self.text("resource link", linked(link)),
            // A page in the result itself, as before the extension was final.
            ContentBlock::Resource(embedded) if is_app_uri(embedded.resource.uri()) => {
                let bytes = match &embedded.resource {
                    ResourceContents::Text(page) => page.text.len(),
                    ResourceContents::Blob(page) => page.blob.len(),
                    other => json(other).len(),
                };
                self.omit(embedded.resource.uri(), bytes, OmissionReason::ForApp);
            }
            ContentBlock::Resource(embedded) => match &embedded.resource {
                ResourceContents::Text(contents) => {
                    self.resource(&contents.uri, contents.text.clone());
                }
                ResourceContents::Blob(contents) => {
                    let mime = contents.mime_type.as_deref().unwrap_or("application/octet-stream");
                    match text_in(mime, &contents.blob) {
                        Some(text) => self.resource(&contents.uri, text),
                        None => self.media(at, mime, &contents.blob),
                    }
                }
                other => self.text("resource", json(other)),
            },
            other => self.text("content", json(other)),
        }
    }

    fn text(&mut self, what: &str, text: String) {
        // Anthropic refuses empty blocks.
        if !text.is_empty() {
            let text = self.text.take(what, text, &mut self.omitted);
            self.blocks.push(Block::Text(text));
        }
    }

    fn resource(&mut self, uri: &str, text: String) {
        self.text("resource", format!("{uri}:\n{text}"));
    }

    fn media(&mut self, at: usize, mime: &str, data: &str) {
        let accepted = accepted(self.api, mime).filter(|_| self.takes_media);
        let Some((kind, accepted)) = accepted else {
            return self.omit(mime, data.len(), OmissionReason::Unsupported);
        };
        if !is_base64(data) {
            return self.omit(mime, data.len(), OmissionReason::Malformed);
        }
        if data.len() > self.media {
            return self.omit(mime, data.len(), OmissionReason::MediaLimit);
        }
        self.media -= data.len();
        self.blocks.push(Block::Media { kind, mime: accepted, at });
    }

    /// Adds structured content, unless the text repeats it.
    fn structured(&mut self, result: &CallToolResult, data: &Value, has_app: bool) {
        let texts: Vec<&str> = result.content.iter().filter_map(ContentBlock::as_text).collect();
        if repeats(&texts, data) {
            return;
        }
        let data = data.to_string();
        // Spec: ext-apps 2026-01-26#data-passing
        if has_app && !self.blocks.is_empty() {
            let (what, reason) = ("structured content".to_owned(), OmissionReason::ForApp);
            return self.omitted.push(Omission { what, bytes: data.len(), reason });
        }
        self.text("structured content", data);
    }

    /// Omits a part, with a note for the model.
    fn omit(&mut self, what: &str, bytes: usize, reason: OmissionReason) {
        let omission = Omission { what: what.to_owned(), bytes, reason };
        self.blocks.push(Block::Text(format!("[{omission}]")));
        self.omitted.push(omission);
    }
}

/// The members of a link that are useful to a model, as JSON.
fn linked(link: &ResourceLink) -> String {
    let ResourceLink { uri, name, title, description, mime_type, size, .. } = link;
    let all = [
        ("type", Some(json!("resource_link"))),
        ("uri", Some(json!(uri))),
        ("name", Some(json!(name))),
        ("title", title.as_ref().map(|it| json!(it))),
        ("description", description.as_ref().map(|it| json!(it))),
        ("mimeType", mime_type.as_ref().map(|it| json!(it))),
        ("size", size.map(|it| json!(it))),
    ];
    let members = all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(members.collect::<Map<_, _>>()).to_string()
}

/// The decoded text of a blob with the MIME type of a text.
fn text_in(mime: &str, blob: &str) -> Option<String> {
    let is_text = mime.starts_with("text/") || mime.starts_with("application/json");
    let bytes = is_text.then(|| STANDARD.decode(blob)).and_then(Result::ok)?;
    String::from_utf8(bytes).ok()
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

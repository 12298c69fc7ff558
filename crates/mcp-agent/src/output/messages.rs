//! Results in the shapes of the APIs.

use serde_json::{Map, Value, json};

use super::{
    blocks::{Block, data},
    media::MediaKind,
    tool_output::ToolOutput,
};
use crate::api::Api;

/// The text of a failure without text.
const NO_WORDS: &str = "the tool failed without a text";

impl Api {
    /// The messages with the results of all calls of the model's last reply, which were made for the same
    /// API. They follow the reply in the conversation: in `messages` of Chat Completions and of
    /// Anthropic, `input` of Responses, `contents` of Gemini.
    ///
    /// Chat Completions accepts only text as the result of a function, so that images and documents
    /// follow in a user message. Gemini accepts images and documents since Gemini 3.
    pub fn messages<'a>(self, outputs: impl IntoIterator<Item = &'a ToolOutput>) -> Vec<Value> {
        let outputs: Vec<&ToolOutput> = outputs.into_iter().collect();
        if outputs.is_empty() {
            return Vec::new();
        }
        let each = |write: fn(&ToolOutput) -> Value| outputs.iter().map(move |it| write(it));
        match self {
            Self::OpenAiChat => each(chat_message).chain(chat_media(&outputs)).collect(),
            Self::OpenAiResponses => each(responses_item).collect(),
            Self::Anthropic => {
                vec![json!({ "role": "user", "content": each(anthropic_block).collect::<Value>() })]
            }
            Self::Gemini => {
                vec![json!({ "role": "user", "parts": each(gemini_part).collect::<Value>() })]
            }
        }
    }
}

fn chat_message(output: &ToolOutput) -> Value {
    let text = |block: &Block| match block {
        Block::Text(text) => text.clone(),
        Block::Media { mime, .. } => format!("[{mime}: see the next user message]"),
    };
    let texts: Vec<String> = marked(output).iter().map(text).collect();
    // One string: many services with this API do not accept arrays here.
    let content = texts.join("\n");
    json!({ "role": "tool", "tool_call_id": output.id, "content": content })
}

/// The media of all results, with their calls.
fn chat_media(outputs: &[&ToolOutput]) -> Option<Value> {
    let mut parts = Vec::new();
    for output in outputs {
        let mut has_heading = false;
        for block in &output.blocks {
            let Block::Media { kind, mime, at } = block else { continue };
            if !std::mem::replace(&mut has_heading, true) {
                let ToolOutput { name, id, .. } = output;
                parts.push(json!({ "type": "text", "text": format!("From {name}, call {id}:") }));
            }
            let url = data_url(output, mime, *at);
            parts.push(match kind {
                MediaKind::Image => json!({ "type": "image_url", "image_url": { "url": url } }),
                MediaKind::Pdf => {
                    let file = json!({ "filename": file_name(*at), "file_data": url });
                    json!({ "type": "file", "file": file })
                }
            });
        }
    }
    (!parts.is_empty()).then(|| json!({ "role": "user", "content": parts }))
}

fn responses_item(output: &ToolOutput) -> Value {
    let blocks = marked(output);
    let content = match &blocks[..] {
        [] => json!(""),
        [Block::Text(text)] => json!(text),
        blocks => blocks.iter().map(|block| responses_content(output, block)).collect(),
    };
    json!({ "type": "function_call_output", "call_id": output.id, "output": content })
}

fn responses_content(output: &ToolOutput, block: &Block) -> Value {
    match block {
        Block::Text(text) => json!({ "type": "input_text", "text": text }),
        Block::Media { kind: MediaKind::Image, mime, at } => {
            json!({ "type": "input_image", "image_url": data_url(output, mime, *at) })
        }
        Block::Media { kind: MediaKind::Pdf, mime, at } => {
            let data = data_url(output, mime, *at);
            json!({ "type": "input_file", "filename": file_name(*at), "file_data": data })
        }
    }
}

fn anthropic_block(output: &ToolOutput) -> Value {
    let content: Vec<Value> =
        output.blocks.iter().map(|block| anthropic_content(output, block)).collect();
    let mut result = Map::new();
    result.insert("type".to_owned(), "tool_result".into());
    result.insert("tool_use_id".to_owned(), output.id.clone().into());
    if output.is_error() {
        result.insert("is_error".to_owned(), true.into());
        if content.is_empty() {
            result.insert("content".to_owned(), NO_WORDS.into());
        }
    }
    if !content.is_empty() {
        result.insert("content".to_owned(), content.into());
    }
    result.into()
}

fn anthropic_content(output: &ToolOutput, block: &Block) -> Value {
    let (kind, mime, at) = match block {
        Block::Text(text) => return json!({ "type": "text", "text": text }),
        Block::Media { kind, mime, at } => (kind, mime, *at),
    };
    let kind = match kind {
        MediaKind::Image => "image",
        MediaKind::Pdf => "document",
    };
    let source = json!({ "type": "base64", "media_type": mime, "data": data(&output.result, at) });
    json!({ "type": kind, "source": source })
}

fn gemini_part(output: &ToolOutput) -> Value {
    let text = output.text();
    let media: Vec<Value> = output
        .media()
        .map(|(mime, data)| json!({ "inlineData": { "mimeType": mime, "data": data } }))
        .collect();
    let mut response = Map::new();
    if !output.id.is_empty() {
        response.insert("id".to_owned(), output.id.clone().into());
    }
    response.insert("name".to_owned(), output.name.clone().into());
    let answer = match output.is_error() {
        true if text.is_empty() => json!({ "error": NO_WORDS }),
        true => json!({ "error": text }),
        false => json!({ "output": text }),
    };
    response.insert("response".to_owned(), answer);
    if !media.is_empty() {
        response.insert("parts".to_owned(), media.into());
    }
    json!({ "functionResponse": response })
}

/// The blocks for an API without a flag for failures.
fn marked(output: &ToolOutput) -> Vec<Block> {
    let mut blocks = output.blocks.clone();
    if output.is_error() {
        match blocks.first_mut() {
            Some(Block::Text(text)) => *text = format!("Error: {text}"),
            _ => blocks.insert(0, Block::Text(format!("Error: {NO_WORDS}"))),
        }
    }
    blocks
}

fn data_url(output: &ToolOutput, mime: &str, at: usize) -> String {
    format!("data:{mime};base64,{}", data(&output.result, at))
}

/// OpenAI requires a name for a document.
fn file_name(at: usize) -> String {
    format!("document-{at}.pdf")
}

//! References within a schema.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// The target of a reference within the document, with its JSON pointer.
pub(crate) fn resolve<'a>(
    root: &'a Map<String, Value>,
    reference: &str,
) -> Option<(String, &'a Map<String, Value>)> {
    let id = root.get("$id").and_then(Value::as_str).unwrap_or_default();
    let own = id.trim_end_matches('#');
    let fragment = reference.strip_prefix(own).unwrap_or(reference).strip_prefix('#')?;
    let pointer = percent_decode_str(fragment).decode_utf8().ok()?.into_owned();
    if pointer.is_empty() {
        return Some((pointer, root));
    }
    let mut target = root;
    let mut tokens = pointer.strip_prefix('/')?.split('/').map(unescaped).peekable();
    loop {
        let mut value = target.get(&*tokens.next()?)?;
        while let (Value::Array(parts), Some(at)) = (value, tokens.peek()) {
            value = parts.get(at.parse::<usize>().ok()?)?;
            tokens.next();
        }
        target = value.as_object()?;
        if tokens.peek().is_none() {
            return Some((pointer, target));
        }
    }
}

/// The stand-in for a recursive schema: its type and a description.
pub(crate) fn outline(target: &Map<String, Value>, pointer: &str) -> Map<String, Value> {
    let mut outline = Map::new();
    match target.get("type") {
        Some(kind) => drop(outline.insert("type".to_owned(), kind.clone())),
        None if target.contains_key("properties") => {
            outline.insert("type".to_owned(), "object".into());
        }
        None => {}
    }
    let description = match pointer.rsplit('/').next() {
        None | Some("") => "The same as all of the arguments".to_owned(),
        Some(name) => format!("The same as the `{}` around it", unescaped(name)),
    };
    outline.insert("description".to_owned(), description.into());
    outline
}

/// A token of a JSON pointer.
pub(crate) fn escaped(token: &str) -> Cow<'_, str> {
    match token.contains(['~', '/']) {
        true => token.replace('~', "~0").replace('/', "~1").into(),
        false => token.into(),
    }
}

fn unescaped(token: &str) -> Cow<'_, str> {
    match token.contains('~') {
        true => token.replace("~1", "/").replace("~0", "~").into(),
        false => token.into(),
    }
}

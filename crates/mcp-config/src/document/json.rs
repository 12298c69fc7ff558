//! JSON with comments and trailing commas, read and edited in place.
//!
//! What is not strict JSON is blanked, byte for byte, so every position in the strict text is one in
//! the text as written. Edits are made in the text itself: comments, order and layout stay.

use std::ops::Range;

use serde_json::Value;

use super::SyntaxError;
use crate::path::{Path, Step};

pub(crate) fn parse(text: &str) -> Result<Value, SyntaxError> {
    let strict = strict(text);
    if strict.trim().is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_str(&strict).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let place = format!(" at line {line} column {column}");
        let message = message.strip_suffix(&place).unwrap_or(&message).to_owned();
        SyntaxError { message, place: Some((line, column)) }
    })
}

/// The line, counted from 1, of the value at `path`, or of the nearest one above it.
pub(crate) fn line_of(text: &str, path: &Path) -> Option<usize> {
    let strict = strict(text);
    let mut at = root(&strict)?;
    let mut shown = at;
    for step in path.steps() {
        let Some(child) = children(&strict, at).into_iter().rfind(|child| child.is_at(step)) else {
            break;
        };
        (shown, at) = (child.start, child.value.start);
    }
    Some(text.get(..shown)?.bytes().filter(|byte| *byte == b'\n').count() + 1)
}

/// The keys of the object at `path` in the order they are written, twins included.
pub(crate) fn keys(text: &str, path: &[String]) -> Vec<String> {
    let strict = strict(text);
    let found = object_at(&strict, path);
    let children = found.map(|object| children(&strict, object.start)).unwrap_or_default();
    children.into_iter().filter_map(|child| child.key).collect()
}

/// The text with `name` of the object at `path` set to `value`; objects on the way are made.
pub(crate) fn set(text: &str, path: &[String], name: &str, value: &Value) -> String {
    if root(&strict(text)).is_none() {
        let newline = newline(text);
        return set(&format!("{{}}{newline}"), path, name, value);
    }
    let strict = strict(text);
    let Some(object) = object_at(&strict, path) else {
        let Some((last, above)) = path.split_last() else { return text.to_owned() };
        let wrapped = Value::Object([(name.to_owned(), value.clone())].into_iter().collect());
        return set(text, above, last, &wrapped);
    };
    let children = children(&strict, object.start);
    if let Some(old) = children.iter().rfind(|child| child.key.as_deref() == Some(name)) {
        let shown = pretty(value, text, &margin(text, old.start));
        return splice(text, old.value.clone(), &shown);
    }
    let newline = newline(text);
    let Some(last) = children.last() else {
        let outer = margin(text, object.start);
        let inner = format!("{outer}{}", unit(text));
        let member =
            format!("{newline}{inner}{name:?}: {}", pretty(value, text, &inner), name = Name(name));
        let body = &text[object.start + 1..object.end - 1];
        let end = if body.contains('\n') { String::new() } else { format!("{newline}{outer}") };
        return splice(text, object.start + 1..object.start + 1, &format!("{member}{end}"));
    };
    let inner = margin(text, last.start);
    let member =
        format!("{newline}{inner}{name:?}: {}", pretty(value, text, &inner), name = Name(name));
    match trailing_comma(text, &strict, last.value.end, object.end) {
        Some(comma) => splice(text, comma + 1..comma + 1, &member),
        None => {
            // A comment on the last line belongs to what is there already.
            let rest = &text[last.value.end..object.end - 1];
            let line = rest.find('\n').map_or("", |end| rest[..end].trim_end_matches('\r'));
            let end = match line.trim_start().starts_with("//") {
                true => last.value.end + line.len(),
                false => last.value.end,
            };
            let with_member = splice(text, end..end, &member);
            splice(&with_member, last.value.end..last.value.end, ",")
        }
    }
}

/// The text without `name` in the object at `path`.
pub(crate) fn remove(text: &str, path: &[String], name: &str) -> String {
    let strict = strict(text);
    let Some(object) = object_at(&strict, path) else { return text.to_owned() };
    let children = children(&strict, object.start);
    let Some(at) = children.iter().rposition(|child| child.key.as_deref() == Some(name)) else {
        return text.to_owned();
    };
    let (start, end) = (children[at].start, children[at].value.end);
    let comma_after = match children.get(at + 1) {
        Some(next) => strict[end..next.start].find(',').map(|comma| end + comma),
        None => trailing_comma(text, &strict, end, object.end),
    };
    let comma_before = match comma_after {
        Some(_) => None,
        None => at.checked_sub(1).and_then(|before| {
            let from = children[before].value.end;
            strict[from..start].find(',').map(|comma| from + comma)
        }),
    };
    let mut edited = text.to_owned();
    if let Some(comma) = comma_after {
        edited.replace_range(comma..=comma, "");
    }
    // From behind to before, so that the positions stay right.
    let (from, to) = whole_lines(&edited, start, end);
    edited.replace_range(from..to, "");
    if let Some(comma) = comma_before {
        edited.replace_range(comma..=comma, "");
    }
    edited
}

/// Strict JSON of the same length: comments and trailing commas become blanks.
fn strict(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    if text.starts_with('\u{feff}') {
        bytes[..3].fill(b' ');
    }
    let (mut at, mut last, mut before_comma) = (0, (0, b'{'), b'{');
    while let Some(&byte) = bytes.get(at) {
        let end = match (byte, bytes.get(at + 1)) {
            (b'"', _) => end_of_text(&bytes, at),
            (b'/', Some(b'/')) => blank(&mut bytes, at, |rest| {
                rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
            }),
            (b'/', Some(b'*')) => blank(&mut bytes, at, |rest| {
                let end = rest[2..].windows(2).position(|pair| pair == b"*/");
                end.map_or(rest.len(), |end| end + 4)
            }),
            _ => at + 1,
        };
        let byte = bytes[at];
        if matches!(byte, b'}' | b']')
            && last.1 == b','
            && !matches!(before_comma, b'{' | b'[' | b',')
        {
            bytes[last.0] = b' ';
        }
        if !byte.is_ascii_whitespace() {
            if byte == b',' {
                before_comma = last.1;
            }
            last = (at, byte);
        }
        at = end;
    }
    String::from_utf8(bytes).expect("only whole comments and commas were blanked")
}

/// Blanks what `length` says, but for line ends, and tells where it stops.
fn blank(bytes: &mut [u8], at: usize, length: impl Fn(&[u8]) -> usize) -> usize {
    let end = at + length(&bytes[at..]);
    for byte in &mut bytes[at..end] {
        if !matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    end
}

/// A member of an object, or an element of an array.
struct Child {
    key: Option<String>,
    index: usize,
    start: usize,
    value: Range<usize>,
}

impl Child {
    fn is_at(&self, step: &Step) -> bool {
        match step {
            Step::Key(key) => self.key.as_ref() == Some(key),
            Step::Index(index) => self.key.is_none() && self.index == *index,
        }
    }
}

/// What stands in the object or array that opens at `open`, of a text known to be valid.
fn children(strict: &str, open: usize) -> Vec<Child> {
    let bytes = strict.as_bytes();
    let close = match bytes.get(open) {
        Some(b'{') => b'}',
        Some(b'[') => b']',
        _ => return Vec::new(),
    };
    let mut children = Vec::new();
    let mut at = after_blanks(bytes, open + 1);
    while bytes.get(at).is_some_and(|byte| *byte != close) {
        let start = at;
        let mut key = None;
        if close == b'}' {
            let end = end_of_text(bytes, at);
            key = Some(serde_json::from_str(&strict[at..end]).unwrap_or_default());
            at = after_blanks(bytes, after_blanks(bytes, end) + 1);
        }
        let end = end_of_value(bytes, at);
        children.push(Child { key, index: children.len(), start, value: at..end });
        at = after_blanks(bytes, end);
        if bytes.get(at) == Some(&b',') {
            at = after_blanks(bytes, at + 1);
        }
    }
    children
}

fn root(strict: &str) -> Option<usize> {
    let at = after_blanks(strict.as_bytes(), 0);
    (at < strict.len()).then_some(at)
}

fn object_at(strict: &str, path: &[String]) -> Option<Range<usize>> {
    let at = root(strict)?;
    let mut found = at..end_of_value(strict.as_bytes(), at);
    for key in path {
        let children = children(strict, found.start);
        found = children.into_iter().rfind(|child| child.key.as_ref() == Some(key))?.value;
    }
    strict[found.start..].starts_with('{').then_some(found)
}

fn after_blanks(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

fn end_of_text(bytes: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Never at or before `at`, so that a walk over values always ends.
fn end_of_value(bytes: &[u8], at: usize) -> usize {
    let (mut here, mut depth) = (at, 0_usize);
    while let Some(byte) = bytes.get(here) {
        match byte {
            b'"' => here = end_of_text(bytes, here),
            b'{' | b'[' => (depth, here) = (depth + 1, here + 1),
            b'}' | b']' => (depth, here) = (depth.saturating_sub(1), here + 1),
            _ if depth > 0 => here += 1,
            _ => {
                let is_end = |byte: &u8| b",]} \t\r\n".contains(byte);
                here += 1;
                here += bytes[here..].iter().position(is_end).unwrap_or(bytes.len() - here);
            }
        }
        if depth == 0 {
            return here;
        }
    }
    bytes.len().max(at + 1)
}

/// A comma that stands in the text after the last value, and that the strict text leaves out.
fn trailing_comma(text: &str, strict: &str, from: usize, to: usize) -> Option<usize> {
    // With every other comma in place, one too many is the one whose removal changes nothing.
    let commas = text.get(from..to)?.match_indices(',').map(|(at, _)| from + at);
    let is_trailing = |comma: &usize| {
        let mut without = text.to_owned();
        without.replace_range(*comma..=*comma, "x");
        self::strict(&without) != strict
    };
    commas.into_iter().find(is_trailing)
}

fn whole_lines(text: &str, start: usize, end: usize) -> (usize, usize) {
    let before = text[..start].trim_end_matches([' ', '\t']).len();
    let after = end + (text[end..].len() - text[end..].trim_start_matches([' ', '\t']).len());
    let starts_line = before == 0 || text[..before].ends_with('\n');
    let rest = &text[after..];
    match starts_line {
        true if rest.starts_with("\r\n") => (before, after + 2),
        true if rest.starts_with('\n') => (before, after + 1),
        true => (start, after),
        false => (before, end),
    }
}

fn splice(text: &str, range: Range<usize>, with: &str) -> String {
    let mut edited = text.to_owned();
    edited.replace_range(range, with);
    edited
}

fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// The blanks before the first thing on the line of `at`.
fn margin(text: &str, at: usize) -> String {
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    text[line..].chars().take_while(|c| matches!(c, ' ' | '\t')).collect()
}

/// One step of indentation: the first that the text has.
fn unit(text: &str) -> String {
    let margins = text
        .lines()
        .map(|line| line.chars().take_while(|c| matches!(c, ' ' | '\t')).collect::<String>());
    margins.into_iter().find(|margin| !margin.is_empty()).unwrap_or_else(|| "  ".to_owned())
}

/// Indented like its surroundings; lists of plain values stay on one line.
fn pretty(value: &Value, text: &str, margin: &str) -> String {
    let (newline, inner) = (newline(text), format!("{margin}{}", unit(text)));
    match value {
        Value::Object(map) if !map.is_empty() => {
            let members = map.iter().map(|(key, value)| {
                format!("{newline}{inner}{:?}: {}", Name(key), pretty(value, text, &inner))
            });
            let members: Vec<String> = members.collect();
            format!("{{{}{newline}{margin}}}", members.join(","))
        }
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            let items: Vec<String> = items.iter().map(Value::to_string).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Array(items) => {
            let items =
                items.iter().map(|item| format!("{newline}{inner}{}", pretty(item, text, &inner)));
            let items: Vec<String> = items.collect();
            format!("[{}{newline}{margin}]", items.join(","))
        }
        plain => plain.to_string(),
    }
}

/// Shown as a JSON text.
struct Name<'a>(&'a str);

impl std::fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", Value::from(self.0))
    }
}

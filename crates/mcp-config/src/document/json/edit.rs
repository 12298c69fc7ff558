//! In-place edits of JSON that preserve comments, order and layout.

use std::fmt;
use std::ops::Range;

use serde_json::Value;

use super::scan::{Child, Strict};
use crate::path::Step;

/// Sets `slot` of the object or list at `path` to `value`. Missing objects are created.
pub(in crate::document) fn set(text: &str, path: &[String], slot: &Step, value: &Value) -> String {
    let strict = Strict::new(text);
    if strict.root().is_none() {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        return set(&format!("{{}}{newline}"), path, slot, value);
    }
    let Some(container) = strict.container(path) else {
        let (Some((last, above)), Step::Key(name)) = (path.split_last(), slot) else {
            return text.to_owned();
        };
        let wrapped = Value::Object([(name.clone(), value.clone())].into_iter().collect());
        return set(text, above, &Step::Key(last.clone()), &wrapped);
    };
    let style = Style::of(text);
    let children = strict.children(container.start);
    match (children.iter().rfind(|child| child.is_at(slot)), children.last()) {
        (Some(old), _) => {
            splice(text, old.value.clone(), &style.pretty(value, margin(text, old.start)))
        }
        (None, Some(last)) => {
            let margin = margin(text, last.start);
            let member = style.member(slot, value, margin);
            append(text, &strict, &container, last, &member)
        }
        (None, None) => {
            let outer = margin(text, container.start);
            let inner = format!("{outer}{}", style.unit);
            let member = style.member(slot, value, &inner);
            let body = &text[container.start + 1..container.end - 1];
            let end = match body.contains('\n') {
                true => String::new(),
                false => format!("{}{outer}", style.newline),
            };
            splice(text, container.start + 1..container.start + 1, &format!("{member}{end}"))
        }
    }
}

/// Inserts a member after the last one.
fn append(
    text: &str,
    strict: &Strict,
    container: &Range<usize>,
    last: &Child,
    member: &str,
) -> String {
    if let Some(comma) = strict.trailing_comma(last.value.end, container.end) {
        return splice(text, comma + 1..comma + 1, member);
    }
    // A comment on the last line belongs to the preceding member.
    let rest = &text[last.value.end..container.end - 1];
    let line = rest.find('\n').map_or("", |end| rest[..end].trim_end_matches('\r'));
    let end = match line.trim_start().starts_with("//") {
        true => last.value.end + line.len(),
        false => last.value.end,
    };
    let with_member = splice(text, end..end, member);
    splice(&with_member, last.value.end..last.value.end, ",")
}

/// Removes `slot` from the object or list at `path`.
pub(in crate::document) fn remove(text: &str, path: &[String], slot: &Step) -> String {
    let strict = Strict::new(text);
    let Some(container) = strict.container(path) else { return text.to_owned() };
    let children = strict.children(container.start);
    let Some(at) = children.iter().rposition(|child| child.is_at(slot)) else {
        return text.to_owned();
    };
    let (start, end) = (children[at].start, children[at].value.end);
    let comma_after = match children.get(at + 1) {
        Some(next) => strict.text[end..next.start].find(',').map(|comma| end + comma),
        None => strict.trailing_comma(end, container.end),
    };
    let comma_before = match comma_after {
        Some(_) => None,
        None => at.checked_sub(1).and_then(|before| {
            let from = children[before].value.end;
            strict.text[from..start].find(',').map(|comma| from + comma)
        }),
    };
    let mut edited = text.to_owned();
    if let Some(comma) = comma_after {
        edited.replace_range(comma..=comma, "");
    }
    // From the end to the start, so that positions stay valid.
    let (from, to) = whole_lines(&edited, start, end);
    edited.replace_range(from..to, "");
    if let Some(comma) = comma_before {
        edited.replace_range(comma..=comma, "");
    }
    edited
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

/// The whitespace at the start of the line that contains `at`.
fn margin(text: &str, at: usize) -> &str {
    let line = &text[text[..at].rfind('\n').map_or(0, |end| end + 1)..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// The layout of a document.
struct Style {
    newline: &'static str,
    /// One level of indentation.
    unit: String,
}

impl Style {
    fn of(text: &str) -> Self {
        let is_blank = |c| matches!(c, ' ' | '\t');
        let margins =
            text.lines().map(|line| &line[..line.len() - line.trim_start_matches(is_blank).len()]);
        let unit = margins.into_iter().find(|margin| !margin.is_empty()).unwrap_or("  ").to_owned();
        Self { newline: if text.contains("\r\n") { "\r\n" } else { "\n" }, unit }
    }

    fn member(&self, slot: &Step, value: &Value, margin: &str) -> String {
        let value = self.pretty(value, margin);
        match slot {
            Step::Key(name) => format!("{}{margin}{}: {value}", self.newline, Text(name)),
            Step::Index(_) => format!("{}{margin}{value}", self.newline),
        }
    }

    /// Indented like its surroundings. Lists of scalars stay on one line.
    fn pretty(&self, value: &Value, margin: &str) -> String {
        let Self { newline, unit } = self;
        let inner = format!("{margin}{unit}");
        match value {
            Value::Object(map) if !map.is_empty() => {
                let members: Vec<String> = map
                    .iter()
                    .map(|(key, value)| self.member(&Step::Key(key.clone()), value, &inner))
                    .collect();
                format!("{{{}{newline}{margin}}}", members.join(","))
            }
            Value::Array(items)
                if items.iter().all(|item| !item.is_object() && !item.is_array()) =>
            {
                let items: Vec<String> = items.iter().map(Value::to_string).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Array(items) => {
                let items: Vec<String> = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.member(&Step::Index(index), item, &inner))
                    .collect();
                format!("[{}{newline}{margin}]", items.join(","))
            }
            plain => plain.to_string(),
        }
    }
}

/// A text formatted as a JSON string.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Value::from(self.0))
    }
}

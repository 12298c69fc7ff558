//! JSON with comments and trailing commas.

mod edit;
mod scan;

use serde_json::Value;

use super::SyntaxError;
use crate::lines::{LineStarts, Lines};
use crate::path::Step;
use scan::{Strict, after_blanks, end_of_text, end_of_value};

pub(super) use edit::{remove, set};

pub(super) fn parse(text: &str) -> Result<Value, SyntaxError> {
    let Strict { text: strict, .. } = Strict::new(text);
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

/// The keys of the object at `path` in document order, including duplicates.
pub(super) fn keys(text: &str, path: &[String]) -> Vec<String> {
    let strict = Strict::new(text);
    let found = strict.container(path);
    let children = found.map(|object| strict.children(object.start)).unwrap_or_default();
    children.into_iter().filter_map(|child| child.key).collect()
}

/// The line numbers of the values. The text must have been parsed before, which bounds its depth.
pub(super) fn lines(text: &str, container: &[String]) -> Lines {
    let strict = Strict::new(text);
    let Some(root) = strict.root() else { return Lines::at(1) };
    let scanner = Scanner { strict: &strict.text, starts: LineStarts::new(text) };
    let mut lines = Lines::at(scanner.starts.line(root));
    scanner.members(root, Some(container), &mut lines);
    lines
}

struct Scanner<'t> {
    strict: &'t str,
    starts: LineStarts,
}

impl Scanner<'_> {
    /// Adds the members of the value at `open` and returns its end. Values off the path to the container get a line
    /// number, but their members do not.
    fn members(&self, open: usize, container: Option<&[String]>, lines: &mut Lines) -> usize {
        let bytes = self.strict.as_bytes();
        let close = match bytes.get(open) {
            Some(b'{') => b'}',
            Some(b'[') => b']',
            _ => return end_of_value(bytes, open),
        };
        let mut at = after_blanks(bytes, open + 1);
        let mut index = 0;
        while bytes.get(at).is_some_and(|byte| *byte != close) {
            let line = self.starts.line(at);
            let step = if close == b'}' {
                let end = end_of_text(bytes, at);
                let key = serde_json::from_str(&self.strict[at..end]).unwrap_or_default();
                at = after_blanks(bytes, after_blanks(bytes, end) + 1);
                Step::Key(key)
            } else {
                Step::Index(index)
            };
            let within = match (container, &step) {
                (Some([first, rest @ ..]), Step::Key(key)) if first == key => Some(Some(rest)),
                (Some([_, ..]), Step::Key(key)) if key != "inputs" => None,
                _ => Some(None),
            };
            let member = lines.insert(step, Lines::at(line));
            let end = match within {
                Some(container) => self.members(at, container, member),
                None => end_of_value(bytes, at),
            };
            index += 1;
            at = after_blanks(bytes, end);
            if bytes.get(at) == Some(&b',') {
                at = after_blanks(bytes, at + 1);
            }
        }
        (at + 1).min(bytes.len())
    }
}

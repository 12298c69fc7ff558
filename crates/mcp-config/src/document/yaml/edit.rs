//! In-place edits of YAML: only the lines of one entry are replaced.

use std::ops::Range;

use serde_json::Value;

use super::blocks::Blocks;
use super::parse;
use crate::error::Error;
use crate::path::Step;

/// One level of indentation.
const UNIT: usize = 2;

/// Sets `slot` of the mapping or list at `container`. The result must parse to `wanted`, and its entry can be removed
/// again.
pub(in crate::document) fn set(
    text: &str,
    container: &[String],
    slot: &Step,
    wanted: &Value,
) -> Result<String, Error> {
    let value = container
        .iter()
        .try_fold(wanted, |here, key| here.get(key))
        .and_then(|container| match slot {
            Step::Key(name) => container.get(name),
            Step::Index(index) => container.get(index),
        })
        .ok_or_else(|| Error::edit("the entry was not found in the text"))?;
    let without = without(wanted, container, slot);
    let is_right = |edited: &str| {
        let removed = remove_entry(edited, container, slot);
        is(edited, wanted) && removed.is_some_and(|removed| is(&removed, &without))
    };
    first_right(set_entry(text, container, slot, value)?, text, container, wanted, is_right)
}

/// Removes `slot` from the mapping or list at `container`. The result must parse to `wanted`.
pub(in crate::document) fn remove(
    text: &str,
    container: &[String],
    slot: &Step,
    wanted: &Value,
) -> Result<String, Error> {
    let is_right = |edited: &str| is(edited, wanted);
    first_right(remove_entry(text, container, slot), text, container, wanted, is_right)
}

/// Whether a text parses to a value.
fn is(text: &str, value: &Value) -> bool {
    parse(text).is_ok_and(|parsed| parsed == *value)
}

/// The value without an entry.
fn without(value: &Value, container: &[String], slot: &Step) -> Value {
    let mut value = value.clone();
    let container = container.iter().try_fold(&mut value, |here, key| here.get_mut(key));
    match (container, slot) {
        (Some(Value::Object(map)), Step::Key(name)) => _ = map.shift_remove(name),
        (Some(Value::Array(items)), Step::Index(index)) => _ = items.remove(*index),
        _ => {}
    }
    value
}

/// Tries the edit first. If it is not right, rewrites all servers, for example in flow style. Rewrites
/// the whole document only if it has no comments.
fn first_right(
    edit: Option<String>,
    text: &str,
    container: &[String],
    wanted: &Value,
    is_right: impl Fn(&str) -> bool,
) -> Result<String, Error> {
    if let Some(edited) = edit.filter(|edited| is_right(edited)) {
        return Ok(edited);
    }
    let edited = set_container(text, container, wanted)?;
    if let Some(edited) = edited.filter(|edited| is_right(edited)) {
        return Ok(edited);
    }
    if text.contains('#') {
        let message = "the servers cannot be edited without losing comments";
        return Err(Error::edit(message));
    }
    rendered(wanted)
}

fn set_entry(
    text: &str,
    container: &[String],
    slot: &Step,
    value: &Value,
) -> Result<Option<String>, Error> {
    let blocks = Blocks::of(text);
    let Some(parent) = blocks.find(&steps(container)) else {
        return appended(text, container, slot, value).map(Some);
    };
    let entry = entry(slot, value);
    let children: Vec<usize> = blocks.children(parent).collect();
    if let Some(old) = children.iter().find(|child| blocks.get(**child).step == *slot) {
        let new = indented(&rendered(&entry)?, blocks.get(*old).indent, text);
        return Ok(Some(spliced(&blocks, blocks.range(*old), &new)));
    }
    if let Some(last) = children.last() {
        let end = blocks.range(*last).end;
        let new = indented(&rendered(&entry)?, blocks.get(*last).indent, text);
        return Ok(Some(spliced(&blocks, end..end, &new)));
    }
    let Some(parent) = parent else {
        return appended(text, container, slot, value).map(Some);
    };
    let block = blocks.get(parent);
    let Some(head) = head(blocks.lines[block.line], block.value, "") else { return Ok(None) };
    let new = indented(&rendered(&entry)?, block.indent + UNIT, text);
    Ok(Some(spliced(&blocks, block.line..block.line + 1, &(head + &new))))
}

fn remove_entry(text: &str, container: &[String], slot: &Step) -> Option<String> {
    let blocks = Blocks::of(text);
    let parent = blocks.find(&steps(container))?;
    let children: Vec<usize> = blocks.children(parent).collect();
    let old = *children.iter().find(|child| blocks.get(**child).step == *slot)?;
    let without = spliced(&blocks, blocks.range(old), "");
    if children.len() > 1 {
        return Some(without);
    }
    // A key without a value is null. An empty document is an empty object.
    let Some(parent) = parent else { return Some(without) };
    let block = blocks.get(parent);
    let empty = if matches!(slot, Step::Key(_)) { " {}" } else { " []" };
    let head = head(blocks.lines[block.line], block.value, empty)?;
    let blocks = Blocks::of(&without);
    Some(spliced(&blocks, block.line..block.line + 1, &head))
}

/// Rewrites all servers in place.
fn set_container(
    text: &str,
    container: &[String],
    wanted: &Value,
) -> Result<Option<String>, Error> {
    let Some(last) = container.last() else { return Ok(None) };
    let blocks = Blocks::of(text);
    let found = blocks.find(&steps(container)).flatten();
    let value = container.iter().try_fold(wanted, |here, key| here.get(key));
    let (Some(found), Some(value)) = (found, value) else { return Ok(None) };
    let range = blocks.range(found);
    let old = blocks.lines[range.clone()].concat();
    // A comment after the closing brace stays on the first line. One inside the braces cannot be preserved.
    let (value_text, comment) = match old.rfind(['}', ']']) {
        Some(end) => old.split_at(end + 1),
        None => (old.as_str(), ""),
    };
    if value_text.contains('#') {
        return Ok(None);
    }
    let entry = entry(&Step::Key(last.clone()), value);
    let mut new = indented(&rendered(&entry)?, blocks.get(found).indent, text);
    if let (true, Some(end)) = (comment.contains('#'), new.find(['\r', '\n'])) {
        new.insert_str(end, comment.trim_end());
    }
    Ok(Some(spliced(&blocks, range, &new)))
}

/// Appends the container to the text.
fn appended(text: &str, container: &[String], slot: &Step, value: &Value) -> Result<String, Error> {
    let inner = entry(slot, value);
    let whole =
        container.iter().rev().fold(inner, |inner, key| entry(&Step::Key(key.clone()), &inner));
    let new = indented(&rendered(&whole)?, 0, text);
    let before = match text.trim() {
        "{}" | "null" | "~" => "",
        _ => text,
    };
    let end = if before.is_empty() || before.ends_with('\n') { "" } else { newline(text) };
    Ok(format!("{before}{end}{new}"))
}

fn steps(container: &[String]) -> Vec<Step> {
    container.iter().cloned().map(Step::Key).collect()
}

fn entry(slot: &Step, value: &Value) -> Value {
    match slot {
        Step::Key(name) => Value::Object([(name.clone(), value.clone())].into_iter().collect()),
        Step::Index(_) => Value::Array(vec![value.clone()]),
    }
}

/// The line of a key with a new value; `None` if its current value is not empty.
fn head(line: &str, value: usize, new: &str) -> Option<String> {
    let (key, rest) = line.split_at(value.min(line.len()));
    let is_comment = rest.starts_with('#');
    let (old, comment) = match rest.find(" #") {
        _ if is_comment => ("", rest),
        Some(at) => rest.split_at(at),
        None => rest.split_at(rest.trim_end().len()),
    };
    let is_empty = matches!(old.trim(), "" | "{}" | "[]" | "null" | "~");
    let gap = if is_comment { " " } else { "" };
    is_empty.then(|| format!("{}{new}{gap}{comment}", key.trim_end()))
}

fn rendered(value: &Value) -> Result<String, Error> {
    yaml_serde::to_string(value).map_err(|error| Error::edit(error.to_string()))
}

/// Indented, with the document's line ends.
fn indented(rendered: &str, indent: usize, text: &str) -> String {
    let (margin, newline) = (" ".repeat(indent), newline(text));
    let lines = rendered.lines().map(|line| match line.is_empty() {
        true => newline.to_owned(),
        false => format!("{margin}{line}{newline}"),
    });
    lines.collect()
}

fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// Replaces some lines of the document.
fn spliced(blocks: &Blocks<'_>, lines: Range<usize>, new: &str) -> String {
    let mut edited: String = blocks.lines[..lines.start].concat();
    if !edited.is_empty() && !edited.ends_with('\n') {
        edited.push('\n');
    }
    edited.push_str(new);
    edited.push_str(&blocks.lines[lines.end..].concat());
    edited
}

//! The block structure of a YAML document: the line range of each key and element.

use std::ops::Range;

use crate::lines::Lines;
use crate::path::Step;

/// The blocks of a document, ordered by line.
pub(super) struct Blocks<'t> {
    pub(super) lines: Vec<&'t str>,
    blocks: Vec<Block>,
    /// The number of elements if the document is a list.
    elements: usize,
}

/// A key with its value, or an element of a list.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) step: Step,
    /// Zero-based.
    pub(super) line: usize,
    pub(super) indent: usize,
    parent: Option<usize>,
    /// The number of elements if the block is a list.
    elements: usize,
    /// The offset of a value on the line of its key.
    pub(super) value: usize,
}

impl<'t> Blocks<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let lines = lines(text);
        let mut blocks = Self { lines: Vec::new(), blocks: Vec::new(), elements: 0 };
        // The open blocks, and the indentation above which lines belong to a block scalar.
        let (mut open, mut scalar) = (Vec::new(), None);
        for (number, line) in lines.iter().enumerate() {
            let indent = indent_of(line);
            let content = line[indent..].trim_end();
            if content.is_empty() {
                continue;
            }
            if let Some(outer) = scalar {
                if indent > outer {
                    continue;
                }
                scalar = None;
            }
            if !content.starts_with('#') && !matches!(content, "---" | "...") {
                scalar = blocks.line(number, content, indent, &mut open);
            }
        }
        Self { lines, ..blocks }
    }

    /// Adds the blocks that start on a line. Returns the indentation above which the next lines are a block scalar.
    fn line(
        &mut self,
        number: usize,
        line: &str,
        indent: usize,
        open: &mut Vec<usize>,
    ) -> Option<usize> {
        let (mut content, mut indent) = (line, indent);
        let start = indent;
        while let Some(rest) =
            content.strip_prefix('-').filter(|it| it.is_empty() || it.starts_with(' '))
        {
            // A list may have the same indentation as its key.
            self.close(open, indent, true);
            let elements = match open.last() {
                Some(parent) => &mut self.blocks[*parent].elements,
                None => &mut self.elements,
            };
            let index = *elements;
            *elements += 1;
            let inner = rest.trim_start();
            let deeper = indent + (content.len() - inner.len());
            let value = start + (line.len() - inner.len());
            self.push(Step::Index(index), number, indent, value, open);
            (content, indent) = (inner, deeper);
        }
        if let Some((key, rest)) = key(content) {
            self.close(open, indent, false);
            let inner = rest.trim_start();
            let value = start + (line.len() - inner.len());
            self.push(Step::Key(key), number, indent, value, open);
            content = inner;
        }
        is_text_block(content).then_some(open.last().map_or(indent, |it| self.blocks[*it].indent))
    }

    /// Closes the blocks that contain no block at this indentation.
    fn close(&self, open: &mut Vec<usize>, indent: usize, is_element: bool) {
        while let Some(last) = open.last().map(|last| &self.blocks[*last]) {
            let is_list_of_key =
                is_element && last.indent == indent && matches!(last.step, Step::Key(_));
            if last.indent < indent || is_list_of_key {
                break;
            }
            open.pop();
        }
    }

    fn push(
        &mut self,
        step: Step,
        line: usize,
        indent: usize,
        value: usize,
        open: &mut Vec<usize>,
    ) {
        let parent = open.last().copied();
        open.push(self.blocks.len());
        self.blocks.push(Block { step, line, indent, parent, elements: 0, value });
    }

    /// The block at a path; `Some(None)` is the document itself.
    pub(super) fn find(&self, path: &[Step]) -> Option<Option<usize>> {
        path.iter().try_fold(None, |parent, step| self.child(parent, step).map(Some))
    }

    fn child(&self, parent: Option<usize>, step: &Step) -> Option<usize> {
        self.blocks.iter().rposition(|block| block.parent == parent && block.step == *step)
    }

    pub(super) fn get(&self, index: usize) -> &Block {
        &self.blocks[index]
    }

    pub(super) fn children(&self, parent: Option<usize>) -> impl Iterator<Item = usize> {
        let is_child = move |index: &usize| self.blocks[*index].parent == parent;
        (0..self.blocks.len()).filter(is_child)
    }

    /// The lines of a block. Trailing comments and blank lines belong to the next block.
    pub(super) fn range(&self, index: usize) -> Range<usize> {
        let Block { line, indent, .. } = self.blocks[index];
        let is_outside = |block: &&Block| block.parent.is_none_or(|parent| parent < index);
        let next = self.blocks[index + 1..].iter().find(is_outside);
        let mut end = next.map_or(self.lines.len(), |next| next.line);
        while end > line + 1 && is_between(self.lines[end - 1], indent) {
            end -= 1;
        }
        line..end
    }

    pub(super) fn lines(&self) -> Lines {
        // Children come after their parents, so reverse order completes children first.
        let mut done: Vec<Lines> =
            self.blocks.iter().map(|block| Lines::at(block.line + 1)).collect();
        let mut root = Lines::at(1);
        for (index, block) in self.blocks.iter().enumerate().rev() {
            let lines = std::mem::take(&mut done[index]);
            let above = block.parent.map_or(&mut root, |parent| &mut done[parent]);
            above.insert(block.step.clone(), lines);
        }
        root
    }
}

/// The lines, with their ends: those of YAML 1.1, which the parser reads.
fn lines(mut text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    while let Some(at) = text.find(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
        let rest = &text[at..];
        let end = match rest.starts_with("\r\n") {
            true => 2,
            false => rest.chars().next().map_or(0, char::len_utf8),
        };
        let line;
        (line, text) = text.split_at(at + end);
        lines.push(line);
    }
    lines.extend((!text.is_empty()).then_some(text));
    lines
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Whether a line after a block is blank, or a comment indented less than the block's content.
fn is_between(line: &str, indent: usize) -> bool {
    let content = line.trim();
    content.is_empty()
        || (content.starts_with('#') && indent_of(line) <= indent)
        || content == "..."
}

/// Whether a value starts a block scalar with `|` or `>`.
fn is_text_block(value: &str) -> bool {
    let value = value.split(" #").next().unwrap_or_default().trim();
    let last = value.rsplit(' ').next().unwrap_or_default();
    last.starts_with(['|', '>'])
        && last[1..].chars().all(|c| matches!(c, '+' | '-') || c.is_ascii_digit())
}

/// The key at the start of a line, and the text after its colon.
fn key(content: &str) -> Option<(String, &str)> {
    let (key, rest) = match content.chars().next()? {
        quote @ ('"' | '\'') => {
            let end = end_of_quoted(content, quote)?;
            let key = yaml_serde::from_str(&content[..end]).ok()?;
            (key, content[end..].trim_start())
        }
        '[' | '{' | '#' | '&' | '*' | '!' | '|' | '>' | '%' | '@' => return None,
        _ => {
            let is_end = |(at, _): &(usize, &str)| {
                let after = &content[at + 1..];
                after.is_empty() || after.starts_with([' ', '\t'])
            };
            let (at, _) = content.match_indices(':').find(is_end)?;
            (content[..at].trim_end().to_owned(), &content[at..])
        }
    };
    let rest = rest.strip_prefix(':')?;
    (rest.is_empty() || rest.starts_with([' ', '\t'])).then_some((key, rest))
}

fn end_of_quoted(content: &str, quote: char) -> Option<usize> {
    let mut letters = content.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' if quote == '"' => {
                letters.next();
            }
            it if it == quote => {
                // Two single quotes are an escaped quote.
                if quote == '\'' && letters.peek().is_some_and(|(_, next)| *next == '\'') {
                    letters.next();
                } else {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

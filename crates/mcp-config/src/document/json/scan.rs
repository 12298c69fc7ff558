//! Positions of the parts of a JSON document.

use std::ops::Range;

use crate::path::Step;

/// Strict JSON of the same length as the document: comments and trailing commas are replaced by spaces, so that
/// positions are the same in both.
pub(super) struct Strict {
    pub(super) text: String,
    /// Positions of trailing commas, ascending.
    trailing: Vec<usize>,
}

impl Strict {
    pub(super) fn new(text: &str) -> Self {
        let mut bytes = text.as_bytes().to_vec();
        let mut trailing = Vec::new();
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
                trailing.push(last.0);
            }
            if !byte.is_ascii_whitespace() {
                if byte == b',' {
                    before_comma = last.1;
                }
                last = (at, byte);
            }
            at = end;
        }
        let text = String::from_utf8(bytes).expect("only whole comments and commas were blanked");
        Self { text, trailing }
    }

    /// The trailing comma between two positions.
    pub(super) fn trailing_comma(&self, from: usize, to: usize) -> Option<usize> {
        let next = self.trailing.partition_point(|at| *at < from);
        self.trailing.get(next).copied().filter(|at| *at < to)
    }

    /// The position of the root value.
    pub(super) fn root(&self) -> Option<usize> {
        let at = after_blanks(self.text.as_bytes(), 0);
        (at < self.text.len()).then_some(at)
    }

    /// The range of the object or list at `path`.
    pub(super) fn container(&self, path: &[String]) -> Option<Range<usize>> {
        let at = self.root()?;
        let mut found = at..end_of_value(self.text.as_bytes(), at);
        for key in path {
            let children = self.children(found.start);
            found = children.into_iter().rfind(|child| child.key.as_ref() == Some(key))?.value;
        }
        self.text[found.start..].starts_with(['{', '[']).then_some(found)
    }

    /// The members of the object, or the elements of the list, that opens at `open`.
    pub(super) fn children(&self, open: usize) -> Vec<Child> {
        let bytes = self.text.as_bytes();
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
                key = Some(serde_json::from_str(&self.text[at..end]).unwrap_or_default());
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
}

/// A member of an object, or an element of a list.
pub(super) struct Child {
    pub(super) key: Option<String>,
    pub(super) index: usize,
    pub(super) start: usize,
    pub(super) value: Range<usize>,
}

impl Child {
    pub(super) fn is_at(&self, step: &Step) -> bool {
        match step {
            Step::Key(key) => self.key.as_ref() == Some(key),
            Step::Index(index) => self.key.is_none() && self.index == *index,
        }
    }
}

/// Replaces as many bytes as `length` returns by spaces, except line ends, and returns their end.
fn blank(bytes: &mut [u8], at: usize, length: impl Fn(&[u8]) -> usize) -> usize {
    let end = at + length(&bytes[at..]);
    for byte in &mut bytes[at..end] {
        if !matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    end
}

pub(super) fn after_blanks(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

pub(super) fn end_of_text(bytes: &[u8], quote: usize) -> usize {
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

/// Always greater than `at`, so that iteration over values terminates.
pub(super) fn end_of_value(bytes: &[u8], at: usize) -> usize {
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

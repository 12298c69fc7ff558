//! Messages that the server pretty-printed over several lines.

use bytes::{Bytes, BytesMut};

/// Collects the lines of an object that starts with a line of only `{`.
#[derive(Debug, Default)]
pub(super) struct PrettyPrinted {
    text: BytesMut,
    lines: u64,
    depth: usize,
    in_string: bool,
}

/// The outcome of [`PrettyPrinted::add`].
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Joined {
    /// The line is not part of a pretty-printed message.
    No,
    /// The message is incomplete.
    Part,
    /// The message is complete.
    Whole(Bytes),
}

impl PrettyPrinted {
    /// Adds a line that is not a message. `limit` is the maximum length of a message in bytes.
    pub(super) fn add(&mut self, line: &[u8], limit: usize) -> Joined {
        if self.lines == 0 && line != b"{" {
            return Joined::No;
        }
        if self.text.len() + line.len() > limit {
            self.clear();
            return Joined::No;
        }
        self.text.extend_from_slice(line);
        self.text.extend_from_slice(b"\n");
        self.lines += 1;
        let mut escaped = false;
        for byte in line {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if self.in_string => escaped = true,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => self.depth += 1,
                b'}' | b']' if !self.in_string => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        if self.depth > 0 {
            return Joined::Part;
        }
        let whole = self.text.split().freeze();
        self.clear();
        Joined::Whole(whole)
    }

    /// Discards the collected lines, since a complete message has arrived. Returns their number.
    pub(super) fn clear(&mut self) -> u64 {
        if self.lines == 0 {
            return 0;
        }
        std::mem::take(self).lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_from_the_opening_to_the_closing_brace() {
        let text = "{\n  \"a\": \"}\\\"\",\n  \"b\": [\n    {\n    }\n  ]\n}";
        let mut pretty = PrettyPrinted::default();
        let mut joined: Vec<_> =
            text.lines().map(|line| pretty.add(line.as_bytes(), 1000)).collect();
        assert_eq!(joined.pop(), Some(Joined::Whole(format!("{text}\n").into())));
        assert!(joined.iter().all(|it| *it == Joined::Part), "{joined:?}");
        assert_eq!(pretty.clear(), 0);
    }

    #[test]
    fn other_lines_are_not_joined_and_the_length_is_bounded() {
        let mut pretty = PrettyPrinted::default();
        for line in ["a log line", "{\"a\":", "}", ""] {
            assert_eq!(pretty.add(line.as_bytes(), 10), Joined::No, "{line}");
        }
        assert_eq!(pretty.add(b"{", 10), Joined::Part);
        assert_eq!(pretty.add(b"0123456789", 10), Joined::No);
        assert_eq!(pretty.add(b"{", 10), Joined::Part);
        assert_eq!(pretty.clear(), 1);
    }
}

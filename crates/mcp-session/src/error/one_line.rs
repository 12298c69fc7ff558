use std::fmt::{self, Write};

/// Maximum characters of an error's text. Each text of a peer in it is cut to fewer, so this limit applies only to many
/// of them.
const MAX_TEXT: usize = 3000;

/// Formats texts of peers and systems as one line of bounded length, with control characters escaped.
pub(super) struct OneLine<W> {
    out: W,
    left: usize,
}

impl<W: Write> OneLine<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, left: MAX_TEXT }
    }

    /// Writes the output of `write`, up to the limit.
    pub(super) fn write(&mut self, write: impl FnOnce(&mut Self) -> fmt::Result) -> fmt::Result {
        match write(self) {
            // Stopped by the limit.
            Err(_) if self.left == 0 => self.out.write_char('…'),
            written => written,
        }
    }

    fn write_plain(&mut self, text: &str) -> fmt::Result {
        let fits = text.char_indices().nth(self.left).map_or(text.len(), |(at, _)| at);
        self.out.write_str(&text[..fits])?;
        if fits < text.len() {
            self.left = 0;
            return Err(fmt::Error);
        }
        self.left -= text.chars().count();
        Ok(())
    }
}

impl<W: Write> Write for OneLine<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(char::is_control) {
            let plain = part.trim_end_matches(char::is_control);
            self.write_plain(plain)?;
            for control in part[plain.len()..].chars() {
                self.write_plain(&control.escape_debug().to_string())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut out = String::new();
        let _ = OneLine::new(&mut out).write(|line| write!(line, "{text}"));
        out
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(shown("plain"), "plain");
        assert_eq!(shown("a\r\nb\u{1b}[31mred\0"), r"a\r\nb\u{1b}[31mred\0");
    }

    #[test]
    fn a_text_without_end_is_cut_between_characters() {
        let shown = shown(&"ü".repeat(1 << 20));
        assert_eq!(shown.chars().count(), MAX_TEXT + 1);
        assert!(shown.ends_with("ü…"));
    }
}

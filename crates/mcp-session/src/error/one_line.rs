use std::fmt::{self, Write};

/// The most bytes of an error's text that are shown: peers decide how long their part of it is.
const MAX_TEXT: usize = 16 << 10;

/// Writes texts of peers and systems as one line of bounded length.
pub(super) struct OneLine<W> {
    out: W,
    left: usize,
    /// Whether the last character was a control character, or the beginning.
    is_blank: bool,
}

impl<W: Write> OneLine<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, left: MAX_TEXT, is_blank: true }
    }

    /// Writes what `write` does, up to the limit.
    pub(super) fn write(&mut self, write: impl FnOnce(&mut Self) -> fmt::Result) -> fmt::Result {
        match write(self) {
            // Stopped by the limit.
            Err(_) if self.left == 0 => self.out.write_char('…'),
            written => written,
        }
    }
}

impl<W: Write> Write for OneLine<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(char::is_control) {
            let plain = part.trim_end_matches(char::is_control);
            if !plain.is_empty() {
                let fits = |end: &usize| plain.is_char_boundary(*end);
                let end = (0..=self.left.min(plain.len())).rev().find(fits).unwrap_or_default();
                self.out.write_str(&plain[..end])?;
                self.is_blank = false;
                if end < plain.len() {
                    self.left = 0;
                    return Err(fmt::Error);
                }
                self.left -= end;
            }
            if plain.len() < part.len() && !std::mem::replace(&mut self.is_blank, true) {
                self.out.write_char(' ')?;
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
    fn control_characters_become_one_space() {
        assert_eq!(shown("plain"), "plain");
        assert_eq!(shown("a\r\nb\u{1b}[31mred\0"), "a b [31mred ");
        assert_eq!(shown("\n\nlast words:\n x"), "last words:  x");
    }

    #[test]
    fn a_text_without_end_is_cut_between_characters() {
        let shown = shown(&"ü".repeat(MAX_TEXT));
        assert_eq!(shown.len(), MAX_TEXT + '…'.len_utf8());
        assert!(shown.ends_with("ü…"));
    }
}

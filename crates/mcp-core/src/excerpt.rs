use std::fmt::{self, Write as _};

/// The maximum number of characters shown.
const MAX_CHARACTERS: usize = 500;

/// Formats text of a peer for one line of a log or an error: cut to 500 characters, with line breaks, control
/// characters and invisible format characters escaped.
///
/// ```
/// use mcp_core::Excerpt;
///
/// assert_eq!(Excerpt("two\nlines \u{1b}[31mred").to_string(), r"two\nlines \u{1b}[31mred");
/// assert_eq!(Excerpt(&"x".repeat(600)).to_string().chars().count(), 501);
/// ```
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "a text with a format")]
pub struct Excerpt<'a>(pub &'a str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.trim();
        let mut shown = 0;
        for character in text.chars() {
            let escaped = (!is_plain(character)).then(|| character.escape_debug());
            shown += escaped.as_ref().map_or(1, ExactSizeIterator::len);
            if shown > MAX_CHARACTERS {
                return f.write_str("…");
            }
            match escaped {
                None => f.write_char(character)?,
                Some(escaped) => write!(f, "{escaped}")?,
            }
        }
        Ok(())
    }
}

/// Whether a character can be shown without affecting the rest of the line.
fn is_plain(character: char) -> bool {
    // Format characters include those that reverse the direction of text or are invisible.
    let is_format = matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    );
    !character.is_control() && !is_format
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_letters_are_not() {
        let text = " naïve \"quoted\" 日本 \\ \r\n\0 \u{202e}evil\u{200b} ";
        let shown = r#"naïve "quoted" 日本 \ \r\n\0 \u{202e}evil\u{200b}"#;
        assert_eq!(Excerpt(text).to_string(), shown);
    }

    #[test]
    fn a_long_text_is_cut() {
        let shown = Excerpt(&"ü".repeat(10_000_000)).to_string();
        assert_eq!(shown.chars().count(), MAX_CHARACTERS + 1);
        assert!(shown.ends_with('…'));
        let escaped = Excerpt(&format!("a{}b", "\u{17}".repeat(1000))).to_string();
        assert_eq!(escaped.chars().count(), 1 + 83 * 6 + 1);
        assert!(escaped.ends_with("\\u{17}…"));
    }
}

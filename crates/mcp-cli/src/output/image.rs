//! Images in terminals that support them.

use std::fmt::Write as _;

/// Image protocol of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Images {
    /// The protocol of kitty, for PNG.
    Kitty,
    /// The protocol of iTerm2, for any format that the terminal supports.
    ITerm2,
}

/// Maximum number of Base64 bytes in one escape sequence of kitty.
const CHUNK: usize = 4096;

impl Images {
    /// Detects the protocol by environment variables; `None` if there is none, or inside a multiplexer that does not
    /// forward images.
    pub(crate) fn detect(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let is = |name: &str, value: &str| variable(name).is_some_and(|it| it == value);
        if variable("TMUX").is_some() || variable("STY").is_some() {
            return None;
        }
        if variable("KITTY_WINDOW_ID").is_some()
            || is("TERM", "xterm-kitty")
            || is("TERM_PROGRAM", "ghostty")
        {
            return Some(Self::Kitty);
        }
        (is("TERM_PROGRAM", "iTerm.app") || is("TERM_PROGRAM", "WezTerm")).then_some(Self::ITerm2)
    }

    /// The escape sequence of an image in Base64; `None` if the format is not supported, or the data is not Base64 and
    /// could contain another escape sequence.
    pub(crate) fn sequence(self, mime_type: &str, base64: &str) -> Option<String> {
        let is_base64 = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'+' | b'/' | b'=');
        if base64.is_empty() || !base64.bytes().all(is_base64) {
            return None;
        }
        let mut out = String::with_capacity(base64.len() + 256);
        match self {
            Self::Kitty if mime_type == "image/png" => {
                let mut chunks = base64.as_bytes().chunks(CHUNK).peekable();
                let mut keys = "a=T,f=100,";
                while let Some(chunk) = chunks.next() {
                    let more = u8::from(chunks.peek().is_some());
                    let chunk = std::str::from_utf8(chunk).ok()?;
                    write!(out, "\u{1b}_G{}m={more};{chunk}\u{1b}\\", std::mem::take(&mut keys))
                        .ok()?;
                }
            }
            Self::Kitty => return None,
            Self::ITerm2 => write!(out, "\u{1b}]1337;File=inline=1:{base64}\u{7}").ok()?,
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_known_by_their_variables() {
        let of = |pairs: &[(&str, &str)]| {
            Images::detect(|name| {
                pairs.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(of(&[("TERM", "xterm-kitty")]), Some(Images::Kitty));
        assert_eq!(of(&[("TERM_PROGRAM", "iTerm.app")]), Some(Images::ITerm2));
        assert_eq!(of(&[("TERM_PROGRAM", "WezTerm"), ("TMUX", "x")]), None);
        assert_eq!(of(&[("TERM", "xterm-256color")]), None);
    }

    #[test]
    fn an_image_is_one_sequence_or_several_and_nothing_else() {
        let image = Images::Kitty.sequence("image/png", &"A".repeat(CHUNK + 1));
        let image = image.unwrap_or_default();
        assert!(image.starts_with("\u{1b}_Ga=T,f=100,m=1;AAAA"), "{image:?}");
        assert!(image.ends_with("\u{1b}\\\u{1b}_Gm=0;A\u{1b}\\"), "{image:?}");
        assert_eq!(Images::Kitty.sequence("image/jpeg", "AAAA"), None);
        let image = Images::ITerm2.sequence("image/jpeg", "AAAA");
        assert_eq!(image.as_deref(), Some("\u{1b}]1337;File=inline=1:AAAA\u{7}"));
        assert_eq!(Images::ITerm2.sequence("image/png", "\u{7}\u{1b}]0;title"), None);
    }
}

//! Rejects documents on which the parser would take more than linear time.

use std::collections::HashSet;

use crate::document::SyntaxError;

/// Maximum nesting of brackets: the parser visits all open ones for each token.
const MAX_BRACKETS: usize = 256;
/// Maximum bytes that all aliases may add if each one repeated the whole document.
const MAX_ALIASED: usize = 4 << 20;

pub(super) fn check(text: &str) -> Result<(), SyntaxError> {
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_BRACKETS {
            return Err(format!("brackets are nested more than {MAX_BRACKETS} deep").into());
        }
    }
    let anchors: HashSet<&str> = names(text, '&').collect();
    let aliases = names(text, '*').filter(|name| anchors.contains(name)).count();
    if aliases.saturating_mul(text.len()) > MAX_ALIASED {
        return Err(format!("too many aliases: {aliases}").into());
    }
    Ok(())
}

/// The names after a sigil, `&` or `*`.
fn names(text: &str, sign: char) -> impl Iterator<Item = &str> {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    text.match_indices(sign).map(move |(at, sign)| {
        let rest = &text[at + sign.len()..];
        &rest[..rest.find(|c| !is_letter(c)).unwrap_or(rest.len())]
    })
}

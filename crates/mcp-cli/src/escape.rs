//! Escapes control characters in texts of servers.

use std::borrow::Cow;

/// Escapes control characters and line breaks, such as `\u{1b}`: the result is one line.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// Escapes control characters other than line breaks and tabs.
pub(crate) fn block(text: &str) -> Cow<'_, str> {
    escaped(text, |it| matches!(it, '\n' | '\t'))
}

/// Escapes the control characters that JSON allows in strings, with JSON escapes.
pub(crate) fn json(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|it| obeyed(it) && it != '\n') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for it in text.chars() {
        match it {
            '\n' => out.push(it),
            it if obeyed(it) => out.push_str(&format!("\\u{:04x}", u32::from(it))),
            it => out.push(it),
        }
    }
    Cow::Owned(out)
}

fn escaped(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|it| obeyed(it) && !keep(it)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for it in text.chars() {
        match obeyed(it) && !keep(it) {
            true => out.extend(it.escape_default()),
            false => out.push(it),
        }
    }
    Cow::Owned(out)
}

/// Whether a terminal may interpret the character: control characters, and those that change the text direction.
fn obeyed(it: char) -> bool {
    it.is_control() || matches!(it, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown_instead() {
        let text = "a\u{1b}[31mb\r\nc\u{9b}d\u{202e}e\tf";
        assert_eq!(line(text), "a\\u{1b}[31mb\\r\\nc\\u{9b}d\\u{202e}e\\tf");
        assert_eq!(block(text), "a\\u{1b}[31mb\\r\nc\\u{9b}d\\u{202e}e\tf");
        assert_eq!(block("plain é\n"), "plain é\n");
        let value = serde_json::json!({ "a": "\u{1b}\u{9b}" });
        let shown = json(&value.to_string()).into_owned();
        assert_eq!(shown, r#"{"a":"\u001b\u009b"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).ok(), Some(value));
    }
}

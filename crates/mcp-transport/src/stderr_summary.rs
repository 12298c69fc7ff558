use std::fmt;

use mcp_core::Excerpt;

/// The number of lines shown from the beginning, among those that look like an error.
const FIRST_ERRORS: usize = 2;
/// The number of lines shown from the end.
const LAST_LINES: usize = 3;
/// A line that contains one of these looks like an error. Lower case.
const ERROR_KEYWORDS: [&str; 10] = [
    "error",
    "exception",
    "panic",
    "fatal",
    "traceback",
    "cannot",
    "failed",
    "denied",
    "not found",
    "missing",
];

/// A one-line summary of a server's stderr: the first 2 lines that look like an error and the last 3 lines,
/// without escape sequences, empty lines and box drawing.
///
/// ```
/// use mcp_transport::StderrSummary;
///
/// let text = "Error: no port\n\nusage: server PORT\n  --help\n  --version\n  --quiet\n\n";
/// let shown = "Error: no port | … | --help | --version | --quiet";
/// assert_eq!(StderrSummary(text).to_string(), shown);
/// ```
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "a text with a format")]
pub struct StderrSummary<'a>(pub &'a str);

impl fmt::Display for StderrSummary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = without_escapes(self.0);
        let lines: Vec<&str> =
            plain.lines().map(str::trim).filter(|line| has_words(line)).collect();
        let last = lines.len().saturating_sub(LAST_LINES);
        let errors = lines[..last].iter().enumerate().filter(|(_, line)| is_error(line));
        let shown: Vec<usize> =
            errors.map(|(at, _)| at).take(FIRST_ERRORS).chain(last..lines.len()).collect();
        let mut before = None;
        let mut text = String::new();
        for at in shown {
            text.push_str(match before {
                None => "",
                Some(before) if before + 1 == at => " | ",
                Some(_) => " | … | ",
            });
            text.push_str(lines[at]);
            before = Some(at);
        }
        Excerpt(&text).fmt(f)
    }
}

/// Removes terminal escape sequences.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        if character != '\u{1b}' {
            plain.push(character);
            continue;
        }
        // `ESC [`, parameters, and a final byte.
        if rest.next_if_eq(&'[').is_some() {
            while rest.next_if(|it| !('@'..='~').contains(it)).is_some() {}
        }
        rest.next();
    }
    plain
}

fn has_words(line: &str) -> bool {
    line.chars().any(char::is_alphanumeric)
}

fn is_error(line: &str) -> bool {
    let line = line.to_lowercase();
    ERROR_KEYWORDS.iter().any(|mark| line.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        StderrSummary(text).to_string()
    }

    #[test]
    fn short_text_is_shown_unchanged() {
        assert_eq!(shown("no module named x\n"), "no module named x");
        assert_eq!(shown("a\nb\n"), "a | b");
        assert_eq!(shown(" \n\n"), "");
    }

    #[test]
    fn an_error_before_a_usage_text_and_a_line_after_a_banner_are_shown() {
        let usage = "option --x is missing\n".to_owned() + &"  --option VALUE\n".repeat(100);
        assert!(
            shown(&usage).starts_with("option --x is missing | … | --option"),
            "{}",
            shown(&usage)
        );
        let banner = "\u{1b}[31m╭────────╮\n│        │\n╰────────╯\u{1b}[0m\n\n  I am dying now\n";
        assert_eq!(shown(banner), "I am dying now");
    }

    #[test]
    fn the_summary_is_one_line_of_bounded_length() {
        let long = "word ".repeat(100_000) + "\r\u{7}bell\n" + &"x".repeat(100_000);
        assert!(shown(&long).chars().count() <= 501);
        assert!(!shown("a\rb\u{7}c").contains(char::is_control));
    }
}

//! Detects reference syntaxes that are not expanded but passed on literally.

use serde_json::Value;

use crate::application::Syntax;
use crate::error::Finding;
use crate::manner::Manner;
use crate::path::Path;
use crate::{Application, ProblemKind};

/// Descriptive fields, in which such text is not a reference.
const PROSE: &[&str] = &["description", "instructions", "name", "title"];
/// Programs that expand references in their own arguments.
const SHELLS: &[&str] = &["sh", "bash", "zsh", "fish", "dash", "cmd", "powershell", "pwsh"];

pub(super) fn check(entry: &Value, manner: Manner, path: &Path, findings: &mut Vec<Finding>) {
    let runs_shell = entry.get("command").and_then(Value::as_str).is_some_and(is_shell);
    let runs_commands = manner.is(&[Application::Crush]);
    let syntax = manner.syntax();
    for (name, value) in entry.as_object().into_iter().flatten() {
        let is_exempt = PROSE.contains(&name.as_str()) || (runs_shell && name == "args");
        if !is_exempt {
            let mut steps = vec![Step::Key(name)];
            walk(value, &mut steps, &mut |steps, text| {
                if let Some(message) = message(text, syntax, runs_commands) {
                    let kind = ProblemKind::Doubtful;
                    findings.push(Finding { kind, path: joined(path, steps), message });
                }
            });
        }
    }
}

/// A path step, allocated only when there is a finding.
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// Recursion depth is limited by the parsers.
fn walk<'a>(
    value: &'a Value,
    steps: &mut Vec<Step<'a>>,
    visit: &mut impl FnMut(&[Step<'a>], &str),
) {
    match value {
        Value::String(text) => visit(steps, text),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                steps.push(Step::Index(index));
                walk(item, steps, visit);
                steps.pop();
            }
        }
        Value::Object(map) => {
            for (key, value) in map {
                steps.push(Step::Key(key));
                walk(value, steps, visit);
                steps.pop();
            }
        }
        _ => {}
    }
}

fn joined(path: &Path, steps: &[Step<'_>]) -> Path {
    steps.iter().fold(path.clone(), |path, step| match step {
        Step::Key(key) => path.key(key),
        Step::Index(index) => path.index(*index),
    })
}

pub(super) fn is_shell(command: &str) -> bool {
    let name = command.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
    SHELLS.contains(&name.strip_suffix(".exe").unwrap_or(&name))
}

fn message(text: &str, syntax: Syntax, runs_commands: bool) -> Option<String> {
    if runs_commands && text.contains("$(") {
        return Some("\"$(…)\" is passed on literally: commands are not run here".to_owned());
    }
    let dollar = (!syntax.dollar).then(|| dollar(text)).flatten().map(|name| ("$", name, ""));
    let percent = || (!syntax.percent).then(|| percent(text)).flatten().map(|it| ("%", it, "%"));
    let braces = || (!syntax.braces).then(|| braces(text)).flatten().map(|it| ("{env:", it, "}"));
    let (open, name, close) = dollar.or_else(percent).or_else(braces)?;
    Some(format!("\"{open}{name}{close}\" is passed on literally, did you mean \"${{{name}}}\"?"))
}

/// `NAME` of a `$NAME` at the start of a word.
fn dollar(text: &str) -> Option<&str> {
    text.match_indices('$').find_map(|(at, _)| {
        let before = text[..at].chars().next_back();
        let begins_word = before.is_none_or(|c| c.is_whitespace() || "=:/,;@\"'".contains(c));
        let name = name(&text[at + 1..])?;
        begins_word.then_some(name)
    })
}

/// `NAME` of a `%NAME%`. Percent-encoded characters have two digits.
fn percent(text: &str) -> Option<&str> {
    text.match_indices('%').find_map(|(at, _)| {
        let name = name(&text[at + 1..]).filter(|name| name.len() > 2)?;
        text[at + 1 + name.len()..].starts_with('%').then_some(name)
    })
}

/// `NAME` of a `{env:NAME}`.
fn braces(text: &str) -> Option<&str> {
    text.match_indices("{env:").find_map(|(at, open)| {
        let name = name(&text[at + open.len()..])?;
        let is_closed = text[at + open.len() + name.len()..].starts_with('}');
        (is_closed && !text[..at].ends_with('$')).then_some(name)
    })
}

/// The variable name at the start of a text. Only upper-case names count.
fn name(text: &str) -> Option<&str> {
    let is_letter = |c: char| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit();
    let name = &text[..text.find(|c| !is_letter(c)).unwrap_or(text.len())];
    let continues = text[name.len()..].starts_with(|c: char| c.is_alphanumeric());
    let is_name = name.len() > 1 && !name.starts_with(|c: char| c.is_ascii_digit());
    (is_name && !continues).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_of_other_applications_are_detected() {
        let plain = Syntax::default();
        for (text, wanted) in [
            ("$API_KEY", Some("${API_KEY}")),
            ("Bearer $API_KEY", Some("${API_KEY}")),
            ("--key=$API_KEY!", Some("${API_KEY}")),
            ("%API_KEY%", Some("${API_KEY}")),
            ("Bearer {env:API_KEY}", Some("${API_KEY}")),
            ("${env:API_KEY} ${API_KEY}", None),
            ("pa$SWORD $5 $x $$HOME", None),
            ("https://x/%C3%A9%20", None),
            ("100% of %5", None),
            ("{env:api}", None),
            ("$(date)", None),
        ] {
            let found = message(text, plain, false);
            assert_eq!(found.is_some(), wanted.is_some(), "{text}: {found:?}");
            assert!(found.is_none_or(|it| it.contains(wanted.unwrap_or_default())), "{text}");
        }
        let all = Syntax { dollar: true, braces: true, percent: true };
        assert_eq!(message("$API_KEY %API_KEY% {env:API_KEY}", all, false), None);
        assert!(message("$(date)", all, true).is_some());
    }
}

//! Expands references to variables in texts of a document.

use std::cell::Cell;
use std::collections::HashMap;

use crate::application::Syntax;
use crate::{Input, Variables, suggest};

/// Maximum nesting of defaults.
const MAX_DEPTH: usize = 16;
/// Maximum size of one expanded text, in bytes.
const MAX_TEXT: usize = 1 << 20;
/// Maximum size of all expanded texts of a document, in bytes.
const MAX_TOTAL: usize = 64 << 20;
/// Maximum number of inputs compared for a suggestion.
const MAX_SUGGESTIONS: usize = 64;

/// The variables and inputs for one document.
pub(crate) struct Expansion<'a> {
    variables: &'a Variables<'a>,
    inputs: HashMap<&'a str, &'a Input>,
    syntax: Syntax,
    /// Bytes left of the size limit.
    room: Cell<usize>,
}

/// A reference in a text.
enum Reference<'t> {
    /// `${…}`: the part between the braces.
    Dollar(&'t str),
    /// A variable in an application's own syntax.
    Variable { name: &'t str, written: &'t str },
    /// Literal text.
    Text(&'t str),
}

impl<'a> Expansion<'a> {
    pub(crate) fn new(variables: &'a Variables<'a>, inputs: &'a [Input], syntax: Syntax) -> Self {
        let inputs = inputs.iter().rev().map(|input| (input.id.as_str(), input)).collect();
        Self { variables, inputs, syntax, room: Cell::new(MAX_TOTAL) }
    }

    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name)
    }

    /// Whether a text may contain references.
    pub(crate) fn concerns(&self, text: &str) -> bool {
        let Syntax { dollar, braces, percent } = self.syntax;
        text.contains("${")
            || (dollar && text.contains('$'))
            || (braces && text.contains('{'))
            || (percent && text.contains('%'))
    }

    /// Expands all references of a text, or returns why one cannot be expanded.
    pub(crate) fn text(&self, text: &str) -> Result<String, String> {
        let expanded = self.expand(text, 0)?;
        let room = self.room.get().checked_sub(expanded.len());
        self.room.set(room.ok_or("the texts of the document grow beyond 64 MiB")?);
        Ok(expanded)
    }

    fn expand(&self, text: &str, depth: usize) -> Result<String, String> {
        if depth > MAX_DEPTH {
            return Err(format!("defaults are nested more than {MAX_DEPTH} deep"));
        }
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, reference, after)) = self.next(rest)? {
            expanded.push_str(before);
            match reference {
                Reference::Text(text) => expanded.push_str(text),
                Reference::Dollar(inner) => expanded.push_str(&self.value(inner, depth)?),
                Reference::Variable { name, written } => {
                    expanded.push_str(&self.plain(name, written)?);
                }
            }
            if expanded.len() > MAX_TEXT {
                return Err("the text grows beyond 1 MiB".to_owned());
            }
            rest = after;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    /// The next reference, with the text before and after it.
    fn next<'t>(&self, text: &'t str) -> Result<Option<(&'t str, Reference<'t>, &'t str)>, String> {
        let Syntax { dollar, braces, percent } = self.syntax;
        let mut from = 0;
        while let Some(found) = text[from..].find(['$', '{', '%']) {
            let at = from + found;
            let (before, here) = text.split_at(at);
            if let Some(inner) = here.strip_prefix("${") {
                if let Some(before) = before.strip_suffix('$') {
                    return Ok(Some((before, Reference::Text("${"), inner)));
                }
                let end = end(inner)
                    .ok_or("a \"${\" is not closed: write \"$${\" for a literal \"${\"")?;
                let reference = Reference::Dollar(&inner[..end]);
                return Ok(Some((before, reference, &inner[end + 1..])));
            }
            let name = match here.as_bytes()[0] {
                b'$' if dollar => name(&here[1..]).map(|name| (name, 1 + name.len())),
                b'%' if percent => name(&here[1..])
                    .filter(|name| here[1 + name.len()..].starts_with('%'))
                    .map(|name| (name, 2 + name.len())),
                b'{' if braces && here.starts_with("{file:") => {
                    return Err("{file:…} is not supported: use a variable".to_owned());
                }
                b'{' if braces => here.strip_prefix("{env:").and_then(|inner| {
                    let name = &inner[..inner.find('}')?];
                    Some((name, "{env:}".len() + name.len()))
                }),
                _ => None,
            };
            if let Some((name, length)) = name {
                let (written, after) = here.split_at(length);
                return Ok(Some((before, Reference::Variable { name, written }, after)));
            }
            from = at + 1;
        }
        Ok(None)
    }

    /// A variable in an application's own syntax. Text that does not look like a variable is literal.
    fn plain(&self, name: &str, written: &str) -> Result<String, String> {
        let is_capital = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let is_variable = written.starts_with('{')
            || (name.chars().all(is_capital) && !name.starts_with(|c: char| c.is_ascii_digit()));
        match self.variables.get(name) {
            Some(value) => Ok(value),
            None if is_variable => Err(not_set(name)),
            None => Ok(written.to_owned()),
        }
    }

    /// The value of the reference between `${` and `}`.
    fn value(&self, written: &str, depth: usize) -> Result<String, String> {
        if let Some(id) = written.strip_prefix("input:") {
            return self.input(id);
        }
        if let Some(folder) = self.variables.folder(written) {
            return folder.ok_or_else(|| format!("${{{written}}} has no value"));
        }
        let secret = written.strip_prefix('{').and_then(|inner| inner.strip_suffix('}'));
        if let Some(name) = secret.and_then(|inner| inner.trim().strip_prefix("secrets.")) {
            return self.variables.get(name).ok_or_else(|| not_set(name));
        }
        let (name, default) = match written.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (written, None),
        };
        let (plain, is_env) = match name.strip_prefix("env:") {
            Some(plain) => (plain, true),
            None => (name, false),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if plain.is_empty() || !(is_env || plain.chars().all(is_name)) {
            let known = ["workspaceFolder", "userHome", "env:NAME", "input:id"];
            return Err(format!(
                "{} is not a known reference, expected ${{NAME}}, ${{NAME:-default}} or one of {}: write \"$${{\" for a literal \"${{\"",
                shown(written),
                known.map(|it| format!("${{{it}}}")).join(", "),
            ));
        }
        match (self.variables.get(plain), default) {
            (Some(value), None) => Ok(value),
            (Some(value), Some(_)) if !value.is_empty() => Ok(value),
            (_, Some(default)) => self.expand(default, depth + 1),
            (None, None) => Err(not_set(plain)),
        }
    }

    fn input(&self, id: &str) -> Result<String, String> {
        let Some(input) = self.inputs.get(id) else {
            let known = self.inputs.keys().copied().take(MAX_SUGGESTIONS);
            let hint = suggest::hint(id, known);
            return Err(format!("there is no input {id:?} in \"inputs\"{hint}"));
        };
        self.variables.answer(input).ok_or_else(|| format!("the input {id:?} has no answer"))
    }
}

fn not_set(name: &str) -> String {
    let hint = suggest::hint(name, ["workspaceFolder", "userHome"]);
    format!("the variable {name} is not set and has no default{hint}")
}

/// A reference as written, for errors. Of an unknown reference only the start is shown, since it may be part of a
/// secret.
fn shown(written: &str) -> String {
    let start: String = written.chars().take(16).collect();
    match start.len() < written.len() {
        true => format!("${{{start}…}}"),
        false => format!("${{{start}}}"),
    }
}

/// The letters, digits and underscores at the start of a text.
fn name(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    (end > 0).then(|| &text[..end])
}

/// The position of the `}` that closes a reference, after nested references.
fn end(inner: &str) -> Option<usize> {
    if inner.starts_with('{') {
        return inner.find("}}").map(|at| at + 1);
    }
    let mut depth = 0_usize;
    let bytes = inner.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' if at > 0 && bytes[at - 1] == b'$' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::cell::RefCell;

    use super::*;

    fn variables() -> Variables<'static> {
        let lookup = |name: &str| match name {
            "KEY" => Some("k".to_owned()),
            "EMPTY" => Some(String::new()),
            "TRAP" => Some("${KEY}".to_owned()),
            "BIG" => Some("x".repeat(1 << 16)),
            "ProgramFiles(x86)" => Some("p".to_owned()),
            _ => None,
        };
        Variables::new(lookup).workspace_folder("/srv/app").user_home("/h/ada")
    }

    fn expand(text: &str, syntax: Syntax) -> Result<String, String> {
        Expansion::new(&variables(), &[], syntax).text(text)
    }

    #[test]
    fn every_form_is_expanded() {
        for (text, wanted) in [
            ("plain $5 {x} $NAME", "plain $5 {x} $NAME"),
            ("${KEY}", "k"),
            ("a${KEY}b${env:KEY}c", "akbkc"),
            ("${NONE:-d}", "d"),
            ("${env:NONE:-d}", "d"),
            ("${NONE:-}", ""),
            ("${EMPTY:-d}", "d"),
            ("${EMPTY}", ""),
            ("${NONE:-${KEY}!}x", "k!x"),
            ("${NONE:-https://x:-y}", "https://x:-y"),
            ("${env:ProgramFiles(x86)}", "p"),
            ("$${KEY}", "${KEY}"),
            ("${TRAP}", "${KEY}"),
            ("${workspaceFolder}/x", "/srv/app/x"),
            ("${workspaceFolderBasename}", "app"),
            ("${userHome}", "/h/ada"),
            ("${{ secrets.KEY }}/${{secrets.KEY}}", "k/k"),
            ("é${KEY}é", "éké"),
        ] {
            assert_eq!(expand(text, Syntax::default()).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn references_of_an_application_are_expanded_in_its_syntax() {
        let dollar = Syntax { dollar: true, ..Syntax::default() };
        let braces = Syntax { braces: true, ..Syntax::default() };
        let percent = Syntax { percent: true, ..Syntax::default() };
        for (syntax, text, wanted) in [
            (dollar, "$KEY/${KEY}-$KEY.", "k/k-k."),
            (dollar, "costs $5, $none, 100%, {env:KEY}", "costs $5, $none, 100%, {env:KEY}"),
            (braces, "Bearer {env:KEY} {x} $KEY", "Bearer k {x} $KEY"),
            (percent, "%KEY%\\x %20 100%", "k\\x %20 100%"),
        ] {
            assert_eq!(expand(text, syntax).as_deref(), Ok(wanted), "{text}");
        }
        for (syntax, text) in
            [(dollar, "$NONE"), (braces, "{env:NONE}"), (braces, "{file:x}"), (percent, "%NONE%")]
        {
            assert!(expand(text, syntax).is_err(), "{text}");
        }
    }

    #[test]
    fn unresolved_references_are_named() {
        for (text, wanted) in [
            ("${NONE}", "the variable NONE is not set"),
            ("${env:NONE}", "the variable NONE is not set"),
            ("${{ secrets.NONE }}", "the variable NONE is not set"),
            ("${workspacefolder}", "did you mean \"workspaceFolder\"?"),
            ("${KEY", "not closed"),
            ("${{ secrets.KEY }", "not closed"),
            ("${}", "not a known reference"),
            ("${config:x}", "${config:x} is not a known reference"),
            ("${file:/a/very/long/path}", "${file:/a/very/lon…} is not a known reference"),
            ("${input:key}", "no input \"key\""),
        ] {
            let error = expand(text, Syntax::default()).unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }

    #[test]
    fn nesting_and_growth_are_bounded() {
        let nested = |depth: usize| format!("{}x{}", "${A:-".repeat(depth), "}".repeat(depth));
        assert_eq!(expand(&nested(16), Syntax::default()).as_deref(), Ok("x"));
        for depth in [17, 20_000, 200_000] {
            let error = expand(&nested(depth), Syntax::default()).unwrap_err();
            assert!(error.contains("nested"), "{error}");
        }
        let error = expand(&"${BIG}".repeat(100), Syntax::default()).unwrap_err();
        assert!(error.contains("1 MiB"), "{error}");
        let variables = variables();
        let expansion = Expansion::new(&variables, &[], Syntax::default());
        let texts = (0..2000).map(|_| expansion.text("${BIG}"));
        let first_error = texts.into_iter().position(|it| it.is_err());
        assert_eq!(first_error, Some(MAX_TOTAL >> 16));
    }

    #[test]
    fn each_input_is_requested_once() {
        let asked = RefCell::new(0);
        let variables = variables().input(|input| {
            *asked.borrow_mut() += 1;
            (input.id == "key").then(|| "answer".to_owned())
        });
        let input = |id: &str, default: Option<&str>| Input {
            id: id.to_owned(),
            description: None,
            password: true,
            default: default.map(str::to_owned),
            options: Vec::new(),
        };
        let inputs = [input("key", None), input("other", Some("d")), input("none", None)];
        let expansion = Expansion::new(&variables, &inputs, Syntax::default());
        assert_eq!(expansion.text("${input:key}${input:key}").unwrap(), "answeranswer");
        assert_eq!(*asked.borrow(), 1);
        assert_eq!(expansion.text("${input:other}").unwrap(), "d");
        let error = expansion.text("${input:none}").unwrap_err();
        assert!(error.contains("\"none\" has no answer"), "{error}");
        let error = expansion.text("${input:kye}").unwrap_err();
        assert!(error.contains("did you mean \"key\"?"), "{error}");
    }
}

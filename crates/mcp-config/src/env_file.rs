//! Environment files: `envFile`.

use std::path::Path;

use crate::document::Document;
use crate::error::{Error, ErrorKind};

/// Reads the variables of a file such as `.env`; see [`parse_env_file`].
///
/// # Errors
/// The file cannot be read, is larger than 64 MiB, or has an invalid line.
pub fn read_env_file(file: impl AsRef<Path>) -> Result<Vec<(String, String)>, Error> {
    let file = file.as_ref();
    let document = Document::load(file).map_err(|error| error.of(file))?;
    parse_env_file(&document.text).map_err(|line| {
        let message = format!("line {line}: expected NAME=value");
        Error::new(ErrorKind::Syntax, message).of(file)
    })
}

/// Parses the variables of a `.env` file, in order.
///
/// A line is `NAME=value`, optionally preceded by `export`. A value in single quotes has no escapes; in double quotes,
/// `
/// `, `\t`, `\"` and `\\` are escapes; an unquoted value ends at ` #`. Lines that start with `#` are comments.
/// References are not expanded.
///
/// # Errors
/// The number of the first invalid line, counted from 1.
pub fn parse_env_file(text: &str) -> Result<Vec<(String, String)>, usize> {
    let mut variables = Vec::new();
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let variable = line.split_once('=').and_then(|(name, value)| {
            let name = name.trim();
            let is_name = !name.is_empty() && !name.contains(char::is_whitespace);
            // The system does not allow such a character in a variable.
            (is_name && !line.contains('\0')).then_some(())?;
            Some((name.to_owned(), unquoted(value.trim())?))
        });
        variables.push(variable.ok_or(at + 1)?);
    }
    Ok(variables)
}

fn unquoted(value: &str) -> Option<String> {
    if let Some(rest) = value.strip_prefix('\'') {
        let (inner, after) = rest.split_once('\'')?;
        return is_comment(after).then(|| inner.to_owned());
    }
    let Some(rest) = value.strip_prefix('"') else {
        return Some(value.split(" #").next().unwrap_or_default().trim_end().to_owned());
    };
    let mut inner = String::new();
    let mut letters = rest.chars();
    loop {
        match letters.next()? {
            '"' => return is_comment(letters.as_str()).then_some(inner),
            '\\' => match letters.next()? {
                'n' => inner.push('\n'),
                't' => inner.push('\t'),
                it @ ('"' | '\\') => inner.push(it),
                it => inner.extend(['\\', it]),
            },
            it => inner.push(it),
        }
    }
}

fn is_comment(rest: &str) -> bool {
    rest.trim_start().is_empty() || rest.trim_start().starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_comments_and_exports_are_read() {
        let text = "\u{feff}# all\nA=1\r\nexport B = two words # no\nC='a # \\n' # x\nD=\"l\\n\\\"q\\\"\"\nE=\n\nF=a=b#c";
        let wanted = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "a # \\n"),
            ("D", "l\n\"q\""),
            ("E", ""),
            ("F", "a=b#c"),
        ];
        let wanted = wanted.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parse_env_file(text).as_deref(), Ok(&wanted[..]));
        for text in
            ["A=1\nnothing", "A=1\nB='x", "A=1\n=x", "A=1\nB=\"x\" y", "A=1\nB\0=x", "A=1\nB=\0"]
        {
            assert_eq!(parse_env_file(text), Err(2), "{text}");
        }
    }
}

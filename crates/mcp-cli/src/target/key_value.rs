//! `NAME=VALUE` and `Name: value` on the command line.

/// `NAME=VALUE`.
pub(crate) fn assignment(text: &str) -> Result<(String, String), String> {
    split(text, '=').ok_or_else(|| "write NAME=VALUE".to_owned())
}

/// `Name: value`, for a header.
pub(crate) fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = split(text, ':').ok_or_else(|| "write 'Name: value'".to_owned())?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// `NAME=VALUE`, or `NAME` to inherit from this process.
pub(crate) fn variable(text: &str) -> Result<(String, Option<String>), String> {
    match assignment(text) {
        Ok((name, value)) => Ok((name, Some(value))),
        Err(_) if text.is_empty() || text.starts_with('=') => Err("a name is missing".to_owned()),
        Err(_) => Ok((text.to_owned(), None)),
    }
}

fn split(text: &str, at: char) -> Option<(String, String)> {
    let (name, value) = text.split_once(at).filter(|(name, _)| !name.trim().is_empty())?;
    Some((name.to_owned(), value.to_owned()))
}

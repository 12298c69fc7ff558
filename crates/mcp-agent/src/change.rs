use std::fmt;

use serde_json::Value;

/// The longest value, in bytes of JSON, that a report or a description quotes.
const MAX_QUOTED: usize = 300;

/// A difference between the schema of a tool and the one that is declared to the model.
///
/// Another notation of the same meaning is not reported: expanded references, and in strict schemas `null`
/// for an absent property.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The place in the declared schema, as a JSON pointer; empty for the root.
    pub path: String,
    /// The kind of change.
    pub kind: ChangeKind,
    /// The details, such as the keyword and its value.
    pub detail: String,
}

/// The kind of a [`Change`], to match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// A keyword that the API refuses, or that is malformed, was dropped. One that constrains values is
    /// quoted in the description instead.
    Dropped,
    /// A keyword was replaced by one that allows more, such as `oneOf` by `anyOf`.
    Widened,
    /// Alternatives at the root, which no API accepts, were merged into one object that allows all of
    /// them. They are quoted in the description.
    Merged,
    /// A reference to an enclosing schema: only the type is declared there.
    Recursion,
    /// A reference that does not resolve within the schema, such as one to another document: any value is
    /// allowed.
    Unresolved,
    /// The schema exceeds the limits when its references are expanded: the excess allows any value.
    TooLarge,
    /// A property has another name in the declaration. Calls restore the name.
    Renamed,
    /// The reason why a function is not strict, for APIs with strict functions.
    NotStrict,
}

impl Change {
    pub(crate) fn new(path: &str, kind: ChangeKind, detail: impl Into<String>) -> Self {
        Self { path: path.to_owned(), kind, detail: detail.into() }
    }

    pub(crate) fn of_keyword(path: &str, kind: ChangeKind, keyword: &str, value: &Value) -> Self {
        Self::new(path, kind, quoted(keyword, value).unwrap_or_else(|| keyword.to_owned()))
    }
}

/// A keyword with its value, unless that is long.
pub(crate) fn quoted(keyword: &str, value: &Value) -> Option<String> {
    let json = value.to_string();
    (json.len() <= MAX_QUOTED).then(|| format!("{keyword}: {json}"))
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ChangeKind::Dropped => "dropped",
            ChangeKind::Widened => "widened",
            ChangeKind::Merged => "merged",
            ChangeKind::Recursion => "recursion cut",
            ChangeKind::Unresolved => "reference not resolved",
            ChangeKind::TooLarge => "too large",
            ChangeKind::Renamed => "renamed",
            ChangeKind::NotStrict => "not strict",
        };
        let path = if self.path.is_empty() { "/" } else { &self.path };
        write!(f, "{path}: {kind}: {}", self.detail)
    }
}

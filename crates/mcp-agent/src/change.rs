use std::fmt;

use serde_json::Value;

/// The longest value, in bytes of JSON, that a report or a description repeats.
const MAX_QUOTED: usize = 300;

/// A difference between the schema of a tool and the one that is declared to the model.
///
/// What has the same meaning in another notation is no change: references that are written out, and in
/// strict schemas the `null` that stands for an absent property.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Where, as a JSON pointer into the declared schema; empty for the root.
    pub path: String,
    /// What kind of change.
    pub kind: ChangeKind,
    /// What exactly, such as the keyword and its value.
    pub detail: String,
}

/// What was changed in a schema, to match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// The API refuses a keyword, or a format, and it was dropped. One that limits values is quoted in
    /// the description instead.
    Dropped,
    /// A keyword was written as another one that allows more, such as `oneOf` as `anyOf`.
    Widened,
    /// Alternatives at the root, which no API accepts, were merged into one object that allows all of
    /// them. They are quoted in the description.
    Merged,
    /// A schema within itself: the inner one is declared by its type alone.
    Recursion,
    /// A reference to another document, or to nothing: any value is allowed.
    Unresolved,
    /// The schema is too large when its references are written out: what is beyond allows any value.
    TooLarge,
    /// A property has another name for the model. Calls restore the name.
    Renamed,
    /// Why the function is not strict, where the API knows strict functions.
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

//! How a tool is changed before it is offered.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// How one tool of a server is changed before it is offered.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Tool {
    /// Another name (`name`).
    pub name: Option<String>,
    /// Another title (`title`).
    pub title: Option<String>,
    /// Another description (`description`).
    pub description: Option<String>,
    /// Whether it is offered at all (`enabled`); it is by default.
    pub enabled: bool,
    /// Tags to filter by (`tags`).
    pub tags: Vec<String>,
    /// How its arguments are changed, by their name on the server (`arguments`).
    pub arguments: BTreeMap<String, Argument>,
    /// All other fields, as they were written.
    pub extra: Map<String, Value>,
}

/// How one argument of a tool is changed.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Argument {
    /// Another name (`name`).
    pub name: Option<String>,
    /// Another description (`description`).
    pub description: Option<String>,
    /// Not offered: the default is always sent (`hide`). A hidden argument that is required needs a
    /// default.
    pub hide: bool,
    /// What is sent when the caller leaves it out (`default`).
    pub default: Option<Value>,
    /// Whether the caller must give it (`required`); as the server says by default.
    pub required: Option<bool>,
    /// All other fields, as they were written.
    pub extra: Map<String, Value>,
}

impl Default for Tool {
    fn default() -> Self {
        Self {
            name: None,
            title: None,
            description: None,
            enabled: true,
            tags: Vec::new(),
            arguments: BTreeMap::new(),
            extra: Map::new(),
        }
    }
}

//! Changes of tools.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Changes of one tool before it is offered.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Tool {
    /// The name under which it is offered (`name`).
    pub name: Option<String>,
    /// The title with which it is offered (`title`).
    pub title: Option<String>,
    /// The description with which it is offered (`description`).
    pub description: Option<String>,
    /// Whether it is offered (`enabled`). Default: `true`.
    pub enabled: bool,
    /// Tags to filter by (`tags`).
    pub tags: Vec<String>,
    /// Changes of its arguments, by their name on the server (`arguments`).
    pub arguments: BTreeMap<String, Argument>,
    /// All other fields, as they were written.
    pub extra: Map<String, Value>,
}

/// Changes of one argument of a tool.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Argument {
    /// The name under which it is offered (`name`).
    pub name: Option<String>,
    /// The description with which it is offered (`description`).
    pub description: Option<String>,
    /// Whether it is hidden, so that the default is always sent (`hide`). A required argument that is
    /// hidden needs a default.
    pub hide: bool,
    /// The value sent if the caller leaves it out (`default`).
    pub default: Option<Value>,
    /// Whether it is required (`required`). Default: as on the server.
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

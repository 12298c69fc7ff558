//! Changes to tools.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Changes to a tool before it is offered.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Tool {
    /// The offered name (`name`).
    pub name: Option<String>,
    /// The offered title (`title`).
    pub title: Option<String>,
    /// The offered description (`description`).
    pub description: Option<String>,
    /// Whether it is offered (`enabled`). Default: `true`.
    pub enabled: bool,
    /// Tags to filter by (`tags`).
    pub tags: Vec<String>,
    /// Changes to arguments, by their name on the server (`arguments`).
    pub arguments: BTreeMap<String, Argument>,
    /// All other fields, as written.
    pub extra: Map<String, Value>,
}

/// Changes to an argument of a tool.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Argument {
    /// The offered name (`name`).
    pub name: Option<String>,
    /// The offered description (`description`).
    pub description: Option<String>,
    /// Whether the argument is hidden, so that the default is always sent (`hide`). A hidden required argument needs a
    /// default.
    pub hide: bool,
    /// The value sent if the caller omits the argument (`default`).
    pub default: Option<Value>,
    /// Whether it is required (`required`). Default: as on the server.
    pub required: Option<bool>,
    /// All other fields, as written.
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

mod apply;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Rules for the tools of a server: filters, and changes applied before the group's naming. Default: all tools,
/// unchanged.
///
/// A tool that is not offered cannot be called. Names in `include`, `exclude` and `tools` are those on the server.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ToolRules {
    /// The only tools to offer. Default: all.
    pub include: Option<BTreeSet<String>>,
    /// Tools not to offer. Overrides `include`.
    pub exclude: BTreeSet<String>,
    /// Offer only tools with one of these tags. Default: all. Tags of a server are in `_meta.fastmcp.tags` or
    /// `_meta._fastmcp.tags`; [`ToolChange::tags`] replaces them.
    pub include_tags: Option<BTreeSet<String>>,
    /// Do not offer tools with one of these tags.
    pub exclude_tags: BTreeSet<String>,
    /// Changes to tools.
    pub tools: BTreeMap<String, ToolChange>,
}

/// Changes to a tool before it is offered. Default: none.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ToolChange {
    /// The new name. In a group of several servers it is still prefixed with the server name.
    pub name: Option<String>,
    /// The new title.
    pub title: Option<String>,
    /// The new description.
    pub description: Option<String>,
    /// Whether the tool is offered. Default: true.
    pub enabled: bool,
    /// The tags. Default: those of the server.
    pub tags: BTreeSet<String>,
    /// Changes to arguments, by their name on the server.
    pub arguments: BTreeMap<String, ArgumentChange>,
}

/// Changes to an argument of a tool. Default: none.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ArgumentChange {
    /// The new name. The old one is no longer accepted.
    pub name: Option<String>,
    /// The new description.
    pub description: Option<String>,
    /// The value sent if the caller omits the argument. The argument is then optional, unless
    /// [`required`](ArgumentChange::required) is set.
    pub default: Option<Value>,
    /// Whether the argument is hidden: it is not accepted, and the default, if any, is sent.
    pub hide: bool,
    /// Whether the argument is required. Default: as on the server.
    pub required: Option<bool>,
}

impl Default for ToolChange {
    fn default() -> Self {
        Self {
            name: None,
            title: None,
            description: None,
            enabled: true,
            tags: BTreeSet::new(),
            arguments: BTreeMap::new(),
        }
    }
}

impl ToolRules {
    /// Sets the only tools to offer.
    #[must_use]
    pub fn with_include<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.include = Some(set(names));
        self
    }

    /// Sets the tools not to offer.
    #[must_use]
    pub fn with_exclude<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.exclude = set(names);
        self
    }

    /// Offers only tools with one of these tags.
    #[must_use]
    pub fn with_include_tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.include_tags = Some(set(tags));
        self
    }

    /// Does not offer tools with one of these tags.
    #[must_use]
    pub fn with_exclude_tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.exclude_tags = set(tags);
        self
    }

    /// Sets the changes to the tool named `name` on the server.
    #[must_use]
    pub fn with_tool(mut self, name: impl Into<String>, change: ToolChange) -> Self {
        self.tools.insert(name.into(), change);
        self
    }
}

impl ToolChange {
    /// Sets the new name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the new title.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets the new description.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets whether the tool is offered.
    #[must_use]
    pub fn with_enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Sets the tags.
    #[must_use]
    pub fn with_tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags = set(tags);
        self
    }

    /// Sets the changes to the argument named `name` on the server.
    #[must_use]
    pub fn with_argument(mut self, name: impl Into<String>, change: ArgumentChange) -> Self {
        self.arguments.insert(name.into(), change);
        self
    }
}

impl ArgumentChange {
    /// Sets the new name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the new description.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets the value sent if the caller omits the argument.
    #[must_use]
    pub fn with_default(mut self, default: impl Into<Value>) -> Self {
        self.default = Some(default.into());
        self
    }

    /// Sets whether the argument is hidden.
    #[must_use]
    pub fn with_hide(mut self, hide: bool) -> Self {
        self.hide = hide;
        self
    }

    /// Sets whether the argument is required.
    #[must_use]
    pub fn with_required(mut self, required: bool) -> Self {
        self.required = Some(required);
        self
    }
}

fn set<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> BTreeSet<String> {
    texts.into_iter().map(Into::into).collect()
}

mod apply;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Which tools of a server are offered, and how they are changed before they get their name in the
/// group. Default: all, unchanged.
///
/// A tool that is not offered cannot be called either. Names in `include`, `exclude` and `tools` are those
/// on the server.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ToolRules {
    /// The only tools to offer. Default: all.
    pub include: Option<BTreeSet<String>>,
    /// Tools not to offer, also where another rule includes them.
    pub exclude: BTreeSet<String>,
    /// Offer only tools that have one of these tags. Default: all. The tags of a server are in
    /// `_meta.fastmcp.tags` or `_meta._fastmcp.tags`; [`ToolChange::tags`] replaces them.
    pub include_tags: Option<BTreeSet<String>>,
    /// Offer no tool that has one of these tags.
    pub exclude_tags: BTreeSet<String>,
    /// How tools are changed.
    pub tools: BTreeMap<String, ToolChange>,
}

/// How one tool is changed before it is offered. Default: not at all.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ToolChange {
    /// Another name. In a group of several servers the name of the server still stands before it.
    pub name: Option<String>,
    /// Another title.
    pub title: Option<String>,
    /// Another description.
    pub description: Option<String>,
    /// Whether it is offered at all. Default: true.
    pub enabled: bool,
    /// Its tags, in place of those of the server. Default: those of the server.
    pub tags: BTreeSet<String>,
    /// How its arguments are changed, by their name on the server.
    pub arguments: BTreeMap<String, ArgumentChange>,
}

/// How one argument of a tool is changed. Default: not at all.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ArgumentChange {
    /// Another name. The old one is no longer accepted.
    pub name: Option<String>,
    /// Another description.
    pub description: Option<String>,
    /// The value that is sent where the caller gives none. The argument is then not required, unless
    /// [`required`](ArgumentChange::required) is set.
    pub default: Option<Value>,
    /// Whether it is neither offered nor accepted: the default is sent, or nothing where there is none.
    pub hide: bool,
    /// Whether the caller has to give it. Default: as on the server.
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

    /// Sets the tags of which a tool has to have one.
    #[must_use]
    pub fn with_include_tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.include_tags = Some(set(tags));
        self
    }

    /// Sets the tags of which a tool may have none.
    #[must_use]
    pub fn with_exclude_tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.exclude_tags = set(tags);
        self
    }

    /// Sets how the tool that is called `name` on the server is changed.
    #[must_use]
    pub fn with_tool(mut self, name: impl Into<String>, change: ToolChange) -> Self {
        self.tools.insert(name.into(), change);
        self
    }
}

impl ToolChange {
    /// Sets another name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets another title.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets another description.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets whether it is offered at all.
    #[must_use]
    pub fn with_enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Sets its tags.
    #[must_use]
    pub fn with_tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags = set(tags);
        self
    }

    /// Sets how the argument that is called `name` on the server is changed.
    #[must_use]
    pub fn with_argument(mut self, name: impl Into<String>, change: ArgumentChange) -> Self {
        self.arguments.insert(name.into(), change);
        self
    }
}

impl ArgumentChange {
    /// Sets another name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets another description.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets the value that is sent where the caller gives none.
    #[must_use]
    pub fn with_default(mut self, default: impl Into<Value>) -> Self {
        self.default = Some(default.into());
        self
    }

    /// Sets whether it is neither offered nor accepted.
    #[must_use]
    pub fn with_hide(mut self, hide: bool) -> Self {
        self.hide = hide;
        self
    }

    /// Sets whether the caller has to give it.
    #[must_use]
    pub fn with_required(mut self, required: bool) -> Self {
        self.required = Some(required);
        self
    }
}

fn set<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> BTreeSet<String> {
    texts.into_iter().map(Into::into).collect()
}

use std::sync::Arc;

use mcp_core::{Prompt, Resource, ResourceTemplate, Tool};

use crate::{
    ToolRules,
    app_uri::rewrite_app_uri,
    names::{ItemKind, Names, Origin},
    uri,
};

/// Converts the items of one server into those of the group.
pub(crate) struct Exposure {
    pub(crate) server: Arc<str>,
    pub(crate) rules: ToolRules,
    /// Whether names and URIs are unchanged.
    pub(crate) is_plain: bool,
    pub(crate) names: Arc<Names>,
}

impl Exposure {
    /// The tool as exposed by the group; `None` if it is not offered.
    pub(crate) fn tool(&self, tool: Tool) -> Option<Tool> {
        let origin = self.origin(tool.name.clone());
        let mut tool = self.rules.offer(tool)?;
        tool.name = self.names.give(ItemKind::Tool, origin, &tool.name, self.is_plain)?;
        rewrite_app_uri(&mut tool, |uri| self.listed_uri(uri.to_owned()));
        Some(tool)
    }

    pub(crate) fn prompt(&self, mut prompt: Prompt) -> Option<Prompt> {
        let origin = self.origin(prompt.name);
        let wish = origin.name.clone();
        prompt.name = self.names.give(ItemKind::Prompt, origin, &wish, self.is_plain)?;
        Some(prompt)
    }

    pub(crate) fn resource(&self, mut resource: Resource) -> Option<Resource> {
        resource.uri = self.listed_uri(resource.uri)?;
        Some(resource)
    }

    pub(crate) fn template(&self, mut template: ResourceTemplate) -> Option<ResourceTemplate> {
        template.uri_template = self.listed_uri(template.uri_template)?;
        Some(template)
    }

    /// The URI as exposed by the group.
    pub(crate) fn uri(&self, uri: &str) -> String {
        if self.is_plain {
            return uri.to_owned();
        }
        match self.names.marks_uris() {
            true => uri::expose(&self.server, uri),
            false => {
                let given = self.names.given(ItemKind::Resource, &self.server, uri);
                given.unwrap_or_else(|| uri.to_owned())
            }
        }
    }

    /// The URI or template for a list. A URI that contains its server needs no entry in the table; others do, for
    /// routing.
    fn listed_uri(&self, uri: String) -> Option<String> {
        if self.is_plain || self.names.marks_uris() {
            return Some(self.uri(&uri));
        }
        let origin = self.origin(uri);
        let wish = origin.name.clone();
        self.names.give(ItemKind::Resource, origin, &wish, false)
    }

    fn origin(&self, name: String) -> Origin {
        Origin { server: Arc::clone(&self.server), name }
    }
}

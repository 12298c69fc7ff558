use mcp_core::{
    Cacheable, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    ListToolsResult, MethodResult, Page, Prompt, Resource, ResourceTemplate, ServerCapabilities,
    ServerResult, Tool,
};
use mcp_session::{List, Session};
use serde::Serialize;

use crate::{
    catalog::{Catalog, CatalogList},
    exposure::Exposure,
    list_change::ListChange,
};

/// A kind of list.
pub(crate) trait ListKind: Sized + Send + 'static {
    type Item: Clone + PartialEq + Send + Sync + 'static;
    type Page: MethodResult
        + Page<Item = Self::Item>
        + Cacheable
        + ServerResult
        + Serialize
        + Send
        + 'static;
    const CHANGE: ListChange;

    fn request(session: &Session) -> List<Self::Page>;
    fn is_offered(capabilities: &ServerCapabilities) -> bool;
    fn of(catalog: &Catalog) -> &CatalogList<Self::Item>;
    fn key(item: &Self::Item) -> &str;
    /// The item as exposed by the group; `None` if it is not offered.
    fn expose(exposure: &Exposure, item: Self::Item) -> Option<Self::Item>;
    fn page(items: Vec<Self::Item>, next: Option<String>) -> Self::Page;
}

macro_rules! list_kinds {
    ($($kind:ident: $item:ident in $page:ident by $key:ident, $change:ident, $field:ident,
        $request:ident, $capability:ident, $expose:ident;)+) => { $(
        pub(crate) enum $kind {}

        impl ListKind for $kind {
            type Item = $item;
            type Page = $page;
            const CHANGE: ListChange = ListChange::$change;

            fn request(session: &Session) -> List<$page> {
                session.$request()
            }

            fn is_offered(capabilities: &ServerCapabilities) -> bool {
                capabilities.$capability.is_some()
            }

            fn of(catalog: &Catalog) -> &CatalogList<$item> {
                &catalog.$field
            }

            fn key(item: &$item) -> &str {
                &item.$key
            }

            fn expose(exposure: &Exposure, item: $item) -> Option<$item> {
                exposure.$expose(item)
            }

            fn page(items: Vec<$item>, next: Option<String>) -> $page {
                let mut page = $page::new(items);
                page.next_cursor = next;
                page
            }
        }
    )+ };
}

list_kinds! {
    Tools: Tool in ListToolsResult by name, Tools, tools, list_tools, tools, tool;
    Prompts: Prompt in ListPromptsResult by name, Prompts, prompts, list_prompts, prompts, prompt;
    Resources: Resource in ListResourcesResult by uri, Resources, resources, list_resources,
        resources, resource;
    Templates: ResourceTemplate in ListResourceTemplatesResult by uri_template, Resources,
        templates, list_resource_templates, resources, template;
}

//! Builds a server.

use std::{fmt, num::NonZeroUsize, sync::Arc, time::Duration};

use mcp_core::{
    CacheScope, Cacheable, CompleteRequestParams, DiscoverResult, Era, Implementation,
    ListCapability, Meta, Prompt, ProtocolVersion, RawJson, Resource, ResourceTemplate,
    ResourcesCapability, ResultType, ServerCapabilities, Tool, meta_key,
};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Map;

use crate::{
    IntoCompletion, IntoPrompt, IntoResource, IntoToolResult, ReadRequest, Server,
    call::ErasedHandler,
    catalog::Catalog,
    completion::completion,
    handler::Handler,
    listing::Listing,
    prompt::prompt,
    reply::Stamp,
    resource::{ErasedRead, read},
    template::Template,
    tool::tool,
};

/// Builder of a [`Server`], created by [`Server::builder`].
///
/// Of two tools (or prompts, or resources) of one name, the later replaces the earlier.
#[must_use = "a server is only created by `build`"]
pub struct ServerBuilder {
    info: Implementation,
    instructions: Option<String>,
    versions: Vec<ProtocolVersion>,
    tools: Listing<ErasedHandler>,
    resources: Listing<ErasedRead>,
    templates: Listing<(Option<Template>, ErasedRead)>,
    prompts: Listing<ErasedHandler>,
    completion: Option<ErasedHandler>,
    page_size: usize,
    ttl: Duration,
    cache_scope: CacheScope,
}

impl Server {
    /// A builder for a server of this name.
    pub fn builder(name: impl Into<String>) -> ServerBuilder {
        ServerBuilder {
            info: Implementation::new(name, "0.0.0"),
            instructions: None,
            versions: ProtocolVersion::ALL.into(),
            tools: Listing::default(),
            resources: Listing::default(),
            templates: Listing::default(),
            prompts: Listing::default(),
            completion: None,
            page_size: usize::MAX,
            ttl: Duration::ZERO,
            cache_scope: CacheScope::Private,
        }
    }
}

impl ServerBuilder {
    /// Sets the version of the server itself. Default: `0.0.0`.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.info.version = version.into();
        self
    }

    /// Changes the description of the server itself: a title, icons, a web site.
    pub fn info(mut self, info: impl FnOnce(Implementation) -> Implementation) -> Self {
        self.info = info(self.info);
        self
    }

    /// Sets instructions for models. Default: none.
    pub fn instructions(mut self, instructions: impl Into<String>) -> Self {
        self.instructions = Some(instructions.into());
        self
    }

    /// Sets the supported revisions. Default: all, in both eras.
    pub fn protocol_versions(
        mut self,
        versions: impl IntoIterator<Item = ProtocolVersion>,
    ) -> Self {
        let versions: Vec<_> = versions.into_iter().collect();
        // In one order, whatever the order of the argument.
        self.versions =
            ProtocolVersion::ALL.into_iter().filter(|it| versions.contains(it)).collect();
        self
    }

    /// Sets the number of elements in one page of a list. Default: all of them.
    pub fn page_size(mut self, size: NonZeroUsize) -> Self {
        self.page_size = size.get();
        self
    }

    /// Sets the caching hints of the lists and of `server/discover`: the time to live, in whole milliseconds, and the
    /// scope. Default: no caching.
    ///
    /// Spec: server/utilities/caching
    pub fn cache(mut self, ttl: Duration, scope: CacheScope) -> Self {
        self.ttl = ttl;
        self.cache_scope = scope;
        self
    }

    /// Adds a tool. The schema of its arguments is that of `A`, the argument of `handler`, which returns
    /// an [`IntoToolResult`] and may take a [`Context`](crate::Context) as a second argument.
    ///
    /// Arguments that do not match the schema are an error of the tool, whose text names the member.
    ///
    /// ```
    /// # use mcp_server::{Context, JsonSchema, Server};
    /// #[derive(serde::Deserialize, JsonSchema)]
    /// struct Search {
    ///     /// Words of the title.
    ///     query: String,
    /// }
    ///
    /// let server = Server::builder("Bookshop")
    ///     .tool("search_books", "Search the catalog", |search: Search| async move {
    ///         format!("nothing found for {}", search.query)
    ///     })
    ///     .tool("close", "Close the shop", |_: (), cx: Context| async move {
    ///         cx.progress(1).total(2).message("locking the door").await;
    ///     })
    ///     .build();
    /// ```
    ///
    /// Spec: server/tools
    pub fn tool<A, M, H>(
        self,
        name: impl Into<String>,
        description: impl Into<String>,
        handler: H,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema + Send + 'static,
        H: Handler<A, M>,
        H::Output: IntoToolResult,
    {
        self.tool_with(name, description, |tool| tool, handler)
    }

    /// Adds a [`tool`](Self::tool) with further fields: `describe` receives the tool as it would be listed and returns
    /// the changed one.
    pub fn tool_with<A, M, H>(
        mut self,
        name: impl Into<String>,
        description: impl Into<String>,
        describe: impl FnOnce(Tool) -> Tool,
        handler: H,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema + Send + 'static,
        H: Handler<A, M>,
        H::Output: IntoToolResult,
    {
        let (listed, run) = tool(name.into(), description.into(), handler);
        let modern = describe(listed);
        let mut legacy = modern.clone();
        // Spec: 2025-11-25 server/tools#output-schema: only objects, and strict clients of that revision
        // refuse the whole list for another schema.
        legacy.output_schema = legacy
            .output_schema
            .filter(|schema| schema.get("type").is_some_and(|kind| kind == "object"));
        self.tools.insert(&modern.name, &modern, &legacy, run);
        self
    }

    /// Adds a resource. `handler` returns an [`IntoResource`].
    ///
    /// ```
    /// # use mcp_server::Server;
    /// let server = Server::builder("Bookshop")
    ///     .resource("shop://hours", "Opening hours", |_| async { "9 to 5" })
    ///     .build();
    /// ```
    ///
    /// Spec: server/resources
    pub fn resource<F, Fut>(
        self,
        uri: impl Into<String>,
        name: impl Into<String>,
        handler: F,
    ) -> Self
    where
        F: Fn(ReadRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoResource> + Send + 'static,
    {
        self.resource_with(uri, name, |resource| resource, handler)
    }

    /// Adds a [`resource`](Self::resource) with further fields, such as the MIME type of its contents.
    pub fn resource_with<F, Fut>(
        mut self,
        uri: impl Into<String>,
        name: impl Into<String>,
        describe: impl FnOnce(Resource) -> Resource,
        handler: F,
    ) -> Self
    where
        F: Fn(ReadRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoResource> + Send + 'static,
    {
        let listed = describe(Resource::new(uri, name));
        let run = read(listed.mime_type.clone(), handler);
        self.resources.insert(&listed.uri, &listed, &listed, run);
        self
    }

    /// Adds a resource template. `{id}` in the template matches one or more characters other than `/`, `?` and `#`,
    /// `{+path}` matches any; [`ReadRequest::variable`] returns them. A template with any other expression is listed
    /// but never matches.
    ///
    /// Spec: server/resources#resource-templates
    pub fn resource_template<F, Fut>(
        self,
        template: impl Into<String>,
        name: impl Into<String>,
        handler: F,
    ) -> Self
    where
        F: Fn(ReadRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoResource> + Send + 'static,
    {
        self.resource_template_with(template, name, |template| template, handler)
    }

    /// Adds a [`resource_template`](Self::resource_template) with further fields.
    pub fn resource_template_with<F, Fut>(
        mut self,
        template: impl Into<String>,
        name: impl Into<String>,
        describe: impl FnOnce(ResourceTemplate) -> ResourceTemplate,
        handler: F,
    ) -> Self
    where
        F: Fn(ReadRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoResource> + Send + 'static,
    {
        let listed = describe(ResourceTemplate::new(template, name));
        let run = read(listed.mime_type.clone(), handler);
        let template = Template::parse(&listed.uri_template);
        self.templates.insert(&listed.uri_template, &listed, &listed, (template, run));
        self
    }

    /// Adds a prompt. Its arguments are the members of `A`, the argument of `handler`, all of them
    /// strings; `handler` returns an [`IntoPrompt`] and may take a [`Context`](crate::Context) as a second
    /// argument.
    ///
    /// Spec: server/prompts
    pub fn prompt<A, M, H>(
        self,
        name: impl Into<String>,
        description: impl Into<String>,
        handler: H,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema + Send + 'static,
        H: Handler<A, M>,
        H::Output: IntoPrompt,
    {
        self.prompt_with(name, description, |prompt| prompt, handler)
    }

    /// Adds a [`prompt`](Self::prompt) with further fields, such as the arguments if its handler takes a map.
    pub fn prompt_with<A, M, H>(
        mut self,
        name: impl Into<String>,
        description: impl Into<String>,
        describe: impl FnOnce(Prompt) -> Prompt,
        handler: H,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema + Send + 'static,
        H: Handler<A, M>,
        H::Output: IntoPrompt,
    {
        let (listed, run) = prompt(name.into(), description.into(), describe, handler);
        self.prompts.insert(&listed.name, &listed, &listed, run);
        self
    }

    /// Sets the completion handler for arguments of prompts and templates.
    ///
    /// Spec: server/utilities/completion
    pub fn completion<F, Fut>(mut self, handler: F) -> Self
    where
        F: Fn(CompleteRequestParams) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoCompletion> + Send + 'static,
    {
        self.completion = Some(completion(handler));
        self
    }

    /// Builds the server.
    #[must_use]
    pub fn build(self) -> Server {
        let capabilities = self.capabilities();
        // Revisions in which `server/discover` is used; the others are negotiated with `initialize`.
        let modern = self.versions.iter().filter(|version| version.era() == Era::Modern);
        let modern: Vec<String> = modern.map(ToString::to_string).collect();
        let mut discover = DiscoverResult::new(modern, capabilities.clone())
            .with_result_type(ResultType::Complete)
            .with_meta(Meta::new().with_server_info(self.info.clone()));
        discover.instructions = self.instructions.clone();
        discover.set_cache(self.ttl, self.cache_scope.clone());
        let result = format!(
            "\"resultType\":\"complete\",\"_meta\":{{\"{}\":{}}}",
            meta_key::SERVER_INFO,
            json(&self.info),
        );
        let cache_hints = format!(
            ",\"ttlMs\":{},\"cacheScope\":{}",
            discover.ttl_ms.unwrap_or_default(),
            json(&self.cache_scope),
        );
        let catalog = Catalog {
            discover: RawJson::trusted(json(&discover)),
            stamp: Arc::new(Stamp { info: self.info, result, cache_hints }),
            instructions: self.instructions,
            capabilities,
            versions: self.versions,
            tools: self.tools,
            resources: self.resources,
            templates: self.templates,
            prompts: self.prompts,
            completion: self.completion,
            page_size: self.page_size,
        };
        Server { catalog: Arc::new(catalog), client: Arc::default() }
    }

    /// Everything that was added. Handlers may always log.
    fn capabilities(&self) -> ServerCapabilities {
        let mut capabilities = ServerCapabilities::new().with_logging(Map::new());
        capabilities.tools = (!self.tools.is_empty()).then(ListCapability::new);
        capabilities.prompts = (!self.prompts.is_empty()).then(ListCapability::new);
        let has_resources = !self.resources.is_empty() || !self.templates.is_empty();
        capabilities.resources = has_resources.then(ResourcesCapability::new);
        capabilities.completions = self.completion.is_some().then(Map::new);
        capabilities
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("protocol types are JSON")
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("info", &self.info)
            .field("versions", &self.versions)
            .finish_non_exhaustive()
    }
}

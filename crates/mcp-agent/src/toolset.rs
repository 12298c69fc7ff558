//! Tools of sessions as functions for one model.

mod agent_tool;
mod calls;
mod source;

use std::{collections::HashSet, fmt, future::poll_fn, task::Poll};

use futures_util::future::join_all;
use mcp_core::Tool;
use mcp_session::Session;
use serde_json::Value;

use crate::{
    api::Api,
    apps::Visibility,
    declaration::Declaration,
    error::AgentError,
    names::{Names, Origin},
    output::OutputLimits,
};
pub use agent_tool::AgentTool;
use source::Source;

/// The tools of one session or several as functions that a model can call.
///
/// A function has the name of its tool if every API accepts that: up to 64 of `A-Z a-z 0-9 _ -`,
/// beginning with a letter or an underscore. Other names, and the name of a second tool of the same name,
/// are changed and end with a checksum. A name refers to the same tool for the life of the toolset.
///
/// ```
/// use mcp_agent::{AgentError, Api, Toolset};
/// use mcp_session::Session;
/// use serde_json::{Value, json};
///
/// # async fn respond(_: &Value) -> Value { Value::Null }
/// # async fn run(files: Session, web: Session) -> Result<(), AgentError> {
/// let mut tools = Toolset::new(Api::Anthropic);
/// tools.add(&files).await?;
/// tools.add_as("web", &web).await?; // web_search, web_fetch
///
/// let mut messages = vec![json!({"role": "user", "content": "What is new?"})];
/// loop {
///     tools.refresh().await?;
///     let request = json!({"messages": messages, "tools": tools.declarations()});
///     let reply = respond(&request).await;
///     let calls = tools.tool_calls(&reply)?;
///     messages.push(json!({"role": "assistant", "content": reply["content"]}));
///     if calls.is_empty() {
///         break;
///     }
///     let outputs = tools.run_all(&calls).await;
///     messages.extend(tools.messages(&outputs));
/// }
/// # Ok(()) }
/// ```
#[doc(alias = "function calling")]
#[doc(alias = "tool use")]
pub struct Toolset {
    api: Api,
    limits: OutputLimits,
    may_be_strict: bool,
    filter: Option<Filter>,
    names: Names,
    sources: Vec<Source>,
}

type Filter = Box<dyn Fn(&Tool) -> bool + Send + Sync>;

impl Toolset {
    /// An empty toolset.
    pub fn new(api: Api) -> Self {
        let limits = OutputLimits::default();
        let (names, sources) = (Names::default(), Vec::new());
        Self { api, limits, may_be_strict: true, filter: None, names, sources }
    }

    /// Sets the limits on results. Default: [`OutputLimits::new`].
    #[must_use]
    pub fn with_limits(mut self, limits: OutputLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets whether functions are strict where the API has strict functions and the schema allows it.
    /// Default: yes. Other services with the API of OpenAI, and fine-tuned models, may not support it.
    /// Concerns tools that are listed afterwards.
    #[must_use]
    pub fn with_strict(mut self, strict: bool) -> Self {
        self.may_be_strict = strict;
        self
    }

    /// Sets which tools are declared. Tools for apps alone never are. Default: all. Concerns tools that are
    /// listed afterwards.
    ///
    /// ```
    /// use mcp_agent::{Api, Toolset};
    ///
    /// let tools = Toolset::new(Api::Gemini).with_filter(|tool| tool.hints().is_read_only());
    /// ```
    #[must_use]
    pub fn with_filter(mut self, filter: impl Fn(&Tool) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Some(Box::new(filter));
        self
    }

    /// Adds the tools of a session, and subscribes to their changes where the server reports changes. Nothing
    /// is added if the future is dropped.
    ///
    /// # Errors
    /// Kind [`Call`](crate::AgentErrorKind::Call) when the tools cannot be listed. Nothing is added then.
    pub async fn add(&mut self, session: &Session) -> Result<(), AgentError> {
        self.insert(Source::new(session.clone(), None)).await
    }

    /// The same, with a label and an underscore as the prefix of each name.
    ///
    /// # Errors
    /// As with [`add`](Self::add).
    pub async fn add_as(&mut self, label: &str, session: &Session) -> Result<(), AgentError> {
        self.insert(Source::new(session.clone(), Some(label.to_owned()))).await
    }

    /// Lists the tools of the servers that have reported a change, and returns whether the declarations changed. Sends
    /// nothing to other servers. Call it before each request to the model. Cancel safe.
    ///
    /// # Errors
    /// Kind [`Call`](crate::AgentErrorKind::Call) when tools cannot be listed: those of that session stay
    /// unchanged until the next refresh. Those of the other sessions are up to date.
    pub async fn refresh(&mut self) -> Result<bool, AgentError> {
        let mut has_changed = false;
        let mut failed = None;
        let listed = join_all(self.sources.iter_mut().map(Source::list)).await;
        for (number, listed) in listed.into_iter().enumerate() {
            match listed {
                Ok(Some(tools)) => has_changed |= self.set(number, tools),
                Ok(None) => {}
                Err(error) => drop(failed.get_or_insert(error)),
            }
        }
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(has_changed),
        }
    }

    /// Lists all tools, also those of servers that do not report changes. Cancel safe.
    ///
    /// # Errors
    /// As with [`refresh`](Self::refresh).
    pub async fn reload(&mut self) -> Result<bool, AgentError> {
        self.sources.iter_mut().for_each(|source| source.is_stale = true);
        self.refresh().await
    }

    /// Waits until a server reports a change of its tools, for the next [`refresh`](Self::refresh). Never completes if
    /// no server reports changes. Cancel safe.
    pub async fn changed(&mut self) {
        poll_fn(|cx| {
            // Polls all of them, so that each can wake this task.
            let ready = self
                .sources
                .iter_mut()
                .filter_map(|source| source.poll_changed(cx).is_ready().then_some(()));
            match ready.count() {
                0 => Poll::Pending,
                _ => Poll::Ready(()),
            }
        })
        .await;
    }

    /// The API of the model.
    pub fn api(&self) -> Api {
        self.api
    }

    /// The value of the member `tools` of a request to the model.
    pub fn declarations(&self) -> Value {
        self.api.tools(self.tools().map(AgentTool::declaration))
    }

    /// The declared tools, in the order of the sessions and of their lists.
    pub fn tools(&self) -> impl Iterator<Item = &AgentTool> {
        self.sources.iter().flat_map(|source| &source.tools)
    }

    /// A tool by the name of its function.
    pub fn get(&self, name: &str) -> Option<&AgentTool> {
        let origin = self.names.origin(name)?;
        let tools = &self.sources.get(origin.session)?.tools;
        tools.iter().find(|tool| tool.tool.name == origin.tool)
    }

    async fn insert(&mut self, mut source: Source) -> Result<(), AgentError> {
        let tools = source.list().await?.unwrap_or_default();
        self.sources.push(source);
        self.set(self.sources.len() - 1, tools);
        Ok(())
    }

    /// Declares the listed tools of a session, and returns whether the declarations changed.
    fn set(&mut self, number: usize, listed: Vec<Tool>) -> bool {
        let source = &mut self.sources[number];
        let mut seen = HashSet::new();
        let mut tools = Vec::new();
        for tool in listed {
            let is_wanted = Visibility::of(&tool).model
                && self.filter.as_ref().is_none_or(|filter| filter(&tool));
            if !is_wanted || !seen.insert(tool.name.clone()) {
                continue;
            }
            let origin = Origin { session: number, tool: tool.name.clone() };
            let Some(name) = self.names.give(&origin, source.label.as_deref()) else {
                let server = source.session.name();
                tracing::warn!(server, tool = tool.name, "too many names of tools: left out");
                continue;
            };
            let declaration = Declaration::with_strict(self.api, name, &tool, self.may_be_strict);
            tools.push(AgentTool { declaration, tool, session: source.session.clone() });
        }
        let has_changed =
            !tools.iter().map(AgentTool::json).eq(source.tools.iter().map(AgentTool::json));
        source.set(tools);
        has_changed
    }
}

impl fmt::Debug for Toolset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Toolset")
            .field("api", &self.api)
            .field("tools", &self.tools().map(AgentTool::name).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

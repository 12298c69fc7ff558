//! The tools of sessions as the functions of one model.

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

/// The tools of one session, or of several, as the functions that a model may call.
///
/// Names are those of the tools, as far as the APIs accept them: up to 64 of `A-Z a-z 0-9 _ -`, with a
/// letter or an underscore at the start. Others, and those of a second tool of the same name, end with a
/// checksum. A name stands for the same tool as long as the toolset lives.
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
    /// No tools yet.
    pub fn new(api: Api) -> Self {
        let limits = OutputLimits::default();
        let (names, sources) = (Names::default(), Vec::new());
        Self { api, limits, may_be_strict: true, filter: None, names, sources }
    }

    /// Sets how much of a result the model gets. Default: that of [`OutputLimits`].
    #[must_use]
    pub fn with_limits(mut self, limits: OutputLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets whether functions are strict where the API knows that and the schema allows it. Default: they are.
    /// Services with the API of OpenAI, and fine-tuned models, may not know it. Tools that are added
    /// already are declared otherwise with the next [`reload`](Self::reload).
    #[must_use]
    pub fn with_strict(mut self, strict: bool) -> Self {
        self.may_be_strict = strict;
        self
    }

    /// Sets which tools the model sees, of those that are not for apps alone. Default: all.
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

    /// Adds the tools of a session, and follows their changes where the server reports them.
    ///
    /// # Errors
    /// Kind [`Call`](crate::AgentErrorKind::Call) when the tools cannot be listed. None is added then.
    pub async fn add(&mut self, session: &Session) -> Result<(), AgentError> {
        self.insert(Source::new(session.clone(), None)).await
    }

    /// The same, with a label and an underscore in front of each name.
    ///
    /// # Errors
    /// As with [`add`](Self::add).
    pub async fn add_as(&mut self, label: &str, session: &Session) -> Result<(), AgentError> {
        self.insert(Source::new(session.clone(), Some(label.to_owned()))).await
    }

    /// Lists those tools that have changed, as far as servers report it, and says whether the declarations
    /// are others now. Nothing is sent where nothing was reported. Worth a call before each request to the
    /// model.
    ///
    /// # Errors
    /// Kind [`Call`](crate::AgentErrorKind::Call) when tools cannot be listed: those of that session stay as
    /// they were, and are listed by the next refresh. Those of the other sessions are up to date.
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

    /// Lists all tools, whether servers report changes or not.
    ///
    /// # Errors
    /// As with [`refresh`](Self::refresh).
    pub async fn reload(&mut self) -> Result<bool, AgentError> {
        self.sources.iter_mut().for_each(|source| source.is_stale = true);
        self.refresh().await
    }

    /// Waits until a server reports that its tools have changed, for the next [`refresh`](Self::refresh).
    /// For ever, where no server reports changes. Cancel safe.
    pub async fn changed(&mut self) {
        poll_fn(|cx| {
            // All of them, so that each wakes this task.
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

    /// What the `tools` member of a request to the model holds.
    pub fn declarations(&self) -> Value {
        self.api.tools(self.tools().map(AgentTool::declaration))
    }

    /// The tools that the model sees, in the order of the sessions and of their lists.
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

    /// Declares the tools of a session, and says whether these are others than before.
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
        let json = |tools: &[AgentTool]| -> Vec<Value> {
            tools.iter().map(|tool| tool.declaration.json().clone()).collect()
        };
        let has_changed = json(&tools) != json(&source.tools);
        source.tools = tools;
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

//! A configuration: its servers and its problems.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::document::Document;
use crate::error::{Finding, Problem};
use crate::expansion::Expansion;
use crate::lines::Lines;
use crate::manner::Manner;
use crate::{Application, Dialect, Input, Server, Variables, expand, path};

/// A document that lists MCP servers.
///
/// Reading fails only if the document is not valid JSON, TOML or YAML, or lists no servers at all. An invalid entry is
/// reported in [`problems`](Self::problems), and the other servers are still read.
///
/// ```
/// use mcp_config::{McpConfig, Target, Variables};
///
/// let config = McpConfig::from_str(
///     r#"{
///         // comments and trailing commas are allowed
///         "mcpServers": {
///             "time": { "command": "uvx", "args": ["mcp-server-time"] },
///             "docs": { "type": "http", "url": "${DOCS_URL:-https://example.com/mcp}" },
///         },
///     }"#,
/// )?;
/// let expanded = config.expand(&Variables::new(|_| None));
/// let Target::Remote(docs) = &expanded.server("docs").ok_or("no docs")?.target else {
///     return Err("docs is no URL".into());
/// };
/// assert_eq!(docs.url, "https://example.com/mcp");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct McpConfig {
    pub(crate) document: Document,
    pub(crate) file: Option<PathBuf>,
    /// The text on disk when it was read or written.
    pub(crate) on_disk: Option<String>,
    pub(crate) container: Vec<String>,
    pub(crate) manner: Manner,
    pub(crate) servers: Vec<(String, Server)>,
    pub(crate) inputs: Vec<Input>,
    pub(crate) problems: Vec<Problem>,
    /// Computed only if there is a problem.
    pub(crate) lines: OnceLock<Lines>,
}

/// The servers of a configuration with all references expanded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Expanded {
    /// The servers to connect, in document order, without disabled and invalid ones.
    pub servers: Vec<(String, Server)>,
    /// All problems: those of the configuration, and those of references that could not be expanded.
    pub problems: Vec<Problem>,
}

impl Expanded {
    /// One server whose references are already expanded.
    #[must_use]
    pub fn of(name: impl Into<String>, server: Server) -> Self {
        Self { servers: vec![(name.into(), server)], problems: Vec::new() }
    }

    /// The server of this name.
    #[must_use]
    pub fn server(&self, name: &str) -> Option<&Server> {
        self.servers.iter().find(|(it, _)| it == name).map(|(_, server)| server)
    }
}

impl McpConfig {
    /// The servers in document order, with references as written. Includes disabled servers, excludes invalid ones.
    pub fn servers(&self) -> impl ExactSizeIterator<Item = (&str, &Server)> {
        self.servers.iter().map(|(name, server)| (name.as_str(), server))
    }

    /// The server of that name.
    #[must_use]
    pub fn server(&self, name: &str) -> Option<&Server> {
        self.servers.iter().find(|(it, _)| it == name).map(|(_, server)| server)
    }

    /// Problems of single entries.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Values to ask the user for: `inputs`.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The shape of the document.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.manner.dialect
    }

    /// The application that the document belongs to, if its file, its shape or its fields identify one. Determines the
    /// unit of `timeout` and which references are expanded.
    #[must_use]
    pub fn application(&self) -> Option<Application> {
        self.manner.application
    }

    /// The file it was read from or last written to.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The text of the document, including edits.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.document.text
    }

    /// Expands all references. The configuration itself does not change.
    ///
    /// Leaves out disabled servers, and servers with a variable that has no value: a [`Problem`] names the server, the
    /// field and the variable.
    #[must_use]
    pub fn expand(&self, variables: &Variables<'_>) -> Expanded {
        let enabled = self.servers.iter().filter(|(_, server)| !server.disabled);
        self.expand_these(enabled, self.problems.clone(), variables)
    }

    /// Expands the references of one server, even a disabled one. References of other servers are not expanded, so that
    /// no input is requested that this server does not need.
    ///
    /// The result is empty if there is no server of this name; for an invalid server it has its problems.
    #[must_use]
    pub fn expand_server(&self, name: &str, variables: &Variables<'_>) -> Expanded {
        let named = self.servers.iter().filter(|(it, _)| it == name);
        let problems = self.problems.iter().filter(|it| it.server.as_deref() == Some(name));
        self.expand_these(named, problems.cloned().collect(), variables)
    }

    fn expand_these<'s>(
        &self,
        servers: impl Iterator<Item = &'s (String, Server)>,
        problems: Vec<Problem>,
        variables: &Variables<'_>,
    ) -> Expanded {
        let expansion = Expansion::new(variables, &self.inputs, self.manner.syntax());
        let container = path::Path::to(&self.container);
        let mut expanded = Expanded { servers: Vec::new(), problems };
        for (name, server) in servers {
            let mut findings = Vec::new();
            let path = container.key(name);
            let filled = expand::server(server, self.manner, &expansion, path, &mut findings);
            expanded.servers.extend(filled.map(|server| (name.clone(), server)));
            let problems = findings.into_iter().map(|finding| self.problem(Some(name), finding));
            expanded.problems.extend(problems);
        }
        expanded
    }

    /// Adds the problems of an entry, or of the whole document.
    pub(crate) fn report(&mut self, server: Option<&str>, findings: Vec<Finding>) {
        for finding in findings {
            let problem = self.problem(server, finding);
            self.problems.push(problem);
        }
    }

    fn problem(&self, server: Option<&str>, finding: Finding) -> Problem {
        let lines = self.lines.get_or_init(|| self.document.lines(&self.container));
        Problem {
            kind: finding.kind,
            server: server.map(str::to_owned),
            path: finding.path.to_string(),
            file: self.file.clone(),
            line: Some(lines.line(&finding.path)),
            message: finding.message,
        }
    }
}

impl fmt::Debug for McpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpConfig")
            .field("file", &self.file)
            .field("dialect", &self.manner.dialect)
            .field("application", &self.manner.application)
            .field("servers", &self.servers)
            .field("problems", &self.problems)
            .finish_non_exhaustive()
    }
}

//! Writing style of a document: field names and time units of its entries.

use std::time::Duration;

use crate::application::{MILLISECOND, SECOND, Syntax};
use crate::{Application, Dialect};

/// Writing style of a document's entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) dialect: Dialect,
    /// The application that wrote the document, if known.
    pub(crate) application: Option<Application>,
    /// The field name of a URL: `url`, or the one that the other entries use.
    pub(crate) url: &'static str,
}

/// The field names of an entry.
pub(crate) struct Words {
    pub(crate) command: &'static str,
    pub(crate) env: &'static str,
    pub(crate) pass_env: &'static str,
    pub(crate) headers: &'static str,
    pub(crate) include_tools: &'static str,
    pub(crate) exclude_tools: &'static str,
    pub(crate) always_allow: &'static str,
    pub(crate) startup: (&'static str, Duration),
}

impl Manner {
    pub(crate) fn new(dialect: Dialect) -> Self {
        let application = dialect_of_one(dialect);
        let url = application.map_or("url", url_field);
        Self { dialect, application, url }
    }

    pub(crate) fn of(application: Application) -> Self {
        let dialect = application.dialect();
        Self { dialect, application: Some(application), url: url_field(application) }
    }

    pub(crate) fn syntax(self) -> Syntax {
        self.application.map(Application::syntax).unwrap_or_default()
    }

    /// The unit of `timeout`, if it is known.
    pub(crate) fn timeout_unit(self) -> Option<Duration> {
        self.application.and_then(Application::timeout_unit)
    }

    /// Whether the application is one of these.
    pub(crate) fn is(self, applications: &[Application]) -> bool {
        self.application.is_some_and(|it| applications.contains(&it))
    }

    /// The field name and unit for writing a request timeout.
    pub(crate) fn timeout(self, time: Duration) -> (&'static str, Duration) {
        match self.timeout_unit() {
            _ if self.dialect == Dialect::Codex => ("tool_timeout_sec", SECOND),
            Some(unit) => ("timeout", unit),
            // With an unknown unit, a small number would be read as seconds.
            None if time < SECOND => ("timeoutMs", MILLISECOND),
            None => ("timeout", MILLISECOND),
        }
    }

    pub(crate) fn words(self) -> Words {
        use Application::{
            CherryStudio, Cline, Codex, Crush, Goose, Kiro, OpenCode, RooCode, Windsurf,
        };
        let is_goose = self.is(&[Goose]);
        let is_snake = self.is(&[Codex, Crush]);
        Words {
            command: if is_goose { "cmd" } else { "command" },
            env: match self.application {
                Some(Goose) => "envs",
                Some(OpenCode) => "environment",
                _ => "env",
            },
            pass_env: if is_goose { "env_keys" } else { "env_vars" },
            headers: if self.is(&[Codex]) { "http_headers" } else { "headers" },
            include_tools: match self.application {
                Some(Goose) => "available_tools",
                _ if is_snake => "enabled_tools",
                _ => "includeTools",
            },
            exclude_tools: match self.application {
                Some(Windsurf | RooCode | Kiro | CherryStudio) => "disabledTools",
                _ if is_snake => "disabled_tools",
                _ => "excludeTools",
            },
            always_allow: if self.is(&[Cline, Kiro]) { "autoApprove" } else { "alwaysAllow" },
            startup: match self.application {
                Some(Application::Hermes) => ("connect_timeout", SECOND),
                Some(Application::Continue) => ("connectionTimeout", MILLISECOND),
                Some(Application::Qwen) => ("discoveryTimeoutMs", MILLISECOND),
                _ => ("startup_timeout_sec", SECOND),
            },
        }
    }
}

/// The application of a dialect that only one application uses.
fn dialect_of_one(dialect: Dialect) -> Option<Application> {
    Some(match dialect {
        Dialect::McpServers | Dialect::Bare => return None,
        Dialect::VsCode => Application::VsCode,
        Dialect::Zed => Application::Zed,
        Dialect::Codex => Application::Codex,
        Dialect::Goose => Application::Goose,
        Dialect::OpenCode => Application::OpenCode,
        Dialect::Amp => Application::Amp,
        Dialect::Crush => Application::Crush,
        Dialect::Hermes => Application::Hermes,
        Dialect::Continue => Application::Continue,
    })
}

fn url_field(application: Application) -> &'static str {
    match application {
        Application::Gemini | Application::Qwen => "httpUrl",
        Application::Windsurf => "serverUrl",
        Application::Goose => "uri",
        Application::CherryStudio => "baseUrl",
        _ => "url",
    }
}

//! Supported applications, with the particulars of their files.

use std::time::Duration;

use crate::Dialect;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);

/// The application that a file belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Application {
    /// `.mcp.json` and `mcp.json`, which several applications read.
    Shared,
    /// Claude Desktop.
    ClaudeDesktop,
    /// Claude Code.
    ClaudeCode,
    /// Cursor.
    Cursor,
    /// Visual Studio Code.
    VsCode,
    /// Windsurf.
    Windsurf,
    /// Gemini CLI.
    Gemini,
    /// Codex.
    Codex,
    /// Goose.
    Goose,
    /// Zed.
    Zed,
    /// Amp.
    Amp,
    /// Cherry Studio.
    CherryStudio,
    /// Cline.
    Cline,
    /// Continue.
    Continue,
    /// GitHub Copilot CLI.
    CopilotCli,
    /// Crush.
    Crush,
    /// Hermes Agent.
    Hermes,
    /// Junie.
    Junie,
    /// Kiro.
    Kiro,
    /// LM Studio.
    LmStudio,
    /// OpenCode.
    OpenCode,
    /// Qwen Code.
    Qwen,
    /// Roo Code.
    RooCode,
    /// Warp.
    Warp,
}

/// Reference syntaxes that an application expands in addition to `${NAME}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Syntax {
    /// `$NAME`.
    pub(crate) dollar: bool,
    /// `{env:NAME}`.
    pub(crate) braces: bool,
    /// `%NAME%`.
    pub(crate) percent: bool,
}

impl Application {
    /// The name, in the vendor's spelling.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shared => "several applications",
            Self::ClaudeDesktop => "Claude Desktop",
            Self::ClaudeCode => "Claude Code",
            Self::Cursor => "Cursor",
            Self::VsCode => "VS Code",
            Self::Windsurf => "Windsurf",
            Self::Gemini => "Gemini CLI",
            Self::Codex => "Codex",
            Self::Goose => "Goose",
            Self::Zed => "Zed",
            Self::Amp => "Amp",
            Self::CherryStudio => "Cherry Studio",
            Self::Cline => "Cline",
            Self::Continue => "Continue",
            Self::CopilotCli => "Copilot CLI",
            Self::Crush => "Crush",
            Self::Hermes => "Hermes",
            Self::Junie => "Junie",
            Self::Kiro => "Kiro",
            Self::LmStudio => "LM Studio",
            Self::OpenCode => "OpenCode",
            Self::Qwen => "Qwen Code",
            Self::RooCode => "Roo Code",
            Self::Warp => "Warp",
        }
    }

    /// The shape of its documents.
    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::VsCode => Dialect::VsCode,
            Self::Zed => Dialect::Zed,
            Self::Codex => Dialect::Codex,
            Self::Goose => Dialect::Goose,
            Self::OpenCode => Dialect::OpenCode,
            Self::Amp => Dialect::Amp,
            Self::Crush => Dialect::Crush,
            Self::Hermes => Dialect::Hermes,
            Self::Continue => Dialect::Continue,
            _ => Dialect::McpServers,
        }
    }

    /// The unit of its `timeout`, if it has such a field.
    pub(crate) fn timeout_unit(self) -> Option<Duration> {
        match self {
            Self::Cline
            | Self::RooCode
            | Self::Hermes
            | Self::CherryStudio
            | Self::Goose
            | Self::Crush
            | Self::Zed => Some(SECOND),
            Self::ClaudeCode
            | Self::Gemini
            | Self::Qwen
            | Self::CopilotCli
            | Self::OpenCode
            | Self::LmStudio
            | Self::Kiro
            | Self::Continue => Some(MILLISECOND),
            _ => None,
        }
    }

    /// The references it expands in addition to `${NAME}`.
    pub(crate) fn syntax(self) -> Syntax {
        match self {
            Self::Gemini | Self::Qwen => {
                Syntax { dollar: true, percent: cfg!(windows), braces: false }
            }
            Self::Crush => Syntax { dollar: true, ..Syntax::default() },
            Self::OpenCode => Syntax { braces: true, ..Syntax::default() },
            _ => Syntax::default(),
        }
    }
}

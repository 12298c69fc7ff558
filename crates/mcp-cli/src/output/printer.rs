//! Writes results to stdout, in one of several formats.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::escape;

const BOLD: Style = Style::new().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();
const DIM: Style = Style::new().dimmed();
/// Default width without a terminal.
const DEFAULT_WIDTH: usize = 80;

/// Format of the results.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// Readable text.
    #[default]
    Human,
    /// One JSON document.
    Json,
    /// One JSON value per line.
    JsonLines,
    /// The result as received from the server.
    Raw,
}

/// Options for the format.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputOptions {
    /// Write one JSON document
    #[arg(long, global = true, conflicts_with_all = ["jsonl", "raw"])]
    json: bool,
    /// Write one JSON value per line
    #[arg(long, global = true, conflicts_with = "raw")]
    jsonl: bool,
    /// Write the result as received from the server
    #[arg(long, global = true)]
    raw: bool,
}

impl OutputOptions {
    pub(crate) fn format(self) -> Format {
        match self {
            Self { json: true, .. } => Format::Json,
            Self { jsonl: true, .. } => Format::JsonLines,
            Self { raw: true, .. } => Format::Raw,
            _ => Format::Human,
        }
    }
}

/// Writes results to stdout.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    pub(crate) format: Format,
    /// Whether stdout is a terminal.
    pub(crate) is_terminal: bool,
}

impl Printer {
    pub(crate) fn new(options: OutputOptions) -> Self {
        Self { format: options.format(), is_terminal: io::stdout().is_terminal() }
    }

    /// For commands without results.
    pub(crate) fn quiet() -> Self {
        Self { format: Format::Human, is_terminal: false }
    }

    pub(crate) fn is_human(self) -> bool {
        self.format == Format::Human
    }

    /// Width of the terminal in columns; `COLUMNS` overrides it.
    pub(crate) fn width(self) -> usize {
        let variable = || std::env::var("COLUMNS").ok()?.parse().ok();
        let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let width = variable().or_else(|| terminal().filter(|_| self.is_terminal));
        width.filter(|it| *it > 0).unwrap_or(DEFAULT_WIDTH)
    }

    /// Writes a line. Styles are removed if stdout does not support them.
    pub(crate) fn line(self, text: &str) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.write_all(b"\n")
    }

    /// Writes a text of a server unchanged. At a terminal, control characters are escaped and a line break is appended.
    pub(crate) fn text(self, text: &str) -> io::Result<()> {
        let shown = match self.is_terminal {
            true => escape::block(text),
            false => text.into(),
        };
        let mut out = io::stdout().lock();
        out.write_all(shown.as_bytes())?;
        if !text.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// Writes bytes unchanged.
    pub(crate) fn bytes(self, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }

    /// Writes a JSON document: in one line with `--jsonl`, otherwise indented.
    pub(crate) fn json(self, value: &impl Serialize) -> io::Result<()> {
        let text = match self.format {
            Format::JsonLines => serde_json::to_string(value)?,
            _ => serde_json::to_string_pretty(value)?,
        };
        let mut out = io::stdout().lock();
        writeln!(out, "{}", escape::json(&text))?;
        out.flush()
    }
}

/// `error:` in the style of the errors of the command line.
pub(crate) fn error_label() -> String {
    format!("{ERROR}error:{ERROR:#}")
}

/// Bold text.
pub(crate) fn bold(text: &str) -> String {
    format!("{BOLD}{text}{BOLD:#}")
}

/// Dimmed text.
pub(crate) fn dim(text: &str) -> String {
    format!("{DIM}{text}{DIM:#}")
}

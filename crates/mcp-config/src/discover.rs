//! The files in which known applications keep their servers.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::{Dialect, McpConfig};

/// The application whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Application {
    /// `./.mcp.json` and `./mcp.json`, which several applications read.
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
}

/// For whom a file counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Scope {
    /// Everyone who works in the folder.
    Workspace,
    /// The user, in this folder.
    Local,
    /// The user, everywhere.
    User,
}

/// A place where servers may be named: a file, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Location {
    /// Whose file it is.
    pub application: Application,
    /// For whom it counts.
    pub scope: Scope,
    /// The file.
    pub path: PathBuf,
    pub(crate) dialect: Dialect,
    pub(crate) container: Vec<String>,
    pub(crate) url: &'static str,
}

/// What was found at a well-known place.
#[derive(Debug)]
#[non_exhaustive]
pub struct Discovered {
    /// Where it was found.
    pub source: Location,
    /// What it says, or why it cannot be read. It may name no servers.
    pub config: Result<McpConfig, Error>,
}

/// An operating system, as far as places of files go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Os {
    /// Linux, and all others that keep settings in `~/.config`.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

/// The folders of a user, from which the well-known places follow.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Folders {
    /// Whose habits they follow.
    pub os: Os,
    /// The user's own folder.
    pub home: Option<PathBuf>,
    /// Windows: `%APPDATA%`; `AppData/Roaming` in the user's folder if it is not known.
    pub app_data: Option<PathBuf>,
    /// Linux: `$XDG_CONFIG_HOME`; `.config` in the user's folder if it is not known.
    pub config: Option<PathBuf>,
    /// The folder that is worked in.
    pub workspace: Option<PathBuf>,
}

impl Folders {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let os = if cfg!(windows) {
            Os::Windows
        } else if cfg!(target_os = "macos") {
            Os::MacOs
        } else {
            Os::Linux
        };
        let variable =
            |name| std::env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
        Self {
            os,
            home: std::env::home_dir().filter(|it| it.is_absolute()),
            app_data: variable("APPDATA"),
            config: variable("XDG_CONFIG_HOME"),
            workspace: std::env::current_dir().ok(),
        }
    }

    /// With this home and this folder to work in.
    #[must_use]
    pub fn new(os: Os, home: impl Into<PathBuf>, workspace: impl Into<PathBuf>) -> Self {
        let (home, workspace) = (Some(home.into()), Some(workspace.into()));
        Self { os, home, app_data: None, config: None, workspace }
    }

    /// Sets `%APPDATA%`.
    #[must_use]
    pub fn app_data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.app_data = Some(folder.into());
        self
    }

    /// All well-known places, whether there is a file or not: the nearest to the work first.
    #[must_use]
    pub fn locations(&self) -> Vec<Location> {
        use Application::{ClaudeCode, ClaudeDesktop, Codex, Cursor, Gemini, Goose, Shared};
        use Application::{VsCode, Windsurf, Zed};
        let mut found = Vec::new();
        let mut add = |application, scope, folder: &Option<PathBuf>, parts: &[&str]| {
            found.extend(
                folder
                    .as_ref()
                    .map(|folder| Location::new(application, scope, join(folder, parts))),
            );
        };
        let work = &self.workspace;
        add(Shared, Scope::Workspace, work, &[".mcp.json"]);
        add(Shared, Scope::Workspace, work, &["mcp.json"]);
        add(Cursor, Scope::Workspace, work, &[".cursor", "mcp.json"]);
        add(VsCode, Scope::Workspace, work, &[".vscode", "mcp.json"]);
        add(Gemini, Scope::Workspace, work, &[".gemini", "settings.json"]);
        add(Codex, Scope::Workspace, work, &[".codex", "config.toml"]);
        add(Zed, Scope::Workspace, work, &[".zed", "settings.json"]);
        let home = &self.home;
        add(ClaudeCode, Scope::Local, home, &[".claude.json"]);
        let settings = self.settings();
        add(ClaudeDesktop, Scope::User, &settings, &["Claude", "claude_desktop_config.json"]);
        add(ClaudeCode, Scope::User, home, &[".claude.json"]);
        add(Cursor, Scope::User, home, &[".cursor", "mcp.json"]);
        add(VsCode, Scope::User, &settings, &["Code", "User", "mcp.json"]);
        add(VsCode, Scope::User, &settings, &["Code", "User", "settings.json"]);
        add(Windsurf, Scope::User, home, &[".codeium", "windsurf", "mcp_config.json"]);
        add(Gemini, Scope::User, home, &[".gemini", "settings.json"]);
        add(Codex, Scope::User, home, &[".codex", "config.toml"]);
        match self.os {
            Os::Windows => {
                add(Goose, Scope::User, &settings, &["Block", "goose", "config", "config.yaml"]);
                add(Zed, Scope::User, &settings, &["Zed", "settings.json"]);
            }
            Os::MacOs | Os::Linux => {
                let config = self.dot_config();
                add(Goose, Scope::User, &config, &["goose", "config.yaml"]);
                add(Zed, Scope::User, &config, &["zed", "settings.json"]);
            }
        }
        for location in &mut found {
            location.settle(self.workspace.as_deref());
        }
        found
    }

    /// Where applications with windows keep their settings.
    fn settings(&self) -> Option<PathBuf> {
        let home = |parts: &[&str]| self.home.as_deref().map(|home| join(home, parts));
        match self.os {
            Os::Linux => self.dot_config(),
            Os::MacOs => home(&["Library", "Application Support"]),
            Os::Windows => self.app_data.clone().or_else(|| home(&["AppData", "Roaming"])),
        }
    }

    fn dot_config(&self) -> Option<PathBuf> {
        let told = self.config.clone().filter(|_| self.os == Os::Linux);
        told.or_else(|| self.home.as_deref().map(|home| home.join(".config")))
    }
}

impl Location {
    fn new(application: Application, scope: Scope, path: PathBuf) -> Self {
        let dialect = match application {
            Application::VsCode => Dialect::VsCode,
            Application::Zed => Dialect::Zed,
            Application::Codex => Dialect::Codex,
            Application::Goose => Dialect::Goose,
            _ => Dialect::McpServers,
        };
        let url = match application {
            Application::Gemini => "httpUrl",
            Application::Windsurf => "serverUrl",
            _ => "url",
        };
        Self { application, scope, path, dialect, container: dialect.container(), url }
    }

    /// Puts the keys right that lead to the servers of a file with other things in it.
    fn settle(&mut self, workspace: Option<&Path>) {
        let keys: Vec<String> = match (self.application, self.scope) {
            (Application::ClaudeCode, Scope::Local) => {
                let folder = workspace.unwrap_or(Path::new(".")).to_string_lossy().into_owned();
                vec!["projects".to_owned(), folder, "mcpServers".to_owned()]
            }
            (Application::VsCode, _) if self.path.ends_with("settings.json") => {
                vec!["mcp".to_owned(), "servers".to_owned()]
            }
            _ => return,
        };
        self.container = keys;
    }

    /// Whether the servers can be nowhere else in the file.
    pub(crate) fn is_certain(&self) -> bool {
        self.container.len() > 1 || !matches!(self.application, Application::Shared)
    }

    /// Reads it. A file that names no servers yet is an empty configuration, to which they can be
    /// added; they are written in the dialect of the application.
    ///
    /// # Errors
    /// Those of [`McpConfig::from_file`].
    pub fn read(&self) -> Result<McpConfig, Error> {
        McpConfig::load(&self.path, Some(self))
    }
}

impl McpConfig {
    /// Reads all well-known files that there are, each with its source: the nearest to the work first.
    ///
    /// Parts of a file that name no servers are left out when they belong to a single folder or to the
    /// settings of an editor. Nothing is merged: a name may come up several times.
    #[must_use]
    pub fn discover() -> Vec<Discovered> {
        Self::discover_in(&Folders::of_process())
    }

    /// The same for other folders than those of this process.
    #[must_use]
    pub fn discover_in(folders: &Folders) -> Vec<Discovered> {
        let there = folders.locations().into_iter().filter(|source| source.path.is_file());
        let read = there.map(|source| Discovered { config: source.read(), source });
        read.filter(|found| match &found.config {
            Ok(config) if found.source.container.len() > 1 => {
                config.servers().len() > 0 || !config.problems().is_empty()
            }
            // That it cannot be read is said once.
            Err(_) => found.source.container.len() == 1,
            Ok(_) => true,
        })
        .collect()
    }
}

fn join(folder: &Path, parts: &[&str]) -> PathBuf {
    parts.iter().fold(folder.to_owned(), |path, part| path.join(part))
}

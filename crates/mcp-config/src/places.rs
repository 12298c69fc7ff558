//! Well-known locations of configuration files.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::manner::Manner;
use crate::{Application, dialect};

use Application::{
    Amp, ClaudeCode, ClaudeDesktop, Cline, Codex, Continue, CopilotCli, Crush, Cursor, Gemini,
    Goose, Hermes, Junie, Kiro, LmStudio, OpenCode, Qwen, RooCode, Shared, VsCode, Warp, Windsurf,
    Zed,
};

/// Maximum number of folders searched for project files: the workspace folder and its parents.
const MAX_FOLDERS: usize = 32;

/// Project files, relative to their folder.
const PROJECT: &[(Application, &[&str])] = &[
    (Shared, &[".mcp.json"]),
    (Shared, &["mcp.json"]),
    (Cursor, &[".cursor", "mcp.json"]),
    (VsCode, &[".vscode", "mcp.json"]),
    (CopilotCli, &[".github", "mcp.json"]),
    (Gemini, &[".gemini", "settings.json"]),
    (Qwen, &[".qwen", "settings.json"]),
    (Codex, &[".codex", "config.toml"]),
    (Zed, &[".zed", "settings.json"]),
    (RooCode, &[".roo", "mcp.json"]),
    (Kiro, &[".kiro", "settings", "mcp.json"]),
    (Junie, &[".junie", "mcp", "mcp.json"]),
    (Amp, &[".amp", "settings.json"]),
    (OpenCode, &["opencode.json"]),
    (OpenCode, &["opencode.jsonc"]),
    (OpenCode, &[".opencode", "opencode.json"]),
    (OpenCode, &[".opencode", "opencode.jsonc"]),
    (Crush, &[".crush.json"]),
    (Crush, &["crush.json"]),
    (Warp, &[".warp", ".mcp.json"]),
    (Shared, &[".agents", ".mcp.json"]),
];

/// A base folder of application settings.
#[derive(Clone, Copy)]
enum Base {
    Home,
    /// `~/.config`, on Linux `$XDG_CONFIG_HOME`.
    Config,
    /// The same, except on Windows.
    UnixConfig,
    /// The settings folder of desktop applications.
    Settings,
    /// `%APPDATA%` on Windows.
    AppData,
}

/// User files, relative to their base folder.
const USER: &[(Application, Base, &[&str])] = &[
    (ClaudeDesktop, Base::Settings, &["Claude", "claude_desktop_config.json"]),
    (ClaudeCode, Base::Home, &[".claude.json"]),
    (Cursor, Base::Home, &[".cursor", "mcp.json"]),
    (VsCode, Base::Settings, &["Code", "User", "mcp.json"]),
    (VsCode, Base::Settings, &["Code", "User", "settings.json"]),
    (Windsurf, Base::Home, &[".codeium", "windsurf", "mcp_config.json"]),
    (Windsurf, Base::Home, &[".codeium", "mcp_config.json"]),
    (Gemini, Base::Home, &[".gemini", "settings.json"]),
    (Qwen, Base::Home, &[".qwen", "settings.json"]),
    (Codex, Base::Home, &[".codex", "config.toml"]),
    (Goose, Base::UnixConfig, &["goose", "config.yaml"]),
    (Goose, Base::AppData, &["Block", "goose", "config", "config.yaml"]),
    (Zed, Base::UnixConfig, &["zed", "settings.json"]),
    (Zed, Base::AppData, &["Zed", "settings.json"]),
    (
        Cline,
        Base::Settings,
        &[
            "Code",
            "User",
            "globalStorage",
            "saoudrizwan.claude-dev",
            "settings",
            "cline_mcp_settings.json",
        ],
    ),
    (Cline, Base::Home, &[".cline", "data", "settings", "cline_mcp_settings.json"]),
    (
        RooCode,
        Base::Settings,
        &[
            "Code",
            "User",
            "globalStorage",
            "rooveterinaryinc.roo-cline",
            "settings",
            "mcp_settings.json",
        ],
    ),
    (OpenCode, Base::Config, &["opencode", "opencode.json"]),
    (OpenCode, Base::Config, &["opencode", "opencode.jsonc"]),
    (Amp, Base::Config, &["amp", "settings.json"]),
    (Crush, Base::Config, &["crush", "crush.json"]),
    (Kiro, Base::Home, &[".kiro", "settings", "mcp.json"]),
    (LmStudio, Base::Home, &[".lmstudio", "mcp.json"]),
    (Hermes, Base::Home, &[".hermes", "config.yaml"]),
    (CopilotCli, Base::Home, &[".copilot", "mcp-config.json"]),
    (Junie, Base::Home, &[".junie", "mcp", "mcp.json"]),
    (Warp, Base::Home, &[".warp", ".mcp.json"]),
    (Shared, Base::Home, &[".agents", ".mcp.json"]),
    (Continue, Base::Home, &[".continue", "config.yaml"]),
];

/// To whom a file applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Scope {
    /// Everyone who works in the folder or its subfolders.
    Workspace,
    /// The user, in this folder.
    Local,
    /// The user, in every folder.
    User,
}

/// A location where servers may be configured: a file, or a section of one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Location {
    /// The application of the file.
    pub application: Application,
    /// The scope of the file.
    pub scope: Scope,
    /// The file.
    pub path: PathBuf,
    pub(crate) place: Place,
}

/// The dialect of a well-known location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) manner: Manner,
    container: Vec<String>,
    /// Whether the file has no other place for servers.
    pub(crate) is_certain: bool,
}

/// An operating system, which determines file locations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Os {
    /// Linux, and other systems that use `~/.config`.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

/// The base folders of a user, from which the well-known locations are derived.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Folders {
    /// The operating system.
    pub os: Os,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// Windows: `%APPDATA%`. Default: `AppData/Roaming` in the user's home.
    pub app_data: Option<PathBuf>,
    /// Linux: `$XDG_CONFIG_HOME`. Default: `.config` in the user's home.
    pub config: Option<PathBuf>,
    /// The current workspace folder.
    pub workspace: Option<PathBuf>,
}

impl Folders {
    /// The folders of this process.
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

    /// The folders for an operating system, home and workspace.
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

    /// Sets `$XDG_CONFIG_HOME`.
    #[must_use]
    pub fn config(mut self, folder: impl Into<PathBuf>) -> Self {
        self.config = Some(folder.into());
        self
    }

    /// All well-known locations, whether or not the file exists. Project files come first: the workspace folder before
    /// its parents, up to and excluding the user's home. Outside the home, only the workspace folder is searched.
    #[must_use]
    pub fn locations(&self) -> Vec<Location> {
        let user: Vec<Location> = USER
            .iter()
            .filter_map(|(application, base, parts)| {
                let path = join(&self.base(*base)?, parts);
                Some(Location::new(*application, Scope::User, path))
            })
            .collect();
        let folders = self.project_folders();
        let in_project = folders.iter().flat_map(|folder| {
            PROJECT.iter().map(|(application, parts)| {
                Location::new(*application, Scope::Workspace, join(folder, parts))
            })
        });
        // In the home folder itself, these are user files.
        let mut found: Vec<Location> =
            in_project.filter(|it| user.iter().all(|user| user.path != it.path)).collect();
        if let Some(home) = &self.home {
            let file = home.join(".claude.json");
            found.extend(folders.iter().map(|folder| Location::local(file.clone(), folder)));
        }
        found.extend(user);
        found
    }

    /// The workspace folder and its parents within the home.
    fn project_folders(&self) -> Vec<&Path> {
        let Some(work) = self.workspace.as_deref() else { return Vec::new() };
        match self.home.as_deref() {
            Some(home) if work != home && work.starts_with(home) => {
                work.ancestors().take_while(|folder| *folder != home).take(MAX_FOLDERS).collect()
            }
            _ => vec![work],
        }
    }

    fn base(&self, base: Base) -> Option<PathBuf> {
        let home = |parts: &[&str]| self.home.as_deref().map(|home| join(home, parts));
        let config =
            || self.config.clone().filter(|_| self.os == Os::Linux).or_else(|| home(&[".config"]));
        let app_data = || self.app_data.clone().or_else(|| home(&["AppData", "Roaming"]));
        match (base, self.os) {
            (Base::Home, _) => self.home.clone(),
            (Base::Config, _) | (Base::UnixConfig | Base::Settings, Os::Linux) => config(),
            (Base::UnixConfig, Os::MacOs) => config(),
            (Base::Settings, Os::MacOs) => home(&["Library", "Application Support"]),
            (Base::Settings | Base::AppData, Os::Windows) => app_data(),
            (Base::UnixConfig, Os::Windows) | (Base::AppData, _) => None,
        }
    }
}

impl Location {
    fn new(application: Application, scope: Scope, path: PathBuf) -> Self {
        let manner = Manner::of(application);
        let manner = match application {
            Shared => Manner { application: None, ..manner },
            _ => manner,
        };
        let container = match application {
            VsCode if path.ends_with("settings.json") => {
                vec!["mcp".to_owned(), "servers".to_owned()]
            }
            _ => manner.dialect.container(),
        };
        let place = Place { manner, container, is_certain: application != Shared };
        Self { application, scope, path, place }
    }

    /// The section of one user's servers for one folder.
    fn local(path: PathBuf, folder: &Path) -> Self {
        let mut location = Self::new(ClaudeCode, Scope::Local, path);
        let folder = folder.to_string_lossy().into_owned();
        location.place.container = vec!["projects".to_owned(), folder, "mcpServers".to_owned()];
        location
    }

    /// Whether this is a section of a file with other contents.
    pub(crate) fn is_part(&self) -> bool {
        self.place.container.len() > 1
    }
}

impl Place {
    /// The keys that lead to the servers.
    pub(crate) fn container(&self, value: &Value) -> Vec<String> {
        match (self.manner.application, self.container.as_slice()) {
            (Some(OpenCode), _) => dialect::open_code(value),
            (Some(ClaudeCode), [projects, folder, servers]) => {
                let folders = value[projects].as_object();
                let written = folders.and_then(|it| it.keys().find(|key| is_same(key, folder)));
                vec![projects.clone(), written.unwrap_or(folder).clone(), servers.clone()]
            }
            _ => self.container.clone(),
        }
    }
}

/// Whether two texts are one path: Windows has two separators, and letters of drives in both cases.
fn is_same(one: &str, other: &str) -> bool {
    Path::new(one) == Path::new(other)
}

/// The application of a file, by its name and folder.
pub(crate) fn application_of(file: &Path) -> Option<Application> {
    let project = PROJECT.iter().map(|(application, parts)| (*application, *parts));
    let user = USER.iter().map(|(application, _, parts)| (*application, *parts));
    let mut known = project.chain(user).filter(|(application, _)| *application != Shared);
    let found = known.find(|(_, parts)| file.ends_with(parts.iter().collect::<PathBuf>()));
    found.map(|(application, _)| application)
}

fn join(folder: &Path, parts: &[&str]) -> PathBuf {
    parts.iter().fold(folder.to_owned(), |path, part| path.join(part))
}

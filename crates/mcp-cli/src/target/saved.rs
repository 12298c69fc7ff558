//! The servers that were added with `mcp config add`.

use std::path::PathBuf;

/// The file, which may not exist: `mcp/mcp.json` in the user's configuration folder.
pub(crate) fn file() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
    let home = || std::env::home_dir().filter(|it| it.is_absolute());
    let base = if cfg!(windows) {
        variable("APPDATA").or_else(|| home().map(|it| it.join("AppData").join("Roaming")))
    } else if cfg!(target_os = "macos") {
        home().map(|it| it.join("Library").join("Application Support"))
    } else {
        variable("XDG_CONFIG_HOME").or_else(|| home().map(|it| it.join(".config")))
    };
    base.map(|it| it.join("mcp").join("mcp.json"))
}

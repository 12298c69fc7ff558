//! The folder for state between runs.

use std::path::PathBuf;

/// The folder, which need not exist: `$XDG_STATE_HOME/mcp`, `~/Library/Application Support/mcp`, or
/// `%LOCALAPPDATA%\mcp`. `None` if the user has no home folder.
pub(crate) fn folder() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
    let home = |parts: &[&str]| {
        let home = std::env::home_dir().filter(|it| it.is_absolute())?;
        Some(parts.iter().fold(home, |path, part| path.join(part)))
    };
    let base = if cfg!(windows) {
        variable("LOCALAPPDATA").or_else(|| home(&["AppData", "Local"]))
    } else if cfg!(target_os = "macos") {
        home(&["Library", "Application Support"])
    } else {
        variable("XDG_STATE_HOME").or_else(|| home(&[".local", "state"]))
    };
    base.map(|it| it.join("mcp"))
}

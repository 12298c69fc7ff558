//! The working directory and environment of a command.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use crate::{env::Environment, lookup};

/// The working directory and environment of a child process. Commands are looked up in them.
pub(crate) struct LaunchContext<'a> {
    pub(crate) cwd: Option<&'a Path>,
    pub(crate) environment: Environment,
}

impl LaunchContext<'_> {
    /// Finds the file of a program, given by name or path.
    pub(crate) fn find(&self, program: &OsStr) -> Option<PathBuf> {
        let extensions = match (cfg!(windows), self.environment.get("PATHEXT")) {
            (false, _) => Vec::new(),
            (true, None) => [".COM", ".EXE", ".BAT", ".CMD"].map(OsString::from).to_vec(),
            (true, Some(list)) => std::env::split_paths(list).map(Into::into).collect(),
        };
        let cwd = self.cwd.unwrap_or(Path::new(""));
        lookup::find(program, cwd, self.environment.get("PATH"), &extensions)
    }
}

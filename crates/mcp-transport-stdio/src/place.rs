//! Where a command runs, and where it is looked for.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use crate::{env::Environment, lookup};

/// The working directory and the environment of the child, in which commands are looked for.
pub(crate) struct Place<'a> {
    pub(crate) cwd: Option<&'a Path>,
    pub(crate) environment: Environment,
}

impl Place<'_> {
    /// The file that a program's name or path stands for.
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

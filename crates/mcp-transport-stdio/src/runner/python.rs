use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use super::{Python, Starter};
use crate::{Stdio, place::Place};

impl Stdio {
    /// A Python script. Each connect looks for the interpreter: that of the active virtual environment
    /// (`VIRTUAL_ENV` as set with [`env`](Stdio::env), else that of this process), else `python3`, else
    /// `python` on the `PATH` of the child. `PYTHONUTF8=1` is set, since Windows has other ideas of what
    /// is on a pipe.
    ///
    /// ```
    /// # use mcp_transport_stdio::Stdio;
    /// let server = Stdio::python("my server.py").arg("--verbose").env("API_KEY", "...");
    /// ```
    pub fn python(script: impl Into<OsString>) -> Stdio<Python> {
        Stdio::starting(Starter::Python, Some(script.into())).env("PYTHONUTF8", "1")
    }
}

impl Stdio<Python> {
    /// Names the interpreter: a path, or a name to look for on `PATH`.
    pub fn interpreter(mut self, program: impl Into<OsString>) -> Self {
        self.starter = Starter::Named(program.into());
        self
    }
}

/// The interpreter where none is named; `active` is the virtual environment of this process.
pub(super) fn interpreter(place: &Place<'_>, active: Option<OsString>) -> OsString {
    let own = place.environment.get("VIRTUAL_ENV").map(OsStr::to_owned);
    let active = own.or(active).filter(|directory| !directory.is_empty()).map(|directory| {
        let program = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
        Path::new(&directory).join(program).into_os_string()
    });
    let mut known = active.into_iter().chain(["python3".into(), "python".into()]);
    known.find(|program| place.find(program).is_some()).unwrap_or_else(|| "python3".into())
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::path::PathBuf;

    use super::*;
    use crate::env::Environment;

    /// A directory with empty files.
    fn directory(files: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let file = dir.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        let path = dir.path().to_owned();
        (dir, path)
    }

    fn found(own: &[(&str, &Path)], active: Option<&Path>) -> OsString {
        let own: Vec<_> = own.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let place = Place { cwd: None, environment: Environment::new(&[], &own) };
        interpreter(&place, active.map(Into::into))
    }

    #[test]
    fn the_active_environment_comes_before_the_path() {
        let (_dir, dir) = directory(&["bin/python3", "my venv/bin/python", "other/bin/python"]);
        let (path, active, other) = (dir.join("bin"), dir.join("my venv"), dir.join("other"));
        let path = ("PATH", &*path);
        assert_eq!(found(&[path], Some(&active)), active.join("bin/python"));
        let own = ("VIRTUAL_ENV", &*other);
        assert_eq!(found(&[path, own], Some(&active)), other.join("bin/python"));
        // None is active for this child.
        assert_eq!(found(&[path, ("VIRTUAL_ENV", Path::new(""))], Some(&active)), "python3");
    }

    #[test]
    fn an_environment_that_is_gone_does_not_count() {
        let (_dir, dir) = directory(&["python3"]);
        assert_eq!(found(&[("PATH", &dir)], Some(&dir.join("deleted"))), "python3");
        assert_eq!(found(&[("PATH", &dir)], Some(Path::new(""))), "python3");
    }

    #[test]
    fn python3_comes_before_python_and_either_will_do() {
        let (_both, both) = directory(&["python3", "python"]);
        let (_old, old) = directory(&["python"]);
        let (_none, none) = directory(&[]);
        assert_eq!(found(&[("PATH", &both)], None), "python3");
        assert_eq!(found(&[("PATH", &old)], None), "python");
        assert_eq!(found(&[("PATH", &none)], None), "python3");
    }

    #[test]
    fn a_relative_environment_is_below_the_directory_of_the_child() {
        let (_dir, dir) = directory(&[".venv/bin/python"]);
        let own = [("VIRTUAL_ENV".into(), ".venv".into()), ("PATH".into(), OsString::new())];
        let place = Place { cwd: Some(&dir), environment: Environment::new(&[], &own) };
        assert_eq!(interpreter(&place, None), ".venv/bin/python");
    }
}

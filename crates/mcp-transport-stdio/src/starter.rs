//! Which program is started, with which options before the server's name.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use crate::place::Place;

/// Which program is started. What depends on the machine is decided when it is.
#[derive(Clone)]
pub(crate) enum Starter {
    Named(OsString),
    Python,
    Node,
}

impl Starter {
    /// The program that runs `subject`, or why there is none.
    pub(crate) fn program(&self, subject: &OsStr, place: &Place<'_>) -> Result<OsString, String> {
        match self {
            Self::Named(program) => Ok(program.clone()),
            Self::Python => Ok(python_interpreter(place, std::env::var_os("VIRTUAL_ENV"))),
            Self::Node => refuse_typescript(subject).map(|()| "node".into()),
        }
    }

    /// The program for people, as far as it is known without a look at the machine.
    pub(crate) fn name(&self) -> &OsStr {
        match self {
            Self::Named(program) => program,
            Self::Python => OsStr::new("python"),
            Self::Node => OsStr::new("node"),
        }
    }
}

/// An option of a runner, with its value where it takes one.
#[derive(Clone)]
pub(crate) struct Flag {
    name: &'static str,
    value: Option<OsString>,
}

impl Flag {
    pub(crate) fn new(name: &'static str, value: Option<OsString>) -> Self {
        Self { name, value }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn words(&self) -> impl Iterator<Item = &OsStr> {
        std::iter::once(OsStr::new(self.name)).chain(self.value.as_deref())
    }
}

/// The interpreter where none is named; `active` is the virtual environment of this process.
fn python_interpreter(place: &Place<'_>, active: Option<OsString>) -> OsString {
    let own = place.environment.get("VIRTUAL_ENV").map(OsStr::to_owned);
    let active = own.or(active).filter(|directory| !directory.is_empty()).map(|directory| {
        let program = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
        Path::new(&directory).join(program).into_os_string()
    });
    let mut known = active.into_iter().chain(["python3".into(), "python".into()]);
    known.find(|program| place.find(program).is_some()).unwrap_or_else(|| "python3".into())
}

fn refuse_typescript(script: &OsStr) -> Result<(), String> {
    let extension = Path::new(script).extension().and_then(OsStr::to_str).unwrap_or_default();
    match &*extension.to_ascii_lowercase() {
        "ts" | "mts" | "cts" | "tsx" => Err(format!(
            "{} is TypeScript, which needs a runner: `.runner(\"tsx\")`, \
             or `.runner(\"node\")` from Node.js 22.18 on",
            script.display()
        )),
        _ => Ok(()),
    }
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
        python_interpreter(&place, active.map(Into::into))
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
        assert_eq!(python_interpreter(&place, None), ".venv/bin/python");
    }

    #[test]
    fn typescript_is_told_by_its_extension() {
        for script in ["a.ts", "dir/a.mts", "a.b.CTS", "a.tsx"] {
            assert!(refuse_typescript(script.as_ref()).is_err(), "{script}");
        }
        for script in ["a.js", "a.mjs", "a.cjs", "a.ts.js", "ts", ".ts", "a.json", "bin/server"] {
            assert!(refuse_typescript(script.as_ref()).is_ok(), "{script}");
        }
    }
}

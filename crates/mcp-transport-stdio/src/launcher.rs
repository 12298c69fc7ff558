//! The program to start, and its options before the name of the server.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use crate::launch_context::LaunchContext;

/// The program to start. An interpreter is looked up at each start.
#[derive(Clone)]
pub(crate) enum Launcher {
    Program(OsString),
    Python,
    Node,
}

impl Launcher {
    /// The program that runs `subject`, or the reason why there is none.
    pub(crate) fn program(
        &self,
        subject: &OsStr,
        context: &LaunchContext<'_>,
    ) -> Result<OsString, String> {
        match self {
            Self::Program(program) => Ok(program.clone()),
            Self::Python => Ok(python_interpreter(context, std::env::var_os("VIRTUAL_ENV"))),
            Self::Node => reject_typescript(subject).map(|()| "node".into()),
        }
    }

    /// The name of the program, without a lookup.
    pub(crate) fn name(&self) -> &OsStr {
        match self {
            Self::Program(program) => program,
            Self::Python => OsStr::new("python"),
            Self::Node => OsStr::new("node"),
        }
    }
}

/// An option of a runner, with or without a value.
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

/// The default interpreter. `active` is the virtual environment of this process.
fn python_interpreter(context: &LaunchContext<'_>, active: Option<OsString>) -> OsString {
    let set = context.environment.get("VIRTUAL_ENV").map(OsStr::to_owned);
    let active = set.or(active).filter(|directory| !directory.is_empty()).map(|directory| {
        let program = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
        Path::new(&directory).join(program).into_os_string()
    });
    let mut candidates = active.into_iter().chain(["python3".into(), "python".into()]);
    candidates.find(|program| context.find(program).is_some()).unwrap_or_else(|| "python3".into())
}

fn reject_typescript(script: &OsStr) -> Result<(), String> {
    let extension = Path::new(script).extension().and_then(OsStr::to_str).unwrap_or_default();
    match &*extension.to_ascii_lowercase() {
        "ts" | "mts" | "cts" | "tsx" => Err(format!(
            "{} is TypeScript, which needs a runner: use `.runner(\"tsx\")`, or `.runner(\"node\")` with \
             Node.js 22.18 or later",
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

    fn found(set: &[(&str, &Path)], active: Option<&Path>) -> OsString {
        let set: Vec<_> = set.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let context = LaunchContext { cwd: None, environment: Environment::new(&[], &set) };
        python_interpreter(&context, active.map(Into::into))
    }

    #[test]
    fn the_active_virtual_environment_precedes_the_path() {
        let (_dir, dir) = directory(&["bin/python3", "my venv/bin/python", "other/bin/python"]);
        let (path, active, other) = (dir.join("bin"), dir.join("my venv"), dir.join("other"));
        let path = ("PATH", &*path);
        assert_eq!(found(&[path], Some(&active)), active.join("bin/python"));
        let set = ("VIRTUAL_ENV", &*other);
        assert_eq!(found(&[path, set], Some(&active)), other.join("bin/python"));
        // No virtual environment is active for this child.
        assert_eq!(found(&[path, ("VIRTUAL_ENV", Path::new(""))], Some(&active)), "python3");
    }

    #[test]
    fn a_deleted_virtual_environment_is_ignored() {
        let (_dir, dir) = directory(&["python3"]);
        assert_eq!(found(&[("PATH", &dir)], Some(&dir.join("deleted"))), "python3");
        assert_eq!(found(&[("PATH", &dir)], Some(Path::new(""))), "python3");
    }

    #[test]
    fn python3_is_preferred_to_python() {
        let (_both, both) = directory(&["python3", "python"]);
        let (_old, old) = directory(&["python"]);
        let (_none, none) = directory(&[]);
        assert_eq!(found(&[("PATH", &both)], None), "python3");
        assert_eq!(found(&[("PATH", &old)], None), "python");
        assert_eq!(found(&[("PATH", &none)], None), "python3");
    }

    #[test]
    fn a_relative_virtual_environment_is_resolved_in_the_working_directory() {
        let (_dir, dir) = directory(&[".venv/bin/python"]);
        let set = [("VIRTUAL_ENV".into(), ".venv".into()), ("PATH".into(), OsString::new())];
        let context = LaunchContext { cwd: Some(&dir), environment: Environment::new(&[], &set) };
        assert_eq!(python_interpreter(&context, None), ".venv/bin/python");
    }

    #[test]
    fn typescript_is_recognized_by_its_extension() {
        for script in ["a.ts", "dir/a.mts", "a.b.CTS", "a.tsx"] {
            assert!(reject_typescript(script.as_ref()).is_err(), "{script}");
        }
        for script in ["a.js", "a.mjs", "a.cjs", "a.ts.js", "ts", ".ts", "a.json", "bin/server"] {
            assert!(reject_typescript(script.as_ref()).is_ok(), "{script}");
        }
    }
}

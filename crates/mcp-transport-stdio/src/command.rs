//! The command that is started: a program with all its arguments, in a place.

use std::{
    ffi::{OsStr, OsString},
    fmt, io,
    path::{Path, PathBuf},
};

use mcp_transport::{Delivery, Error, ErrorKind};
use tokio::process;

use crate::{lookup, place::Place, quote, runner, tree::Tree};

pub(crate) struct Command<'a> {
    pub(crate) program: OsString,
    pub(crate) args: Vec<&'a OsStr>,
    pub(crate) place: Place<'a>,
}

impl Command<'_> {
    pub(crate) fn spawn(&self) -> Result<Tree, Error> {
        // Windows starts `npx.cmd` only by its full name.
        let found = cfg!(windows).then(|| self.place.find(&self.program)).flatten();
        let program = found.map_or_else(|| self.program.clone(), PathBuf::into_os_string);
        let mut command = process::Command::new(program);
        command.args(&self.args).env_clear().envs(self.place.environment.vars());
        if let Some(cwd) = self.place.cwd {
            command.current_dir(cwd);
        }
        Tree::spawn(command).map_err(|error| self.no_start(error))
    }

    /// Says why the program was not started: systems report a missing command, interpreter and directory
    /// alike.
    pub(crate) fn no_start(&self, error: io::Error) -> Error {
        let program = quote::join(std::iter::once(&*self.program));
        let why = self.reason(&error);
        Error::new(ErrorKind::Connect, format!("cannot start {program}: {why}"))
            .with_delivery(Delivery::NotSent)
            .with_source(error)
    }

    fn reason(&self, error: &io::Error) -> String {
        use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
        let missing = matches!(error.kind(), NotFound | NotADirectory);
        if let Some(cwd) = self.place.cwd.filter(|cwd| missing && !cwd.is_dir()) {
            let what = if cwd.exists() { "is not a directory" } else { "does not exist" };
            return format!("the working directory {} {what}", cwd.display());
        }
        match (error.kind(), self.place.find(&self.program)) {
            (NotFound | NotADirectory, None) => self.not_found(),
            (NotFound, Some(file)) => {
                format!("the interpreter that {} asks for does not exist", file.display())
            }
            (PermissionDenied, Some(file)) => not_executable(&file),
            _ => error.to_string(),
        }
    }

    /// Why there is no such program, and what to write instead.
    fn not_found(&self) -> String {
        let program = self.program.to_string_lossy();
        if program.starts_with("~/") || program.starts_with("~\\") {
            return "`~` is not expanded, since no shell runs it: write the home directory out \
                    (in a configuration: `${userHome}`)"
                .to_owned();
        }
        if let Some((first, _)) = program.trim().split_once(char::is_whitespace)
            && self.args.is_empty()
            && self.place.find(OsStr::new(first)).is_some()
        {
            return format!(
                "there is no program of this name. It looks like a whole command line: pass `{first}` \
                 as the program and the rest as arguments (in a configuration: `args`), or use \
                 `Stdio::command_line`"
            );
        }
        if lookup::is_path(&self.program) {
            return "there is no such file".to_owned();
        }
        match runner::source(&self.program) {
            Some(source) => format!("it was not found on PATH; install {source}"),
            None => "it was not found on PATH".to_owned(),
        }
    }
}

fn not_executable(file: &Path) -> String {
    let extension = file.extension().and_then(OsStr::to_str).unwrap_or_default();
    let (constructor, program) = match extension {
        "py" => ("python", "python3"),
        "js" | "mjs" | "cjs" => ("node", "node"),
        _ => return "it is not executable".to_owned(),
    };
    format!(
        "it is not executable: use `Stdio::{constructor}`, or run `{program}` with it as the first argument"
    )
}

impl fmt::Display for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = std::iter::once(&*self.program).chain(self.args.iter().copied());
        f.write_str(&quote::join(words))
    }
}

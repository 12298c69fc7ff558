//! The command of a process: a program, its arguments, working directory and environment.

use std::{
    ffi::{OsStr, OsString},
    fmt, io,
    path::{Path, PathBuf},
};

use mcp_transport::{Delivery, Error, ErrorKind};
use tokio::process;

use crate::{launch_context::LaunchContext, lookup, quote, runner, tree::Tree};

pub(crate) struct Command<'a> {
    pub(crate) program: OsString,
    pub(crate) args: Vec<&'a OsStr>,
    pub(crate) context: LaunchContext<'a>,
}

impl Command<'_> {
    pub(crate) fn spawn(&self) -> Result<Tree, Error> {
        // Windows starts a `.cmd` file such as `npx.cmd` only by its full name.
        let found = cfg!(windows).then(|| self.context.find(&self.program)).flatten();
        let program = found.map_or_else(|| self.program.clone(), PathBuf::into_os_string);
        let mut command = process::Command::new(program);
        command.args(&self.args).env_clear().envs(self.context.environment.vars());
        if let Some(cwd) = self.context.cwd {
            command.current_dir(cwd);
        }
        Tree::spawn(command).map_err(|error| self.start_error(error))
    }

    /// The error of a program that was not started, with the reason: operating systems report a missing
    /// command, interpreter and directory with the same code.
    pub(crate) fn start_error(&self, error: io::Error) -> Error {
        let program = quote::join(std::iter::once(&*self.program));
        let reason = self.reason(&error);
        Error::new(ErrorKind::Connect, format!("cannot start {program}: {reason}"))
            .with_delivery(Delivery::NotSent)
            .with_source(error)
    }

    fn reason(&self, error: &io::Error) -> String {
        use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
        let missing = matches!(error.kind(), NotFound | NotADirectory);
        if let Some(cwd) = self.context.cwd.filter(|cwd| missing && !cwd.is_dir()) {
            let what = if cwd.exists() { "is not a directory" } else { "does not exist" };
            return format!("the working directory {} {what}", cwd.display());
        }
        match (error.kind(), self.context.find(&self.program)) {
            (NotFound | NotADirectory, None) => self.not_found(),
            (NotFound, Some(file)) => {
                format!("the interpreter in the first line of {} does not exist", file.display())
            }
            (PermissionDenied, Some(file)) => not_executable(&file),
            _ => error.to_string(),
        }
    }

    /// The reason why there is no such program, and how to fix it.
    fn not_found(&self) -> String {
        let program = self.program.to_string_lossy();
        if program.starts_with("~/") || program.starts_with("~\\") {
            return "`~` is not expanded, since no shell is involved: write the full path \
                    (in a configuration: `${userHome}`)"
                .to_owned();
        }
        if let Some((first, _)) = program.trim().split_once(char::is_whitespace)
            && self.args.is_empty()
            && self.context.find(OsStr::new(first)).is_some()
        {
            return format!(
                "no program has this name, which looks like a whole command line: pass `{first}` as \
                 the program and the rest as arguments (in a configuration: `args`), or use \
                 `Stdio::command_line`"
            );
        }
        if lookup::is_path(&self.program) {
            return "there is no such file".to_owned();
        }
        match runner::installer(&self.program) {
            Some(installer) => format!("it was not found on PATH; install {installer}"),
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
        "it is not executable: use `Stdio::{constructor}`, or run `{program}` with the file as its first \
         argument"
    )
}

impl fmt::Display for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = std::iter::once(&*self.program).chain(self.args.iter().copied());
        f.write_str(&quote::join(words))
    }
}

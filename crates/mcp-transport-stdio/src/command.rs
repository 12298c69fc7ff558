//! The command that is started: a program with all its arguments, in a place.

use std::{
    ffi::{OsStr, OsString},
    fmt, io,
    path::PathBuf,
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

    /// Systems report a missing command, interpreter and directory alike.
    pub(crate) fn no_start(&self, error: io::Error) -> Error {
        use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
        let program = self.program.display();
        let cwd = self.place.cwd.filter(|cwd| !cwd.is_dir());
        let why = match (error.kind(), cwd, self.place.find(&self.program)) {
            (NotFound | NotADirectory, Some(cwd), _) if cwd.exists() => {
                format!("the working directory {} is not a directory", cwd.display())
            }
            (NotFound | NotADirectory, Some(cwd), _) => {
                format!("the working directory {} does not exist", cwd.display())
            }
            (NotFound | NotADirectory, _, None) if lookup::is_path(&self.program) => {
                format!("there is no file {program}")
            }
            (NotFound | NotADirectory, _, None) => match runner::source(&self.program) {
                Some(source) => {
                    format!("no command `{program}` was found on PATH; install {source}")
                }
                None => format!("no command `{program}` was found on PATH"),
            },
            (NotFound, _, Some(file)) => {
                format!("the interpreter that {} asks for does not exist", file.display())
            }
            (PermissionDenied, _, Some(file)) => format!("{} is not executable", file.display()),
            _ => error.to_string(),
        };
        Error::new(ErrorKind::Connect, format!("cannot start {self}: {why}"))
            .with_delivery(Delivery::NotSent)
            .with_source(error)
    }
}

impl fmt::Display for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = std::iter::once(&*self.program).chain(self.args.iter().copied());
        f.write_str(&quote::join(words))
    }
}

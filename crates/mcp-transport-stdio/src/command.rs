//! The command of a process: a program, its arguments, working directory and environment.

use std::{
    ffi::{OsStr, OsString},
    fmt, io,
    path::PathBuf,
};

use mcp_transport::{Delivery, Error, ErrorKind};
use tokio::process;

use crate::{
    launch_context::LaunchContext,
    quote,
    start_failure::{self, Unstarted},
    tree::Tree,
};

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
        let not_started =
            |text: String| Error::new(ErrorKind::Connect, text).with_delivery(Delivery::NotSent);
        let unstarted = Unstarted { program: &self.program, context: &self.context };
        match start_failure::reason(&unstarted, &error) {
            Some(reason) => not_started(format!("cannot start {program}: {reason}")),
            None => not_started(format!("cannot start {program}")).with_source(error),
        }
    }
}

impl fmt::Display for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = std::iter::once(&*self.program).chain(self.args.iter().copied());
        f.write_str(&quote::join(words))
    }
}

use std::{ffi::OsString, process::Command};

use mcp_client::Stdio;

/// A server with the command line of the peers: `stdio`, `http PORT [json] [stateless] [events]`, or `sse PORT [PATH]`.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    program: OsString,
    args: Vec<OsString>,
}

impl Program {
    pub(crate) fn new(program: impl Into<OsString>) -> Self {
        Self { program: program.into(), args: Vec::new() }
    }

    pub(crate) fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub(crate) fn stdio(&self) -> Stdio {
        Stdio::new(&self.program).args(&self.args)
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        command
    }
}

use std::ffi::OsString;

use super::Python;
use crate::{Stdio, starter::Starter};

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

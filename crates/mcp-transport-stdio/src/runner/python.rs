use std::ffi::OsString;

use super::Python;
use crate::{Stdio, launcher::Launcher};

impl Stdio {
    /// Runs a Python script. Each connect looks up the interpreter: the one of the active virtual environment
    /// (`VIRTUAL_ENV` as set with [`env`](Stdio::env), or else of this process), `python3`, or `python` on
    /// the `PATH` of the child. `PYTHONUTF8=1` is set, since Python on Windows uses another encoding for
    /// pipes by default.
    ///
    /// ```
    /// # use mcp_transport_stdio::Stdio;
    /// let server = Stdio::python("my server.py").arg("--verbose").env("API_KEY", "...");
    /// ```
    pub fn python(script: impl Into<OsString>) -> Stdio<Python> {
        Stdio::with_launcher(Launcher::Python, Some(script.into())).env("PYTHONUTF8", "1")
    }
}

impl Stdio<Python> {
    /// Sets the interpreter: a path, or a name that is looked up on `PATH`.
    pub fn interpreter(mut self, program: impl Into<OsString>) -> Self {
        self.launcher = Launcher::Program(program.into());
        self
    }
}

use std::{
    ffi::{OsStr, OsString},
    fmt,
    path::PathBuf,
    time::Duration,
};

use mcp_transport::Limits;

use crate::{Stderr, quote};

/// A server to start as a child process, and how: a [`Connect`](mcp_transport::Connect).
///
/// Making one does no I/O and needs no runtime; each connect starts a new process. The process inherits
/// these environment variables only, where they are set: on Unix `HOME LOGNAME PATH SHELL TERM USER`; on
/// Windows `APPDATA HOMEDRIVE HOMEPATH LOCALAPPDATA PATH PATHEXT PROCESSOR_ARCHITECTURE SYSTEMDRIVE
/// SYSTEMROOT TEMP USERNAME USERPROFILE`, and of ours, since real programs fail without them and they
/// hold no secrets, `COMMONPROGRAMFILES COMMONPROGRAMFILES(X86) COMMONPROGRAMW6432 COMSPEC COMPUTERNAME
/// NUMBER_OF_PROCESSORS OS PROGRAMDATA PROGRAMFILES PROGRAMFILES(X86) PROGRAMW6432 PUBLIC TMP
/// USERDOMAIN WINDIR`. Values that begin with `()`, which are functions of a shell, are left out.
///
/// `Debug` and [`describe`](mcp_transport::Connect::describe) show the names of variables and never
/// their values. They do show the arguments: secrets belong into the environment.
///
/// Spec: basic/transports/stdio
#[derive(Clone)]
#[must_use = "nothing is started before it is connected"]
pub struct Stdio {
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) inherit_env: Vec<OsString>,
    pub(crate) cwd: Option<PathBuf>,
    pub(crate) stderr: Stderr,
    pub(crate) limits: Limits,
    pub(crate) waits: Waits,
}

/// How long each step of the shutdown may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waits {
    pub(crate) flush: Duration,
    pub(crate) close_stdin: Duration,
    pub(crate) terminate: Duration,
}

impl Stdio {
    /// A program: a path, or a name to look for on `PATH`.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            inherit_env: Vec::new(),
            cwd: None,
            stderr: Stderr::default(),
            limits: Limits::default(),
            waits: Waits {
                flush: Duration::from_millis(500),
                close_stdin: Duration::from_secs(2),
                terminate: Duration::from_secs(2),
            },
        }
    }

    /// Adds an argument, which no shell looks at.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable, over what is inherited. The last value of a name counts.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Sets environment variables, over what is inherited.
    pub fn envs(
        mut self,
        vars: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Self {
        self.env.extend(vars.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Lets the process inherit these variables too, such as `SSL_CERT_FILE`, where they are set.
    pub fn inherit_env(mut self, names: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.inherit_env.extend(names.into_iter().map(Into::into));
        self
    }

    /// Sets the working directory. Default: that of this process.
    pub fn cwd(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cwd = Some(directory.into());
        self
    }

    /// Says where the process's stderr goes. Default: [`Stderr::Inherit`].
    pub fn stderr(mut self, stderr: Stderr) -> Self {
        self.stderr = stderr;
        self
    }

    /// Sets what may be kept in memory, and so the largest message.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long a close waits for what is queued to be written. Default: 0.5 s.
    pub fn flush_wait(mut self, wait: Duration) -> Self {
        self.waits.flush = wait;
        self
    }

    /// How long a close waits for the process to exit by itself once its stdin is closed. Default: 2 s.
    pub fn close_stdin_wait(mut self, wait: Duration) -> Self {
        self.waits.close_stdin = wait;
        self
    }

    /// How long a close waits between SIGTERM and SIGKILL. Default: 2 s. Windows has no such step: its
    /// job object is terminated at once.
    pub fn terminate_wait(mut self, wait: Duration) -> Self {
        self.waits.terminate = wait;
        self
    }

    /// The command line, quoted for reading.
    pub(crate) fn command_line(&self) -> String {
        quote::join(std::iter::once(&self.program).chain(&self.args).map(OsString::as_os_str))
    }
}

impl fmt::Debug for Stdio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&OsStr> = self.env.iter().map(|(name, _)| name.as_os_str()).collect();
        f.debug_struct("Stdio")
            .field("command", &self.command_line())
            .field("cwd", &self.cwd)
            .field("env", &names)
            .field("inherit_env", &self.inherit_env)
            .field("stderr", &self.stderr)
            .field("limits", &self.limits)
            .field("waits", &self.waits)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_names_and_never_values() {
        let stdio = Stdio::new("uv").args(["run", "a b.py"]).env("API_KEY", "hush");
        let text = format!("{stdio:?}");
        assert!(text.contains("uv run 'a b.py'") && text.contains("API_KEY"), "{text}");
        assert!(!text.contains("hush"), "{text}");
    }
}

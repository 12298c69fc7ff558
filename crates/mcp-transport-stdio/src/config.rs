use std::{
    ffi::{OsStr, OsString},
    fmt,
    marker::PhantomData,
    path::PathBuf,
    time::Duration,
};

use mcp_transport::{Delivery, Error, ErrorKind, Limits};

use crate::{
    Program, Stderr,
    launcher::{Flag, Launcher},
    quote,
};

/// A [connector](mcp_transport::Connect) that starts a server as a child process.
///
/// Creating one does no I/O and needs no runtime. Each connect starts a new process.
///
/// # Environment
///
/// The process inherits only these variables, if they are set:
///
/// - Unix: `HOME LOGNAME PATH SHELL TERM USER`
/// - Windows: `APPDATA HOMEDRIVE HOMEPATH LOCALAPPDATA PATH PATHEXT PROCESSOR_ARCHITECTURE SYSTEMDRIVE
///   SYSTEMROOT TEMP USERNAME USERPROFILE`, as the official SDKs do, and in addition, since many programs
///   fail without them and they contain no secrets, `COMMONPROGRAMFILES COMMONPROGRAMFILES(X86)
///   COMMONPROGRAMW6432 COMSPEC COMPUTERNAME NUMBER_OF_PROCESSORS OS PROGRAMDATA PROGRAMFILES
///   PROGRAMFILES(X86) PROGRAMW6432 PUBLIC TMP USERDOMAIN WINDIR`
///
/// Values that start with `()`, which are shell functions, are not inherited. The list is the same for every
/// runner. uv and npm find their caches and settings through `HOME`; settings in the environment, such as
/// `UV_CACHE_DIR`, `UV_INDEX_URL`, `NPM_CONFIG_REGISTRY`, `HTTPS_PROXY` or `SSL_CERT_FILE`, must be passed
/// with [`inherit_env`](Stdio::inherit_env) or [`env`](Stdio::env).
///
/// # Runners
///
/// `R` is the runner of the server. It adds settings: [`uvx`](Stdio::uvx), for example, has
/// `python_version`. Settings may be given in any order: on the command line, those of the runner precede
/// the name of the server, and the arguments of the server follow it.
///
/// ```
/// use mcp_transport::Connect;
/// use mcp_transport_stdio::Stdio;
///
/// let time = Stdio::uvx("mcp-server-time").arg("--local-timezone=UTC").python_version("3.12");
/// assert_eq!(time.describe(), "uvx --python 3.12 mcp-server-time --local-timezone=UTC");
/// ```
///
/// # When the program ends
///
/// The process is shut down when its connection is closed or dropped: its stdin is closed, then its process group
/// gets SIGTERM, then SIGKILL. A program that a signal ends runs no destructor. Its servers then see the end of
/// their stdin, at which a server exits; one that ignores it continues to run, since it has a process group of its
/// own. On Windows the job object ends it. So handle the signals and close the client: `examples/shutdown.rs`.
///
/// `Debug` prints the names of variables but not their values. `Debug` and
/// [`describe`](mcp_transport::Connect::describe) print the arguments: pass secrets in the environment.
///
/// Spec: [stdio](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/stdio)
#[doc(alias = "process")]
#[doc(alias = "command")]
#[derive(Clone)]
#[must_use = "a process is started only by `connect`"]
pub struct Stdio<R = Program> {
    pub(crate) launcher: Launcher,
    pub(crate) flags: Vec<Flag>,
    /// The script, package or command that the runner runs. `None` for a plain program.
    pub(crate) subject: Option<OsString>,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) inherit_env: Vec<OsString>,
    pub(crate) cwd: Option<PathBuf>,
    pub(crate) stderr: Stderr,
    pub(crate) limits: Limits,
    pub(crate) timeouts: ShutdownTimeouts,
    runner: PhantomData<R>,
}

/// The time-out of each step of the shutdown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShutdownTimeouts {
    pub(crate) flush: Duration,
    pub(crate) close_stdin: Duration,
    pub(crate) terminate: Duration,
}

impl Stdio {
    /// Starts a program: a path, or a name that is looked up on `PATH`.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self::with_launcher(Launcher::Program(program.into()), None)
    }

    /// Parses a command line with the quoting rules of a POSIX shell. No shell runs it: `$HOME`, `~`, `*`,
    /// `|` and `&&` are literal. A word that starts with `#` starts a comment. On Windows a backslash is
    /// literal too, since it separates paths.
    ///
    /// ```
    /// # use mcp_transport_stdio::Stdio;
    /// let time = Stdio::command_line("uvx mcp-server-time --local-timezone UTC")?;
    /// # Ok::<(), mcp_transport::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if a quote is not closed, the line ends with a backslash, or there is no
    /// word.
    pub fn command_line(line: &str) -> Result<Self, Error> {
        let text = match quote::split(line, !cfg!(windows)).as_deref() {
            Some([program, args @ ..]) => return Ok(Self::new(program).args(args)),
            Some([]) => "the command line is empty".to_owned(),
            None => format!("the command line ends within a quote or after a backslash: {line}"),
        };
        Err(Error::new(ErrorKind::Config, text).with_delivery(Delivery::NotSent))
    }
}

impl<R> Stdio<R> {
    pub(crate) fn with_launcher(launcher: Launcher, subject: Option<OsString>) -> Self {
        Self {
            launcher,
            flags: Vec::new(),
            subject,
            args: Vec::new(),
            env: Vec::new(),
            inherit_env: Vec::new(),
            cwd: None,
            stderr: Stderr::default(),
            limits: Limits::default(),
            timeouts: ShutdownTimeouts {
                flush: Duration::from_millis(500),
                close_stdin: Duration::from_secs(2),
                terminate: Duration::from_secs(2),
            },
            runner: PhantomData,
        }
    }

    /// Adds an argument of the server. It is not interpreted by a shell.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments of the server.
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable. It overrides an inherited one. Of several values, the last is used.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Sets environment variables. They override inherited ones.
    pub fn envs(
        mut self,
        vars: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Self {
        self.env.extend(vars.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Adds variables that the process inherits if they are set, such as `SSL_CERT_FILE`.
    pub fn inherit_env(mut self, names: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.inherit_env.extend(names.into_iter().map(Into::into));
        self
    }

    /// Sets the working directory. Default: the one of this process.
    pub fn cwd(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cwd = Some(directory.into());
        self
    }

    /// Sets the destination of the server's stderr. Default: [`Stderr::Inherit`].
    pub fn stderr(mut self, stderr: Stderr) -> Self {
        self.stderr = stderr;
        self
    }

    /// Sets the memory bounds of a connection, including the longest message. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the longest time that a close waits for queued messages to be written. Default: 0.5 s.
    #[doc(alias = "timeout")]
    pub fn flush_wait(mut self, wait: Duration) -> Self {
        self.timeouts.flush = wait;
        self
    }

    /// Sets the longest time that a close waits for the process to exit after its stdin is closed. Default:
    /// 2 s.
    #[doc(alias = "timeout")]
    pub fn close_stdin_wait(mut self, wait: Duration) -> Self {
        self.timeouts.close_stdin = wait;
        self
    }

    /// Sets the longest time that a close waits between SIGTERM and SIGKILL. Default: 2 s. Not used on
    /// Windows, where the job object is terminated immediately.
    #[doc(alias = "timeout")]
    pub fn terminate_wait(mut self, wait: Duration) -> Self {
        self.timeouts.terminate = wait;
        self
    }

    /// Sets or removes an option without a value.
    pub(crate) fn flag(mut self, name: &'static str, is_on: bool) -> Self {
        self.flags.retain(|flag| flag.name() != name);
        self.flags.extend(is_on.then(|| Flag::new(name, None)));
        self
    }

    /// Sets an option. Of several values, the last is used.
    pub(crate) fn option(self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.flag(name, false).options(name, [value])
    }

    /// Adds an option once for each value.
    pub(crate) fn options(
        mut self,
        name: &'static str,
        values: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        self.flags.extend(values.into_iter().map(|value| Flag::new(name, Some(value.into()))));
        self
    }

    /// Erases the runner type, so that servers with different runners have one type. The command line is
    /// unchanged.
    pub fn into_program(self) -> Stdio {
        Stdio {
            launcher: self.launcher,
            flags: self.flags,
            subject: self.subject,
            args: self.args,
            env: self.env,
            inherit_env: self.inherit_env,
            cwd: self.cwd,
            stderr: self.stderr,
            limits: self.limits,
            timeouts: self.timeouts,
            runner: PhantomData,
        }
    }
}

impl<R> fmt::Debug for Stdio<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&OsStr> = self.env.iter().map(|(name, _)| name.as_os_str()).collect();
        f.debug_struct("Stdio")
            .field("command", &self.command_text())
            .field("cwd", &self.cwd)
            .field("env", &names)
            .field("inherit_env", &self.inherit_env)
            .field("stderr", &self.stderr)
            .field("limits", &self.limits)
            .field("timeouts", &self.timeouts)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_prints_names_of_variables_but_not_values() {
        let stdio = Stdio::new("uv").args(["run", "a b.py"]).env("API_KEY", "hush");
        let text = format!("{stdio:?}");
        assert!(text.contains("uv run 'a b.py'") && text.contains("API_KEY"), "{text}");
        assert!(!text.contains("hush"), "{text}");
    }
}

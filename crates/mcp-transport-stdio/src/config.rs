use std::{
    ffi::{OsStr, OsString},
    fmt,
    marker::PhantomData,
    path::PathBuf,
    time::Duration,
};

use mcp_transport::{Delivery, Error, ErrorKind, Limits};

use crate::{
    Program, Stderr, quote,
    starter::{Flag, Starter},
};

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
/// The list is the same whatever runs the server. uv and npm find their caches and settings by `HOME`;
/// what is set in the environment instead, such as `UV_CACHE_DIR`, `UV_INDEX_URL`, `NPM_CONFIG_REGISTRY`,
/// `HTTPS_PROXY` or `SSL_CERT_FILE`, reaches them through [`inherit_env`](Stdio::inherit_env) or
/// [`env`](Stdio::env) alone.
///
/// `R` is what runs the server, and decides which settings there are beside the common ones: with
/// [`uvx`](Stdio::uvx), say, there is a `python_version`. Settings may come in any order: those of the
/// runner always stand before the server's name on the command line, and the server's arguments after it.
///
/// ```
/// use mcp_transport::Connect;
/// use mcp_transport_stdio::Stdio;
///
/// let time = Stdio::uvx("mcp-server-time").arg("--local-timezone=UTC").python_version("3.12");
/// assert_eq!(time.describe(), "uvx --python 3.12 mcp-server-time --local-timezone=UTC");
/// ```
///
/// `Debug` and [`describe`](mcp_transport::Connect::describe) show the names of variables and never
/// their values. They do show the arguments: secrets belong into the environment.
///
/// Spec: basic/transports/stdio
#[derive(Clone)]
#[must_use = "nothing is started before it is connected"]
pub struct Stdio<R = Program> {
    pub(crate) starter: Starter,
    pub(crate) flags: Vec<Flag>,
    /// What the runner runs: a script, a package.
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

/// How long each step of the shutdown may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShutdownTimeouts {
    pub(crate) flush: Duration,
    pub(crate) close_stdin: Duration,
    pub(crate) terminate: Duration,
}

impl Stdio {
    /// A program: a path, or a name to look for on `PATH`.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self::starting(Starter::Named(program.into()), None)
    }

    /// A command line as one would type it: words with the quotes and backslashes of a POSIX shell, but
    /// no shell. So `$HOME`, `~`, `*`, `|` and `&&` stand for themselves; a word that begins with `#`
    /// begins a comment. On Windows a backslash stands for itself too, since paths have it.
    ///
    /// ```
    /// # use mcp_transport_stdio::Stdio;
    /// let time = Stdio::command_line("uvx mcp-server-time --local-timezone UTC")?;
    /// # Ok::<(), mcp_transport::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) when a quote is not closed, when a backslash has nothing behind it,
    /// or when there is no word at all.
    pub fn command_line(line: &str) -> Result<Self, Error> {
        let why = match quote::split(line, !cfg!(windows)).as_deref() {
            Some([program, args @ ..]) => return Ok(Self::new(program).args(args)),
            Some([]) => "the command line is empty".to_owned(),
            None => format!("the command line ends within a quote or after a backslash: {line}"),
        };
        Err(Error::new(ErrorKind::Config, why).with_delivery(Delivery::NotSent))
    }
}

impl<R> Stdio<R> {
    pub(crate) fn starting(starter: Starter, subject: Option<OsString>) -> Self {
        Self {
            starter,
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

    /// Adds an argument of the server, which no shell looks at.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments of the server.
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
        self.timeouts.flush = wait;
        self
    }

    /// How long a close waits for the process to exit by itself once its stdin is closed. Default: 2 s.
    pub fn close_stdin_wait(mut self, wait: Duration) -> Self {
        self.timeouts.close_stdin = wait;
        self
    }

    /// How long a close waits between SIGTERM and SIGKILL. Default: 2 s. Windows has no such step: its
    /// job object is terminated at once.
    pub fn terminate_wait(mut self, wait: Duration) -> Self {
        self.timeouts.terminate = wait;
        self
    }

    /// Sets an option without a value, or takes it back.
    pub(crate) fn flag(mut self, name: &'static str, is_on: bool) -> Self {
        self.flags.retain(|flag| flag.name() != name);
        self.flags.extend(is_on.then(|| Flag::new(name, None)));
        self
    }

    /// Sets an option; its last value counts.
    pub(crate) fn option(self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.flag(name, false).options(name, [value])
    }

    /// Adds an option for each of the values.
    pub(crate) fn options(
        mut self,
        name: &'static str,
        values: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        self.flags.extend(values.into_iter().map(|value| Flag::new(name, Some(value.into()))));
        self
    }

    /// The same server without the settings of its runner, to keep several kinds in one place.
    pub fn into_program(self) -> Stdio {
        Stdio {
            starter: self.starter,
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
            .field("command", &self.shown())
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
    fn debug_shows_names_and_never_values() {
        let stdio = Stdio::new("uv").args(["run", "a b.py"]).env("API_KEY", "hush");
        let text = format!("{stdio:?}");
        assert!(text.contains("uv run 'a b.py'") && text.contains("API_KEY"), "{text}");
        assert!(!text.contains("hush"), "{text}");
    }
}

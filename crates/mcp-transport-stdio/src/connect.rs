use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use mcp_transport::{Binding, Connect, Connection, Delivery, Error, ErrorKind, Inbound, Multiplex};
use tokio::{process::Command, runtime::Handle, sync::watch};

use crate::{
    Stderr, Stdio, StdioTransport, env, lookup,
    pipes::Stdin,
    process::Process,
    stderr::{self, Sink, Tail},
    supervisor::{Supervisor, Task},
    transport::Inner,
    tree::Tree,
};

impl Connect for Stdio {
    type Transport = StdioTransport;

    /// Starts the process. Cancel safe: it is ready at the first poll.
    ///
    /// # Errors
    /// [`Connect`](ErrorKind::Connect) when it cannot be started; the text names the command and says
    /// why. [`Config`](ErrorKind::Config) outside a tokio runtime, or when the file for stderr cannot be
    /// opened.
    ///
    /// # Panics
    /// In a tokio runtime without I/O or time.
    async fn connect(&self) -> Result<Connection<StdioTransport>, Error> {
        if Handle::try_current().is_err() {
            let text = "a process can only be started in a tokio runtime";
            return Err(config_error(text.into()));
        }
        let sink = self.stderr.open().map_err(|error| self.no_stderr(error))?;
        let environment = env::environment(&self.inherit_env, &self.env);
        let tree = self.spawn(&environment).map_err(|error| self.no_start(error, &environment))?;
        let (transport, inbound) =
            self.supervise(tree, sink).map_err(|error| self.no_start(error, &environment))?;
        Ok(Connection::new(transport, inbound))
    }

    fn binding(&self) -> Binding {
        Binding::Stream
    }

    fn describe(&self) -> String {
        self.command_line()
    }
}

type Environment = [(OsString, OsString)];

impl Stdio {
    fn spawn(&self, environment: &Environment) -> io::Result<Tree> {
        let mut command = Command::new(self.resolved(environment));
        command.args(&self.args).env_clear().envs(environment.iter().map(|(k, v)| (k, v)));
        if let Some(cwd) = &self.cwd {
            command.current_dir(cwd);
        }
        Tree::spawn(command)
    }

    /// Windows starts `npx.cmd` only by its full name.
    fn resolved(&self, environment: &Environment) -> OsString {
        let found = cfg!(windows).then(|| self.find(environment)).flatten();
        found.map_or_else(|| self.program.clone(), PathBuf::into_os_string)
    }

    fn find(&self, environment: &Environment) -> Option<PathBuf> {
        let get = |wanted: &str| {
            let mut vars = environment.iter().rev();
            let is_wanted = |name: &OsString| match cfg!(windows) {
                true => name.eq_ignore_ascii_case(wanted),
                false => name == wanted,
            };
            vars.find(|(name, _)| is_wanted(name)).map(|(_, value)| value.as_os_str())
        };
        let extensions = match (cfg!(windows), get("PATHEXT")) {
            (false, _) => Vec::new(),
            (true, None) => [".COM", ".EXE", ".BAT", ".CMD"].map(OsString::from).to_vec(),
            (true, Some(list)) => std::env::split_paths(list).map(Into::into).collect(),
        };
        let cwd = self.cwd.as_deref().unwrap_or(Path::new(""));
        lookup::find(&self.program, cwd, get("PATH"), &extensions)
    }

    /// Sets the tasks up; nothing here waits, so the process is never without an owner.
    fn supervise(&self, mut tree: Tree, sink: Sink) -> io::Result<(StdioTransport, Inbound)> {
        let pipes = tree.take_pipes();
        let (stdin, stdout, stderr) =
            pipes.ok_or_else(|| io::Error::other("the process has no pipes"))?;
        let process = Arc::new(Process::new(tree));
        let stdin = Stdin::new(stdin);
        let tail = Tail::default();
        let (multiplex, inbound, mut driver) =
            Multiplex::lines(stdout, stdin.clone(), self.limits.clone());
        let (closing, asked) = watch::channel(false);
        let (over, closed) = watch::channel(None);
        let supervisor = Supervisor {
            process: Arc::clone(&process),
            multiplex: multiplex.clone(),
            stdin,
            pump: Task::spawn(async move {
                let reason = (&mut driver).await;
                (driver, reason)
            }),
            stderr: Task::spawn(stderr::drain(stderr, sink, tail.clone())),
            tail: tail.clone(),
            command: self.command_line(),
            waits: self.waits,
            closing: asked,
            closed: over,
        };
        // It ends when `closing` is dropped, in bounded time.
        tokio::spawn(supervisor.run());
        let command = self.command_line();
        let inner = Inner { multiplex, process, tail, command, closing, closed };
        Ok((StdioTransport(Arc::new(inner)), inbound))
    }

    fn no_stderr(&self, error: io::Error) -> Error {
        let path = match &self.stderr {
            Stderr::Append(path) => path.as_path(),
            _ => Path::new(""),
        };
        config_error(format!("cannot open {} for stderr", path.display())).with_source(error)
    }

    /// Systems report a missing command, interpreter and directory alike.
    fn no_start(&self, error: io::Error, environment: &Environment) -> Error {
        use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
        let program = self.program.display();
        let cwd = self.cwd.as_deref().filter(|cwd| !cwd.is_dir());
        let why = match (error.kind(), cwd, self.find(environment)) {
            (NotFound | NotADirectory, Some(cwd), _) if cwd.exists() => {
                format!("the working directory {} is not a directory", cwd.display())
            }
            (NotFound | NotADirectory, Some(cwd), _) => {
                format!("the working directory {} does not exist", cwd.display())
            }
            (NotFound | NotADirectory, _, None) if lookup::is_path(&self.program) => {
                format!("there is no file {program}")
            }
            (NotFound | NotADirectory, _, None) => {
                format!("no command `{program}` was found on PATH")
            }
            (NotFound, _, Some(file)) => {
                format!("the interpreter that {} asks for does not exist", file.display())
            }
            (PermissionDenied, _, Some(file)) => format!("{} is not executable", file.display()),
            _ => error.to_string(),
        };
        Error::new(ErrorKind::Connect, format!("cannot start {}: {why}", self.command_line()))
            .with_delivery(Delivery::NotSent)
            .with_source(error)
    }
}

fn config_error(text: String) -> Error {
    Error::new(ErrorKind::Config, text).with_delivery(Delivery::NotSent)
}

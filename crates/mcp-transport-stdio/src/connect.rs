use std::{ffi::OsStr, io, path::Path, sync::Arc};

use mcp_transport::{
    Binding, Connect, Connection, ConnectionInfo, Delivery, Error, ErrorKind, Inbound, Limits,
    multiplex::Multiplex, util::require_runtime,
};
use tokio::sync::watch;

use crate::{
    Stderr, Stdio, StdioTransport,
    command::Command,
    config::ShutdownTimeouts,
    env::Environment,
    launch_context::LaunchContext,
    pipes::{Stdin, Stdout},
    process::Process,
    quote,
    stderr::{self, Sink, Tail},
    supervisor::{Supervisor, Task},
    transport::Inner,
    tree::Tree,
};

impl<R: Send + Sync + 'static> Connect for Stdio<R> {
    type Transport = StdioTransport;

    /// Starts the process. Cancel safe: the future is ready at the first poll.
    ///
    /// # Errors
    /// [`Connect`](ErrorKind::Connect) if the process cannot be started. The text names the command and the
    /// reason; for a runner that is not installed, it has the URL of the installer.
    /// [`Config`](ErrorKind::Config) outside a tokio runtime with a timer, if the file for stderr cannot be opened, or
    /// for a TypeScript file without a runner.
    ///
    /// # Panics
    /// In a tokio runtime without the I/O driver.
    async fn connect(&self) -> Result<Connection<StdioTransport>, Error> {
        require_runtime("a process of a server")?;
        let sink = self.stderr.open().map_err(|error| stderr_error(&self.stderr, error))?;
        let command = self.command()?;
        let tree = command.spawn()?;
        let (transport, inbound) =
            supervise(tree, sink, command.to_string(), self.limits.clone(), self.timeouts)
                .map_err(|error| command.start_error(error))?;
        let info =
            ConnectionInfo::new(Binding::Pipe, self.command_text()).with_pid(transport.pid());
        Ok(Connection::new(transport, inbound, info))
    }

    fn describe(&self) -> String {
        self.command_text()
    }
}

impl<R> Stdio<R> {
    fn command(&self) -> Result<Command<'_>, Error> {
        let environment = Environment::new(&self.inherit_env, &self.env);
        let context = LaunchContext { cwd: self.cwd.as_deref(), environment };
        let subject = self.subject.as_deref().unwrap_or_default();
        let program = self.launcher.program(subject, &context).map_err(config_error)?;
        Ok(Command { program, args: self.words().collect(), context })
    }

    /// All arguments after the program.
    fn words(&self) -> impl Iterator<Item = &OsStr> {
        let flags = self.flags.iter().flat_map(|flag| flag.words());
        let server = self.subject.iter().chain(&self.args);
        flags.chain(server.map(|word| word.as_os_str()))
    }

    /// The command line as quoted text.
    pub(crate) fn command_text(&self) -> String {
        quote::join(std::iter::once(self.launcher.name()).chain(self.words()))
    }
}

/// Spawns the tasks of the connection. Nothing here awaits, so the process always has an owner.
fn supervise(
    mut tree: Tree,
    sink: Sink,
    command: String,
    limits: Limits,
    timeouts: ShutdownTimeouts,
) -> io::Result<(StdioTransport, Inbound)> {
    let pipes = tree.take_pipes();
    let (stdin, stdout, stderr) =
        pipes.ok_or_else(|| io::Error::other("the process has no pipes"))?;
    let process = Arc::new(Process::new(tree));
    let stdin = Stdin::new(stdin);
    let stdout = Stdout::new(stdout);
    let reads = stdout.reads();
    let tail = Tail::default();
    let (multiplex, inbound, mut driver) = Multiplex::lines(stdout, stdin.clone(), limits);
    let (closing, close_requested) = watch::channel(false);
    let (closed_sender, closed) = watch::channel(None);
    let supervisor = Supervisor {
        process: Arc::clone(&process),
        multiplex: multiplex.clone(),
        stdin,
        reads,
        driver: Task::spawn(async move {
            let reason = (&mut driver).await;
            (driver, reason)
        }),
        stderr: Task::spawn(stderr::drain(stderr, sink, tail.clone())),
        tail: tail.clone(),
        command: command.clone(),
        timeouts,
        close_requested,
        closed: closed_sender,
    };
    // Ends in bounded time after `closing` is dropped.
    tokio::spawn(supervisor.run());
    let inner = Inner { multiplex, process, tail, command, closing, closed };
    Ok((StdioTransport(Arc::new(inner)), inbound))
}

fn stderr_error(stderr: &Stderr, error: io::Error) -> Error {
    let path = match stderr {
        Stderr::Append(path) => path.as_path(),
        _ => Path::new(""),
    };
    config_error(format!("cannot open {} for stderr", path.display())).with_source(error)
}

fn config_error(text: String) -> Error {
    Error::new(ErrorKind::Config, text).with_delivery(Delivery::NotSent)
}

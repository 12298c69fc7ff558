//! State that all commands share: the output and the open sessions.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use mcp_client::{Client, Handlers, Session, types::LoggingLevel};
use tokio::sync::Notify;

use crate::{
    escape,
    failure::Failure,
    output::Printer,
    target::{self, Ask, Found, HERE, Secrets, TargetOptions},
    trace::Trace,
};

/// State of a command.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) printer: Printer,
    /// Clients to close when the command ends.
    open: Mutex<Vec<Client>>,
    secrets: Mutex<Secrets>,
    stop: Notify,
    stops_itself: AtomicBool,
    /// The session of `mcp shell`, which all its commands use.
    here: Mutex<Option<(Client, Session)>>,
    /// The trace and its file: several servers write into one.
    trace: Mutex<Option<(PathBuf, Trace)>>,
}

impl Context {
    pub(crate) fn new(printer: Printer) -> Self {
        Self {
            printer,
            open: Mutex::default(),
            secrets: Mutex::default(),
            stop: Notify::new(),
            stops_itself: AtomicBool::new(false),
            here: Mutex::default(),
            trace: Mutex::default(),
        }
    }

    /// Sets the session for the commands that follow.
    pub(crate) fn stay_on(&self, client: Client, session: Session) {
        *self.here.lock().unwrap_or_else(PoisonError::into_inner) = Some((client, session));
    }

    fn here(&self) -> Option<(Client, Session)> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Completes when the command has to shut down. From now on, an interruption waits for the command.
    pub(crate) fn shutdown(&self) -> impl Future<Output = ()> {
        self.stops_itself.store(true, Ordering::Release);
        self.stop.notified()
    }

    /// Requests a shutdown. Returns whether the command handles it.
    pub(crate) fn stop(&self) -> bool {
        self.stop.notify_one();
        self.stops_itself.load(Ordering::Acquire)
    }

    /// Masks the secrets of all servers in a text.
    pub(crate) fn masked(&self, text: String) -> String {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).masked(text)
    }

    /// The secrets of all servers so far.
    pub(crate) fn secrets(&self) -> Secrets {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Finds the server: the program of the options if there is one, otherwise the target `text`.
    pub(crate) fn find(
        &self,
        text: Option<&str>,
        options: &TargetOptions,
    ) -> Result<Found, Failure> {
        match text {
            _ if !options.program.is_empty() => target::program(&options.program),
            Some(text) => target::find(text),
            None => {
                Err(Failure::usage("a server is missing: write a TARGET, or a program after `--`"))
            }
        }
    }

    /// The client of a server; see [`find`](Self::find).
    pub(crate) async fn client(
        &self,
        text: Option<&str>,
        options: &TargetOptions,
    ) -> Result<Client, Failure> {
        if let (Some(HERE), Some((client, _))) = (text, self.here()) {
            return Ok(client);
        }
        let found = self.find(text, options)?;
        target::trust(&found, options.trust, Ask::Person).await?;
        self.client_of(found, options)
    }

    /// The client of a found server.
    pub(crate) fn client_of(
        &self,
        found: Found,
        options: &TargetOptions,
    ) -> Result<Client, Failure> {
        let (mut client, secrets) = target::client(found, options)?;
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).extend(&secrets);
        if let Some(file) = &options.trace {
            let trace = self.trace(file, secrets)?;
            client = client.wrap_connect(move |connect| trace.around(connect));
        }
        let verbose = options.verbose;
        let handlers = Handlers::new().on_log(move |log| {
            let is_bad = !matches!(
                log.params.level,
                LoggingLevel::Debug | LoggingLevel::Info | LoggingLevel::Notice
            );
            if verbose || is_bad {
                let text = match &log.params.data {
                    serde_json::Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let level = log.params.level.as_str();
                anstream::eprintln!("[{}] {}", escape::line(level), escape::line(&text));
            }
        });
        Ok(client.handlers(handlers).keep_alive(true))
    }

    fn trace(&self, file: &Path, secrets: Secrets) -> Result<Trace, Failure> {
        let mut open = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, trace)) = open.as_ref().filter(|(it, _)| it == file) {
            return Ok(trace.clone());
        }
        let trace = Trace::to(file, secrets)?;
        *open = Some((file.to_owned(), trace.clone()));
        Ok(trace)
    }

    /// Makes [`close`](Self::close) close the session that this client keeps.
    pub(crate) fn close_later(&self, client: &Client) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push(client.clone());
    }

    /// Opens a session, which [`close`](Self::close) closes.
    pub(crate) async fn open(&self, client: &Client) -> Result<Session, Failure> {
        if let Some((_, session)) = self.here() {
            return Ok(session);
        }
        self.close_later(client);
        Ok(client.connect().await?)
    }

    /// Opens a session with a server; see [`client`](Self::client).
    pub(crate) async fn session(
        &self,
        text: Option<&str>,
        options: &TargetOptions,
    ) -> Result<Session, Failure> {
        let client = self.client(text, options).await?;
        self.open(&client).await
    }

    /// Closes all sessions. The timeouts of their transports apply.
    pub(crate) async fn close(&self) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        let closing = open.iter().map(|client| async move {
            // Errors are ignored: the results were already written.
            let _ = client.close().await;
        });
        futures_util::future::join_all(closing).await;
    }
}

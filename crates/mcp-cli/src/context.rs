//! What all commands share: the output, and the open session.

use std::sync::{Mutex, PoisonError};

use mcp_client::{Client, Handlers, Session, types::LoggingLevel};

use crate::{
    escape,
    failure::Failure,
    output::Printer,
    target::{self, Ask, Found, Secrets, TargetOptions},
    trace::Trace,
};

/// What a command works with.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) printer: Printer,
    /// To be closed however the command ends.
    open: Mutex<Vec<Client>>,
    secrets: Mutex<Secrets>,
}

impl Context {
    pub(crate) fn new(printer: Printer) -> Self {
        Self { printer, open: Mutex::default(), secrets: Mutex::default() }
    }

    /// A text with the secrets of all servers masked.
    pub(crate) fn masked(&self, text: String) -> String {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).masked(text)
    }

    /// The client of the server that is named: by the options if they have a program, and else by `text`.
    pub(crate) async fn client(
        &self,
        text: Option<&str>,
        options: &TargetOptions,
    ) -> Result<Client, Failure> {
        let found = match text {
            _ if !options.program.is_empty() => target::program(&options.program)?,
            Some(text) => target::find(text)?,
            None => return Err(Failure::usage("name a server, or write a program after `--`")),
        };
        target::trust(&found, options.trust, Ask::Person).await?;
        self.client_of(found, options)
    }

    /// The client of a server that was found.
    pub(crate) fn client_of(
        &self,
        found: Found,
        options: &TargetOptions,
    ) -> Result<Client, Failure> {
        let (mut client, secrets) = target::client(found, options)?;
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).extend(&secrets);
        if let Some(file) = &options.trace {
            let trace = Trace::to(file, secrets)?;
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

    /// Opens a session, which [`close`](Self::close) closes.
    pub(crate) async fn open(&self, client: &Client) -> Result<Session, Failure> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push(client.clone());
        Ok(client.connect().await?)
    }

    /// Opens a session with the server that is named; see [`client`](Self::client).
    pub(crate) async fn session(
        &self,
        text: Option<&str>,
        options: &TargetOptions,
    ) -> Result<Session, Failure> {
        let client = self.client(text, options).await?;
        self.open(&client).await
    }

    /// Closes all sessions. Bounded by the limits of their transports.
    pub(crate) async fn close(&self) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        let closing = open.iter().map(|client| async move {
            // What was left behind concerns nobody: the results are there.
            let _ = client.close().await;
        });
        futures_util::future::join_all(closing).await;
    }
}

use std::sync::{Arc, atomic::AtomicI64};

use mcp_core::Era;
use mcp_transport::{Connect, Delivery, SharedConnect};

use crate::{
    Error, ErrorKind, Session, SessionOptions,
    cache::SessionCache,
    call::ListedNames,
    closing::Closing,
    extension::{Extensions, malformed, twice},
    inner::Inner,
    logging::LogLevel,
    negotiate::{Opened, open},
    notifications::Notifications,
    output::Outputs,
    param_headers::ParamTable,
    receive::{Receiver, Receiving},
    reopening::Reopening,
    resumable::Resumable,
    subscribe::Registry,
    task_tools::TaskTools,
};

impl Session {
    /// Connects, negotiates the revision, and opens a session.
    ///
    /// `name` is the server's name in errors; by default, the connector's description. Needs a tokio runtime with time
    /// enabled. Dropping the future closes the connection.
    ///
    /// # Errors
    /// The server cannot be reached or started, does not respond within
    /// [`start_timeout`](SessionOptions::start_timeout), refuses, or has no common revision.
    pub async fn open<C: Connect>(
        connect: C,
        name: Option<&str>,
        options: SessionOptions,
    ) -> Result<Self, Error> {
        let connect = SharedConnect::new(connect);
        let server: Arc<str> = match name {
            Some(name) => name.into(),
            None => connect.describe().into(),
        };
        if let Some(id) = twice(&options.extensions) {
            let text = format!("two extensions are called {id:?}");
            let error = Error::new(ErrorKind::Config, server, text);
            return Err(error.with_delivery(Delivery::NotSent));
        }
        if let Some(id) = malformed(&options.extensions) {
            let text = format!("{id:?} is no id of an extension, such as \"com.example/name\"");
            let error = Error::new(ErrorKind::Config, server, text);
            return Err(error.with_delivery(Delivery::NotSent));
        }
        let (inner, extensions) = Inner::open(connect, server, options).await?;
        Ok(Self { inner, extensions, timeout: None })
    }
}

impl Inner {
    /// Opens a session.
    pub(crate) async fn open(
        connect: SharedConnect,
        server: Arc<str>,
        options: SessionOptions,
    ) -> Result<(Arc<Self>, Extensions), Error> {
        let opened = open(&connect, &server, &options).await?;
        let reopening =
            opened.is_unconfirmed.then(|| Box::new(reopening(&connect, &server, &options)));
        let Opened { connection, verdict, is_unconfirmed, meta, tracing, .. } = opened;
        let Opened { server_requests, early, sending, .. } = opened;
        tracing::debug!(%server, version = %verdict.protocol_version, "session opened");
        let cache = SessionCache::open(
            options.cache.as_ref(),
            &server,
            &connection.info,
            verdict.protocol_version,
            connect.hold(),
        );
        let notifications = Notifications {
            server: Arc::clone(&server),
            cache,
            registry: Arc::new(Registry::new(Arc::clone(&server))),
            on_notification: options.on_notification,
            on_log: options.handlers.log.clone(),
            task_progress: Arc::default(),
        };
        let extensions = Extensions::from(&*options.extensions);
        let closing = Arc::new(Closing::default());
        let receiver = Receiver {
            transport: connection.transport.clone(),
            server_requests: Arc::clone(&server_requests),
            notifications: notifications.clone(),
            extensions: extensions.clone(),
            closing: Arc::clone(&closing),
            pings: options
                .ping_interval
                .filter(|_| verdict.era() == Era::Legacy)
                .map(|interval| (verdict.protocol_version, interval)),
        };
        #[cfg(feature = "validation")]
        let outputs = Outputs::new(options.output_checks);
        #[cfg(not(feature = "validation"))]
        let outputs = Outputs::default();
        let inbound = connection.inbound;
        if let Some(on_verdict) = &options.on_verdict {
            on_verdict(&verdict);
        }
        let inner = Self {
            transport: connection.transport,
            connection: connection.info,
            hold: connect.hold(),
            server,
            verdict,
            is_unconfirmed: is_unconfirmed.into(),
            meta,
            next_id: AtomicI64::new(1),
            timers: Arc::default(),
            timeout: options.timeout,
            max_rounds: options.max_rounds,
            on_progress: options.handlers.progress,
            notifications,
            param_table: ParamTable::default(),
            outputs,
            listed: ListedNames::default(),
            task_tools: TaskTools::default(),
            log_level: LogLevel::default(),
            server_requests,
            closing,
            tracing,
            receiving: Resumable::start(Receiving { receiver, inbound, early, sending }),
            reopening,
        };
        Ok((Arc::new(inner), extensions))
    }
}

/// How to open a session without the earlier verdict.
fn reopening(
    connect: &SharedConnect,
    server: &Arc<str>,
    options: &SessionOptions,
) -> Reopening<Inner> {
    let (connect, server) = (connect.clone(), Arc::clone(server));
    let options = options.clone().with_prior_discover(None);
    Reopening::new(move || {
        let opening = Inner::open(connect.clone(), Arc::clone(&server), options.clone());
        async move { Ok(opening.await?.0) }
    })
}

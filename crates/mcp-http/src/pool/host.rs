use std::sync::Arc;

use http::Uri;
use tokio::runtime::Handle;

use super::connections::{Opened, Outcome, Pool};
use super::http1::Http1;
use super::lease::Lease;
use super::target::Target;
use crate::connect::Connector;
use crate::error::{ConnectStep, Error, ErrorKind};
use crate::settings::Settings;

/// A server and its connections.
#[derive(Debug)]
pub(crate) struct Host {
    pool: Arc<Pool>,
}

impl Host {
    pub(crate) fn check(url: &Uri, settings: &Settings) -> Result<(), Error> {
        Target::new(url, settings).map(drop)
    }

    pub(crate) fn new(
        url: &Uri,
        connector: &Arc<Connector>,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let target = Target::new(url, settings)?;
        Ok(Self { pool: Arc::new(Pool::new(target, connector.clone(), settings)) })
    }

    pub(crate) fn serves(&self, url: &Uri) -> bool {
        self.pool.target.serves(url)
    }

    /// Closes the idle connections.
    pub(crate) fn close_unused(&self) {
        self.pool.close_unused();
    }

    /// A connection that is ready for a request: an idle one, or else a new one.
    pub(crate) async fn checkout(&self) -> Result<Lease, Error> {
        let runtime = Handle::try_current().map_err(|error| {
            let text = "a request can only be sent in a tokio runtime";
            Error::new(ErrorKind::Other, text).with_source(error).not_sent()
        })?;
        loop {
            while let Some(mut http1) = self.pool.take_idle(runtime.id()) {
                // The connection may not have processed the end of the previous response yet.
                if http1.sender.ready().await.is_ok() {
                    return Ok(Lease::http1(&self.pool, http1, true));
                }
            }
            if self.pool.is_http1() {
                // Boxed, since the rare case is much larger than the common one.
                if let Some(http1) = Box::pin(self.connect()).await? {
                    return Ok(Lease::http1(&self.pool, http1, false));
                }
            }
            if let Some(slot) = self.pool.take_stream(runtime.id()) {
                return Ok(Lease::http2(slot));
            }
            match self.pool.wait(runtime.clone()).await {
                Ok(Outcome::Stream(slot)) => return Ok(Lease::http2(slot)),
                Ok(Outcome::Connection(http1)) => {
                    return Ok(Lease::http1(&self.pool, http1, false));
                }
                Ok(Outcome::Http1) => {}
                Ok(Outcome::Failed(error)) => return Err(error),
                Err(_) => {
                    let text = "the client was dropped";
                    let kind = ErrorKind::Connect(ConnectStep::Other);
                    return Err(Error::new(kind, text).not_sent());
                }
            }
        }
    }

    /// Opens a connection for one request; `None` if it is a shared HTTP/2 connection.
    async fn connect(&self) -> Result<Option<Http1>, Error> {
        Ok(match self.pool.open().await? {
            Opened::Http1(http1) => Some(http1),
            Opened::Http2(http2) => {
                self.pool.add(http2);
                None
            }
        })
    }
}

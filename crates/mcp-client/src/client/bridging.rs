use std::sync::Arc;

use mcp_group::{Backend, Group};
use mcp_serve::Relay;
use mcp_transport::Connect as _;

use super::Client;
use crate::{Bridge, Error, ErrorKind};

impl Client {
    /// Creates a server in front of the server of this client, with its settings: for other programs to connect to, over
    /// HTTP or stdio. Connects when its first client does.
    ///
    /// Handlers of this client serve the requests of the server where a session translates; the others are sent to the
    /// client of the bridge.
    ///
    /// # Errors
    /// Kind [`Config`](crate::ErrorKind::Config) if a setting does not apply to the target.
    pub fn bridge(&self) -> Result<Bridge, Error> {
        let (relay, group) = match self.connector()? {
            Some(connect) => {
                let mut options = self.options.clone();
                // The group forwards these.
                options.on_notification = None;
                options.handlers = options.handlers.without_listeners();
                let name = self.name.clone().unwrap_or_else(|| connect.describe().into());
                let backend = Backend::new(name, connect.clone()).options(options);
                let group = Group::builder().forward_requests(true).backend(backend).build();
                (Some(Relay::new(connect)), group)
            }
            None => {
                let inner = self.grouping.clone();
                let client = self.clone().grouping(move |group| {
                    let group = match &inner {
                        Some(change) => change(group),
                        None => group,
                    };
                    group.forward_requests(true)
                });
                let no_server = || Error::new(ErrorKind::Target, Arc::from("client"), "no server");
                (None, client.group().ok_or_else(no_server)?)
            }
        };
        Ok(Bridge::new(relay, group, self.options.era))
    }
}

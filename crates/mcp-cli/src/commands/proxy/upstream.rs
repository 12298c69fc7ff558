//! The server behind the proxy.

use mcp_client::{
    Client,
    config_file::Target,
    group::{Backend, Group},
    transport::SharedServe,
};
use mcp_serve::Relay;

use crate::{
    context::Context,
    failure::Failure,
    target::{self, Ask, Found, TargetOptions},
};

/// The server that is named.
pub(super) struct Upstream {
    found: Found,
}

impl Upstream {
    pub(super) async fn find(
        cx: &Context,
        server: Option<&str>,
        options: &TargetOptions,
    ) -> Result<Self, Failure> {
        let found = cx.find(server, options)?;
        target::trust(&found, options.trust, Ask::Person).await?;
        Ok(Self { found })
    }

    /// Offers only these tools, if there are any, and never those.
    pub(super) fn filter(&mut self, allow: Vec<String>, deny: Vec<String>) -> Result<(), Failure> {
        match &mut self.found {
            _ if allow.is_empty() && deny.is_empty() => Ok(()),
            Found::One { server, .. } => {
                if !allow.is_empty() {
                    server.include_tools = Some(allow);
                }
                server.exclude_tools.extend(deny);
                Ok(())
            }
            _ => Err(Failure::usage(
                "--allow-tool and --deny-tool apply to one server: write FILE:SERVER",
            )),
        }
    }

    /// What is served: a relay to one server, or a group where what is asked for needs a session.
    pub(super) async fn serve(
        self,
        cx: &Context,
        options: &TargetOptions,
        share: bool,
    ) -> Result<SharedServe, Failure> {
        let is_url = matches!(
            &self.found,
            Found::One { server, .. } if matches!(server.target, Target::Remote(_))
        );
        let client = cx.client_of(self.found, options)?;
        if let Some(group) = client.group() {
            return shared(cx, group).await;
        }
        let connect = client.connector()?;
        let connect = connect.ok_or_else(|| Failure::usage("this server cannot be relayed to"))?;
        if is_url {
            // Finds out which transport the URL speaks, which the connector keeps, and fails now rather than with the
            // first request.
            cx.open(&client).await?;
            cx.close().await;
        }
        if share {
            let backend = Backend::new("server", connect);
            return shared(cx, Group::builder().backend(backend).build()).await;
        }
        Ok(SharedServe::new(Relay::new(connect)))
    }
}

/// A group whose servers stay open until the command ends: a session of our own keeps them between clients.
async fn shared(cx: &Context, group: Group) -> Result<SharedServe, Failure> {
    cx.open(&Client::new(group.clone())?.keep_alive(true)).await?;
    Ok(SharedServe::new(group))
}

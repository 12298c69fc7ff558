//! The server behind the proxy.

use mcp_client::{
    Bridge, Client,
    config_file::{Expanded, Target},
    transport::SharedServe,
};

use super::ready::Readiness;
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

    /// What is served: the server that was found, and each server of a configuration.
    pub(super) async fn serve(
        self,
        cx: &Context,
        options: &TargetOptions,
        share: bool,
    ) -> Result<Served, Failure> {
        let named = match &self.found {
            Found::Many(expanded) => expanded.servers.clone(),
            _ => Vec::new(),
        };
        let is_url = matches!(
            &self.found,
            Found::One { server, .. } if matches!(server.target, Target::Remote(_))
        );
        let client = cx.client_of(self.found, options)?;
        let bridge = client.bridge()?.share(share);
        let named = named.into_iter().map(|(name, server)| {
            let client = cx.client_of(Found::Many(Expanded::of(name.clone(), server)), options)?;
            Ok((name, SharedServe::new(client.bridge()?.share(share))))
        });
        let named = named.collect::<Result<_, Failure>>()?;
        let ready = match bridge.is_shared() {
            true => {
                keep_open(cx, &bridge).await?;
                Readiness::Group(bridge.group().clone())
            }
            false => {
                if is_url {
                    // Finds out which transport the URL speaks, which the connector keeps, and fails now rather than
                    // with the first request.
                    cx.open(&client).await?;
                    cx.close().await;
                }
                cx.close_later(&client);
                Readiness::Client(Box::new(client))
            }
        };
        Ok(Served { main: SharedServe::new(bridge), named, ready })
    }
}

/// What the front serves.
pub(super) struct Served {
    pub(super) main: SharedServe,
    /// Each server of a configuration.
    pub(super) named: Vec<(String, SharedServe)>,
    pub(super) ready: Readiness,
}

/// Keeps the servers of a group open until the command ends: a session of our own keeps them between clients.
async fn keep_open(cx: &Context, bridge: &Bridge) -> Result<(), Failure> {
    cx.open(&Client::new(bridge.group().clone())?.keep_alive(true)).await?;
    Ok(())
}

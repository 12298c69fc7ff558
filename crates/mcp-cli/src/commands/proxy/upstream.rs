//! The server behind the proxy.

use mcp_client::{
    Client,
    config_file::{Expanded, Target},
    group::{Backend, Group},
    transport::{SharedConnect, SharedServe},
};
use mcp_serve::Relay;

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

    /// What is served: a relay to one server, or a group where what is asked for needs a session.
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
        if let Some(group) = client.group() {
            let named = named.into_iter().map(|(name, server)| {
                let found = Found::Many(Expanded::of(name.clone(), server));
                let client = cx.client_of(found, options)?;
                let server = match client.group() {
                    Some(group) => SharedServe::new(group),
                    None => alone(&name, &client, share)?,
                };
                Ok((name, server))
            });
            let named = named.collect::<Result<_, Failure>>()?;
            keep_open(cx, &group).await?;
            let ready = Readiness::Group(group.clone());
            return Ok(Served { main: SharedServe::new(group), named, ready });
        }
        if is_url {
            // Finds out which transport the URL speaks, which the connector keeps, and fails now rather than with the
            // first request.
            cx.open(&client).await?;
            cx.close().await;
        }
        if share {
            let group = group_of("server", &client)?;
            keep_open(cx, &group).await?;
            let ready = Readiness::Group(group.clone());
            return Ok(Served { main: SharedServe::new(group), named: Vec::new(), ready });
        }
        let main = alone("server", &client, false)?;
        cx.close_later(&client);
        Ok(Served { main, named: Vec::new(), ready: Readiness::Client(Box::new(client)) })
    }
}

/// What the front serves.
pub(super) struct Served {
    pub(super) main: SharedServe,
    /// Each server of a configuration.
    pub(super) named: Vec<(String, SharedServe)>,
    pub(super) ready: Readiness,
}

/// One server: a relay, or a group of it alone, which shares one session.
fn alone(name: &str, client: &Client, share: bool) -> Result<SharedServe, Failure> {
    match share {
        true => Ok(SharedServe::new(group_of(name, client)?)),
        false => Ok(SharedServe::new(Relay::new(connector(client)?))),
    }
}

fn group_of(name: &str, client: &Client) -> Result<Group, Failure> {
    Ok(Group::builder().backend(Backend::new(name, connector(client)?)).build())
}

fn connector(client: &Client) -> Result<SharedConnect, Failure> {
    let connect = client.connector()?;
    connect.ok_or_else(|| Failure::usage("this server cannot be relayed to"))
}

/// Keeps the servers of a group open until the command ends: a session of our own keeps them between clients.
async fn keep_open(cx: &Context, group: &Group) -> Result<(), Failure> {
    cx.open(&Client::new(group.clone())?.keep_alive(true)).await?;
    Ok(())
}

//! `mcp proxy`: puts a server where a client can reach it.

mod front;
mod listening;
mod ready;
mod upstream;

use mcp_client::{serve::serve_stdio, transport::Serve};

use self::{front::Front, listening::Listening, upstream::Upstream};
use crate::{
    completion::words, context::Context, exit::Exit, failure::Failure, target::TargetOptions,
};

/// Put a server on stdio, or with --listen on HTTP
///
/// Without --listen this command is itself a server on stdio, for hosts that only start programs. With it, Streamable
/// HTTP is served at /mcp, and each server of a configuration at /servers/NAME/mcp too. Messages pass unchanged
/// except for ids and progress tokens, or are translated where client and server speak different eras of the protocol.
#[derive(Debug, clap::Args)]
pub(crate) struct Proxy {
    /// The server
    #[arg(value_name = "TARGET", add = words())]
    server: Option<String>,
    #[command(flatten)]
    listening: Listening,
    /// Offer this tool, and no other that is not named so
    #[arg(long = "allow-tool", value_name = "TOOL")]
    allow_tools: Vec<String>,
    /// Do not offer this tool
    #[arg(long = "deny-tool", value_name = "TOOL")]
    deny_tools: Vec<String>,
    /// Let all clients share one session with the server, as clients of another era than the server's do anyway;
    /// extensions of the protocol do not pass
    #[arg(long)]
    share: bool,
    #[command(flatten)]
    target: TargetOptions,
}

impl Proxy {
    pub(crate) async fn run(self, cx: &Context) -> Result<(), Failure> {
        let front = match self.listening.listen {
            Some(_) => Some(Front::bind(&self.listening).await?),
            None => None,
        };
        let mut upstream = Upstream::find(cx, self.server.as_deref(), &self.target).await?;
        upstream.filter(self.allow_tools, self.deny_tools)?;
        let server = upstream.serve(cx, &self.target, self.share).await?;
        match front {
            Some(front) => front.serve(cx, server).await,
            None => {
                let served = serve_stdio(server.main.clone()).await.map_err(ended);
                server.main.close().await;
                served
            }
        }
    }
}

/// A session on stdio ends with its server, which is no failure of reading or writing.
fn ended(error: std::io::Error) -> Failure {
    let cause = error.get_ref().and_then(|it| it.downcast_ref::<mcp_client::transport::Error>());
    match cause {
        Some(cause) => Failure::new(Exit::Unreachable, format!("the server has ended: {cause}")),
        None => error.into(),
    }
}

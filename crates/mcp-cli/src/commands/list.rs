//! `mcp list`: the configured servers, or the tools, resources and prompts of a server.

mod offers;
mod servers;

use crate::{completion::words, context::Context, failure::Failure, target::TargetOptions};

/// List the configured servers, or the tools, resources and prompts of a server
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// The server; if omitted, lists the configured servers without starting them
    #[arg(value_name = "TARGET", add = words())]
    server: Option<String>,
    /// Connect to all configured servers and report the result of each
    #[arg(long, conflicts_with = "server")]
    check: bool,
    /// Show the schemas of tools
    #[arg(long)]
    schema: bool,
    /// Only list entries with this text in the name, URI or description; case-insensitive
    #[arg(long, value_name = "TEXT")]
    grep: Option<String>,
    #[command(flatten)]
    target: TargetOptions,
}

impl List {
    pub(crate) async fn run(self, cx: &Context) -> Result<(), Failure> {
        if self.server.is_none() && self.target.program.is_empty() {
            return match self.check {
                true => servers::check(cx, &self.target).await,
                false => servers::list(cx, self.grep.as_deref()),
            };
        }
        let session = cx.session(self.server.as_deref(), &self.target).await?;
        let offers = offers::Offers::of(&session, self.grep.as_deref()).await?;
        offers.show(cx.printer, self.schema)
    }
}

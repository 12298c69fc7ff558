//! `mcp list`: the configured servers, or what a server offers.

mod offers;
mod servers;

use crate::{completion::words, context::Context, failure::Failure, target::TargetOptions};

/// List the configured servers, or what a server offers
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// The server; without it the configured ones are listed, and none is started
    #[arg(value_name = "TARGET", add = words())]
    server: Option<String>,
    /// Open all configured servers side by side, and tell which work
    #[arg(long, conflicts_with = "server")]
    check: bool,
    /// Show the schemas of tools
    #[arg(long)]
    schema: bool,
    /// Only what has this text in its name, URI or description; case does not count
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

//! `mcp completions`: the completion script of a shell.

use crate::{completion, context::Context, failure::Failure};

/// Print the completion script of a shell
///
/// Bash: source <(mcp completions bash). Zsh: source <(mcp completions zsh). Fish: mcp completions fish | source.
/// PowerShell: mcp completions powershell | Out-String | Invoke-Expression. Names of tools and arguments are
/// requested from the server, with a timeout of one second.
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// bash, zsh, fish, powershell or elvish
    shell: String,
}

impl Completions {
    pub(crate) fn run(self, cx: &Context) -> Result<(), Failure> {
        let script = completion::script(&self.shell);
        let script = script.map_err(|error| Failure::usage(error.to_string()))?;
        Ok(cx.printer.bytes(&script)?)
    }
}

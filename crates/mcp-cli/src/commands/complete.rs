//! `mcp complete`: requests completions of an argument.

use std::collections::BTreeMap;

use mcp_client::types::{
    CompleteRequestParams, CompletionArgument, CompletionContext, PromptReference,
    ResourceTemplateReference,
};

use crate::{
    completion::words, context::Context, escape::line, failure::Failure, output::Format,
    target::TargetOptions,
};

/// Request completions for an argument of a prompt or a resource template
///
/// The last argument is completed; the ones before it are sent as context.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "mcp complete [OPTIONS] TARGET PROMPT|TEMPLATE [key=value]... key=PREFIX\n       \
                            mcp complete [OPTIONS] PROMPT|TEMPLATE [key=value]... key=PREFIX -- PROGRAM [ARGS]..."
)]
pub(crate) struct Complete {
    /// The server, the prompt or the template, and arguments
    #[arg(value_name = "ARG", add = words())]
    words: Vec<String>,
    #[command(flatten)]
    target: TargetOptions,
}

impl Complete {
    pub(crate) async fn run(self, cx: &Context) -> Result<(), Failure> {
        let (server, words) = self.target.server_first(&self.words);
        let [of, known @ .., last] = words else {
            return Err(Failure::usage(
                "a prompt or a template, or the argument, is missing: write `mcp complete TARGET \
                 PROMPT|TEMPLATE key=PREFIX`",
            ));
        };
        let pair = |word: &String| match word.split_once('=') {
            Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
            None => Err(Failure::usage(format!("{}: write key=value", line(word)))),
        };
        let (name, value) = pair(last)?;
        let argument = CompletionArgument::new(name, value);
        // Only templates have a scheme.
        let mut params = match of.contains("://") {
            true => {
                CompleteRequestParams::new(ResourceTemplateReference::new(of.clone()), argument)
            }
            false => CompleteRequestParams::new(PromptReference::new(of.clone()), argument),
        };
        if !known.is_empty() {
            let known = known.iter().map(pair).collect::<Result<BTreeMap<_, _>, _>>()?;
            params = params.with_context(CompletionContext::new().with_arguments(known));
        }
        let session = cx.session(server, &self.target).await?;
        let result = session.complete(&params).await?;
        match cx.printer.format {
            Format::Human => {
                for value in &result.completion.values {
                    cx.printer.line(&line(value))?;
                }
                Ok(())
            }
            Format::JsonLines => {
                result.completion.values.iter().try_for_each(|it| Ok(cx.printer.json(it)?))
            }
            _ => Ok(cx.printer.json(&result)?),
        }
    }
}

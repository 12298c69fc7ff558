//! `mcp read`: reads a resource.

use std::{fs, path::PathBuf};

use mcp_client::types::{RawJson, ResourceContents, method};

use crate::{
    answers::AnswerOptions, completion::words, context::Context, escape::line, exit::Exit,
    failure::Failure, output::Format, target::TargetOptions,
};

/// Read a resource
///
/// Text is written to stdout. Bytes are written to a file or to stdout, but never to a terminal.
#[derive(Debug, clap::Args)]
#[command(override_usage = "mcp read [OPTIONS] TARGET URI\n       \
                            mcp read [OPTIONS] URI -- PROGRAM [ARGS]...")]
pub(crate) struct Read {
    /// The server, and the URI of the resource
    #[arg(value_name = "ARG", add = words())]
    words: Vec<String>,
    /// Write the contents to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    answers: AnswerOptions,
    #[command(flatten)]
    target: TargetOptions,
}

impl Read {
    pub(crate) async fn run(self, cx: &Context) -> Result<(), Failure> {
        let (server, words) = self.target.server_first(&self.words);
        let [uri] = words else {
            return Err(Failure::usage(
                "one URI is needed: write `mcp read TARGET URI`; `mcp list TARGET` lists the resources \
                 of a server",
            ));
        };
        let (handlers, unanswered) = self.answers.handlers();
        let client = cx.client(server, &self.target).await?.handlers(handlers);
        let session = cx.open(&client).await?;
        if cx.printer.format == Format::Raw {
            let params = serde_json::json!({ "uri": uri });
            let raw: RawJson = session.request(method::RESOURCES_READ, &params).await?;
            cx.printer.bytes(raw.as_bytes())?;
            return Ok(cx.printer.bytes(b"\n")?);
        }
        let result = session.read_resource(uri).await.map_err(Failure::from);
        let result = unanswered.or(result)?;
        if !cx.printer.is_human() {
            return Ok(cx.printer.json(&result)?);
        }
        match &self.output {
            Some(file) => {
                let all = result.contents.iter().map(bytes).collect::<Result<Vec<_>, _>>()?;
                fs::write(file, all.concat()).map_err(|error| {
                    Failure::new(Exit::Other, format!("{}: {error}", file.display()))
                })
            }
            None => result.contents.iter().try_for_each(|contents| show(cx, contents)),
        }
    }
}

fn show(cx: &Context, contents: &ResourceContents) -> Result<(), Failure> {
    if let Some(text) = contents.as_text() {
        match cx.printer.is_terminal {
            true => cx.printer.text(text)?,
            false => cx.printer.bytes(text.as_bytes())?,
        }
        return Ok(());
    }
    if cx.printer.is_terminal {
        let uri = line(contents.uri());
        let message = format!("{uri} is not text: write it to a file with -o, or to a pipe");
        return Err(Failure::usage(message));
    }
    Ok(cx.printer.bytes(&bytes(contents)?)?)
}

fn bytes(contents: &ResourceContents) -> Result<Vec<u8>, Failure> {
    let uri = line(contents.uri());
    let wrong = |why: &str| Failure::new(Exit::Other, format!("{uri}: {why}"));
    let bytes = contents.bytes().map_err(|error| wrong(&error.to_string()))?;
    bytes.ok_or_else(|| wrong("neither text nor bytes"))
}

//! `mcp prompt`: gets a prompt.

use mcp_client::types::{Prompt, RawJson, method, nearest};
use serde_json::{Map, Value};

use crate::{
    answers::AnswerOptions,
    completion::words,
    context::Context,
    escape::line,
    failure::Failure,
    output::{Format, bold, described, of_prompt},
    target::TargetOptions,
};

/// Get a prompt with arguments
#[derive(Debug, clap::Args)]
#[command(override_usage = "mcp prompt [OPTIONS] TARGET PROMPT [key=value]...\n       \
                            mcp prompt [OPTIONS] PROMPT [key=value]... -- PROGRAM [ARGS]...")]
pub(crate) struct GetPrompt {
    /// The server, the prompt, and its arguments
    #[arg(value_name = "ARG", add = words())]
    words: Vec<String>,
    #[command(flatten)]
    answers: AnswerOptions,
    #[command(flatten)]
    target: TargetOptions,
}

impl GetPrompt {
    pub(crate) async fn run(self, cx: &Context) -> Result<(), Failure> {
        let (server, words) = self.target.server_first(&self.words);
        let Some((name, words)) = words.split_first() else {
            return Err(Failure::usage(
                "a prompt is missing: write `mcp prompt TARGET PROMPT key=value...`; `mcp list TARGET` \
                 lists the prompts of a server",
            ));
        };
        let mut arguments = Map::new();
        for word in words {
            let Some((key, value)) = word.split_once('=') else {
                let word = line(word);
                return Err(Failure::usage(format!("{word} is not an argument: write key=value")));
            };
            arguments.insert(key.to_owned(), Value::from(value));
        }
        let (handlers, unanswered) = self.answers.handlers();
        let client = cx.client(server, &self.target).await?.handlers(handlers);
        let session = cx.open(&client).await?;
        if session.capabilities().prompts.is_some() {
            let prompts = session.list_prompts().await?;
            check(session.name(), name, &prompts, &arguments)?;
        }
        if cx.printer.format == Format::Raw {
            let params = serde_json::json!({ "name": name, "arguments": arguments });
            let raw: RawJson = session.request(method::PROMPTS_GET, &params).await?;
            cx.printer.bytes(raw.as_bytes())?;
            return Ok(cx.printer.bytes(b"\n")?);
        }
        let result = session.get_prompt(name).args(arguments).await.map_err(Failure::from);
        let result = unanswered.or(result)?;
        if !cx.printer.is_human() {
            return Ok(cx.printer.json(&result)?);
        }
        for message in &result.messages {
            cx.printer.line(&bold(&format!("{}:", line(message.role.as_str()))))?;
            cx.printer.text(&described(&message.content))?;
        }
        Ok(())
    }
}

fn check(
    server: &str,
    name: &str,
    prompts: &[Prompt],
    arguments: &Map<String, Value>,
) -> Result<(), Failure> {
    let Some(prompt) = prompts.iter().find(|it| it.name == name) else {
        let failure = Failure::usage(format!("{} has no prompt {}", line(server), line(name)));
        return Err(match nearest(name, prompts.iter().map(|it| it.name.as_str())) {
            Some(near) => failure.and(format!("did you mean {}?", line(near))),
            None => failure,
        });
    };
    let known = || prompt.arguments.iter().flatten();
    let mut wrong = Vec::new();
    for key in arguments.keys().filter(|key| known().all(|it| it.name != **key)) {
        let hint = match nearest(key, known().map(|it| it.name.as_str())) {
            Some(near) => format!(", did you mean {}?", line(near)),
            None => String::new(),
        };
        wrong.push(format!("there is no argument {}{hint}", line(key)));
    }
    let required = known().filter(|it| it.required == Some(true));
    let missing = required.filter(|it| !arguments.contains_key(&it.name));
    wrong.extend(missing.map(|it| format!("{} is missing", line(&it.name))));
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Failure::usage(format!("{}: {}", line(name), wrong.join("; "))).and(format!(
            "usage: {}{}",
            line(name),
            of_prompt(prompt)
        ))),
    }
}

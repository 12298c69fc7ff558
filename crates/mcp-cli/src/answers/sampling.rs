//! Sampling requests, answered by the user or a command.

use std::{
    io::{self, Write},
    process::{Command, Stdio},
};

use mcp_client::types::{
    CreateMessageRequestParams, CreateMessageResult, ErrorObject, Role, SamplingContent, error_code,
};

use crate::{escape::block, terminal};

/// Source of the model messages.
#[derive(Debug, Clone)]
pub(super) enum Sample {
    /// A prompt at the terminal.
    Ask,
    /// A shell command: reads the request as JSON from stdin, writes the text to stdout.
    Command(String),
}

impl Sample {
    pub(super) fn new(text: &str) -> Self {
        match text {
            "ask" => Self::Ask,
            command => Self::Command(command.to_owned()),
        }
    }

    pub(super) async fn answer(
        self,
        params: CreateMessageRequestParams,
    ) -> Result<CreateMessageResult, ErrorObject> {
        let refused = |why: String| ErrorObject::new(error_code::INTERNAL_ERROR, why);
        if matches!(self, Self::Ask) && !terminal::is_interactive() {
            return Err(refused("there is no terminal for the response of the model".to_owned()));
        }
        let model = match &self {
            Self::Ask => "a person",
            Self::Command(_) => "a command",
        };
        let answer = terminal::blocking(move || match self {
            Self::Ask => ask(&params),
            Self::Command(command) => printed_by(&command, &params),
        });
        let text =
            answer.await.map_err(|failure| refused(failure.message().unwrap_or_default()))?;
        Ok(CreateMessageResult::new(Role::Assistant, SamplingContent::text(text), model))
    }
}

/// Shows the messages and reads the response until an empty line.
fn ask(params: &CreateMessageRequestParams) -> io::Result<String> {
    let mut stderr = io::stderr();
    writeln!(stderr, "The server requests a model response:")?;
    let texts = params
        .system_prompt
        .iter()
        .map(String::as_str)
        .map(str::to_owned)
        .chain(params.messages.iter().map(|it| serde_json::to_string(it).unwrap_or_default()));
    for text in texts {
        writeln!(stderr, "  {}", block(&text))?;
    }
    writeln!(stderr, "Enter the response, then an empty line:")?;
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if io::stdin().read_line(&mut line)? == 0 || line.trim().is_empty() {
            return Ok(lines.join("\n"));
        }
        lines.push(line.trim_end().to_owned());
    }
}

fn printed_by(command: &str, params: &CreateMessageRequestParams) -> io::Result<String> {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut child = Command::new(shell)
        .args([flag, command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        let request = serde_json::to_vec(params)?;
        // A command may succeed without reading all of its input.
        let _ = stdin.write_all(&request);
    }
    let output = child.wait_with_output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned()),
        false => Err(io::Error::other(format!("--sample: {}", output.status))),
    }
}

//! Requests to a model, answered by a person or a command.

use std::{
    io::{self, Write},
    process::{Command, Stdio},
};

use mcp_client::types::{
    CreateMessageRequestParams, CreateMessageResult, ErrorObject, Role, SamplingContent, error_code,
};

use crate::{escape::block, terminal};

/// Who answers in place of a model.
#[derive(Debug, Clone)]
pub(super) enum Sample {
    /// The person at the terminal.
    Ask,
    /// A command of the shell: the request on its stdin as JSON, the text on its stdout.
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
        if matches!(self, Self::Ask) && !terminal::has_person() {
            return Err(refused("there is nobody to answer for the model".to_owned()));
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

/// Shows the messages, and reads the answer up to an empty line.
fn ask(params: &CreateMessageRequestParams) -> io::Result<String> {
    let mut stderr = io::stderr();
    writeln!(stderr, "The server asks a model:")?;
    let texts = params
        .system_prompt
        .iter()
        .map(String::as_str)
        .map(str::to_owned)
        .chain(params.messages.iter().map(|it| serde_json::to_string(it).unwrap_or_default()));
    for text in texts {
        writeln!(stderr, "  {}", block(&text))?;
    }
    writeln!(stderr, "Answer for it; an empty line ends the answer:")?;
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
        // A command that does not read all of it may answer all the same.
        let _ = stdin.write_all(&request);
    }
    let output = child.wait_with_output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned()),
        false => Err(io::Error::other(format!("--sample: {}", output.status))),
    }
}

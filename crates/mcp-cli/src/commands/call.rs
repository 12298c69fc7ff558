//! `mcp call`: calls a tool.

use std::{fs, path::PathBuf};

use mcp_client::{
    ErrorKind, Session,
    tasks::{Started, Tasks},
    types::{CallToolResult, ContentBlock, RawJson, Tool, method, nearest},
};
use serde_json::{Map, Value};

use crate::{
    answers::AnswerOptions,
    arguments,
    completion::words,
    context::Context,
    escape::{block, line},
    exit::Exit,
    failure::Failure,
    output::{Format, Images, described, task_state},
    progress::ProgressLine,
    target::TargetOptions,
};

/// Call a tool
///
/// Arguments are key=value, converted to the type in the schema of the tool; key:=JSON; or key=@FILE. They are
/// validated before anything is sent.
#[derive(Debug, clap::Args)]
#[command(override_usage = "mcp call [OPTIONS] TARGET TOOL [key=value]...\n       \
                            mcp call [OPTIONS] TOOL [key=value]... -- PROGRAM [ARGS]...")]
pub(crate) struct Call {
    /// The server, the tool, and its arguments
    #[arg(value_name = "ARG", add = words())]
    words: Vec<String>,
    /// All arguments: a JSON object, @FILE, or - for stdin
    #[arg(long, value_name = "JSON")]
    args: Option<String>,
    /// Call without requesting the list of tools: arguments are strings and not validated
    #[arg(long)]
    no_check: bool,
    /// Start a task if the tool supports it, and print its id without waiting; see `mcp tasks`
    #[arg(long)]
    task: bool,
    /// Save images, audio and other binary content of the result in this folder
    #[arg(long, value_name = "FOLDER")]
    save: Option<PathBuf>,
    #[command(flatten)]
    answers: AnswerOptions,
    #[command(flatten)]
    target: TargetOptions,
}

impl Call {
    pub(crate) async fn run(self, cx: &Context) -> Result<(), Failure> {
        let (server, words) = self.target.server_first(&self.words);
        let Some((name, words)) = words.split_first() else {
            return Err(Failure::usage(
                "a tool is missing: write `mcp call TARGET TOOL key=value...`; `mcp list TARGET` lists the \
                 tools of a server",
            ));
        };
        let (handlers, unanswered) = self.answers.handlers();
        let tasks = Tasks::new();
        let client = cx.client(server, &self.target).await?.handlers(handlers);
        // Servers treat clients with task support differently: declare the extension only for `--task`.
        let client = if self.task { client.extension(tasks.clone()) } else { client };
        let session = cx.open(&client).await?;
        let tool = match self.no_check {
            true => None,
            false => find_tool(&session, name).await?,
        };
        let arguments = arguments::read(words, self.args.as_deref(), tool.as_ref())?;
        if let Some(tool) = &tool {
            arguments::check(tool, &arguments)?;
        }
        if self.task {
            let started = tasks.start(session.call_tool(name).args(arguments)).await;
            return match unanswered.or(started.map_err(Failure::from))? {
                Started::Done(result) => show_result(cx, &result),
                Started::Task(task) => match task.created() {
                    Some(state) => Ok(task_state(cx.printer, state)?),
                    None => Ok(cx.printer.line(&line(task.id()))?),
                },
                _ => Ok(()),
            };
        }
        let result = call(&session, name, arguments, cx.printer.format).await;
        let result = unanswered.or(result)?;
        if let Some(folder) = &self.save {
            save(&result.typed, folder)?;
        }
        show(cx, &result.typed, result.raw.as_ref())
    }
}

/// A result, parsed and as received.
struct Received {
    typed: CallToolResult,
    raw: Option<RawJson>,
}

/// The tool of this name, with its schema. `None` if the server does not list tools.
pub(crate) async fn find_tool(session: &Session, name: &str) -> Result<Option<Tool>, Failure> {
    let mut tools = match session.list_tools().await {
        Ok(tools) => tools,
        Err(error) if matches!(error.kind(), ErrorKind::Answer | ErrorKind::Unsupported) => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(at) = tools.iter().position(|tool| tool.name == name) {
        return Ok(Some(tools.swap_remove(at)));
    }
    let hint = match nearest(name, tools.iter().map(|tool| tool.name.as_str())) {
        Some(near) => format!("did you mean {}?", line(near)),
        None => "`mcp list` lists its tools; --no-check calls an unlisted tool".to_owned(),
    };
    let server = line(session.name());
    Err(Failure::usage(format!("{server} has no tool {}", line(name))).and(hint))
}

async fn call(
    session: &Session,
    name: &str,
    arguments: Map<String, Value>,
    format: Format,
) -> Result<Received, Failure> {
    let mut progress = ProgressLine::new(name);
    let seen = move |report| progress.report(&report);
    if format != Format::Raw {
        let call = session.call_tool(name).args(arguments).on_progress(seen);
        return Ok(Received { typed: call.await?, raw: None });
    }
    let params = serde_json::json!({ "name": name, "arguments": arguments });
    let raw = session.request(method::TOOLS_CALL, &params).on_progress(seen).await?;
    let typed = raw.decode().map_err(|error| Failure::new(Exit::Other, error.to_string()))?;
    Ok(Received { typed, raw: Some(raw) })
}

/// Writes a result to stdout. In the readable format, the result of a failed tool is an error on stderr.
pub(crate) fn show_result(cx: &Context, result: &CallToolResult) -> Result<(), Failure> {
    show(cx, result, None)
}

fn show(cx: &Context, result: &CallToolResult, raw: Option<&RawJson>) -> Result<(), Failure> {
    let is_error = result.is_error();
    match (raw, &result.structured_content) {
        (Some(raw), _) => {
            cx.printer.bytes(raw.as_bytes())?;
            cx.printer.bytes(b"\n")?;
        }
        (None, Some(content)) if !cx.printer.is_human() && !is_error => cx.printer.json(content)?,
        _ if !cx.printer.is_human() => cx.printer.json(result)?,
        _ if is_error => {
            let text = text_of(result);
            return Err(Failure::new(Exit::ToolFailed, format!("the tool failed: {text}")));
        }
        (None, Some(content)) if result.content.is_empty() => cx.printer.json(content)?,
        _ => {
            for content in &result.content {
                match image(cx, content) {
                    // It contains only the image.
                    Some(sequence) => cx.printer.bytes(format!("{sequence}\n").as_bytes())?,
                    None => cx.printer.text(&described(content))?,
                }
            }
        }
    }
    match is_error {
        true => Err(Failure::silent(Exit::ToolFailed)),
        false => Ok(()),
    }
}

/// The escape sequence of an image, if the terminal supports images.
fn image(cx: &Context, content: &ContentBlock) -> Option<String> {
    let ContentBlock::Image(image) = content else { return None };
    let images = Images::detect(|name| std::env::var(name).ok()).filter(|_| cx.printer.is_terminal);
    images?.sequence(&image.mime_type, &image.data)
}

fn text_of(result: &CallToolResult) -> String {
    let texts = result.content.iter().map(described);
    texts.map(|it| block(&it).into_owned()).collect::<Vec<_>>().join("\n")
}

/// Writes binary content to files, and their names to stderr.
fn save(result: &CallToolResult, folder: &std::path::Path) -> Result<(), Failure> {
    let failed = |why: String| Failure::new(Exit::Other, format!("{}: {why}", folder.display()));
    let binary = result.content.iter().filter(|it| !matches!(it, ContentBlock::Text(_)));
    for (number, content) in binary.enumerate() {
        let bytes = content.bytes().map_err(|error| failed(error.to_string()))?;
        let Some(bytes) = bytes else { continue };
        // The server does not determine file names.
        let extension = extension(content.mime_type().unwrap_or_default());
        let file = folder.join(format!("{}.{extension}", number + 1));
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&file, bytes))
            .map_err(|error| failed(error.to_string()))?;
        anstream::eprintln!("{}", file.display());
    }
    Ok(())
}

fn extension(mime_type: &str) -> &str {
    let (kind, subtype) = mime_type.split_once('/').unwrap_or_default();
    let subtype = subtype.split([';', '+']).next().unwrap_or_default();
    match (kind, subtype) {
        ("image", "jpeg") => "jpg",
        ("audio", "mpeg") => "mp3",
        ("text", "plain") => "txt",
        (_, it) if !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric()) => it,
        _ => "bin",
    }
}

#[cfg(test)]
mod tests {
    use super::extension;

    #[test]
    fn extensions_are_never_paths() {
        for (mime_type, wanted) in [
            ("image/png", "png"),
            ("image/jpeg", "jpg"),
            ("image/svg+xml", "svg"),
            ("text/plain; charset=utf-8", "txt"),
            ("image/../../x", "bin"),
            ("", "bin"),
        ] {
            assert_eq!(extension(mime_type), wanted, "{mime_type}");
        }
    }
}

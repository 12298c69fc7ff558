//! The tools, resources, templates and prompts of a server.

use mcp_client::{
    ErrorKind, Session,
    types::{Prompt, Resource, ResourceTemplate, Tool},
};
use serde::Serialize;
use serde_json::json;

use crate::{
    escape::line,
    failure::Failure,
    output::{Format, Printer, bold, dim, of_prompt, of_tool},
};

/// The lists of a server.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Offers {
    tools: Vec<Tool>,
    resources: Vec<Resource>,
    resource_templates: Vec<ResourceTemplate>,
    prompts: Vec<Prompt>,
}

impl Offers {
    /// Requests the lists that the server declares; keeps entries that contain `grep`.
    pub(super) async fn of(session: &Session, grep: Option<&str>) -> Result<Self, Failure> {
        let capabilities = session.capabilities();
        let has_tools = capabilities.tools.is_some();
        let (has_resources, has_prompts) =
            (capabilities.resources.is_some(), capabilities.prompts.is_some());
        let (tools, resources, templates, prompts) = tokio::join!(
            listed(has_tools, async { session.list_tools().await }),
            listed(has_resources, async { session.list_resources().await }),
            listed(has_resources, async { session.list_resource_templates().await }),
            listed(has_prompts, async { session.list_prompts().await }),
        );
        let grep = grep.map(str::to_lowercase);
        let keep = |texts: &[Option<&str>]| match &grep {
            Some(grep) => texts.iter().flatten().any(|it| it.to_lowercase().contains(grep)),
            None => true,
        };
        let (mut tools, mut resources, mut templates, mut prompts) =
            (tools?, resources?, templates?, prompts?);
        tools.retain(|it| keep(&[Some(&it.name), it.title.as_deref(), it.description.as_deref()]));
        resources.retain(|it| keep(&[Some(&it.name), Some(&it.uri), it.description.as_deref()]));
        templates.retain(|it| {
            keep(&[Some(&it.name), Some(&it.uri_template), it.description.as_deref()])
        });
        prompts.retain(|it| keep(&[Some(&it.name), it.description.as_deref()]));
        Ok(Self { tools, resources, resource_templates: templates, prompts })
    }

    pub(super) fn show(&self, printer: Printer, schema: bool) -> Result<(), Failure> {
        match printer.format {
            Format::Human => self.show_lines(printer, schema),
            Format::JsonLines => self.show_json_lines(printer),
            Format::Json | Format::Raw => Ok(printer.json(self)?),
        }
    }

    fn is_empty(&self) -> bool {
        self.tools.is_empty()
            && self.resources.is_empty()
            && self.resource_templates.is_empty()
            && self.prompts.is_empty()
    }

    fn show_json_lines(&self, printer: Printer) -> Result<(), Failure> {
        fn all<T: Serialize>(printer: Printer, kind: &str, items: &[T]) -> Result<(), Failure> {
            items.iter().try_for_each(|it| Ok(printer.json(&json!({ "kind": kind, "item": it }))?))
        }
        all(printer, "tool", &self.tools)?;
        all(printer, "resource", &self.resources)?;
        all(printer, "resourceTemplate", &self.resource_templates)?;
        all(printer, "prompt", &self.prompts)
    }

    fn show_lines(&self, printer: Printer, schema: bool) -> Result<(), Failure> {
        if self.is_empty() {
            anstream::eprintln!("no tools, resources or prompts");
        }
        let mut section = Sections { printer, is_first: true };
        section.begin("Tools", self.tools.is_empty())?;
        for tool in &self.tools {
            section.entry(&tool.name, &of_tool(tool), tool.description.as_deref())?;
            if schema {
                let text = serde_json::to_string_pretty(&tool.input_schema)?;
                let text = crate::escape::json(&text).replace('\n', "\n      ");
                printer.line(&format!("      {text}"))?;
            }
        }
        section.begin("Resources", self.resources.is_empty())?;
        for it in &self.resources {
            let more = match it.mime_type.as_deref() {
                Some(mime_type) => format!(" {} ({})", line(&it.name), line(mime_type)),
                None => format!(" {}", line(&it.name)),
            };
            section.entry(&it.uri, &more, it.description.as_deref())?;
        }
        section.begin("Resource templates", self.resource_templates.is_empty())?;
        for it in &self.resource_templates {
            let more = format!(" {}", line(&it.name));
            section.entry(&it.uri_template, &more, it.description.as_deref())?;
        }
        section.begin("Prompts", self.prompts.is_empty())?;
        for it in &self.prompts {
            section.entry(&it.name, &of_prompt(it), it.description.as_deref())?;
        }
        Ok(())
    }
}

/// Sections with a title. Empty sections are omitted.
struct Sections {
    printer: Printer,
    is_first: bool,
}

impl Sections {
    fn begin(&mut self, title: &str, is_empty: bool) -> Result<(), Failure> {
        if is_empty {
            return Ok(());
        }
        let space = if std::mem::take(&mut self.is_first) { "" } else { "\n" };
        Ok(self.printer.line(&format!("{space}{title}"))?)
    }

    /// Writes an entry: the name and details in the first line, the start of the description in the second.
    fn entry(&self, name: &str, more: &str, about: Option<&str>) -> Result<(), Failure> {
        let name = line(name);
        let more = match self.printer.is_terminal {
            true => wrapped(more, 2 + name.chars().count(), self.printer.width()),
            false => more.to_owned(),
        };
        self.printer.line(&format!("  {}{more}", bold(&name)))?;
        let about = about.and_then(|it| it.trim().lines().next()).filter(|it| !it.is_empty());
        if let Some(about) = about {
            let width = self.printer.width().saturating_sub(6).max(20);
            self.printer.line(&format!("      {}", dim(&shortened(&line(about), width))))?;
        }
        Ok(())
    }
}

/// Breaks a signature after the commas between its parameters, so that lines fit into `width`. `start` is the column at
/// which it begins.
fn wrapped(signature: &str, start: usize, width: usize) -> String {
    let (mut text, mut column) = (String::new(), start);
    for part in signature.split_inclusive(", ") {
        let length = part.trim_end().chars().count();
        if !text.is_empty() && column + length > width {
            text.truncate(text.trim_end().len());
            text.push_str(PARAMETER_INDENT);
            column = PARAMETER_INDENT.len() - 1;
        }
        text.push_str(part);
        column += part.chars().count();
    }
    text
}

/// Truncates a text to a number of characters.
fn shortened(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        Some(_) => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

/// A list that the server declares. Empty if the server does not support it after all.
async fn listed<T>(
    is_declared: bool,
    list: impl Future<Output = Result<Vec<T>, mcp_client::Error>>,
) -> Result<Vec<T>, Failure> {
    if !is_declared {
        return Ok(Vec::new());
    }
    match list.await {
        Ok(items) => Ok(items),
        Err(error) if error.answer().is_some_and(|it| it.code == METHOD_NOT_FOUND) => {
            Ok(Vec::new())
        }
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Starts a line with the next parameters of a signature.
const PARAMETER_INDENT: &str = "\n    ";
const METHOD_NOT_FOUND: i64 = mcp_client::types::error_code::METHOD_NOT_FOUND;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_signatures_are_broken_between_parameters() {
        let signature = "(first: string, second: number, third: boolean)";
        assert_eq!(wrapped(signature, 6, 60), signature);
        let narrow = "(first: string,\n    second: number, third: boolean)";
        assert_eq!(wrapped(signature, 10, 40), narrow);
    }
}

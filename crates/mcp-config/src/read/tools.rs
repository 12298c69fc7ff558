//! Reads which tools are offered and how they are changed.

use serde_json::{Map, Value};

use crate::error::Finding;
use crate::fields::{Fields, kind};
use crate::manner::Manner;
use crate::path::Path;
use crate::server::Server;
use crate::{Application, Argument, ProblemKind, Tool};

use super::foreign;

const INCLUDE: &[&str] = &[
    "includeTools",
    "include_tools",
    "enabledTools",
    "enabled_tools",
    "allowedTools",
    "allowed_tools",
];
const EXCLUDE: &[&str] =
    &["excludeTools", "exclude_tools", "disabledTools", "disabled_tools", "deniedTools"];

/// Members of `tools` in Hermes, which filter tools.
const POLICY: &[&str] = &["include", "exclude", "resources", "prompts"];

pub(super) fn read(fields: &mut Fields<'_>, manner: Manner, server: &mut Server) {
    server.include_tools = fields.texts(INCLUDE);
    let available = fields.texts(&["available_tools"]);
    // In Goose an empty list means all tools.
    let is_all = |tools: &Vec<String>| tools.is_empty() && manner.is(&[Application::Goose]);
    server.include_tools = server.include_tools.take().or(available.filter(|tools| !is_all(tools)));
    server.exclude_tools = fields.texts(EXCLUDE).unwrap_or_default();
    server.include_tags = fields.texts(&["include_tags"]);
    server.exclude_tags = fields.texts(&["exclude_tags"]).unwrap_or_default();
    match fields.get("tools") {
        Some(Value::Object(map)) if is_policy(map) => policy(fields, server),
        Some(Value::Object(_)) => changes(fields, server),
        Some(Value::Array(_)) => {
            // A list of the tools to offer; `*` means all.
            let listed = fields.texts(&["tools"]);
            let listed = listed.filter(|tools| !tools.iter().any(|tool| tool == "*"));
            server.include_tools = server.include_tools.take().or(listed);
        }
        Some(_) => {
            let path = fields.at("tools");
            if let Some((_, other)) = fields.take(&["tools"]) {
                fields.wrong(&path, &other, "an object of tools by name, or a list of names");
            }
        }
        None => {}
    }
    let mut names = server.include_tools.iter().flatten().chain(&server.exclude_tools);
    if let Some(pattern) = names.find(|name| name.contains(['*', '?'])).cloned() {
        let message = format!("{pattern:?} is the name of one tool here, not a pattern");
        fields.doubt(fields.path().clone(), message);
    }
}

fn is_policy(map: &Map<String, Value>) -> bool {
    !map.is_empty()
        && map.iter().all(|(name, value)| POLICY.contains(&name.as_str()) && !value.is_object())
}

/// `"tools": {"include": […], "exclude": […]}`. `exclude` is ignored if there is an `include`.
fn policy(fields: &mut Fields<'_>, server: &mut Server) {
    let path = fields.at("tools");
    let Some((_, map)) = fields.object(&["tools"]) else { return };
    let mut policy = Fields::new(map, path.clone(), fields.findings());
    let include = names(&mut policy, "include");
    let exclude = names(&mut policy, "exclude").filter(|_| include.is_none());
    for name in ["resources", "prompts"] {
        if policy.get(name) == Some(&Value::Bool(false)) {
            let message = format!("{name:?} of Hermes has no effect: they stay available");
            policy.doubt(path.key(name), message);
        }
    }
    let rest = policy.into_rest();
    if !rest.is_empty() {
        fields.move_in("tools", rest.into(), path);
    }
    server.include_tools = server.include_tools.take().or(include);
    server.exclude_tools.extend(exclude.into_iter().flatten());
}

/// A list of names, or a single name.
fn names(policy: &mut Fields<'_>, name: &str) -> Option<Vec<String>> {
    match policy.get(name) {
        Some(Value::String(_)) => policy.text(&[name]).map(|it| vec![it]),
        _ => policy.texts(&[name]),
    }
}

fn changes(fields: &mut Fields<'_>, server: &mut Server) {
    let path = fields.at("tools");
    let Some((_, map)) = fields.object(&["tools"]) else { return };
    for (name, value) in map {
        if let Some(tool) = tool(value, path.key(&name), fields.findings()) {
            server.tools.insert(name, tool);
        }
    }
}

fn tool(value: Value, path: Path, findings: &mut Vec<Finding>) -> Option<Tool> {
    let mut fields = object(value, path, findings)?;
    let mut tool = Tool {
        name: fields.text(&["name"]),
        title: fields.text(&["title"]),
        description: fields.text(&["description"]),
        enabled: fields.flag(&["enabled"]).unwrap_or(true),
        tags: fields.texts(&["tags"]).unwrap_or_default(),
        ..Tool::default()
    };
    if let Some((name, arguments)) = fields.object(&["arguments"]) {
        let path = fields.path().key(name);
        for (name, value) in arguments {
            if let Some(it) = argument(value, path.key(&name), fields.findings()) {
                tool.arguments.insert(name, it);
            }
        }
    }
    let known = ["name", "title", "description", "enabled", "tags", "arguments"];
    foreign::check_within(&mut fields, &known);
    tool.extra = fields.into_rest();
    Some(tool)
}

fn argument(value: Value, path: Path, findings: &mut Vec<Finding>) -> Option<Argument> {
    let mut fields = object(value, path, findings)?;
    let mut argument = Argument {
        name: fields.text(&["name"]),
        description: fields.text(&["description"]),
        hide: fields.flag(&["hide"]).unwrap_or(false),
        default: fields.take(&["default"]).map(|(_, value)| value),
        required: fields.flag(&["required"]),
        ..Argument::default()
    };
    foreign::check_within(&mut fields, &["name", "description", "hide", "default", "required"]);
    argument.extra = fields.into_rest();
    Some(argument)
}

fn object(value: Value, path: Path, findings: &mut Vec<Finding>) -> Option<Fields<'_>> {
    match value {
        Value::Object(map) => Some(Fields::new(map, path, findings)),
        other => {
            let message = format!("found {}, expected an object", kind(&other));
            findings.push(Finding { kind: ProblemKind::Invalid, path, message });
            None
        }
    }
}

//! Expands the references of a server.

use serde_json::Value;

use crate::error::Finding;
use crate::expansion::Expansion;
use crate::manner::{Manner, Words};
use crate::oauth::OAuth;
use crate::path::Path;
use crate::read::check_url;
use crate::server::{Auth, Remote, Stdio, Target};
use crate::{ProblemKind, Server};

/// The server with its references expanded, unless the result is invalid.
pub(crate) fn server(
    server: &Server,
    manner: Manner,
    expansion: &Expansion<'_>,
    path: Path,
    findings: &mut Vec<Finding>,
) -> Option<Server> {
    let mut filled = server.clone();
    let mut filler = Filler { expansion, findings: Vec::new() };
    let words = manner.words();
    match &mut filled.target {
        Target::Stdio(stdio) => filler.stdio(stdio, &words, &path),
        Target::Remote(remote) => filler.remote(remote, manner, &path),
    }
    filler.texts(&mut filled.always_allow, &path, words.always_allow);
    if let Some(tools) = &mut filled.include_tools {
        filler.texts(tools, &path, words.include_tools);
    }
    filler.texts(&mut filled.exclude_tools, &path, words.exclude_tools);
    if let Some(tags) = &mut filled.include_tags {
        filler.texts(tags, &path, "include_tags");
    }
    filler.texts(&mut filled.exclude_tags, &path, "exclude_tags");
    for (name, text) in [("description", &mut filled.description), ("icon", &mut filled.icon)] {
        filler.optional(text, || path.key(name));
    }
    for (name, tool) in &mut filled.tools {
        filler.tool(tool, || path.key("tools").key(name));
    }
    for (name, value) in &mut filled.extra {
        filler.value(value, &mut || path.key(name));
    }
    let is_usable = filler.findings.is_empty();
    findings.append(&mut filler.findings);
    is_usable.then_some(filled)
}

struct Filler<'f, 'a> {
    expansion: &'f Expansion<'a>,
    findings: Vec<Finding>,
}

impl Filler<'_, '_> {
    fn stdio(&mut self, stdio: &mut Stdio, words: &Words, path: &Path) {
        self.text(&mut stdio.command, || path.key(words.command));
        self.texts(&mut stdio.args, path, "args");
        for (name, value) in &mut stdio.env {
            self.text(value, || path.key(words.env).key(name));
        }
        for (name, file) in [("envFile", &mut stdio.env_file), ("cwd", &mut stdio.cwd)] {
            let Some(shown) = file.as_deref().and_then(|file| file.to_str()) else { continue };
            let mut text = shown.to_owned();
            self.text(&mut text, || path.key(name));
            *file = Some(text.into());
        }
        if stdio.command.trim().is_empty() {
            let message = "found an empty string, expected a program";
            self.find(ProblemKind::Invalid, path.key(words.command), message);
        }
        for name in &stdio.pass_env {
            if let Some(value) =
                self.expansion.variable(name).filter(|_| !stdio.env.contains_key(name))
            {
                stdio.env.insert(name.clone(), value);
            }
        }
    }

    fn remote(&mut self, remote: &mut Remote, manner: Manner, path: &Path) {
        let (url, words) = (path.key(manner.url), manner.words());
        if self.text(&mut remote.url, || url.clone())
            && let Err(message) = check_url(&remote.url)
        {
            self.find(ProblemKind::Invalid, url, message);
        }
        for (name, value) in &mut remote.headers {
            self.credential(value, || path.key(words.headers).key(name));
        }
        match &mut remote.auth {
            Some(Auth::Bearer(token)) => self.credential(token, || path.key("auth")),
            Some(Auth::Other(settings)) => {
                for (name, value) in settings {
                    self.value(value, &mut || path.key("auth").key(name));
                }
            }
            Some(Auth::OAuth(oauth)) => self.oauth(oauth, &path.key("auth")),
            None => {}
        }
    }

    fn oauth(&mut self, oauth: &mut OAuth, path: &Path) {
        if let Some(secret) = &mut oauth.client_secret {
            self.credential(secret, || path.key("client_secret"));
        }
        for (name, text) in [
            ("client_id", &mut oauth.client_id),
            ("issuer", &mut oauth.issuer),
            ("resource", &mut oauth.resource),
            ("redirect_uri", &mut oauth.redirect_uri),
            ("client_metadata_url", &mut oauth.client_metadata_url),
        ] {
            self.optional(text, || path.key(name));
        }
        self.texts(&mut oauth.scopes, path, "scopes");
    }

    fn tool(&mut self, tool: &mut crate::Tool, path: impl Fn() -> Path) {
        for (name, text) in [
            ("name", &mut tool.name),
            ("title", &mut tool.title),
            ("description", &mut tool.description),
        ] {
            self.optional(text, || path().key(name));
        }
        self.texts(&mut tool.tags, &path(), "tags");
        for (argument, change) in &mut tool.arguments {
            let path = || path().key("arguments").key(argument);
            self.optional(&mut change.name, || path().key("name"));
            self.optional(&mut change.description, || path().key("description"));
            if let Some(default) = &mut change.default {
                self.value(default, &mut || path().key("default"));
            }
        }
    }

    /// Checks a header value, which must be one line.
    fn credential(&mut self, text: &mut String, path: impl Fn() -> Path) {
        let written = text.clone();
        if self.text(text, &path) && text.contains(['\r', '\n']) {
            let place = match text.trim_end().contains(['\r', '\n']) {
                true => "has a line break within",
                false => "ends with a line break",
            };
            let origin = variable(&written).map(|name| format!(": it comes from {name}"));
            let message = format!("the value {place}{}", origin.unwrap_or_default());
            self.find(ProblemKind::Invalid, path(), message);
        }
    }

    fn optional(&mut self, text: &mut Option<String>, path: impl FnOnce() -> Path) {
        if let Some(text) = text {
            self.text(text, path);
        }
    }

    fn texts(&mut self, texts: &mut [String], path: &Path, name: &str) {
        for (index, text) in texts.iter_mut().enumerate() {
            self.text(text, || path.key(name).index(index));
        }
    }

    /// Recursion depth is limited by the parsers.
    fn value(&mut self, value: &mut Value, path: &mut dyn FnMut() -> Path) {
        match value {
            Value::String(text) => {
                self.text(text, path);
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.value(item, &mut || path().index(index));
                }
            }
            Value::Object(map) => {
                for (key, value) in map.iter_mut() {
                    self.value(value, &mut || path().key(key));
                }
            }
            _ => {}
        }
    }

    /// Expands a text in place. Returns whether all references have values.
    fn text(&mut self, text: &mut String, path: impl FnOnce() -> Path) -> bool {
        if !self.expansion.concerns(text) {
            return true;
        }
        match self.expansion.text(text) {
            Ok(expanded) => {
                *text = expanded;
                true
            }
            Err(message) => {
                self.find(ProblemKind::Unresolved, path(), message);
                false
            }
        }
    }

    fn find(&mut self, kind: ProblemKind, path: Path, message: impl Into<String>) {
        self.findings.push(Finding { kind, path, message: message.into() });
    }
}

/// The first variable that a text references.
fn variable(text: &str) -> Option<&str> {
    let inner = &text[text.find("${")? + 2..];
    let inner = inner.strip_prefix("env:").unwrap_or(inner);
    let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
    (end > 0).then(|| &inner[..end])
}

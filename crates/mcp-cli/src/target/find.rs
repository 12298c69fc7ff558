//! Finds the server that a TARGET names.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use mcp_client::{
    config_file::{Discovered, Expanded, McpConfig, Scope, Server, Variables},
    types::nearest,
};

use super::{application, saved};
use crate::{escape::line, failure::Failure};

/// File extensions of scripts.
const SCRIPTS: &[&str] = &["py", "js", "mjs", "cjs"];

/// File extensions of configurations.
const CONFIGURATIONS: &[&str] = &["json", "jsonc", "toml", "yaml", "yml"];

/// The found target, with its references expanded.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    /// One server, and the origin of its entry.
    One { name: Option<String>, server: Box<Server>, origin: Origin },
    /// A Python or Node script.
    Script(PathBuf),
    /// All servers of a file with several.
    Many(Expanded),
}

/// Origin of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The command line.
    CommandLine,
    /// A file named on the command line.
    File(PathBuf),
    /// A file of an application.
    Application { scope: Scope, file: PathBuf },
}

/// An entry of a configuration.
struct Entry {
    config: McpConfig,
    name: String,
    origin: Origin,
}

/// Finds a server: a URL; an existing file, `FILE:SERVER`; a saved name; `APPLICATION:SERVER`; a unique name.
pub(crate) fn find(text: &str) -> Result<Found, Failure> {
    if is_url(text) {
        let server = Box::new(Server::remote(text));
        return Ok(Found::One { name: None, server, origin: Origin::CommandLine });
    }
    let path = Path::new(text);
    if path.is_file() {
        return file(path);
    }
    let Entry { config, name, origin } = locate(text)?;
    entry(&config, &name, origin)
}

/// The entry of this name, without expanding its references.
pub(crate) fn written(text: &str) -> Result<(String, Server), Failure> {
    let Entry { config, name, .. } = locate(text)?;
    match config.server(&name) {
        Some(server) => Ok((name, server.clone())),
        None => entry(&config, &name, Origin::CommandLine).and_then(|_| {
            Err(Failure::usage(format!("the entry of {} cannot be shown", line(&name))))
        }),
    }
}

/// The entry of a name that is neither a file nor a URL.
fn locate(text: &str) -> Result<Entry, Failure> {
    // Both a name and a path may contain colons.
    for (at, _) in text.match_indices(':') {
        let (left, name) = (&text[..at], &text[at + 1..]);
        let path = Path::new(left);
        if path.is_file() {
            let config = McpConfig::from_file(path)?;
            if !knows(&config, name) {
                let names = config.servers().map(|(name, _)| name);
                return Err(unknown(name, left, names));
            }
            let origin = Origin::File(path.to_owned());
            return Ok(Entry { config, name: name.to_owned(), origin });
        }
    }
    if let Some(file) = saved::file().filter(|it| it.is_file()) {
        let config = McpConfig::from_file(&file)?;
        if knows(&config, text) {
            return Ok(Entry { config, name: text.to_owned(), origin: Origin::File(file) });
        }
    }
    let found = McpConfig::discover();
    if let Some((left, name)) = text.split_once(':') {
        let of_application: Vec<&Discovered> =
            found.iter().filter(|it| application::is_meant(it.source.application, left)).collect();
        if !of_application.is_empty() {
            return named(&of_application, name, left);
        }
    }
    named(&found.iter().collect::<Vec<_>>(), text, "").map_err(|failure| match is_path(text) {
        true => Failure::usage(format!("there is no file {}", line(text))),
        false => failure,
    })
}

/// The program after `--`.
pub(crate) fn program(words: &[OsString]) -> Result<Found, Failure> {
    let mut words = words.iter().map(|it| {
        it.to_str().ok_or_else(|| Failure::usage(format!("{} is not Unicode", it.display())))
    });
    let command = words.next().ok_or_else(|| Failure::usage("no program"))??;
    let args = words.collect::<Result<Vec<&str>, Failure>>()?;
    let server = Box::new(Server::stdio(command, args));
    Ok(Found::One { name: None, server, origin: Origin::CommandLine })
}

/// Whether a text was meant as the path of a file.
fn is_path(text: &str) -> bool {
    let path = Path::new(text);
    let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
    path.is_absolute()
        || text.starts_with("./")
        || text.starts_with("../")
        || SCRIPTS.contains(&extension)
        || CONFIGURATIONS.contains(&extension)
}

fn is_url(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|it| it.eq_ignore_ascii_case("http") || it.eq_ignore_ascii_case("https"))
}

fn file(path: &Path) -> Result<Found, Failure> {
    let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
    if SCRIPTS.contains(&extension) {
        return Ok(Found::Script(path.to_owned()));
    }
    let config = McpConfig::from_file(path)?;
    let names: Vec<&str> = config.servers().map(|(name, _)| name).collect();
    match names[..] {
        [name] => entry(&config, name, Origin::File(path.to_owned())),
        _ => Ok(Found::Many(config.expand(&Variables::of_process()))),
    }
}

/// The one server of this name.
fn named(found: &[&Discovered], name: &str, place: &str) -> Result<Entry, Failure> {
    let configs = || found.iter().filter_map(|it| Some((&it.source, it.config.as_ref().ok()?)));
    let with_it: Vec<_> = configs().filter(|(_, config)| knows(config, name)).collect();
    match &with_it[..] {
        [(source, config)] => {
            let origin = Origin::Application { scope: source.scope, file: source.path.clone() };
            Ok(Entry { config: (*config).clone(), name: name.to_owned(), origin })
        }
        [] => {
            let names = configs().flat_map(|(_, config)| config.servers().map(|(name, _)| name));
            Err(unknown(name, place, names))
        }
        several => {
            let choices = several.iter().map(|(source, _)| {
                let file = source.path.display();
                let application = application::key(source.application);
                format!("  {application}:{name} or {file}:{name}")
            });
            let choices = choices.collect::<Vec<_>>().join("\n");
            let name = line(name);
            Err(Failure::usage(format!("{name} is the name of several servers:\n{choices}")))
        }
    }
}

/// Whether there is an entry of this name, including an invalid one.
fn knows(config: &McpConfig, name: &str) -> bool {
    config.server(name).is_some()
        || config.problems().iter().any(|it| it.server.as_deref() == Some(name))
}

/// The server of this name, with its references expanded.
pub(crate) fn entry(config: &McpConfig, name: &str, origin: Origin) -> Result<Found, Failure> {
    let mut expanded = config.expand_server(name, &Variables::of_process());
    match expanded.servers.pop() {
        Some((name, server)) => {
            Ok(Found::One { name: Some(name), server: Box::new(server), origin })
        }
        None => {
            let problems = expanded.problems.iter().map(ToString::to_string);
            let problems = problems.collect::<Vec<_>>().join("\n  ");
            let name = line(name);
            Err(Failure::usage(format!("the entry of {name} is invalid:\n  {problems}")))
        }
    }
}

fn unknown<'a>(text: &str, place: &str, names: impl Iterator<Item = &'a str>) -> Failure {
    let hint = match nearest(text, names) {
        Some(name) => format!("did you mean {}?", line(name)),
        None => "`mcp list` shows the configured servers; a program is written after `--`, as in \
                 `mcp list -- uvx mcp-server-time`"
            .to_owned(),
    };
    let text = line(text);
    let failure = match place {
        "" => format!("{text} is neither a URL nor a file nor the name of a configured server"),
        place => format!("{place} has no server {text}"),
    };
    Failure::usage(failure).and(hint)
}

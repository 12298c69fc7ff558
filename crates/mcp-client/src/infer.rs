//! Inference of targets from text and paths, and hints where it fails.

use std::path::Path;

use mcp_session::Error;
#[cfg(feature = "config")]
use mcp_session::ErrorKind;

use crate::{
    Target,
    connectors::{no_target, script, url},
};

/// Infers a target from text: a URL, or the path of a script.
pub(crate) fn text(text: &str) -> Result<Target, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Err(no_target("an empty target", "name a URL or the path of a script"));
    }
    match scheme(text) {
        Some(scheme) if matches!(&*scheme, "http" | "https") => url(text, &[]).map(Target::from),
        Some(scheme) if scheme == "file" => {
            Err(no_target(text, "this is a URL of a file: pass the path itself"))
        }
        Some(scheme) => Err(no_target(
            text,
            &format!("the scheme {scheme:?} is not one of a transport: use http or https"),
        )),
        None if text.starts_with('{') => config_text(text),
        None => path(Path::new(text)),
    }
}

/// Infers a target from the path of a script.
pub(crate) fn path(path: &Path) -> Result<Target, Error> {
    let shown = path.display().to_string();
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let extension = extension.to_ascii_lowercase();
    match &*extension {
        "py" | "js" | "mjs" | "cjs" if path.is_file() => script(path, &extension).map(Target::from),
        "json" | "jsonc" | "toml" | "yaml" | "yml" if path.is_file() => config_file(path),
        _ if path.is_dir() => Err(no_target(&shown, "this is a directory: name a script in it")),
        "py" | "js" | "mjs" | "cjs" | "ts" | "mts" | "tsx" | "json" | "jsonc" | "toml" | "yaml"
        | "yml"
            if !path.exists() && !shown.contains(char::is_whitespace) =>
        {
            let place = std::env::current_dir()
                .ok()
                .filter(|_| path.is_relative())
                .map(|place| format!(" (looked from {})", place.display()))
                .unwrap_or_default();
            Err(no_target(&shown, &format!("there is no such file{place}")))
        }
        "ts" | "mts" | "tsx" if path.is_file() => Err(no_target(
            &shown,
            &format!("TypeScript needs a runner: Stdio::node({shown:?}).runner(\"tsx\")"),
        )),
        _ if path.is_file() => Err(no_target(
            &shown,
            &format!(
                "no runner is known for this kind of file: if it is a program, use Stdio::new({shown:?})"
            ),
        )),
        _ => Err(no_target(&shown, &guess(&shown))),
    }
}

/// Guesses what a text is that is neither a URL nor a file, and what to write instead.
fn guess(text: &str) -> String {
    if let Some((command, args)) = text.split_once(char::is_whitespace) {
        let constructor =
            Path::new(command).extension().and_then(|extension| match extension.to_str()? {
                "py" => Some("python"),
                "js" | "mjs" | "cjs" => Some("node"),
                _ => None,
            });
        let written = match constructor {
            Some(constructor) => {
                let args: Vec<&str> = args.split_whitespace().collect();
                format!("Stdio::{constructor}({command:?}).args({args:?})")
            }
            None => format!("Stdio::command_line({text:?})?"),
        };
        return format!("this looks like a command line: {written}");
    }
    let host = text.split(['/', ':']).next().unwrap_or_default();
    let has_port = text
        .strip_prefix(host)
        .and_then(|rest| rest.strip_prefix(':'))
        .and_then(|rest| rest.split('/').next())
        .is_some_and(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    if has_port || (host.contains('.') && text.contains('/') && !text.starts_with('.')) {
        return format!("this looks like a URL without its scheme: \"http://{text}\"");
    }
    if text.contains(['/', '\\']) {
        return "there is no such file".to_owned();
    }
    format!("this looks like a command: Stdio::new({text:?})")
}

/// The scheme of a URL, in lower case.
fn scheme(text: &str) -> Option<String> {
    let (scheme, _) = text.split_once("://")?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|char| char.is_ascii_alphanumeric() || "+-.".contains(char));
    is_scheme.then(|| scheme.to_ascii_lowercase())
}

/// The servers of a document, if the text is one.
#[cfg(feature = "config")]
pub(crate) fn config(
    config: Result<mcp_config::McpConfig, mcp_config::Error>,
) -> Result<Target, Error> {
    let config = config.map_err(|error| {
        Error::new(ErrorKind::Target, "the configuration", "it is not valid").with_source(error)
    })?;
    crate::config::target(&config)
}

#[cfg(feature = "config")]
fn config_text(text: &str) -> Result<Target, Error> {
    config(mcp_config::McpConfig::from_str(text))
}

#[cfg(not(feature = "config"))]
fn config_text(_: &str) -> Result<Target, Error> {
    Err(no_target("a text", "configuration documents need the feature `config` of mcp-client"))
}

#[cfg(feature = "config")]
fn config_file(path: &Path) -> Result<Target, Error> {
    config(mcp_config::McpConfig::from_file(path))
}

#[cfg(not(feature = "config"))]
fn config_file(path: &Path) -> Result<Target, Error> {
    let shown = path.display().to_string();
    Err(no_target(&shown, "configuration files need the feature `config` of mcp-client"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    #[cfg(any(feature = "http", feature = "stdio"))]
    use mcp_transport::Connect as _;

    use super::*;

    #[cfg(any(feature = "http", feature = "stdio"))]
    fn connect(target: Result<Target, Error>) -> mcp_transport::SharedConnect {
        match target.unwrap().0 {
            crate::target::Servers::One(one) => one.connect,
            #[cfg(feature = "config")]
            crate::target::Servers::Many(many) => panic!("{many:?}"),
        }
    }

    fn refusal(target: &str) -> String {
        let error = text(target).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Target);
        error.to_string()
    }

    #[test]
    fn what_cannot_be_inferred_says_what_to_write() {
        for (target, expected) in [
            ("", "empty"),
            ("ws://host/mcp", "the scheme \"ws\" is not one of a transport"),
            ("file:///tmp/server.py", "pass the path itself"),
            ("missing.py", "no such file (looked from "),
            ("missing.ts", "no such file"),
            ("server.py --port 1", "Stdio::python(\"server.py\").args([\"--port\", \"1\"])"),
            ("server.mjs -v", "Stdio::node(\"server.mjs\").args([\"-v\"])"),
            ("./dir/missing.mjs", "no such file"),
            ("./nothing", "no such file"),
            ("uvx mcp-server-time", "Stdio::command_line(\"uvx mcp-server-time\")"),
            ("python server.py", "Stdio::command_line(\"python server.py\")"),
            ("uvx", "Stdio::new(\"uvx\")"),
            ("localhost:8000/mcp", "\"http://localhost:8000/mcp\""),
            ("example.com/mcp", "\"http://example.com/mcp\""),
            ("src", "directory"),
            ("file.unknown", "Stdio::new(\"file.unknown\")"),
            ("README", "Stdio::new(\"README\")"),
            ("missing.json", "no such file"),
        ] {
            let message = refusal(target);
            assert!(message.contains(expected), "{target:?}: {message}");
        }
    }

    #[cfg(feature = "http")]
    #[test]
    fn urls_of_any_case() {
        for (target, url) in [
            ("http://localhost:1/mcp", "http://localhost:1/mcp"),
            ("HTTPS://Example.com/", "https://example.com/"),
            (" Http://h/x ", "http://h/x"),
        ] {
            assert_eq!(connect(text(target)).describe(), url);
        }
        assert!(refusal("http://").contains("not valid"));
    }

    #[cfg(feature = "stdio")]
    #[test]
    fn scripts_by_their_extension() {
        let dir = tempfile::tempdir().unwrap();
        for (name, runner) in
            [("a b.py", "python"), ("a.JS", "node"), ("a.mjs", "node"), ("a.cjs", "node")]
        {
            let file = dir.path().join(name);
            std::fs::write(&file, "").unwrap();
            for target in [connect(path(&file)), connect(text(file.to_str().unwrap()))] {
                assert!(target.describe().contains(runner), "{}", target.describe());
            }
        }
        let file = dir.path().join("a.ts");
        std::fs::write(&file, "").unwrap();
        assert!(refusal(file.to_str().unwrap()).contains("a.ts\").runner(\"tsx\")"));
    }
}

//! What a text or a path names, and what to say when it names nothing.

use std::path::Path;

use mcp_session::{Error, ErrorKind};
use mcp_transport::SharedConnect;

/// Infers a target from text: a URL, or the path of a script.
pub(crate) fn text(text: &str) -> Result<SharedConnect, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Err(no_target("an empty target", "name a URL or the path of a script"));
    }
    match scheme(text) {
        Some(scheme) if matches!(&*scheme, "http" | "https") => url(text),
        Some(scheme) if scheme == "file" => {
            Err(no_target(text, "this is a URL of a file: pass the path itself"))
        }
        Some(scheme) => Err(no_target(
            text,
            &format!("the scheme {scheme:?} is not one of a transport: use http or https"),
        )),
        None if looks_like_config(text) => Err(no_target(
            "a text",
            "this looks like a configuration document: pass one server of it, as a URL or a `Stdio`",
        )),
        None => path(Path::new(text)),
    }
}

/// Infers a target from the path of a script.
pub(crate) fn path(path: &Path) -> Result<SharedConnect, Error> {
    let shown = path.display().to_string();
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let extension = extension.to_ascii_lowercase();
    match &*extension {
        "py" | "js" | "mjs" | "cjs" if path.is_file() => script(path, &extension),
        _ if path.is_dir() => Err(no_target(&shown, "this is a directory: name a script in it")),
        "py" | "js" | "mjs" | "cjs" | "ts" | "mts" | "tsx"
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
            &format!("TypeScript needs a runner: Stdio::new(\"npx\").args([\"tsx\", {shown:?}])"),
        )),
        _ if path.is_file() => Err(no_target(
            &shown,
            &format!("what runs this file is not known: if it is a program, Stdio::new({shown:?})"),
        )),
        _ => Err(no_target(&shown, &guess(&shown))),
    }
}

/// What a text that is no URL and no file looks like, and what to write instead.
fn guess(text: &str) -> String {
    let mut words = text.split_whitespace();
    let command = words.next().unwrap_or_default();
    let args: Vec<&str> = words.collect();
    if !args.is_empty() {
        let runner =
            Path::new(command).extension().and_then(|extension| match extension.to_str()? {
                "py" => Some("python3"),
                "js" | "mjs" | "cjs" => Some("node"),
                _ => None,
            });
        let (command, args) = match runner {
            Some(runner) => (runner, [&[command], &args[..]].concat()),
            None => (command, args),
        };
        let command = format!("Stdio::new({command:?}).args({args:?})");
        return format!("this looks like a command line: {command}");
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

fn looks_like_config(text: &str) -> bool {
    text.starts_with('{')
}

fn no_target(target: &str, message: &str) -> Error {
    Error::new(ErrorKind::Target, target, message.to_owned())
}

/// Servers of HTTP+SSE have by convention a segment `sse` in the path of their URL.
fn url(text: &str) -> Result<SharedConnect, Error> {
    match names_sse(text) {
        true => sse(text),
        false => streamable_http(text),
    }
}

fn names_sse(url: &str) -> bool {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let place = url.split_once("://").map_or(url, |(_, place)| place);
    place.split('/').skip(1).any(|segment| segment == "sse" || segment.starts_with("sse&"))
}

#[cfg(feature = "http")]
fn streamable_http(text: &str) -> Result<SharedConnect, Error> {
    checked(text, mcp_transport_http::StreamableHttp::new(text))
}

#[cfg(not(feature = "http"))]
fn streamable_http(text: &str) -> Result<SharedConnect, Error> {
    Err(no_target(&without_secrets(text), "URLs need the feature `http` of mcp-client"))
}

#[cfg(feature = "sse")]
fn sse(text: &str) -> Result<SharedConnect, Error> {
    checked(text, mcp_transport_sse::Sse::new(text))
}

#[cfg(not(feature = "sse"))]
fn sse(text: &str) -> Result<SharedConnect, Error> {
    Err(no_target(
        &without_secrets(text),
        "this looks like HTTP+SSE, which needs the feature `sse` of mcp-client; \
         if it is not, pass a `StreamableHttp`",
    ))
}

#[cfg(any(feature = "http", feature = "sse"))]
fn checked(
    text: &str,
    server: Result<impl mcp_transport::Connect, mcp_transport::Error>,
) -> Result<SharedConnect, Error> {
    match server {
        Ok(server) => Ok(SharedConnect::new(server)),
        Err(error) => {
            Err(no_target(&without_secrets(text), "the URL is not valid").with_source(error))
        }
    }
}

/// A URL without its user, password and query.
fn without_secrets(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    match text.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = host.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{path}")
        }
        None => text.to_owned(),
    }
}

#[cfg(feature = "stdio")]
fn script(path: &Path, extension: &str) -> Result<SharedConnect, Error> {
    use mcp_transport_stdio::Stdio;

    let stdio = match extension {
        "py" => Stdio::new(python()).env("PYTHONUTF8", "1"),
        _ => Stdio::new("node"),
    };
    Ok(SharedConnect::new(stdio.arg(path)))
}

#[cfg(not(feature = "stdio"))]
fn script(path: &Path, _: &str) -> Result<SharedConnect, Error> {
    Err(no_target(&path.display().to_string(), "scripts need the feature `stdio` of mcp-client"))
}

/// The interpreter of the active virtual environment, else `python3`, else `python`.
#[cfg(feature = "stdio")]
fn python() -> std::ffi::OsString {
    let active = std::env::var_os("VIRTUAL_ENV").filter(|place| !place.is_empty()).map(|place| {
        let place = Path::new(&place);
        match cfg!(windows) {
            true => place.join("Scripts").join("python.exe"),
            false => place.join("bin").join("python"),
        }
    });
    match active.filter(|python| python.is_file()) {
        Some(python) => python.into(),
        None if which::which("python3").is_err() && which::which("python").is_ok() => {
            "python".into()
        }
        None => "python3".into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    #[cfg(any(feature = "http", feature = "stdio"))]
    use mcp_transport::Connect as _;

    use super::*;

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
            (
                "server.py --port 1",
                "Stdio::new(\"python3\").args([\"server.py\", \"--port\", \"1\"])",
            ),
            ("./dir/missing.mjs", "no such file"),
            ("./nothing", "no such file"),
            ("uvx mcp-server-time", "Stdio::new(\"uvx\").args([\"mcp-server-time\"])"),
            ("python server.py", "Stdio::new(\"python\").args([\"server.py\"])"),
            ("uvx", "Stdio::new(\"uvx\")"),
            ("localhost:8000/mcp", "\"http://localhost:8000/mcp\""),
            ("example.com/mcp", "\"http://example.com/mcp\""),
            ("{\"mcpServers\": {}}", "configuration document"),
            ("src", "directory"),
            ("file.unknown", "Stdio::new(\"file.unknown\")"),
            ("Cargo.toml", "Stdio::new(\"Cargo.toml\")"),
        ] {
            let message = refusal(target);
            assert!(message.contains(expected), "{target:?}: {message}");
        }
    }

    #[test]
    fn secrets_of_a_url_are_not_shown() {
        assert_eq!(without_secrets("http://me:pw@host:1/a?key=1#x"), "http://host:1/a");
        assert_eq!(without_secrets("HTTPS://host"), "HTTPS://host");
    }

    #[cfg(feature = "http")]
    #[test]
    fn urls_of_any_case() {
        for target in ["http://localhost:1/mcp", "HTTPS://Example.com/", " Http://h/x "] {
            assert_eq!(text(target).unwrap().binding(), mcp_transport::Binding::Http);
        }
        assert!(refusal("http://").contains("not valid"));
    }

    #[cfg(all(feature = "http", feature = "sse"))]
    #[test]
    fn a_segment_of_the_path_tells_http_sse() {
        use mcp_transport::Binding::{Http, LegacyHttp};
        for (target, binding) in [
            ("http://h/sse", LegacyHttp),
            ("https://h:1/a/sse/", LegacyHttp),
            ("http://h/sse/b", LegacyHttp),
            ("http://h/sse?key=1", LegacyHttp),
            ("http://h/sse&key=1", LegacyHttp),
            ("http://h/mcp", Http),
            ("http://h/sses", Http),
            ("http://h/asse", Http),
            ("http://h/mcp?next=/sse", Http),
            ("http://h/mcp#/sse", Http),
            ("http://sse", Http),
            ("http://sse/", Http),
        ] {
            assert_eq!(text(target).unwrap().binding(), binding, "{target}");
        }
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
            for target in [path(&file).unwrap(), text(file.to_str().unwrap()).unwrap()] {
                assert!(target.describe().contains(runner), "{}", target.describe());
            }
        }
        let file = dir.path().join("a.ts");
        std::fs::write(&file, "").unwrap();
        assert!(refusal(file.to_str().unwrap()).contains("runner"));
    }
}

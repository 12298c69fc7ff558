//! Candidates for the next word.

use mcp_client::config_file::McpConfig;

use super::cached;
use crate::target::application_key;

/// Commands whose words are a server, then one of its tools, resources or prompts.
const OF_SERVER: &[&str] = &["call", "read", "prompt", "complete", "bench"];

/// All candidates, regardless of the prefix.
pub(super) fn candidates() -> Vec<String> {
    let words: Vec<String> = std::env::args().skip_while(|it| it != "--").skip(1).collect();
    let (command, before) = typed(&words);
    match before {
        [] => servers(),
        [server, rest @ ..] if OF_SERVER.contains(&command) => of_server(command, server, rest),
        _ => Vec::new(),
    }
}

/// The command and its words before the completed one, without options. The value of an option is recognized only
/// after `=`.
fn typed(words: &[String]) -> (&str, &[String]) {
    let [_, command, words @ .., _] = words else { return ("", &[]) };
    let start = words.iter().position(|it| !it.starts_with('-')).unwrap_or(words.len());
    (command, &words[start..])
}

/// Names of configured servers, and `APPLICATION:SERVER` if a name is not unique.
fn servers() -> Vec<String> {
    let mut names: Vec<(String, String)> = Vec::new();
    for found in McpConfig::discover() {
        let Ok(config) = &found.config else { continue };
        let application = application_key(found.source.application);
        names.extend(
            config.servers().map(|(name, _)| (name.to_owned(), format!("{application}:{name}"))),
        );
    }
    let count = |name: &str| names.iter().filter(|(it, _)| it == name).count();
    let shown = names.iter().map(|(name, full)| if count(name) == 1 { name } else { full });
    shown.cloned().collect()
}

fn of_server(command: &str, server: &str, rest: &[String]) -> Vec<String> {
    let Some(offers) = cached::offers(server) else { return Vec::new() };
    match (command, rest) {
        ("call" | "bench", []) => offers.tools.into_keys().collect(),
        ("call" | "bench", [tool, given @ ..]) => {
            let keys = offers.tools.get(tool).cloned().unwrap_or_default().into_iter();
            let is_given = |key: &String| given.iter().any(|it| it.split('=').next() == Some(key));
            keys.filter(|key| !is_given(key)).map(|key| format!("{key}=")).collect()
        }
        ("read", []) => offers.resources,
        ("prompt" | "complete", []) => offers.prompts,
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::typed;

    #[test]
    fn the_words_before_the_one_that_is_typed_count() {
        let words = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        let all = words("mcp call --json shop echo te");
        assert_eq!(typed(&all), ("call", &words("shop echo")[..]));
        assert_eq!(typed(&words("mcp call ")), ("call", &[][..]));
        assert_eq!(typed(&words("mcp ca")), ("", &[][..]));
    }
}

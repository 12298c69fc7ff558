//! What `${…}` stands for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::suggest;

type Lookup<'a> = Box<dyn Fn(&str) -> Option<String> + 'a>;
type Ask<'a> = Box<dyn Fn(&Input) -> Option<String> + 'a>;

/// What `${…}` stands for when a configuration is expanded.
///
/// | written | becomes |
/// |---|---|
/// | `${NAME}`, `${env:NAME}` | the variable; an error if it is not set |
/// | `${NAME:-text}`, `${env:NAME:-text}` | the variable, or the text if it is not set or empty |
/// | `${workspaceFolder}`, `${workspaceFolderBasename}` | [`workspace_folder`](Self::workspace_folder) |
/// | `${userHome}` | [`user_home`](Self::user_home) |
/// | `${input:id}` | what [`input`](Self::input) answers; each input is asked for once |
/// | `${pathSeparator}`, `${/}` | `/`, or `\` on Windows |
/// | `$${` | `${`, as it is |
///
/// The text of a default may hold `${…}` again; values of variables may not, and stay as they are.
pub struct Variables<'a> {
    lookup: Lookup<'a>,
    workspace: Option<PathBuf>,
    home: Option<PathBuf>,
    ask: Option<Ask<'a>>,
    answers: RefCell<BTreeMap<String, Option<String>>>,
}

/// A value that the user is asked for: an entry of `inputs`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Input {
    /// What `${input:id}` names.
    pub id: String,
    /// What to ask.
    pub description: Option<String>,
    /// Whether the answer is not to be shown.
    pub password: bool,
    /// The answer to offer. It is taken when there is no callback, or when that answers `None`.
    pub default: Option<String>,
    /// The answers to choose from.
    pub options: Vec<String>,
}

impl<'a> Variables<'a> {
    /// With this environment, and nothing else.
    pub fn new(lookup: impl Fn(&str) -> Option<String> + 'a) -> Self {
        Self {
            lookup: Box::new(lookup),
            workspace: None,
            home: None,
            ask: None,
            answers: RefCell::default(),
        }
    }

    /// With the environment, the home and the working folder of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let mut variables = Self::new(|name| std::env::var(name).ok());
        variables.home = std::env::home_dir();
        variables.workspace = std::env::current_dir().ok();
        variables
    }

    /// Sets `${workspaceFolder}`.
    #[must_use]
    pub fn workspace_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.workspace = Some(folder.into());
        self
    }

    /// Sets `${userHome}`.
    #[must_use]
    pub fn user_home(mut self, folder: impl Into<PathBuf>) -> Self {
        self.home = Some(folder.into());
        self
    }

    /// Sets who answers `${input:id}`. `None` means that there is no answer.
    #[must_use]
    pub fn input(mut self, ask: impl Fn(&Input) -> Option<String> + 'a) -> Self {
        self.ask = Some(Box::new(ask));
        self
    }

    pub(crate) fn is_set(&self, name: &str) -> Option<String> {
        (self.lookup)(name)
    }

    /// The text with every `${…}` filled in, or why one of them cannot be.
    pub(crate) fn expand(&self, text: &str, inputs: &[Input]) -> Result<String, String> {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let is_escaped = rest[..at].ends_with('$');
            expanded.push_str(&rest[..at - usize::from(is_escaped)]);
            let inner = &rest[at + 2..];
            if is_escaped {
                expanded.push_str("${");
                rest = inner;
                continue;
            }
            let end =
                end(inner).ok_or("a \"${\" is not closed: write \"$${\" for the text itself")?;
            expanded.push_str(&self.value(&inner[..end], inputs)?);
            rest = &inner[end + 1..];
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    fn value(&self, written: &str, inputs: &[Input]) -> Result<String, String> {
        if let Some(id) = written.strip_prefix("input:") {
            return self.answer(id, inputs);
        }
        let folder = |folder: &Option<PathBuf>| match folder {
            Some(folder) => Ok(folder.to_string_lossy().into_owned()),
            None => Err(format!("${{{written}}} is not known here")),
        };
        match written {
            "workspaceFolder" => return folder(&self.workspace),
            "workspaceFolderBasename" => {
                let name = self.workspace.as_deref().and_then(Path::file_name).map(Into::into);
                return folder(&name);
            }
            "userHome" => return folder(&self.home),
            "pathSeparator" | "/" => return Ok(std::path::MAIN_SEPARATOR.to_string()),
            _ => {}
        }
        let (name, default) = match written.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (written, None),
        };
        let (plain, is_env) = match name.strip_prefix("env:") {
            Some(plain) => (plain, true),
            None => (name, false),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if plain.is_empty() || !(is_env || plain.chars().all(is_name)) {
            let known = ["workspaceFolder", "userHome", "env:NAME", "input:id"];
            return Err(format!(
                "${{{written}}} is not understood, expected ${{NAME}}, ${{NAME:-default}} or one of {}: write \"$${{\" for the text itself",
                known.map(|it| format!("${{{it}}}")).join(", "),
            ));
        }
        match ((self.lookup)(plain), default) {
            (Some(value), None) => Ok(value),
            (Some(value), Some(_)) if !value.is_empty() => Ok(value),
            (_, Some(default)) => self.expand(default, inputs),
            (None, None) => {
                let hint = suggest::hint(plain, ["workspaceFolder", "userHome"]);
                Err(format!("the variable {plain} is not set and has no default{hint}"))
            }
        }
    }

    fn answer(&self, id: &str, inputs: &[Input]) -> Result<String, String> {
        let known = self.answers.borrow().get(id).cloned();
        let answer = match known {
            Some(answer) => answer,
            None => {
                let Some(input) = inputs.iter().find(|input| input.id == id) else {
                    let hint = suggest::hint(id, inputs.iter().map(|input| input.id.as_str()));
                    return Err(format!("there is no input {id:?} in \"inputs\"{hint}"));
                };
                let asked = self.ask.as_ref().and_then(|ask| ask(input));
                let answer = asked.or_else(|| input.default.clone());
                self.answers.borrow_mut().insert(id.to_owned(), answer.clone());
                answer
            }
        };
        answer.ok_or_else(|| format!("the input {id:?} has no answer"))
    }
}

impl fmt::Debug for Variables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variables")
            .field("workspace", &self.workspace)
            .field("home", &self.home)
            .finish_non_exhaustive()
    }
}

impl Input {
    /// The entry, or what is wrong with it.
    pub(crate) fn read(value: &Value) -> Result<Self, String> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let options = value.get("options").and_then(Value::as_array);
        // An option is a text, or an object with a label and a value.
        let options = options.into_iter().flatten().filter_map(|option| {
            option.as_str().or_else(|| option.get("value")?.as_str()).map(str::to_owned)
        });
        Ok(Self {
            id: text("id").ok_or("expected an object with an \"id\"")?,
            description: text("description"),
            password: value.get("password").and_then(Value::as_bool).unwrap_or(false),
            default: text("default"),
            options: options.collect(),
        })
    }
}

/// Where the `}` is that closes, past those of `${…}` within.
fn end(inner: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let bytes = inner.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' if at > 0 && bytes[at - 1] == b'$' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn variables() -> Variables<'static> {
        let lookup = |name: &str| match name {
            "KEY" => Some("k".to_owned()),
            "EMPTY" => Some(String::new()),
            "TRAP" => Some("${KEY}".to_owned()),
            "ProgramFiles(x86)" => Some("p".to_owned()),
            _ => None,
        };
        Variables::new(lookup).workspace_folder("/srv/app").user_home("/h/ada")
    }

    #[test]
    fn every_form_is_expanded() {
        for (text, wanted) in [
            ("plain $5 {x} $NAME", "plain $5 {x} $NAME"),
            ("${KEY}", "k"),
            ("a${KEY}b${env:KEY}c", "akbkc"),
            ("${NONE:-d}", "d"),
            ("${env:NONE:-d}", "d"),
            ("${NONE:-}", ""),
            ("${EMPTY:-d}", "d"),
            ("${EMPTY}", ""),
            ("${NONE:-${KEY}!}x", "k!x"),
            ("${NONE:-https://x:-y}", "https://x:-y"),
            ("${env:ProgramFiles(x86)}", "p"),
            ("$${KEY}", "${KEY}"),
            ("${TRAP}", "${KEY}"),
            ("${workspaceFolder}/x", "/srv/app/x"),
            ("${workspaceFolderBasename}", "app"),
            ("${userHome}", "/h/ada"),
            ("é${KEY}é", "éké"),
        ] {
            assert_eq!(variables().expand(text, &[]).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_filled_in_is_named() {
        for (text, wanted) in [
            ("${NONE}", "the variable NONE is not set"),
            ("${env:NONE}", "the variable NONE is not set"),
            ("${workspacefolder}", "did you mean \"workspaceFolder\"?"),
            ("${KEY", "not closed"),
            ("${}", "not understood"),
            ("${config:x}", "${config:x} is not understood"),
            ("${input:key}", "no input \"key\""),
        ] {
            let error = variables().expand(text, &[]).unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }

    #[test]
    fn an_input_is_asked_for_once() {
        let asked = RefCell::new(0);
        let variables = variables().input(|input| {
            *asked.borrow_mut() += 1;
            (input.id == "key").then(|| "answer".to_owned())
        });
        let input = |id: &str, default: Option<&str>| Input {
            id: id.to_owned(),
            description: None,
            password: true,
            default: default.map(str::to_owned),
            options: Vec::new(),
        };
        let inputs = [input("key", None), input("other", Some("d")), input("none", None)];
        assert_eq!(variables.expand("${input:key}${input:key}", &inputs).unwrap(), "answeranswer");
        assert_eq!(*asked.borrow(), 1);
        assert_eq!(variables.expand("${input:other}", &inputs).unwrap(), "d");
        let error = variables.expand("${input:none}", &inputs).unwrap_err();
        assert!(error.contains("\"none\" has no answer"), "{error}");
        let error = variables.expand("${input:kye}", &inputs).unwrap_err();
        assert!(error.contains("did you mean \"key\"?"), "{error}");
    }
}

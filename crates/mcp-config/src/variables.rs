//! Values of references such as `${NAME}`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Values for `${…}` references when a configuration is expanded.
///
/// | reference | value |
/// |---|---|
/// | `${NAME}`, `${env:NAME}` | the variable; an error if it is not set |
/// | `${NAME:-text}`, `${env:NAME:-text}` | the variable, or the text if it is not set or empty |
/// | `${workspaceFolder}`, `${workspaceFolderBasename}` | [`workspace_folder`](Self::workspace_folder) |
/// | `${userHome}` | [`user_home`](Self::user_home) |
/// | `${input:id}` | the answer of [`input`](Self::input); each input is requested once |
/// | `${pathSeparator}`, `${/}` | `/`, or `\` on Windows |
/// | `${{ secrets.NAME }}` | the variable; an error if it is not set |
/// | `$${` | a literal `${` |
///
/// The default of a variable may contain references, nested up to 16 deep. Values of variables are not expanded again.
/// If the application is known, its own references are expanded too: `$NAME` of Gemini CLI, Qwen Code and Crush,
/// `{env:NAME}` of OpenCode, and on Windows `%NAME%` of Gemini CLI and Qwen Code.
pub struct Variables<'a> {
    #[expect(clippy::type_complexity, reason = "a callback")]
    lookup: Box<dyn Fn(&str) -> Option<String> + 'a>,
    workspace: Option<PathBuf>,
    home: Option<PathBuf>,
    #[expect(clippy::type_complexity, reason = "a callback")]
    ask: Option<Box<dyn Fn(&Input) -> Option<String> + 'a>>,
    answers: RefCell<BTreeMap<String, Option<String>>>,
}

/// A value to ask the user for: an entry of `inputs`. `Debug` redacts the default of a password.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Input {
    /// The id in `${input:id}`.
    pub id: String,
    /// The question.
    pub description: Option<String>,
    /// Whether the answer is secret and must not be displayed.
    pub password: bool,
    /// The suggested answer, used if the callback is missing or returns `None`.
    pub default: Option<String>,
    /// The answers to choose from.
    pub options: Vec<String>,
}

impl<'a> Variables<'a> {
    /// Variables from `lookup`, without folders and inputs.
    pub fn new(lookup: impl Fn(&str) -> Option<String> + 'a) -> Self {
        Self {
            lookup: Box::new(lookup),
            workspace: None,
            home: None,
            ask: None,
            answers: RefCell::default(),
        }
    }

    /// Variables from this process: environment, home and current folder.
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

    /// Sets the callback for `${input:id}`. `None` means that there is no answer.
    #[must_use]
    pub fn input(mut self, ask: impl Fn(&Input) -> Option<String> + 'a) -> Self {
        self.ask = Some(Box::new(ask));
        self
    }

    pub(crate) fn get(&self, name: &str) -> Option<String> {
        (self.lookup)(name)
    }

    /// The folder of a reference. The inner `None` means that it is not known.
    pub(crate) fn folder(&self, reference: &str) -> Option<Option<String>> {
        let shown = |path: &Path| path.to_string_lossy().into_owned();
        Some(match reference {
            "workspaceFolder" => self.workspace.as_deref().map(shown),
            "workspaceFolderBasename" => {
                let name = self.workspace.as_deref().and_then(Path::file_name);
                name.map(|name| name.to_string_lossy().into_owned())
            }
            "userHome" => self.home.as_deref().map(shown),
            "pathSeparator" | "/" => Some(std::path::MAIN_SEPARATOR.to_string()),
            _ => return None,
        })
    }

    pub(crate) fn answer(&self, input: &Input) -> Option<String> {
        if let Some(answer) = self.answers.borrow().get(&input.id) {
            return answer.clone();
        }
        let answer = self.ask.as_ref().and_then(|ask| ask(input));
        let answer = answer.or_else(|| input.default.clone());
        self.answers.borrow_mut().insert(input.id.clone(), answer.clone());
        answer
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
    /// The entry, or its problem.
    pub(crate) fn read(value: &Value) -> Result<Self, String> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let options = value.get("options").and_then(Value::as_array);
        // An option is a string, or an object with a label and a value.
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

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = self.default.as_deref().map(|it| if self.password { ".." } else { it });
        f.debug_struct("Input")
            .field("id", &self.id)
            .field("description", &self.description)
            .field("password", &self.password)
            .field("default", &default)
            .field("options", &self.options)
            .finish()
    }
}

//! What runs a server: a program, an interpreter, or a tool that installs the server first.

mod node;
mod python;
mod uv;

use std::ffi::{OsStr, OsString};

use crate::{Stdio, place::Place};

// Markers, of which there are no values: nothing can be added to them.

/// Settings of any program; see [`Stdio::new`].
#[derive(Debug, Clone, Copy)]
pub enum Program {}

/// Settings of a Python script; see [`Stdio::python`].
#[derive(Debug, Clone, Copy)]
pub enum Python {}

/// Settings of a script for Node.js; see [`Stdio::node`].
#[derive(Debug, Clone, Copy)]
pub enum Node {}

/// Settings of `uv run`; see [`Stdio::uv`].
#[derive(Debug, Clone, Copy)]
pub enum Uv {}

/// Settings of `uvx`; see [`Stdio::uvx`].
#[derive(Debug, Clone, Copy)]
pub enum Uvx {}

/// Settings of `npx`; see [`Stdio::npx`].
#[derive(Debug, Clone, Copy)]
pub enum Npx {}

/// Which program is started. What depends on the machine is decided when it is.
#[derive(Clone)]
pub(crate) enum Starter {
    Named(OsString),
    Python,
    Node,
}

impl Starter {
    /// The program that runs `subject`, or why there is none.
    pub(crate) fn program(&self, subject: &OsStr, place: &Place<'_>) -> Result<OsString, String> {
        match self {
            Self::Named(program) => Ok(program.clone()),
            Self::Python => Ok(python::interpreter(place, std::env::var_os("VIRTUAL_ENV"))),
            Self::Node => node::refuse_typescript(subject).map(|()| "node".into()),
        }
    }

    /// The program for people, as far as it is known without a look at the machine.
    pub(crate) fn name(&self) -> &OsStr {
        match self {
            Self::Named(program) => program,
            Self::Python => OsStr::new("python"),
            Self::Node => OsStr::new("node"),
        }
    }
}

/// An option of a runner, with its value where it takes one.
#[derive(Clone)]
pub(crate) struct Flag(&'static str, Option<OsString>);

impl Flag {
    pub(crate) fn words(&self) -> impl Iterator<Item = &OsStr> {
        std::iter::once(OsStr::new(self.0)).chain(self.1.as_deref())
    }
}

impl<R> Stdio<R> {
    /// Sets an option without a value, or takes it back.
    fn flag(mut self, name: &'static str, is_on: bool) -> Self {
        self.flags.retain(|flag| flag.0 != name);
        self.flags.extend(is_on.then_some(Flag(name, None)));
        self
    }

    /// Sets an option; its last value counts.
    fn option(self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.flag(name, false).options(name, [value])
    }

    /// Adds an option for each of the values.
    fn options(
        mut self,
        name: &'static str,
        values: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        self.flags.extend(values.into_iter().map(|value| Flag(name, Some(value.into()))));
        self
    }
}

/// What to install when a runner is missing, and where it is.
pub(crate) fn source(program: &OsStr) -> Option<&'static str> {
    match program.to_str()? {
        "uv" | "uvx" => Some("uv: https://docs.astral.sh/uv/"),
        "node" | "npm" | "npx" => Some("Node.js: https://nodejs.org/"),
        "python" | "python3" => Some("Python: https://www.python.org/"),
        _ => None,
    }
}

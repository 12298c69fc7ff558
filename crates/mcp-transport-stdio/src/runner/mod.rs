//! What runs a server: a program, an interpreter, or a tool that installs the server first.

mod node;
mod python;
mod uv;

use std::ffi::OsStr;

// Markers, of which there are no values: nothing can be added to them.

/// Settings of any program; see [`Stdio::new`](crate::Stdio::new).
#[derive(Debug, Clone, Copy)]
pub enum Program {}

/// Settings of a Python script; see [`Stdio::python`](crate::Stdio::python).
#[derive(Debug, Clone, Copy)]
pub enum Python {}

/// Settings of a script for Node.js; see [`Stdio::node`](crate::Stdio::node).
#[derive(Debug, Clone, Copy)]
pub enum Node {}

/// Settings of `uv run`; see [`Stdio::uv`](crate::Stdio::uv).
#[derive(Debug, Clone, Copy)]
pub enum Uv {}

/// Settings of `uvx`; see [`Stdio::uvx`](crate::Stdio::uvx).
#[derive(Debug, Clone, Copy)]
pub enum Uvx {}

/// Settings of `npx`; see [`Stdio::npx`](crate::Stdio::npx).
#[derive(Debug, Clone, Copy)]
pub enum Npx {}

/// What to install when a runner is missing, and where it is.
pub(crate) fn source(program: &OsStr) -> Option<&'static str> {
    match program.to_str()? {
        "uv" | "uvx" => Some("uv: https://docs.astral.sh/uv/"),
        "node" | "npm" | "npx" => Some("Node.js: https://nodejs.org/"),
        "python" | "python3" => Some("Python: https://www.python.org/"),
        _ => None,
    }
}

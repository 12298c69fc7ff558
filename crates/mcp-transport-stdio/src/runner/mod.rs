//! Runners: a program, an interpreter, or a tool that installs the server first.

mod node;
mod python;
mod uv;

use std::ffi::OsStr;

// Markers without values.

/// A program; see [`Stdio::new`](crate::Stdio::new).
#[derive(Debug, Clone, Copy)]
pub enum Program {}

/// A Python script; see [`Stdio::python`](crate::Stdio::python).
#[derive(Debug, Clone, Copy)]
pub enum Python {}

/// A Node.js script; see [`Stdio::node`](crate::Stdio::node).
#[derive(Debug, Clone, Copy)]
pub enum Node {}

/// A script, command or module run by `uv run`; see [`Stdio::uv`](crate::Stdio::uv).
#[derive(Debug, Clone, Copy)]
pub enum Uv {}

/// A Python package run by `uvx`; see [`Stdio::uvx`](crate::Stdio::uvx).
#[derive(Debug, Clone, Copy)]
pub enum Uvx {}

/// An npm package run by `npx`; see [`Stdio::npx`](crate::Stdio::npx).
#[derive(Debug, Clone, Copy)]
pub enum Npx {}

/// The product to install if a runner is missing, and its URL.
pub(crate) fn installer(program: &OsStr) -> Option<&'static str> {
    match program.to_str()? {
        "uv" | "uvx" => Some("uv: https://docs.astral.sh/uv/"),
        "node" | "npm" | "npx" => Some("Node.js: https://nodejs.org/"),
        "python" | "python3" => Some("Python: https://www.python.org/"),
        _ => None,
    }
}

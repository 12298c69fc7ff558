//! `mcp config`: configuration files with servers.

mod diff;
mod edit;
mod file;

use std::{ffi::OsString, path::PathBuf};

use mcp_client::config_file::{McpConfig, Server};
use serde_json::Value;

use self::{edit::To, file::File};
use crate::{
    context::Context,
    escape::{json, line},
    failure::Failure,
    target::{self, Found, key_value},
};

/// Show and change configuration files with servers
///
/// A FILE is a path, or the name of an application, such as cursor, for its user configuration. Default: the file of
/// this command.
#[derive(Debug, clap::Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Add or replace a server; keeps the comments and the layout of the file
    Add(Add),
    /// Remove a server; keeps the comments and the layout of the file
    Remove {
        /// The name of the server
        name: String,
        #[command(flatten)]
        to: To,
    },
    /// Show the entry of a server, with secrets masked
    Show {
        /// The server: FILE:SERVER, APPLICATION:SERVER, or a unique name
        #[arg(value_name = "TARGET")]
        server: String,
    },
    /// Print the path of a file
    Path {
        /// The application [default: the file of this command]
        application: Option<String>,
    },
    /// Print the servers of a file in the format of an application
    Convert {
        /// The file to read
        #[arg(value_name = "FILE")]
        from: String,
        /// The application [default: `mcpServers`, the format of most applications]
        #[arg(long, value_name = "APPLICATION")]
        to: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
struct Add {
    /// Its name
    name: String,
    /// The URL of the server; or write a program after `--`
    url: Option<String>,
    /// A header, as 'Name: value'; ${VARIABLE} is expanded when the server is used
    #[arg(short = 'H', long = "header", value_name = "HEADER", value_parser = key_value::header)]
    headers: Vec<(String, String)>,
    /// An environment variable of the program; ${VARIABLE} is expanded when the server is used
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE", value_parser = key_value::assignment)]
    env: Vec<(String, String)>,
    /// The working directory of the program
    #[arg(long, value_name = "FOLDER")]
    cwd: Option<PathBuf>,
    #[command(flatten)]
    to: To,
    /// The program with its arguments
    #[arg(last = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

impl Config {
    pub(crate) fn run(self, cx: &Context) -> Result<(), Failure> {
        match self.command {
            Command::Add(add) => {
                let server = add.server()?;
                edit::edit(cx, &add.to, |config| {
                    config.add_server(&add.name, &server)?;
                    Ok(())
                })
            }
            Command::Remove { name, to } => edit::edit(cx, &to, |config| {
                if config.remove_server(&name)? {
                    return Ok(());
                }
                Err(Failure::usage(format!("there is no server {}", line(&name))))
            }),
            Command::Show { server } => show(cx, &server),
            Command::Path { application } => {
                let file = File::named(application.as_deref())?;
                Ok(cx.printer.line(&file.path().to_string_lossy())?)
            }
            Command::Convert { from, to } => convert(cx, &from, to.as_deref()),
        }
    }
}

impl Add {
    fn server(&self) -> Result<Server, Failure> {
        let mut server = match (&self.url, &self.program[..]) {
            (Some(url), []) => Server::remote(url),
            (None, [_, ..]) => match target::program(&self.program)? {
                Found::One { server, .. } => *server,
                _ => return Err(Failure::usage("no program")),
            },
            _ => return Err(Failure::usage("write a URL, or a program after `--`")),
        };
        edit::complete(&mut server, &self.headers, &self.env, self.cwd.as_deref())?;
        Ok(server)
    }
}

/// The entry in the format of most applications.
fn show(cx: &Context, text: &str) -> Result<(), Failure> {
    let (name, server) = target::written(text)?;
    let mut config = McpConfig::new();
    config.add_server(&name, &server.masked())?;
    let entry: Value = serde_json::from_str(config.text())?;
    match cx.printer.is_human() {
        true => Ok(cx.printer.line(&json(&serde_json::to_string_pretty(&entry)?))?),
        false => Ok(cx.printer.json(&entry)?),
    }
}

fn convert(cx: &Context, from: &str, to: Option<&str>) -> Result<(), Failure> {
    let file = File::named(Some(from))?;
    if !file.path().exists() {
        return Err(Failure::usage(format!("there is no file {}", file.path().display())));
    }
    let from = file.read()?;
    let mut config = match to {
        Some(application) => File::named(Some(application))?.empty()?,
        None => McpConfig::new(),
    };
    for (name, server) in from.servers() {
        config.add_server(name, server)?;
    }
    for problem in from.problems() {
        anstream::eprintln!("{}", line(&problem.to_string()));
    }
    Ok(cx.printer.text(config.text())?)
}

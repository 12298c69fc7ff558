//! `mcp discover`: the configuration files of applications.

use mcp_client::config_file::McpConfig;
use serde_json::json;

use crate::{
    context::Context,
    escape::line,
    failure::Failure,
    output::{Format, table},
    target::application_key,
};

/// List the configuration files of the applications on this machine
#[derive(Debug, clap::Args)]
pub(crate) struct Discover {}

impl Discover {
    pub(crate) fn run(self, cx: &Context) -> Result<(), Failure> {
        let found = McpConfig::discover();
        let scope = |scope| format!("{scope:?}").to_lowercase();
        let state = |config: &Result<McpConfig, _>| match config {
            Ok(config) => match config.servers().len() {
                1 => "1 server".to_owned(),
                number => format!("{number} servers"),
            },
            Err(_) => "cannot be read".to_owned(),
        };
        if cx.printer.is_human() {
            if found.is_empty() {
                anstream::eprintln!(
                    "no application on this machine has a configuration file with servers"
                );
                return Ok(());
            }
            let rows = found.iter().map(|it| {
                vec![
                    application_key(it.source.application),
                    scope(it.source.scope),
                    state(&it.config),
                    line(&it.source.path.to_string_lossy()).into_owned(),
                ]
            });
            let header = ["APPLICATION", "SCOPE", "STATE", "FILE"];
            return Ok(cx.printer.line(&table(cx.printer.width(), &header, rows))?);
        }
        let rows = found.iter().map(|it| {
            let config = it.config.as_ref();
            json!({
                "application": application_key(it.source.application),
                "scope": scope(it.source.scope),
                "file": it.source.path,
                "servers": config.ok().map(|it| it.servers().map(|(name, _)| name).collect::<Vec<_>>()),
                "problems": config.ok().map(|it| {
                    it.problems().iter().map(ToString::to_string).collect::<Vec<_>>()
                }),
                "error": config.err().map(ToString::to_string),
            })
        });
        match cx.printer.format {
            Format::JsonLines => rows.into_iter().try_for_each(|it| Ok(cx.printer.json(&it)?)),
            _ => Ok(cx.printer.json(&rows.collect::<Vec<_>>())?),
        }
    }
}

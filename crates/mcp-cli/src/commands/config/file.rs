//! The configuration file of a command.

use std::{
    fs,
    path::{Path, PathBuf},
};

use mcp_client::config_file::{Folders, Location, McpConfig, Scope};

use crate::{
    failure::Failure,
    target::{is_application, saved_file},
};

/// A file with servers, which may not exist.
pub(super) enum File {
    /// The file of an application.
    Application(Box<Location>),
    /// A path.
    Path(PathBuf),
}

impl File {
    /// The user configuration of an application, a path, or the file of this command.
    pub(super) fn named(text: Option<&str>) -> Result<Self, Failure> {
        let Some(text) = text else {
            let file = saved_file();
            let none =
                || Failure::usage("the environment does not name the user's configuration folder");
            return file.map(Self::Path).ok_or_else(none);
        };
        let locations = Folders::of_process().locations().into_iter();
        let of_user = locations.filter(|it| it.scope == Scope::User);
        let mut meant: Vec<Location> =
            of_user.filter(|it| is_application(it.application, text)).collect();
        if meant.is_empty() {
            return Ok(Self::Path(PathBuf::from(text)));
        }
        let at = meant.iter().position(|it| it.path.is_file()).unwrap_or_default();
        Ok(Self::Application(Box::new(meant.swap_remove(at))))
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Application(location) => &location.path,
            Self::Path(path) => path,
        }
    }

    /// The contents of the file, or an empty configuration if it does not exist.
    pub(super) fn read(&self) -> Result<McpConfig, Failure> {
        Ok(match self {
            _ if !self.path().exists() => self.empty()?,
            Self::Application(location) => location.read()?,
            Self::Path(path) => McpConfig::from_file(path)?,
        })
    }

    /// A file without servers.
    pub(super) fn empty(&self) -> Result<McpConfig, Failure> {
        Ok(match self {
            Self::Application(location) => location.empty()?,
            Self::Path(_) => McpConfig::new(),
        })
    }

    /// Writes the file, and creates its folder if needed.
    pub(super) fn write(&self, config: &mut McpConfig) -> Result<(), Failure> {
        if self.path().exists() {
            return Ok(config.write()?);
        }
        if let Some(folder) = self.path().parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(config.write_to(self.path())?)
    }
}

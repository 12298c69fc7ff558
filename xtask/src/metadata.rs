//! The workspace, as reported by `cargo metadata`.

use std::path::PathBuf;

use serde_json::Value;

use crate::run::{Result, cargo, output};

/// The packages of the workspace.
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
    /// The target directory.
    pub(crate) target: PathBuf,
}

pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) manifest: PathBuf,
    /// Whether it is published to a registry.
    pub(crate) published: bool,
    /// The names of its features, without implicit `dep:` features.
    pub(crate) features: Vec<String>,
    /// Its dependencies on packages of the workspace.
    pub(crate) dependencies: Vec<Dependency>,
}

/// A dependency between packages of the workspace.
pub(crate) struct Dependency {
    pub(crate) to: String,
    pub(crate) dev: bool,
    pub(crate) versioned: bool,
}

impl Workspace {
    pub(crate) fn load() -> Result<Self> {
        let json = output(&mut cargo("metadata --format-version 1 --no-deps"))?;
        let metadata: Value = serde_json::from_str(&json).map_err(|error| error.to_string())?;
        let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(Self {
            packages: packages.iter().map(Package::new).collect(),
            target: text(&metadata["target_directory"]).into(),
        })
    }

    pub(crate) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }
}

impl Package {
    fn new(package: &Value) -> Self {
        let dependencies =
            package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
        let features = package["features"].as_object();
        Self {
            name: text(&package["name"]),
            version: text(&package["version"]),
            manifest: text(&package["manifest_path"]).into(),
            published: package["publish"] != Value::Array(Vec::new()),
            features: features.map(|map| map.keys().cloned().collect()).unwrap_or_default(),
            dependencies: dependencies
                .iter()
                .filter(|it| it["path"].is_string())
                .map(Dependency::new)
                .collect(),
        }
    }
}

impl Dependency {
    fn new(dependency: &Value) -> Self {
        Self {
            to: text(&dependency["name"]),
            dev: dependency["kind"] == "dev",
            versioned: dependency["req"] != "*",
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

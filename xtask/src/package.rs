//! `package`: packages every published crate, as a registry would get it.

use crate::metadata::{Package, Workspace};
use crate::run::{self, Result, cargo, output};

/// The files that each package needs apart from its code.
const FILES: &[&str] = &["README.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// Checks the files of each package, and packages all of them together, since they depend on one another. Changes that
/// are not committed are packaged too. It publishes nothing, and compiles nothing: `lint` and `test` do that.
pub(crate) fn run(_: &[String]) -> Result {
    let workspace = Workspace::load()?;
    let published: Vec<&Package> = workspace.packages.iter().filter(|it| it.published).collect();
    let mut missing = Vec::new();
    for package in &published {
        let list = output(cargo("package --list --allow-dirty --package").arg(&package.name))?;
        let absent = FILES.iter().filter(|file| !list.lines().any(|line| line == **file));
        missing.extend(absent.map(|file| format!("{} has no {file}", package.name)));
    }
    if !missing.is_empty() {
        return Err(missing.join("; "));
    }
    let mut package = cargo("package --quiet --no-verify --allow-dirty");
    for it in published {
        package.args(["--package", &it.name]);
    }
    run::run(&mut package)
}

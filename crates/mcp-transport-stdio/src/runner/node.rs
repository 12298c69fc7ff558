use std::ffi::OsString;

use super::{Node, Npx};
use crate::{Stdio, launcher::Launcher};

impl Stdio {
    /// Runs a Node.js script: `.js`, `.mjs` or `.cjs`. TypeScript needs a [`runner`](Stdio::runner);
    /// without one, connecting fails with [`Config`](mcp_transport::ErrorKind::Config).
    ///
    /// ```
    /// # use mcp_transport_stdio::Stdio;
    /// let plain = Stdio::node("server.js").arg("--verbose");
    /// let typed = Stdio::node("server.ts").runner("tsx");
    /// ```
    pub fn node(script: impl Into<OsString>) -> Stdio<Node> {
        Stdio::with_launcher(Launcher::Node, Some(script.into()))
    }

    /// Runs an npm package, such as `@scope/name@1.2`, with `npx`, which installs it if it is missing.
    ///
    /// ```
    /// # use mcp_transport_stdio::Stdio;
    /// let files = Stdio::npx("@modelcontextprotocol/server-filesystem").arg("/srv").prefer_offline(true);
    /// ```
    pub fn npx(package: impl Into<OsString>) -> Stdio<Npx> {
        Stdio::with_launcher(Launcher::Program("npx".into()), Some(package.into())).install(true)
    }
}

impl Stdio<Node> {
    /// Sets the program that runs the script: a path, or a name that is looked up on `PATH`, such as `tsx`,
    /// `bun`, or a `node` with support for TypeScript. Default: `node`.
    pub fn runner(mut self, program: impl Into<OsString>) -> Self {
        self.launcher = Launcher::Program(program.into());
        self
    }
}

impl Stdio<Npx> {
    /// Whether a missing package is installed without a prompt (`-y`), or is an error (`--no`). Default:
    /// true.
    pub fn install(self, install: bool) -> Self {
        self.flag("-y", install).flag("--no", !install)
    }

    /// Whether cached packages are used without a check for updates (`--prefer-offline`). Starts faster, but
    /// may use old versions. Default: false.
    pub fn prefer_offline(self, prefer: bool) -> Self {
        self.flag("--prefer-offline", prefer)
    }

    /// Looks for the package in this project first (`--prefix`). Default: the project of the working
    /// directory, which this does not change; see [`cwd`](Stdio::cwd).
    pub fn project(self, directory: impl Into<OsString>) -> Self {
        self.option("--prefix", directory)
    }
}

#[cfg(test)]
mod tests {
    use mcp_transport::Connect;

    use super::*;

    #[test]
    fn a_script_precedes_its_arguments() {
        let server = Stdio::node("my dir/a b.mjs").args(["--flag", "ü"]);
        assert_eq!(server.describe(), "node 'my dir/a b.mjs' --flag ü");
        assert_eq!(server.runner("bun").describe(), "bun 'my dir/a b.mjs' --flag ü");
    }

    #[test]
    fn options_of_npx_precede_the_package_in_any_order() {
        assert_eq!(Stdio::npx("@a/b@1").describe(), "npx -y @a/b@1");
        let server = Stdio::npx("@a/b").arg("-v").project("my app").arg("x").prefer_offline(true);
        let all = "npx -y --prefix 'my app' --prefer-offline @a/b -v x";
        assert_eq!(server.describe(), all);
        assert_eq!(server.clone().into_program().describe(), all);
        let server = server.prefer_offline(false).project("b").install(false);
        assert_eq!(server.describe(), "npx --prefix b --no @a/b -v x");
    }
}

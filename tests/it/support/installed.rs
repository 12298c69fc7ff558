use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

/// A peer, by the name of its stamp in the folder that `cargo xtask setup` fills.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) &'static str);

impl Peer {
    /// The folder of all peers; `None` if this one is not installed, which is reported, and is an error in continuous
    /// integration.
    pub(crate) fn installed(self) -> Option<PathBuf> {
        let peers = repository().join(".peers");
        let stamp = std::fs::read_to_string(peers.join("stamps").join(self.0)).unwrap_or_default();
        if !stamp.is_empty() {
            return Some(peers);
        }
        let name = self.0;
        let message = format!("skipped: {name} is not installed: run cargo xtask setup");
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI=true, and {message}");
        // Bypasses the output capture of the test harness.
        let _ = writeln!(std::io::stderr(), "{message}");
        None
    }
}

/// A program of a Python virtual environment.
pub(crate) fn venv(folder: &Path, program: &str) -> PathBuf {
    folder.join(if cfg!(windows) { "Scripts" } else { "bin" }).join(program)
}

/// The top folder of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package is a folder of the repository")
}

/// The source of a peer.
pub(crate) fn source(name: &str) -> PathBuf {
    repository().join("tests/peers").join(name)
}

//! `setup`: installs the peers, the real servers used by the tests, into `.peers/`.
//!
//! Each installed peer has a stamp file with the text of the files that pin it. A peer with an up-to-date stamp
//! is not installed again.

use std::fs;
use std::path::Path;

use crate::peers::{PEERS, Peer};
use crate::run::{Result, in_ci, read};

/// The directory of the peers, ignored by git.
pub(crate) const FOLDER: &str = ".peers";

/// A peer that cannot be installed on this machine, with the missing requirement.
pub(crate) struct Missing {
    pub(crate) peer: &'static str,
    pub(crate) reason: String,
}

pub(crate) fn run(_: &[String]) -> Result {
    let missing = install()?;
    report(&missing)
}

/// Installs all peers that are not up to date. Fails if an installation fails.
pub(crate) fn install() -> Result<Vec<Missing>> {
    let mut missing = Vec::new();
    for peer in PEERS {
        missing.extend(install_one(peer)?);
    }
    Ok(missing)
}

/// Installs the peer of this name.
pub(crate) fn install_peer(name: &str) -> Result<Option<Missing>> {
    let peer = PEERS.iter().find(|peer| peer.name == name);
    install_one(peer.ok_or_else(|| format!("no peer {name}"))?)
}

fn install_one(peer: &Peer) -> Result<Option<Missing>> {
    let stamp = Path::new(FOLDER).join("stamps").join(peer.name);
    if let Some(reason) = (peer.needs)() {
        // An earlier installation cannot be used any more.
        write(&stamp, "")?;
        return Ok(Some(Missing { peer: peer.name, reason }));
    }
    let pinned = pins(peer)?;
    if fs::read_to_string(&stamp).is_ok_and(|stamped| stamped == pinned) {
        return Ok(None);
    }
    println!("installing {} into {FOLDER}/", peer.name);
    write(&stamp, "")?;
    (peer.install)().map_err(|error| format!("cannot install {}: {error}", peer.name))?;
    write(&stamp, &pinned)?;
    Ok(None)
}

/// Prints the missing peers. An error in continuous integration.
pub(crate) fn report(missing: &[Missing]) -> Result {
    for Missing { peer, reason } in missing {
        println!("skipped: tests with {peer}, which needs {reason}");
    }
    match missing.is_empty() || !in_ci() {
        true => Ok(()),
        false => Err("peers are missing, which is an error with CI=true".to_owned()),
    }
}

/// Writes a file, and creates its directory.
pub(crate) fn write(path: &Path, text: &str) -> Result {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn pins(peer: &Peer) -> Result<String> {
    peer.pins.iter().map(read).collect()
}

//! `setup`: installs the peers, the real servers that the tests talk to, into `.peers/`.
//!
//! Each peer has a stamp: the text of the files that pin it, written once it is installed. A peer
//! whose stamp still says the same is left alone.

use std::fs;
use std::path::Path;

use crate::peers::{PEERS, Peer};
use crate::run::{Result, in_ci, read};

/// The folder of the peers, which git ignores.
pub(crate) const FOLDER: &str = ".peers";

/// A peer that cannot be installed here, and what it misses.
pub(crate) struct Missing {
    pub(crate) peer: &'static str,
    pub(crate) reason: String,
}

pub(crate) fn run(_: &[String]) -> Result {
    let missing = install()?;
    report(&missing)
}

/// Installs what is not installed yet; fails where an installation does.
pub(crate) fn install() -> Result<Vec<Missing>> {
    let mut missing = Vec::new();
    for peer in PEERS {
        missing.extend(install_one(peer)?);
    }
    Ok(missing)
}

/// Installs the peer of this name alone.
pub(crate) fn install_peer(name: &str) -> Result<Option<Missing>> {
    let peer = PEERS.iter().find(|peer| peer.name == name);
    install_one(peer.ok_or_else(|| format!("no peer {name}"))?)
}

fn install_one(peer: &Peer) -> Result<Option<Missing>> {
    let stamp = Path::new(FOLDER).join("stamps").join(peer.name);
    if let Some(reason) = (peer.needs)() {
        // What an earlier run installed cannot be started now.
        write(&stamp, "")?;
        return Ok(Some(Missing { peer: peer.name, reason }));
    }
    let pinned = pins(peer)?;
    if fs::read_to_string(&stamp).is_ok_and(|stamped| stamped == pinned) {
        return Ok(None);
    }
    println!("installing {} into {FOLDER}/", peer.name);
    write(&stamp, "")?;
    (peer.install)().map_err(|error| format!("{} could not be installed: {error}", peer.name))?;
    write(&stamp, &pinned)?;
    Ok(None)
}

/// Says which peers are missing; an error in continuous integration.
pub(crate) fn report(missing: &[Missing]) -> Result {
    for Missing { peer, reason } in missing {
        println!("skipped: tests with {peer}, which misses {reason}");
    }
    match missing.is_empty() || !in_ci() {
        true => Ok(()),
        false => Err("CI=true, and peers are missing".to_owned()),
    }
}

/// Writes a file, and its folder.
pub(crate) fn write(path: &Path, text: &str) -> Result {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn pins(peer: &Peer) -> Result<String> {
    peer.pins.iter().map(read).collect()
}

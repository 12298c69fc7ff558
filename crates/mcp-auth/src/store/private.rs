//! Files that only the user can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::secret::Secret;

/// Maximum size of a file.
const FILE_LIMIT: u64 = 1024 * 1024;

/// Reads a file of a store. `None` if there is none or it is invalid.
pub(super) fn read(path: &Path) -> io::Result<Option<Secret>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    file.take(FILE_LIMIT).read_to_end(&mut bytes)?;
    let text = std::str::from_utf8(&bytes).ok();
    match text.filter(|text| serde_json::from_str::<serde_json::Value>(text).is_ok()) {
        Some(text) => Ok(Some(Secret::new(text))),
        None => {
            tracing::warn!(file = %path.display(), "a token file is invalid and was renamed");
            fs::rename(path, path.with_extension("broken"))?;
            Ok(None)
        }
    }
}

pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

pub(super) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Replaces a file atomically.
pub(super) fn write(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    make_folder(folder)?;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let draft = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
    let _ = fs::remove_file(&draft);
    let written = options().create_new(true).open(&draft).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&draft, path));
    if renamed.is_err() {
        let _ = fs::remove_file(&draft);
    }
    renamed?;
    // The rename is durable once the folder is synced, which not every system supports.
    #[cfg(unix)]
    File::open(folder).and_then(|folder| folder.sync_all()).ok();
    Ok(())
}

//! Atomic replacement of a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes to a temporary file in the same folder and renames it. With `secret`, only the user may read the file.
pub(crate) fn write(file: &Path, text: &str, secret: bool) -> io::Result<()> {
    let folder = file.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = file.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
    let is_open = !secret && !file.exists();
    let (mut written, draft) = draft(folder, &name.to_string_lossy(), is_open)?;
    written.write_all(text.as_bytes())?;
    permit(&written, file, secret)?;
    written.sync_all()?;
    drop(written);
    fs::rename(&draft.0, file)?;
    // Syncing the folder makes the rename durable. Not every system supports it.
    #[cfg(unix)]
    File::open(folder).and_then(|folder| folder.sync_all()).ok();
    Ok(())
}

/// A temporary file, deleted unless it was renamed.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

/// Creates a temporary file with the default mode, or readable by the user only until its mode is known.
#[cfg_attr(not(unix), allow(unused_variables, reason = "there are no modes"))]
fn draft(folder: &Path, name: &str, is_open: bool) -> io::Result<(File, Draft)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if is_open { 0o666 } else { 0o600 });
    for _ in 0..16 {
        let (process, next) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = folder.join(format!(".{name}.{process}-{next}.tmp"));
        match options.open(&path) {
            Ok(file) => return Ok((file, Draft(path))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("no free name for a temporary file in the folder"))
}

/// Sets the mode of the replaced file, or a narrower one for secrets.
#[cfg(unix)]
fn permit(draft: &File, replaced: &Path, secret: bool) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = match fs::metadata(replaced) {
        _ if secret => 0o600,
        Ok(old) => old.permissions().mode() & 0o777,
        Err(_) => return Ok(()),
    };
    draft.set_permissions(fs::Permissions::from_mode(mode))
}

/// A file inherits the access rights of its folder, and folders of settings belong to the user.
#[cfg(not(unix))]
fn permit(_: &File, _: &Path, _: bool) -> io::Result<()> {
    Ok(())
}

//! Locks between processes.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::private::{make_folder, options};

/// Limit on the wait for a lock of another process.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);
/// Poll interval of a lock.
const LOCK_INTERVAL: Duration = Duration::from_millis(20);

/// Waits for the lock of a file. The lock file is never removed: a lock of a removed file excludes nobody.
pub(super) fn lock(folder: &Path, path: &Path) -> io::Result<File> {
    make_folder(folder)?;
    let file = options().create(true).truncate(false).open(path)?;
    let end = Instant::now() + LOCK_TIMEOUT;
    loop {
        match fs4::FileExt::try_lock(&file) {
            Ok(()) => return Ok(file),
            Err(fs4::TryLockError::WouldBlock) if Instant::now() < end => {
                std::thread::sleep(LOCK_INTERVAL);
            }
            Err(fs4::TryLockError::WouldBlock) => {
                let text =
                    format!("another process has held the lock for more than {LOCK_TIMEOUT:?}");
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            Err(fs4::TryLockError::Error(error)) => return Err(error),
        }
    }
}

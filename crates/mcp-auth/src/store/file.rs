use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{StoreKey, StoreLock, TokenStore};
use crate::error::{Error, ErrorKind};
use crate::secret::Secret;

/// Limit on the wait for a lock of another process.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);
/// Poll interval of a lock.
const LOCK_INTERVAL: Duration = Duration::from_millis(20);
/// Maximum size of a file.
const FILE_LIMIT: u64 = 1024 * 1024;

/// Stores tokens in files that only the user can read, shared by all processes of the user: one file for each server.
///
/// Files are replaced atomically. A file that is not valid text is renamed with the suffix `.broken`. Locks are those
/// of the operating system and end with their process. On Windows, a file inherits the permissions of its folder.
/// Tokens are plain text unless encrypted with `sealed`.
#[derive(Clone, Debug)]
pub struct FileStore {
    folder: PathBuf,
}

impl FileStore {
    /// Stores files in `folder`, which is created when needed.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Stores files in `mcp-auth` in the user's data folder: `$XDG_DATA_HOME` or `~/.local/share`; on macOS
    /// `~/Library/Application Support`; on Windows `%LOCALAPPDATA%`.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if the environment does not name that folder.
    pub fn user() -> Result<Self, Error> {
        let var =
            |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
        let home = || var("HOME");
        let base = if cfg!(windows) {
            var("LOCALAPPDATA")
        } else if cfg!(target_os = "macos") {
            home().map(|home| home.join("Library").join("Application Support"))
        } else {
            var("XDG_DATA_HOME").or_else(|| home().map(|home| home.join(".local").join("share")))
        };
        let base = base.ok_or_else(|| {
            Error::new(ErrorKind::Config, "the environment does not name the user's data folder")
        })?;
        Ok(Self::new(base.join("mcp-auth")))
    }

    /// Encrypts the files with a key of 32 bytes, which the application stores elsewhere.
    #[cfg(feature = "_crypto")]
    #[must_use]
    pub fn sealed(self, key: [u8; 32]) -> super::sealed::Sealed {
        super::sealed::Sealed::new(self, key)
    }

    fn path(&self, key: &StoreKey, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", key.name()))
    }

    async fn run<T: Send + 'static>(
        &self,
        what: &'static str,
        key: &StoreKey,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let done = tokio::task::spawn_blocking(work).await;
        let about = key.about().to_owned();
        done.map_err(io::Error::other).flatten_error().map_err(|error| {
            let message = format!("the tokens of {about} could not be {what}");
            Error::new(ErrorKind::Store, message).with_source(error)
        })
    }
}

/// `Result::flatten`, which newer Rust versions have.
trait FlattenError<T> {
    fn flatten_error(self) -> io::Result<T>;
}

impl<T> FlattenError<T> for io::Result<io::Result<T>> {
    fn flatten_error(self) -> io::Result<T> {
        self.and_then(|inner| inner)
    }
}

impl TokenStore for FileStore {
    async fn load(&self, key: &StoreKey) -> Result<Option<Secret>, Error> {
        let path = self.path(key, "json");
        self.run("loaded", key, move || read(&path)).await
    }

    async fn save(&self, key: &StoreKey, value: &Secret) -> Result<(), Error> {
        let (folder, path, value) = (self.folder.clone(), self.path(key, "json"), value.clone());
        self.run("saved", key, move || write(&folder, &path, value.expose())).await
    }

    async fn remove(&self, key: &StoreKey) -> Result<(), Error> {
        let path = self.path(key, "json");
        let removing = move || match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        self.run("removed", key, removing).await
    }

    async fn lock(&self, key: &StoreKey) -> Result<StoreLock, Error> {
        let (folder, path) = (self.folder.clone(), self.path(key, "lock"));
        self.run("locked", key, move || lock(&folder, &path)).await.map(StoreLock::new)
    }
}

fn read(path: &Path) -> io::Result<Option<Secret>> {
    use io::Read as _;

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

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn write(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
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

/// Waits for the lock of a file. The lock file is never removed: a lock of a removed file excludes nobody.
fn lock(folder: &Path, path: &Path) -> io::Result<File> {
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

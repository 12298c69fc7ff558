use std::fs;
use std::io;
use std::path::PathBuf;

use super::lock::lock;
use super::private::{read, write};
use super::{StoreKey, StoreLock, TokenStore};
use crate::error::{Error, ErrorKind};
use crate::secret::Secret;

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

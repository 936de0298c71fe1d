//! Where the bytes of a store lie.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use redb::StorageBackend;
use redb::backends::FileBackend;

use crate::store::StoreError;

/// Where the bytes of a store lie: a file, or in a test whatever behaves like a disk.
pub trait Disk: Send + 'static {
    /// The bytes, opened.
    type Backend: StorageBackend;

    /// Opens what is there, and changes nothing.
    ///
    /// # Errors
    /// There is nothing, or it cannot be read and written.
    fn open(&self) -> Result<Self::Backend, StoreError>;

    /// Makes a place for a new store, with nothing in it yet.
    ///
    /// # Errors
    /// There is something already, or none can be made.
    fn create(&self) -> Result<Self::Backend, StoreError>;

    /// Takes away what [`Disk::create`] made and could not be filled.
    fn discard(&self);
}

/// A file of the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtPath(PathBuf);

impl AtPath {
    /// The file of this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// A name in a directory is lost with the power until the directory itself is on the disk.
    fn sync_directory(&self) -> io::Result<()> {
        let parent = self.0.parent().filter(|name| *name != Path::new(""));
        if cfg!(unix) {
            File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(())
    }
}

impl Disk for AtPath {
    type Backend = FileBackend;

    fn open(&self) -> Result<FileBackend, StoreError> {
        let opened = OpenOptions::new().read(true).write(true).open(&self.0);
        let file = opened.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::Missing,
            _ => StoreError::Unavailable(error.to_string()),
        })?;
        FileBackend::new(file).map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    fn create(&self) -> Result<FileBackend, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            // It holds keys: nobody else may read it.
            options.mode(0o600);
        }
        let unavailable = |error: io::Error| StoreError::Unavailable(error.to_string());
        let file = options.open(&self.0).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => StoreError::Exists,
            _ => unavailable(error),
        })?;
        self.sync_directory().map_err(unavailable)?;
        FileBackend::new(file).map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    fn discard(&self) {
        // What cannot be removed is no store: it holds no format, and is refused as such.
        let _ = fs::remove_file(&self.0);
    }
}

//! The directory with the state file, its lock, and the copies of earlier files.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::format::{Decoded, VERSION, decode, encode};
use super::{LoadError, Owner, StateError};

const FILE: &str = "breakeven.state";
const UNFINISHED: &str = "breakeven.state.new";
const LOCK: &str = "breakeven.lock";

/// The start of the name of a copy from before a clock correction; the seconds of the correction follow.
const CLOCK_COPY: &str = "breakeven.state.clock-";

/// How many of these copies are kept. Each is as large as the state.
const CLOCK_COPIES: usize = 3;

/// The start of the name of the copy of a file that an earlier version wrote; the version follows.
const VERSION_COPY: &str = "breakeven.state.version-";

/// A directory for one program alone: from its first use on no other one uses it, until that ends in whatever way.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// Absent while the directory cannot be written.
    lock: Option<File>,
    /// Whether it may contain an unread file, which must not be overwritten.
    is_unread: bool,
    /// The version of the file, if an earlier version wrote it.
    earlier_version: Option<u32>,
}

/// The result of reading a directory.
#[derive(Debug)]
pub enum LoadResult<T> {
    /// No file.
    Nothing,
    /// A file of this owner.
    Loaded {
        /// The version of the file.
        version: u32,
        /// When it was written.
        at: Timestamp,
        /// The content.
        content: T,
    },
    /// A file that cannot be used, and was set aside.
    Quarantined {
        /// Why.
        error: LoadError,
        /// Its new name.
        path: PathBuf,
    },
}

impl Directory {
    /// A directory that was not used yet. It need not exist.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            lock: None,
            is_unread: true,
            earlier_version: None,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file.
    ///
    /// # Errors
    /// When another program has the directory, or it cannot be made, written or read. The next [`Self::save`] tries again.
    pub fn load<T: DeserializeOwned>(
        &mut self,
        owner: &Owner,
        now: Timestamp,
    ) -> Result<LoadResult<T>, StateError> {
        self.lock()?;
        let path = self.path.join(FILE);
        let found = match fs::read(&path) {
            Ok(bytes) => match decode(&bytes, owner) {
                Ok(Decoded {
                    version,
                    at,
                    content,
                }) => {
                    self.earlier_version = (version < VERSION).then_some(version);
                    LoadResult::Loaded {
                        version,
                        at,
                        content,
                    }
                }
                Err(error) => LoadResult::Quarantined {
                    path: self.quarantine(error.as_str(), now)?,
                    error,
                },
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => LoadResult::Nothing,
            Err(error) => return Err(StateError::Io { path, error }),
        };
        self.is_unread = false;
        Ok(found)
    }

    /// Writes what is to be kept in place of what was, and gives its size in bytes. When this returns, it is on the disk; when
    /// it fails or the program ends meanwhile, what was there before still is. A file that could not be read is set aside. A
    /// copy is kept of a file that an earlier version wrote, for a return to that version.
    ///
    /// # Errors
    /// When another program has the directory, or it cannot be written.
    pub fn save(
        &mut self,
        owner: &Owner,
        at: Timestamp,
        content: &impl Serialize,
    ) -> Result<u64, StateError> {
        let bytes = encode(owner, at, content).map_err(|error| StateError::Io {
            path: self.path.clone(),
            error,
        })?;
        self.save_bytes(&bytes, at)
    }

    /// The same with what [`encode`] made.
    ///
    /// # Errors
    /// When another program has the directory, or it cannot be written.
    pub fn save_bytes(&mut self, bytes: &[u8], at: Timestamp) -> Result<u64, StateError> {
        self.lock()?;
        let (unfinished, finished) = (self.path.join(UNFINISHED), self.path.join(FILE));
        if self.is_unread && finished.exists() {
            self.quarantine("unread", at)?;
        }
        self.is_unread = false;
        if let Some(version) = self.earlier_version {
            self.keep_version_copy(version)?;
            self.earlier_version = None;
        }
        let write = || {
            let mut file = File::create(&unfinished)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&unfinished, &finished)?;
            // The new name is on the disk once its directory is.
            File::open(&self.path)?.sync_all()?;
            Ok(bytes.len() as u64)
        };
        write().map_err(|error| StateError::Io {
            path: unfinished.clone(),
            error,
        })
    }

    /// Keeps a copy of the file under another name, before a state that was truncated replaces it. Returns the name of the copy;
    /// absent if there is no file. The oldest copies are removed.
    ///
    /// # Errors
    /// Fails if another program has the directory, or the copy cannot be made.
    pub fn keep_clock_copy(&mut self, now: Timestamp) -> Result<Option<PathBuf>, StateError> {
        self.lock()?;
        let Some(copy) = self.copy_to(&format!("{CLOCK_COPY}{}", now.as_second()))? else {
            return Ok(None);
        };
        let path = self.path.clone();
        self.remove_old_clock_copies(&copy)
            .map_err(|error| StateError::Io { path, error })?;
        Ok(Some(copy))
    }

    /// Keeps a copy of a file that an earlier version wrote, before this version replaces it. The latest one of a version
    /// replaces the one before.
    fn keep_version_copy(&self, version: u32) -> Result<(), StateError> {
        let name = format!("{VERSION_COPY}{version}");
        let path = self.path.join(&name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StateError::Io { path, error })
            }
            _ => self.copy_to(&name).map(drop),
        }
    }

    /// Copies the file to another name, unless there is a file of that name. Returns the path of the copy; absent if there is no
    /// file to copy.
    fn copy_to(&self, name: &str) -> Result<Option<PathBuf>, StateError> {
        let (file, copy) = (self.path.join(FILE), self.path.join(name));
        // The next write replaces the name and not the content, so a link is a copy. Not every file system has links.
        let copied = fs::hard_link(&file, &copy).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists => Err(error),
            _ => fs::copy(&file, &copy).map(drop),
        });
        match copied {
            Ok(()) => Ok(Some(copy)),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound => Ok(None),
                io::ErrorKind::AlreadyExists => Ok(Some(copy)),
                _ => Err(StateError::Io { path: copy, error }),
            },
        }
    }

    /// Removes the oldest copies beyond the limit, and never the newest one.
    fn remove_old_clock_copies(&self, newest: &Path) -> io::Result<()> {
        let mut copies = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let seconds = name.and_then(|name| name.strip_prefix(CLOCK_COPY)?.parse::<i64>().ok());
            if let Some(seconds) = seconds.filter(|_| path != newest) {
                copies.push((seconds, path));
            }
        }
        copies.sort_unstable();
        let excess = (copies.len() + 1).saturating_sub(CLOCK_COPIES);
        copies
            .iter()
            .take(excess)
            .try_for_each(|(_, path)| fs::remove_file(path))
    }

    /// Drops the lock if its file is no longer in the directory: the directory was removed, or removed and made again. What it
    /// holds now was not read.
    fn drop_lost_lock(&mut self) {
        let Some(lock) = &self.lock else { return };
        let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let is_lost = match (fs::metadata(self.path.join(LOCK)), lock.metadata()) {
            (Ok(found), Ok(own)) => identity(found) != identity(own),
            (Err(error), _) => error.kind() == io::ErrorKind::NotFound,
            (Ok(_), Err(_)) => false,
        };
        if is_lost {
            self.lock = None;
            self.is_unread = true;
        }
    }

    /// Makes sure that the directory exists and is this program's.
    fn lock(&mut self) -> Result<(), StateError> {
        self.drop_lost_lock();
        if self.lock.is_some() {
            return Ok(());
        }
        let open = || {
            fs::create_dir_all(&self.path)?;
            let mut options = File::options();
            let options = options.create(true).truncate(false).write(true);
            options.open(self.path.join(LOCK))
        };
        let denied = |error| StateError::Io {
            path: self.path.clone(),
            error,
        };
        let lock = open().map_err(denied)?;
        match lock.try_lock() {
            Ok(()) => self.lock = Some(lock),
            Err(TryLockError::WouldBlock) => return Err(StateError::InUse(self.path.clone())),
            Err(TryLockError::Error(error)) => return Err(denied(error)),
        }
        Ok(())
    }

    /// Gives the file another name, and returns that.
    fn quarantine(&self, reason: &str, now: Timestamp) -> Result<PathBuf, StateError> {
        let path = self.path.join(FILE);
        let name = format!("{FILE}.{reason}-{}", now.as_second());
        let aside = self.path.join(name);
        match fs::rename(&path, &aside) {
            Ok(()) => Ok(aside),
            Err(error) => Err(StateError::Io { path, error }),
        }
    }
}

#[cfg(test)]
mod tests;

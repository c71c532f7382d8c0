//! The state file: one file in a directory, written whole or not at all.
//!
//! The file begins with a line that names its version. What follows is CBOR: the owner, the time of writing, and the content. It ends
//! with the SHA-256 of all that. A file that cannot be used is never deleted and never overwritten: it is renamed.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

/// The first line, but for the version.
const MAGIC: &str = "breakeven state ";

/// The version that is written, and the only one that is read. It changes with every change of what is written.
pub(crate) const VERSION: u32 = 4;

const FILE: &str = "breakeven.state";
const UNFINISHED: &str = "breakeven.state.new";
const LOCK: &str = "breakeven.lock";

/// The start of the name of a copy from before a clock correction; the seconds of the correction follow.
const CLOCK_COPY: &str = "breakeven.state.clock-";

/// How many of these copies are kept. Each is as large as the state.
const CLOCK_COPIES: usize = 3;

/// Whose state it is: the labels that tell one agent from another.
pub type Owner = BTreeMap<String, String>;

/// A directory for one program alone: from its first use on no other one uses it, until that ends in whatever way.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// Absent while the directory cannot be written.
    lock: Option<File>,
    /// Whether it may hold a file that nobody has read, and that must not be written over.
    is_unread: bool,
}

/// Why a directory or its file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another program has it.
    #[error("{0} is in use by another breakeven; give each a state.directory of its own")]
    InUse(PathBuf),
    /// The file system says no.
    #[error(
        "{path}: {error}; make it a directory that can be written, or set state.directory to null"
    )]
    Io {
        /// Where.
        path: PathBuf,
        /// What it says.
        error: io::Error,
    },
}

/// What a directory held.
#[derive(Debug)]
pub enum LoadResult<T> {
    /// Nothing yet.
    Nothing,
    /// What was kept.
    Kept {
        /// When it was written.
        at: Timestamp,
        /// The content.
        content: T,
    },
    /// A file that cannot be used, and was set aside.
    SetAside {
        /// Why.
        fault: LoadError,
        /// Its new name.
        path: PathBuf,
    },
}

/// Why a file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// It is not what was written.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// Another version wrote it.
    #[error("it is of version {0} and this program reads version {VERSION}")]
    OtherVersion(String),
    /// It is somebody else's.
    #[error("it is of {}, and this is {}", labels(.0), labels(.1))]
    Foreign(Owner, Owner),
}

impl LoadError {
    /// As it stands in a `reason` label, and in the name of a file set aside.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Damaged(_) => "damaged",
            Self::OtherVersion(_) => "other_version",
            Self::Foreign(..) => "foreign",
        }
    }
}

fn labels(owner: &Owner) -> String {
    let labels: Vec<String> = owner
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    format!("external_labels {{{}}}", labels.join(", "))
}

impl Directory {
    /// A directory that was not used yet. It need not exist.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            lock: None,
            is_unread: true,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what was kept.
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
            Ok(bytes) => match read(&bytes, owner) {
                Ok((at, content)) => LoadResult::Kept { at, content },
                Err(fault) => LoadResult::SetAside {
                    path: self.set_aside(fault.as_str(), now)?,
                    fault,
                },
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => LoadResult::Nothing,
            Err(error) => return Err(StateError::Io { path, error }),
        };
        self.is_unread = false;
        Ok(found)
    }

    /// Writes what is to be kept in place of what was, and gives its size in bytes. When this returns, it is on the disk; when
    /// it fails or the program ends meanwhile, what was there before still is. A file that could not be read is set aside.
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
            self.set_aside("unread", at)?;
        }
        self.is_unread = false;
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
        let file = self.path.join(FILE);
        let copy = self.path.join(format!("{CLOCK_COPY}{}", now.as_second()));
        // The next write replaces the name and not the content, so a link is a copy. Not every file system has links.
        let copied = fs::hard_link(&file, &copy).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists => Err(error),
            _ => fs::copy(&file, &copy).map(drop),
        });
        match copied {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(StateError::Io { path: copy, error }),
        }
        let path = self.path.clone();
        self.remove_old_clock_copies(&copy)
            .map_err(|error| StateError::Io { path, error })?;
        Ok(Some(copy))
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
    fn set_aside(&self, reason: &str, now: Timestamp) -> Result<PathBuf, StateError> {
        let path = self.path.join(FILE);
        let name = format!("{FILE}.{reason}-{}", now.as_second());
        let aside = self.path.join(name);
        match fs::rename(&path, &aside) {
            Ok(()) => Ok(aside),
            Err(error) => Err(StateError::Io { path, error }),
        }
    }
}

/// The bytes of a file.
///
/// # Errors
/// When the content cannot be written as CBOR.
pub fn encode(owner: &Owner, at: Timestamp, content: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    writeln!(bytes, "{MAGIC}{VERSION}")?;
    let failed = |error| match error {
        ciborium::ser::Error::Io(error) => error,
        error @ ciborium::ser::Error::Value(_) => io::Error::other(error.to_string()),
    };
    ciborium::into_writer(&(owner, at), &mut bytes).map_err(failed)?;
    ciborium::into_writer(content, &mut bytes).map_err(failed)?;
    let sum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&sum);
    Ok(bytes)
}

/// The instant and the content of a file of this owner.
fn read<T: DeserializeOwned>(bytes: &[u8], owner: &Owner) -> Result<(Timestamp, T), LoadError> {
    let damaged = |what: &str| LoadError::Damaged(what.to_owned());
    let rest = bytes
        .strip_prefix(MAGIC.as_bytes())
        .ok_or_else(|| damaged("it does not begin as such a file does"))?;
    let line = rest.iter().position(|byte| *byte == b'\n');
    let (version, rest) = rest.split_at(line.ok_or_else(|| damaged("it has no version"))?);
    let version = String::from_utf8_lossy(version).into_owned();
    if version != VERSION.to_string() {
        return Err(LoadError::OtherVersion(version));
    }
    let end = bytes.len().saturating_sub(Sha256::output_size());
    let (summed, sum) = bytes.split_at(end);
    if sum != &*Sha256::digest(summed) {
        return Err(damaged("it does not end with its checksum"));
    }
    let mut body = &rest[1..];
    let undecodable = |error: ciborium::de::Error<io::Error>| LoadError::Damaged(error.to_string());
    let (of, at): (Owner, Timestamp) = ciborium::from_reader(&mut body).map_err(undecodable)?;
    if of != *owner {
        return Err(LoadError::Foreign(of, owner.clone()));
    }
    let content = ciborium::from_reader(&mut body).map_err(undecodable)?;
    Ok((at, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn owner(cluster: &str) -> Owner {
        Owner::from([("cluster".to_owned(), cluster.to_owned())])
    }

    fn content(text: &str) -> Vec<String> {
        vec![text.to_owned()]
    }

    /// What [`found`] gives where that text was kept.
    fn holds(text: &str) -> Result<Option<Vec<String>>, (LoadError, PathBuf)> {
        Ok(Some(content(text)))
    }

    /// What the directory holds for the owner, or the reason why it was set aside and the file.
    fn found(
        directory: &mut Directory,
        owner: &Owner,
    ) -> Result<Option<Vec<String>>, (LoadError, PathBuf)> {
        match directory.load(owner, at(1_000)).unwrap() {
            LoadResult::Nothing => Ok(None),
            LoadResult::Kept { content, .. } => Ok(Some(content)),
            LoadResult::SetAside { fault, path } => Err((fault, path)),
        }
    }

    #[test]
    fn what_was_saved_last_is_found_and_an_empty_directory_has_nothing() {
        let place = tempfile::tempdir().unwrap();
        let mut directory = Directory::new(place.path().join("new/one"));
        let blue = owner("blue");
        assert_eq!(found(&mut directory, &blue), Ok(None));
        for text in ["first", "second"] {
            let size = directory.save(&blue, at(7), &content(text)).unwrap();
            let file = fs::metadata(directory.path().join(FILE)).unwrap();
            assert_eq!(size, file.len());
        }
        assert_eq!(found(&mut directory, &blue), holds("second"));
    }

    #[test]
    fn a_file_of_somebody_else_is_set_aside_and_kept() {
        let place = tempfile::tempdir().unwrap();
        let mut directory = Directory::new(place.path());
        directory
            .save(&owner("blue"), at(7), &content("ours"))
            .unwrap();
        let (fault, path) = found(&mut directory, &owner("green")).unwrap_err();
        let said = "it is of external_labels {cluster=\"blue\"}, and this is external_labels {cluster=\"green\"}";
        assert_eq!(
            (fault.as_str(), fault.to_string()),
            ("foreign", said.to_owned())
        );
        assert!(path.ends_with("breakeven.state.foreign-1000") && path.exists());
        assert_eq!(found(&mut directory, &owner("green")), Ok(None));
        fs::rename(path, place.path().join(FILE)).unwrap();
        assert!(found(&mut directory, &owner("blue")).unwrap().is_some());
    }

    #[test]
    fn a_file_with_any_byte_lost_or_turned_is_set_aside() {
        let place = tempfile::tempdir().unwrap();
        let mut directory = Directory::new(place.path());
        let blue = owner("blue");
        directory.save(&blue, at(7), &content("text")).unwrap();
        let whole = fs::read(place.path().join(FILE)).unwrap();
        let mut spoiled: Vec<Vec<u8>> = (0..whole.len()).map(|end| whole[..end].to_vec()).collect();
        spoiled.extend((0..whole.len()).map(|position| {
            let mut turned = whole.clone();
            turned[position] ^= 1;
            turned
        }));
        for bytes in spoiled {
            fs::write(place.path().join(FILE), &bytes).unwrap();
            let (fault, path) = found(&mut directory, &blue).unwrap_err();
            assert!(
                matches!(fault, LoadError::Damaged(_) | LoadError::OtherVersion(_)),
                "{fault}"
            );
            assert_eq!(fs::read(path).unwrap(), bytes);
        }
    }

    #[test]
    fn a_file_of_another_version_or_another_content_is_set_aside() {
        let place = tempfile::tempdir().unwrap();
        let mut directory = Directory::new(place.path());
        let blue = owner("blue");
        fs::write(place.path().join(FILE), "breakeven state 1\nwhatever").unwrap();
        let (fault, _) = found(&mut directory, &blue).unwrap_err();
        assert_eq!(fault, LoadError::OtherVersion("1".into()));
        directory.save(&blue, at(7), &12).unwrap();
        let (fault, _) = found(&mut directory, &blue).unwrap_err();
        assert_eq!(fault.as_str(), "damaged");
    }

    #[test]
    fn a_write_that_did_not_end_leaves_what_was_there() {
        let place = tempfile::tempdir().unwrap();
        let mut directory = Directory::new(place.path());
        let blue = owner("blue");
        directory.save(&blue, at(7), &content("whole")).unwrap();
        fs::write(place.path().join(UNFINISHED), "breakeven st").unwrap();
        assert_eq!(found(&mut directory, &blue), holds("whole"));
        directory.save(&blue, at(8), &content("next")).unwrap();
        assert_eq!(found(&mut directory, &blue), holds("next"));
    }

    #[test]
    fn a_directory_is_for_one_program_alone_until_that_ends() {
        let place = tempfile::tempdir().unwrap();
        let (mut first, mut second) = (Directory::new(place.path()), Directory::new(place.path()));
        let blue = owner("blue");
        assert_eq!(found(&mut first, &blue), Ok(None));
        let error = second.load::<Vec<String>>(&blue, at(7)).unwrap_err();
        assert!(matches!(error, StateError::InUse(_)), "{error}");
        assert!(second.save(&blue, at(7), &12).is_err());
        drop(first);
        assert_eq!(found(&mut second, &blue), Ok(None));
    }

    #[test]
    fn a_directory_that_cannot_be_used_is_named_and_tried_again_and_what_it_holds_is_not_lost() {
        let place = tempfile::tempdir().unwrap();
        let (path, blue) = (place.path().join("state"), owner("blue"));
        let mut directory = Directory::new(&path);
        directory.save(&blue, at(7), &content("old")).unwrap();
        drop(directory);
        // In place of the directory there is a file, for a while.
        let elsewhere = place.path().join("elsewhere");
        fs::rename(&path, &elsewhere).unwrap();
        fs::write(&path, "").unwrap();
        let mut directory = Directory::new(&path);
        let error = directory.load::<Vec<String>>(&blue, at(8)).unwrap_err();
        assert!(
            error.to_string().starts_with(&path.display().to_string()),
            "{error}"
        );
        assert!(directory.save(&blue, at(8), &12).is_err());
        fs::remove_file(&path).unwrap();
        fs::rename(&elsewhere, &path).unwrap();
        directory.save(&blue, at(9), &content("new")).unwrap();
        assert_eq!(found(&mut directory, &blue), holds("new"));
        let unread = path.join("breakeven.state.unread-9");
        let (_, old): (_, Vec<String>) = read(&fs::read(unread).unwrap(), &blue).unwrap();
        assert_eq!(old, ["old"]);
    }

    #[test]
    fn a_directory_that_is_removed_is_made_and_locked_again() {
        let place = tempfile::tempdir().unwrap();
        let (path, blue) = (place.path().join("state"), owner("blue"));
        let mut directory = Directory::new(&path);
        directory.save(&blue, at(7), &content("old")).unwrap();
        fs::remove_dir_all(&path).unwrap();
        directory.save(&blue, at(8), &content("new")).unwrap();
        assert_eq!(found(&mut directory, &blue), holds("new"));
        let mut second = Directory::new(&path);
        let in_use = second.load::<Vec<String>>(&blue, at(9));
        assert!(matches!(in_use, Err(StateError::InUse(_))), "{in_use:?}");

        // Another program is faster than this one.
        fs::remove_dir_all(&path).unwrap();
        second.save(&blue, at(10), &content("other")).unwrap();
        let in_use = directory.save(&blue, at(11), &content("lost"));
        assert!(matches!(in_use, Err(StateError::InUse(_))), "{in_use:?}");
        drop(second);
        directory.save(&blue, at(12), &content("own")).unwrap();
        let unread = fs::read(path.join("breakeven.state.unread-12")).unwrap();
        let (_, other): (_, Vec<String>) = read(&unread, &blue).unwrap();
        assert_eq!(other, ["other"]);
    }

    #[test]
    fn a_copy_from_before_a_clock_correction_is_kept_and_three_at_most() {
        let place = tempfile::tempdir().unwrap();
        let (mut directory, blue) = (Directory::new(place.path()), owner("blue"));
        assert_eq!(directory.keep_clock_copy(at(1)).unwrap(), None);
        for second in [500, 600, 700, 800, 100] {
            let text = format!("before {second}");
            directory.save(&blue, at(7), &content(&text)).unwrap();
            let copy = directory.keep_clock_copy(at(second)).unwrap().unwrap();
            directory.save(&blue, at(8), &content("after")).unwrap();
            let (_, kept): (_, Vec<String>) = read(&fs::read(copy).unwrap(), &blue).unwrap();
            assert_eq!(kept, [text]);
        }
        let names = fs::read_dir(place.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut copies: Vec<String> = names.filter(|name| name.contains(".clock-")).collect();
        copies.sort();
        let expected = [100, 700, 800].map(|second| format!("{CLOCK_COPY}{second}"));
        assert_eq!(copies, expected);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_leaves_what_was_there() {
        let place = tempfile::tempdir().unwrap();
        let mut directory = Directory::new(place.path());
        let blue = owner("blue");
        directory.save(&blue, at(7), &content("whole")).unwrap();
        let unfinished = place.path().join(UNFINISHED);
        std::os::unix::fs::symlink("/dev/full", &unfinished).unwrap();
        let error = directory
            .save(&blue, at(8), &vec!["x".repeat(100_000)])
            .unwrap_err();
        assert!(error.to_string().contains("No space left"), "{error}");
        assert_eq!(found(&mut directory, &blue), holds("whole"));
        fs::remove_file(unfinished).unwrap();
        directory.save(&blue, at(9), &content("next")).unwrap();
        assert_eq!(found(&mut directory, &blue), holds("next"));
    }
}

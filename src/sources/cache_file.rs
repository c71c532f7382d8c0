//! A file in which a source keeps what it learned, so that a restart does not ask for it again.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::disk::Disk;

/// How long a file operation may take. The files are small, and a source that reads or writes one is asked again.
const DEADLINE: Duration = Duration::from_secs(5);

/// A JSON file in a form that has a number.
#[derive(Debug)]
pub(super) struct CacheFile {
    path: PathBuf,
    version: u32,
    disk: Disk,
    deadline: Duration,
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    version: u32,
    #[serde(flatten)]
    content: T,
}

impl CacheFile {
    pub(super) fn new(directory: &Path, name: &str, version: u32) -> Self {
        Self {
            path: directory.join(name),
            version,
            disk: Disk::default(),
            deadline: DEADLINE,
        }
    }

    /// Runs its file operations.
    pub(super) const fn disk(&self) -> &Disk {
        &self.disk
    }

    /// What is kept; nothing where there is no file. Problems name the file.
    pub(super) async fn read<T: DeserializeOwned>(&self) -> Result<Option<T>, String> {
        let path = self.path.clone();
        let text = match self.run("read", move || fs::read(path)).await? {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.problem(&error)),
        };
        // Of another form only the number is read: what else there is may be of any kind.
        let Versioned { version, content } =
            serde_json::from_slice::<Versioned<serde_json::Map<_, _>>>(&text)
                .map_err(|error| self.problem(&error))?;
        if version != self.version {
            let form = format!("it has the form {version}, not {}", self.version);
            return Err(self.problem(&form));
        }
        let content = serde_json::Value::Object(content);
        let content = serde_json::from_value(content).map_err(|error| self.problem(&error))?;
        Ok(Some(content))
    }

    /// Keeps something in place of what was kept before: whole or not at all, and on the disk when it returns.
    pub(super) async fn write(&self, content: impl Serialize) -> Result<(), String> {
        let kept = Versioned {
            version: self.version,
            content,
        };
        let text = serde_json::to_vec(&kept).map_err(|error| self.problem(&error))?;
        let path = self.path.clone();
        let written = self.run("write", move || replace(&path, &text)).await?;
        written.map_err(|error| self.problem(&error))
    }

    /// Lets the file have another name, for somebody to look at.
    pub(super) async fn set_aside(&self) -> Result<(), String> {
        let aside = self.path.with_extension("json.unreadable");
        let path = self.path.clone();
        let renamed = self.run("rename", move || fs::rename(path, aside)).await?;
        renamed.map_err(|error| self.problem(&error))
    }

    async fn run<T: Send + 'static>(
        &self,
        verb: &str,
        operation: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        let what = format!("{verb} of {}", self.path.display());
        let result = self.disk.run(what, self.deadline, operation).await;
        result.map_err(|error| self.problem(&error))
    }

    /// A problem with the file, which it names.
    pub(super) fn problem(&self, error: &impl ToString) -> String {
        format!("{}: {}", self.path.display(), error.to_string())
    }
}

/// Writes a file beside the one at a path, and puts it in its place.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let fresh = path.with_extension("json.new");
    let mut file = File::create(&fresh)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&fresh, path)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::Command;

    use super::*;

    /// Opening a pipe waits for its other end, as a file of a hung disk does.
    #[tokio::test]
    async fn a_disk_that_hangs_is_an_error_that_names_the_file_and_takes_one_thread() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("kept.json.new");
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let mut file = CacheFile::new(directory.path(), "kept.json", 1);
        file.deadline = Duration::from_millis(50);
        for _ in 0..20 {
            let error = file.write(serde_json::json!({"a": 1})).await.unwrap_err();
            let named =
                error.contains("kept.json: write of") && error.contains("has not finished for");
            assert!(named, "{error}");
        }
        // The other end lets the write end. A pipe cannot be synced, so it fails.
        drop(fs::read(&pipe));
        fs::remove_file(&pipe).unwrap();
        while file.disk.operation().is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        file.deadline = DEADLINE;
        file.write(serde_json::json!({"a": 2})).await.unwrap();
        let kept: Option<serde_json::Value> = file.read().await.unwrap();
        assert_eq!(kept, Some(serde_json::json!({"a": 2})));
    }
}

//! A file in which a source keeps what it learned, so that a restart does not ask for it again.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A JSON file in a form that has a number.
#[derive(Debug)]
pub(super) struct KeptFile {
    path: PathBuf,
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    version: u32,
    #[serde(flatten)]
    content: T,
}

impl KeptFile {
    pub(super) fn new(directory: &Path, name: &str, version: u32) -> Self {
        Self {
            path: directory.join(name),
            version,
        }
    }

    /// What is kept; nothing where there is no file. Problems name the file.
    pub(super) async fn read<T: DeserializeOwned>(&self) -> Result<Option<T>, String> {
        let text = match tokio::fs::read(&self.path).await {
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
        let fresh = self.path.with_extension("json.new");
        let written = async {
            if let Some(directory) = self.path.parent() {
                tokio::fs::create_dir_all(directory).await?;
            }
            tokio::fs::write(&fresh, text).await?;
            tokio::fs::File::open(&fresh).await?.sync_all().await?;
            tokio::fs::rename(&fresh, &self.path).await
        };
        written.await.map_err(|error| self.problem(&error))
    }

    /// Lets the file have another name, for somebody to look at.
    pub(super) async fn set_aside(&self) -> Result<(), String> {
        let aside = self.path.with_extension("json.unreadable");
        let renamed = tokio::fs::rename(&self.path, aside).await;
        renamed.map_err(|error| self.problem(&error))
    }

    /// A problem with the file, which it names.
    pub(super) fn problem(&self, error: &impl ToString) -> String {
        format!("{}: {}", self.path.display(), error.to_string())
    }
}

//! A file that hangs its readers.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

/// A file whose reading hangs until this is dropped; then it contains `second`.
pub(crate) struct HungFile(PathBuf);

impl HungFile {
    /// Replaces a file.
    pub(crate) fn replace(path: PathBuf) -> Self {
        fs::remove_file(&path).unwrap();
        let made = Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        Self(path)
    }
}

impl Drop for HungFile {
    fn drop(&mut self) {
        let mut options = File::options();
        let mut pipe = options.read(true).write(true).open(&self.0).unwrap();
        let file = self.0.with_extension("new");
        fs::write(&file, "second").unwrap();
        // The next open finds a file, and a reader that waits finds the end.
        fs::rename(&file, &self.0).unwrap();
        pipe.write_all(b"second").unwrap();
    }
}

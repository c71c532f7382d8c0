//! Programs that run beside a test until it ends.

use std::fs::File;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::{fs, io};

use super::until;

/// A running program; it is killed when this is dropped.
pub(crate) struct Program {
    name: String,
    child: Child,
    output: tempfile::NamedTempFile,
}

impl Program {
    /// Starts it. What it writes to either stream is kept.
    pub(crate) fn start(command: &mut Command) -> Self {
        let output = tempfile::NamedTempFile::new().unwrap();
        let stream =
            || -> io::Result<Stdio> { Ok(File::options().append(true).open(&output)?.into()) };
        command
            .stdin(Stdio::null())
            .stdout(stream().unwrap())
            .stderr(stream().unwrap());
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        Self {
            name: format!("{command:?}"),
            child,
            output,
        }
    }

    /// All that it has written so far.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.output.path()).unwrap()).into_owned()
    }

    /// Waits for what is looked for in its output. The test fails when the program ends before.
    pub(crate) async fn says<T>(&mut self, look: impl Fn(&str) -> Option<T>) -> T {
        let what = format!("a word of {}", self.name);
        until(&what, async || {
            let ended = self.child.try_wait().unwrap();
            let found = look(&self.said());
            if let (None, Some(status)) = (&found, ended) {
                panic!("{} ended early, {status}\n{}", self.name, self.said());
            }
            found
        })
        .await
    }

    /// Waits for the address that it writes behind this text.
    pub(crate) async fn listens(&mut self, text: &str) -> SocketAddr {
        self.says(|said| {
            let (_, rest) = said.split_once(text)?;
            // The line may not be written to its end yet.
            let (address, _) = rest.split_once(|end: char| end.is_whitespace() || end == '/')?;
            address.parse().ok()
        })
        .await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("{} wrote:\n{}", self.name, self.said());
        }
    }
}

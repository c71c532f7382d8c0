//! Text for the person at the terminal.

use std::io::{Write as _, stderr, stdout};

use clap::ValueEnum;

/// How an answer is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Output {
    /// For a person.
    Text,
    /// For a program.
    Json,
}

/// Writes a line to standard output. Whoever reads it may have gone: that is no failure.
pub(super) fn print(line: impl AsRef<str>) {
    let _ = writeln!(stdout().lock(), "{}", line.as_ref());
}

/// Writes a line to standard error.
pub(super) fn print_error(line: &str) {
    let _ = writeln!(stderr().lock(), "{line}");
}

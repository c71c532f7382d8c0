//! What several test binaries need.

// Each test binary uses a part of it; what is printed is the reason of a skipped test.
#![allow(dead_code, clippy::expect_used, clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// A Python with the packages of tests/python/requirements.txt: `BREAKEVEN_PYTHON`, else that of
/// target/venv.
///
/// Where there is none, says so and returns `None`, for the test to be skipped; with `CI=true` that is a
/// failure.
pub(crate) fn python() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/python");
    let python = std::env::var_os("BREAKEVEN_PYTHON").map_or(own, PathBuf::from);
    if python.exists() {
        return Some(python);
    }
    let missing = format!("skipped: no Python at {}", python.display());
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing}");
    println!("{missing}");
    None
}

/// Runs a script of tests/python to its end; a script that fails, fails the test with its output.
pub(crate) fn run_python(script: &str, environment: &[(&str, &str)]) {
    let Some(python) = python() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    let output = Command::new(python)
        .arg(folder.join(script))
        .envs(environment.iter().copied())
        .output()
        .expect("python starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{script}: {}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    println!("{}", text(&output.stdout));
}

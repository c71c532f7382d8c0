//! Configuration files that are wrong, each with all that is said of it.
//!
//! A file in `tests/config/bad` begins with a line `# error: …` for each error that it must be refused with, in any
//! order; all of them, and no others.

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_bad_file_is_refused_with_just_the_errors_it_names() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/bad");
    let mut wrong = Vec::new();
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let expected: BTreeSet<String> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# error: "))
            .map(str::to_owned)
            .collect();
        assert!(!expected.is_empty(), "{} names no error", path.display());
        let found: BTreeSet<String> = match breakeven::config::load(&path) {
            Ok(_) => BTreeSet::new(),
            Err(errors) => errors.0.iter().map(ToString::to_string).collect(),
        };
        files += 1;
        if found != expected {
            wrong.push(format!(
                "{}\n  expected {expected:#?}\n  found {found:#?}",
                path.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(files >= 20, "only {files} files were found");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let errors = breakeven::config::load(Path::new("/nonexistent/breakeven.yaml")).unwrap_err();
    let text = errors.to_string();
    assert!(
        text.starts_with("/nonexistent/breakeven.yaml: cannot be read: "),
        "{text}"
    );
}

#[test]
fn the_default_file_in_the_repository_is_the_one_the_program_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/default.yaml");
    let made = format!(
        "# Made by `breakeven config default`; `BREAKEVEN_BLESS=1 cargo test --test repository config_files` writes it anew.\n{}",
        breakeven::config::default_file()
    );
    if std::env::var("BREAKEVEN_BLESS").as_deref() == Ok("1") {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(
        kept == made,
        "config/default.yaml is not what `breakeven config default` prints; write it anew with \
         BREAKEVEN_BLESS=1 cargo test --test repository config_files"
    );
}

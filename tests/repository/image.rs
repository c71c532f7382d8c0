//! The Dockerfile: its text against rules, and the files that it copies compiled in a folder of their own.
//!
//! No container engine is needed. The base images are not pulled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const DOCKERFILE: &str = include_str!("../../Dockerfile");
const IGNORED: &str = include_str!("../../.dockerignore");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The instructions of a Dockerfile, each on one line: its word and what follows.
fn instructions(text: &str) -> Vec<(String, String)> {
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let filled = joined
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    filled
        .map(|line| {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let words: Vec<_> = rest.split_whitespace().collect();
            (word.to_owned(), words.join(" "))
        })
        .collect()
}

/// What is wrong with a Dockerfile.
#[expect(clippy::too_many_lines, reason = "one rule after another")]
fn lint(text: &str) -> Vec<&'static str> {
    let all = instructions(text);
    let starts: Vec<_> = (0..all.len()).filter(|at| all[*at].0 == "FROM").collect();
    let last = &all[starts.last().copied().unwrap_or(0)..];
    let rests = |word: &'static str| {
        let own = move |(found, _): &&(String, String)| found == word;
        all.iter().filter(own).map(|(_, rest)| &**rest)
    };
    let in_last = |word: &str| {
        last.iter()
            .rfind(|(found, _)| found == word)
            .map(|(_, rest)| &**rest)
    };
    let mut found = Vec::new();
    let mut need = |holds: bool, what| {
        if !holds {
            found.push(what);
        }
    };
    need(
        starts.len() >= 2,
        "what builds is in another stage than what runs",
    );
    let tagged = |from: &str| {
        let image = from.split([' ', '@']).next().unwrap();
        let tag = image.rsplit('/').next().unwrap().split_once(':');
        tag.is_some_and(|(_, tag)| tag != "latest")
    };
    need(
        rests("FROM").all(tagged),
        "images have a tag, and not `latest`",
    );
    let pinned = |from: &str| {
        let image = from.split(' ').next().unwrap();
        let digest = image.split_once("@sha256:");
        digest.is_some_and(|(_, digest)| {
            digest.len() == 64 && digest.chars().all(|digit| digit.is_ascii_hexdigit())
        })
    };
    need(rests("FROM").all(pinned), "images are pinned by digest");
    let per_platform = |rest: &str| {
        let mounts = rest
            .split(' ')
            .filter(|word| word.starts_with("--mount=type=cache"));
        let mut ids = mounts.map(|mount| mount.split(',').find(|part| part.starts_with("id=")));
        ids.all(|id| id.is_some_and(|id| id.contains("${TARGETPLATFORM}")))
    };
    need(
        rests("RUN").all(per_platform),
        "cache mounts have an id per platform",
    );
    let user = in_last("USER")
        .unwrap_or_default()
        .split(':')
        .next()
        .unwrap();
    need(
        user.parse().is_ok_and(|id: u32| id != 0),
        "it runs as a number that is not root's",
    );
    let exec =
        |word| in_last(word).is_some_and(|rest| rest.starts_with('[') && rest.ends_with(']'));
    need(exec("ENTRYPOINT"), "the program is started without a shell");
    need(rests("ADD").next().is_none(), "files are copied, not added");
    need(
        last.iter().all(|(word, _)| word != "RUN"),
        "nothing is run in what is shipped",
    );
    let secret = |rest: &str| {
        let rest = rest.to_ascii_uppercase();
        ["SECRET", "PASSWORD", "TOKEN", "ACCESS_KEY"]
            .iter()
            .any(|word| rest.contains(word))
    };
    need(
        !rests("ENV").chain(rests("ARG")).any(secret),
        "no secret is in it",
    );
    let fetched = |rest: &str| rest.contains("curl ") || rest.contains("wget ");
    need(
        !rests("RUN").any(fetched),
        "nothing is fetched but by package managers",
    );
    let loose = |rest: &str| rest.contains("cargo ") && !rest.contains("--locked");
    need(!rests("RUN").any(loose), "what is built is locked");
    need(
        rests("WORKDIR").all(|rest| rest.starts_with('/')),
        "paths are absolute",
    );
    need(
        rests("EXPOSE").eq(["9871"]),
        "the port of the program is said",
    );
    let whole = |rest: &str| rest.split(' ').next() == Some(".");
    need(!rests("COPY").any(whole), "only what is needed is copied");
    found
}

#[test]
fn the_dockerfile_keeps_every_rule() {
    assert_eq!(lint(DOCKERFILE), [""; 0]);
}

#[test]
fn a_breach_of_each_rule_is_found() {
    let bad = "FROM rust\nENV API_TOKEN=a\nADD a b\nCOPY . .\nWORKDIR a\nRUN --mount=type=cache,target=/t curl a | sh && cargo build\nUSER root\nEXPOSE 80\nENTRYPOINT breakeven\n";
    assert_eq!(lint(bad).len(), 14, "{:#?}", lint(bad));
}

/// The files and folders that the Dockerfile copies from the repository, each with its target in the image.
fn copied() -> Vec<(String, String)> {
    let copies = instructions(DOCKERFILE)
        .into_iter()
        .filter(|(word, rest)| word == "COPY" && !rest.starts_with("--from"));
    copies
        .flat_map(|(_, rest)| {
            let (files, target) = rest.rsplit_once(' ').unwrap();
            let files = files.split(' ').map(str::to_owned);
            files
                .map(|file| (file, target.to_owned()))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn what_is_copied_is_there_and_not_ignored() {
    for (file, _) in copied() {
        assert!(root().join(&file).exists(), "{file} is not there");
        assert!(
            IGNORED.lines().any(|line| line == format!("!{file}")),
            "{file} is ignored"
        );
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

/// `cargo check` of the copied files alone, as the build stage has them. The manifest names benches and tests by their path, so a
/// folder that is not copied is an error here as it is in the image.
#[test]
fn the_copied_files_compile_in_an_empty_folder() {
    let folder = tempfile::tempdir().unwrap();
    for (file, target) in copied() {
        let target = match target.as_str() {
            "./" => PathBuf::from(&file),
            // The license, which is copied into the image that runs.
            absolute if absolute.starts_with('/') => continue,
            relative => PathBuf::from(relative),
        };
        copy(&root().join(&file), &folder.path().join(target));
    }
    // A target directory of its own: the features of the dependencies differ from those that tests need.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("image");
    let output = Command::new(env!("CARGO"))
        .args([
            "check",
            "--locked",
            "--offline",
            "--no-default-features",
            "--bin",
            "breakeven",
        ])
        .current_dir(folder.path())
        .env("CARGO_TARGET_DIR", target)
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
}

/// What the source includes from beside it must be among what is copied.
#[test]
fn what_the_source_includes_is_copied() {
    let mut folders = vec![root().join("src"), root().join("crates")];
    let mut included = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            // What tests alone include is not built.
            let shipped = text.split("#[cfg(test)]").next().unwrap();
            if path.ends_with("tests.rs") {
                continue;
            }
            for file in shipped.split("include_str!(\"").skip(1) {
                let file = file.split('"').next().unwrap();
                let target = fs::canonicalize(path.parent().unwrap().join(file)).unwrap();
                let target = target
                    .strip_prefix(fs::canonicalize(root()).unwrap())
                    .unwrap();
                let top = target.iter().next().unwrap().to_str().unwrap().to_owned();
                let copied = instructions(DOCKERFILE).iter().any(|(word, rest)| {
                    word == "COPY" && rest.split(' ').any(|copied| copied == top)
                });
                assert!(
                    copied,
                    "{} of {} is not copied",
                    target.display(),
                    path.display()
                );
                included += 1;
            }
        }
    }
    assert!(included > 0);
}

#[test]
fn compiler_user_and_version_are_those_of_the_project() {
    let toolchain = format!("FROM rust:{}-", env!("CARGO_PKG_RUST_VERSION"));
    assert!(DOCKERFILE.contains(&toolchain), "{toolchain}");
    let version = format!("image.version=\"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(DOCKERFILE.contains(&version), "{version}");
    let chart =
        fs::read_to_string(root().join("charts/breakeven/templates/deployment.yaml")).unwrap();
    let user = instructions(DOCKERFILE)
        .into_iter()
        .rfind(|(word, _)| word == "USER")
        .unwrap()
        .1;
    let (user, group) = user.split_once(':').unwrap();
    assert!(chart.contains(&format!("runAsUser: {user}")));
    assert!(chart.contains(&format!("runAsGroup: {group}")));
}

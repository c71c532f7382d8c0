//! The Dockerfile, read: there is no engine here that could build it.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

const DOCKERFILE: &str = include_str!("../Dockerfile");
const IGNORED: &str = include_str!("../.dockerignore");

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
    let pinned = |from: &str| {
        let image = from.split(' ').next().unwrap();
        let tag = image.rsplit('/').next().unwrap().split_once(':');
        tag.is_some_and(|(_, tag)| tag != "latest")
    };
    need(
        rests("FROM").all(pinned),
        "images have a tag, and not `latest`",
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
    let bad = "FROM rust\nENV API_TOKEN=a\nADD a b\nCOPY . .\nWORKDIR a\nRUN curl a | sh && cargo build\nUSER root\nEXPOSE 80\nENTRYPOINT breakeven\n";
    assert_eq!(lint(bad).len(), 12, "{:#?}", lint(bad));
}

#[test]
fn what_is_copied_is_there_and_not_ignored() {
    for (word, rest) in instructions(DOCKERFILE) {
        if word != "COPY" || rest.starts_with("--from") {
            continue;
        }
        let (files, _) = rest.rsplit_once(' ').unwrap();
        for file in files.split(' ') {
            assert!(root().join(file).exists(), "{file} is not there");
            assert!(
                IGNORED.lines().any(|line| line == format!("!{file}")),
                "{file} is ignored"
            );
        }
    }
}

/// What the source includes from beside it must be among what is copied.
#[test]
fn what_the_source_includes_is_copied() {
    let mut folders = vec![root().join("src")];
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

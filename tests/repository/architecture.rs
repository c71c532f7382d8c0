//! The rules of ARCHITECTURE.md that neither the crate graph nor a lint can hold.
//!
//! Each rule has two tests: one that the source keeps it, and one that a line which breaks it is found.

mod cycles;
mod retired_words;

use std::fs;
use std::path::{Path, PathBuf};

/// What each module of the program may name of the others, lowest first.
const LAYERS: &[(&str, &[&str])] = &[
    ("disk", &[]),
    ("schema", &[]),
    ("persistence", &[]),
    ("ledger", &[]),
    ("estimate", &["schema"]),
    ("sources", &["disk"]),
    ("engine", &["ledger"]),
    ("exposition", &[]),
    ("snapshot", &["disk", "exposition"]),
    ("server", &["exposition", "snapshot"]),
    ("config", &["schema", "sources", "engine", "exposition"]),
    (
        "agent",
        &[
            "disk",
            "schema",
            "persistence",
            "ledger",
            "sources",
            "engine",
            "exposition",
            "snapshot",
            "server",
            "config",
        ],
    ),
    (
        "cli",
        &[
            "ledger",
            "sources",
            "engine",
            "exposition",
            "snapshot",
            "server",
            "config",
            "agent",
            "estimate",
        ],
    ),
    ("main", &["cli"]),
];

/// Client libraries, by how the names of their crates begin, and the only module that names them.
const CLIENTS: &[(&str, &str)] = &[
    ("aws_", "sources"),
    ("kube", "sources"),
    ("k8s_openapi", "sources"),
];

/// Parts of the crate `prometheus`, which only the exposition names. `sources::prometheus` is another module.
const PROMETHEUS: &[&str] = &[
    "prometheus::Registry",
    "prometheus::core::",
    "prometheus::process_collector",
    "prometheus::proto::",
];

/// Calls that read the clock. Tokio's clock is for deadlines, and any module may set one.
const READS_TIME: &[&str] = &[
    "Timestamp::now(",
    "Zoned::now(",
    "SystemTime::now(",
    "std::time::Instant::now(",
];

/// Public items of the model that are bare numbers, each with its reason.
const BARE_NUMBERS: &[&str] = &[
    // A count of concurrent requests.
    "LARGEST_CONCURRENCY",
    // MiB per core, by which memory becomes a ratio.
    "MIB_PER_CORE",
    // The end of a tier in the text of an error.
    "end",
];

/// Lints that no file may switch off.
const HELD_LINTS: &[&str] = &[
    "dbg_macro",
    "expect_used",
    "mod_module_files",
    "print_stderr",
    "print_stdout",
    "todo",
    "unimplemented",
    "unwrap_used",
];

/// The only file that has the names of metrics.
const CATALOGUE: &str = "src/exposition/metrics.rs";

const MAX_LINES: usize = 600;

/// A file of the program: its path from the root, and its lines without comments and without its tests.
struct SourceFile {
    path: String,
    lines: Vec<(usize, String)>,
    /// All lines, with comments and tests.
    length: usize,
}

impl SourceFile {
    fn new(path: &str, text: &str) -> Self {
        let shipped = text.split("#[cfg(test)]\nmod ").next().unwrap();
        let lines = shipped
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(number, line)| (number + 1, line.to_owned()))
            .collect();
        Self {
            path: path.to_owned(),
            lines,
            length: text.lines().count(),
        }
    }

    /// The module of the program that it is part of; absent in a library crate.
    fn module(&self) -> Option<&str> {
        let path = self.path.strip_prefix("src/")?;
        let top = path.split('/').next()?;
        Some(top.strip_suffix(".rs").unwrap_or(top)).filter(|top| *top != "lib")
    }

    fn is_test(&self) -> bool {
        let parts = self.path.split('/');
        parts.into_iter().any(|part| {
            matches!(
                part.trim_end_matches(".rs"),
                "tests" | "properties" | "strategies" | "test_util"
            )
        })
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of the program and of its crates, without tests.
fn tree() -> Vec<SourceFile> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root().join("src"), root().join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
                files.push(SourceFile::new(name, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(files.len() > 300, "only {} files were read", files.len());
    files
}

type Rule = fn(&SourceFile) -> Vec<(usize, String)>;

/// All places where files break a rule, as `path:line: what`.
fn broken(rule: Rule, files: &[SourceFile]) -> Vec<String> {
    let files = files.iter().filter(|file| !file.is_test());
    let places = files.flat_map(|file| {
        let broken = rule(file).into_iter();
        broken.map(|(line, what)| format!("{}:{line}: {what}", file.path))
    });
    places.collect()
}

#[track_caller]
fn holds(rule: Rule) {
    let broken = broken(rule, &tree());
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Fails unless the rule finds this in a file that has this text.
#[track_caller]
fn finds(rule: Rule, path: &str, text: &str, expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|one| format!("{path}:{one}")).collect();
    assert_eq!(
        broken(rule, &[SourceFile::new(path, text)]),
        expected,
        "{text}"
    );
}

/// The words after each `prefix` in a line, where the prefix begins a path.
fn words_after<'a>(line: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    line.match_indices(prefix).filter_map(move |(at, _)| {
        let begins = !line[..at].ends_with(is_word) && !line[..at].ends_with("::");
        let rest = &line[at + prefix.len()..];
        let end = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
        begins.then_some(&rest[..end])
    })
}

fn layers(file: &SourceFile) -> Vec<(usize, String)> {
    let Some(module) = file.module() else {
        return Vec::new();
    };
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == module) else {
        return vec![(1, format!("{module} is not in the table of layers"))];
    };
    let mut broken = Vec::new();
    for (number, line) in &file.lines {
        for prefix in ["crate::", "breakeven::"] {
            for named in words_after(line, prefix) {
                if named != module && !allowed.contains(&named) {
                    let named = if named.is_empty() {
                        "a group of modules"
                    } else {
                        named
                    };
                    broken.push((*number, format!("{module} names {named}")));
                }
            }
        }
    }
    broken
}

fn clients(file: &SourceFile) -> Vec<(usize, String)> {
    let mut broken = Vec::new();
    let Some(module) = file.module() else {
        return broken;
    };
    for (number, line) in &file.lines {
        let named = PROMETHEUS.iter().find(|part| line.contains(*part));
        if let Some(part) = named.filter(|_| module != "exposition") {
            broken.push((*number, format!("names {part}, which only exposition may")));
        }
        for (client, home) in CLIENTS.iter().filter(|(_, home)| *home != module) {
            for rest in words_after(line, client) {
                let name = format!("{client}{rest}");
                if line.contains(&format!("{name}::")) && (rest.is_empty() || client.ends_with('_'))
                {
                    broken.push((*number, format!("names {name}, which only {home} may")));
                }
            }
        }
    }
    broken
}

fn time(file: &SourceFile) -> Vec<(usize, String)> {
    if file.path.starts_with("crates/clock/") {
        return Vec::new();
    }
    let mut broken = Vec::new();
    let imports_std_instant = file
        .lines
        .iter()
        .any(|(_, line)| line.starts_with("use std::time::") && line.contains("Instant"));
    for (number, line) in &file.lines {
        let reads = READS_TIME.iter().any(|call| line.contains(call));
        if reads || (imports_std_instant && line.contains("Instant::now(")) {
            broken.push((*number, "reads the clock".to_owned()));
        }
    }
    broken
}

fn metric_names(file: &SourceFile) -> Vec<(usize, String)> {
    if file.path == CATALOGUE {
        return Vec::new();
    }
    let catalogue = fs::read_to_string(root().join(CATALOGUE)).unwrap();
    let mut broken = Vec::new();
    for (number, line) in file.lines.iter().filter(|(_, line)| line.contains('"')) {
        if line.contains("\"breakeven_") {
            broken.push((*number, format!("names a metric: {}", line.trim())));
            continue;
        }
        for rest in words_after(line, "breakeven_") {
            let name = format!("breakeven_{rest}");
            let is_crate = line.contains(&format!("{name}::"));
            if !is_crate && !catalogue.contains(&format!("\"{name}\"")) {
                broken.push((
                    *number,
                    format!("mentions {name}, and there is no such metric"),
                ));
            }
        }
    }
    broken
}

fn bare_numbers(file: &SourceFile) -> Vec<(usize, String)> {
    let path = &file.path;
    let is_model = path.starts_with("crates/model/") && !path.contains("/units");
    if !is_model && file.module() != Some("ledger") {
        return Vec::new();
    }
    let mut broken = Vec::new();
    let mut lines = file.lines.iter();
    while let Some((number, line)) = lines.next() {
        let Some(item) = line.trim_start().strip_prefix("pub ") else {
            continue;
        };
        if ["use ", "mod ", "struct ", "enum ", "trait "]
            .iter()
            .any(|word| item.starts_with(word))
            && !item.contains('(')
        {
            continue;
        }
        let mut signature = item.to_owned();
        if item.contains("fn ") {
            while !signature.contains('{') && !signature.contains(';') {
                signature += lines.next().map_or(";", |(_, line)| line);
            }
        }
        let signature = signature.split(['{', '=']).next().unwrap();
        let numbers = ["f64", "f32"];
        let words =
            signature.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
        if words.clone().any(|word| numbers.contains(&word)) {
            let name = words
                .filter(|word| !["const", "fn", "static", "async"].contains(word))
                .find(|word| !word.is_empty())
                .unwrap_or_default();
            if !BARE_NUMBERS.contains(&name) {
                broken.push((*number, format!("{name} is a bare number")));
            }
        }
    }
    broken
}

fn suppressed_lints(file: &SourceFile) -> Vec<(usize, String)> {
    let mut broken = Vec::new();
    for (number, line) in &file.lines {
        for lint in words_after(line, "clippy::").filter(|lint| HELD_LINTS.contains(lint)) {
            broken.push((*number, format!("switches off clippy::{lint}")));
        }
    }
    broken
}

fn length(file: &SourceFile) -> Vec<(usize, String)> {
    let is_long = file.length > MAX_LINES;
    let what = || (file.length, format!("has more than {MAX_LINES} lines"));
    is_long.then(what).into_iter().collect()
}

#[test]
fn a_module_names_only_those_below_it() {
    holds(layers);
    for (place, (module, below)) in LAYERS.iter().enumerate() {
        let exists = root().join(format!("src/{module}.rs")).exists();
        assert!(exists, "{module} is in the table, and is no module");
        for name in *below {
            let is_below = LAYERS[..place].iter().any(|(one, _)| one == name);
            assert!(is_below, "{module} may name {name}, which is not below it");
        }
    }
}

#[test]
fn a_module_that_names_one_above_it_is_found() {
    let path = "src/server/page.rs";
    finds(
        layers,
        path,
        "use crate::snapshot::Store;\nuse std::server::X;",
        &[],
    );
    finds(
        layers,
        path,
        "\nuse crate::sources::Poll;",
        &["2: server names sources"],
    );
    finds(
        layers,
        path,
        "fn a() { crate::agent::b() }",
        &["1: server names agent"],
    );
    finds(
        layers,
        path,
        "use crate::{snapshot, agent};",
        &["1: server names a group of modules"],
    );
    finds(
        layers,
        "src/new.rs",
        "",
        &["1: new is not in the table of layers"],
    );
    finds(
        layers,
        path,
        "// crate::agent\n#[cfg(test)]\nmod tests { use crate::agent::X; }",
        &[],
    );
}

#[test]
fn client_libraries_are_named_by_their_source_alone() {
    holds(clients);
    finds(clients, "src/sources/a.rs", "use kube::Client;", &[]);
    finds(
        clients,
        "src/http/a.rs",
        "use kube::Client;",
        &["1: names kube, which only sources may"],
    );
    let path = "src/app/a.rs";
    finds(
        clients,
        path,
        "aws_config::load()",
        &["1: names aws_config, which only sources may"],
    );
    finds(
        clients,
        path,
        "use prometheus::Registry;",
        &["1: names prometheus::Registry, which only exposition may"],
    );
    finds(
        clients,
        path,
        "let kubernetes = sources::kubernetes::X;",
        &[],
    );
}

#[test]
fn only_the_clock_reads_time() {
    holds(time);
    finds(time, "crates/clock/src/lib.rs", "Timestamp::now()", &[]);
    finds(
        time,
        "src/app/a.rs",
        "use tokio::time::Instant;\nInstant::now()",
        &[],
    );
    finds(
        time,
        "src/app/a.rs",
        "use std::time::{Duration, Instant};\nInstant::now()",
        &["2: reads the clock"],
    );
    finds(
        time,
        "crates/model/src/a.rs",
        "jiff::Timestamp::now()",
        &["1: reads the clock"],
    );
}

#[test]
fn metric_names_stand_in_the_catalogue_alone() {
    holds(metric_names);
    let text = "\nconst A: &str = \"breakeven_source_up\";";
    finds(metric_names, CATALOGUE, text, &[]);
    let found = "1: mentions breakeven_missing, and there is no such metric";
    finds(
        metric_names,
        "src/http/page.rs",
        "\"see breakeven_source_up and breakeven_missing\"",
        &[found],
    );
    let found = "2: names a metric: const A: &str = \"breakeven_source_up\";";
    finds(metric_names, "src/http/page.rs", text, &[found]);
}

#[test]
fn money_and_resources_have_units() {
    holds(bare_numbers);
    let path = "crates/model/src/a.rs";
    finds(
        bare_numbers,
        path,
        "pub fn a(cost: Usd) -> Usd {\nlet x: f64 = 1.0;",
        &[],
    );
    finds(
        bare_numbers,
        path,
        "pub fn a(\n cost: f64,\n) -> Usd {",
        &["1: a is a bare number"],
    );
    finds(
        bare_numbers,
        path,
        "    pub cost: Vec<(i64, f32)>,",
        &["1: cost is a bare number"],
    );
    finds(
        bare_numbers,
        path,
        "pub struct A(pub f64);",
        &["1: struct is a bare number"],
    );
    finds(bare_numbers, "src/http/a.rs", "pub fn a(cost: f64) {}", &[]);
}

#[test]
fn lints_against_panics_and_printing_stay_on() {
    holds(suppressed_lints);
    let path = "src/http/a.rs";
    finds(
        suppressed_lints,
        path,
        "#[expect(clippy::cast_precision_loss)]",
        &[],
    );
    let found = "1: switches off clippy::unwrap_used";
    finds(
        suppressed_lints,
        path,
        "#[allow(clippy::unwrap_used)]",
        &[found],
    );
    let manifest = include_str!("../../Cargo.toml");
    assert!(manifest.contains("unsafe_code = \"forbid\""));
    for lint in HELD_LINTS {
        assert!(manifest.contains(&format!("{lint} = \"deny\"")), "{lint}");
    }
}

#[test]
fn no_file_has_more_than_600_lines() {
    holds(length);
    finds(length, "src/a.rs", &"\n".repeat(600), &[]);
    finds(
        length,
        "src/a.rs",
        &"\n".repeat(601),
        &["601: has more than 600 lines"],
    );
}

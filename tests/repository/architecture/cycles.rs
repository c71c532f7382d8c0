//! No two modules of a folder need each other, neither directly nor through others.
//!
//! In each folder, an arrow leads from one module to another if a file of the first names an item of the second; a module is a file
//! with the folder beside it. What a module and its own folder name of each other is no arrow. The rule is that no arrows form a
//! cycle.

use std::collections::{BTreeMap, BTreeSet};

use super::{SourceFile, tree};

/// The path of a module in its crate.
type Module = Vec<String>;

/// The crates that keep the rule. The model and the simulator do not keep it yet.
const CRATES: &[&str] = &["src/", "crates/clock/src/", "crates/promql/src/"];

/// The module of a file; absent for a file of another crate.
fn module(file: &SourceFile, root: &str) -> Option<Module> {
    let path = file.path.strip_prefix(root)?.strip_suffix(".rs")?;
    let parts = path.split('/').map(str::to_owned);
    Some(
        parts
            .filter(|part| part != "lib" && part != "main")
            .collect(),
    )
}

/// The code of a file without strings.
fn code(file: &SourceFile) -> String {
    let lines = file.lines.iter().map(|(_, line)| {
        let line = line.split(" //").next().unwrap_or_default();
        line.split('"').step_by(2).collect::<Vec<_>>().join("\"\"")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// All paths of a `use` tree, such as `a::{b, c::d}`.
fn paths(tree: &str, prefix: &[String], found: &mut Vec<Vec<String>>) {
    let mut depth = 0;
    let mut start = 0;
    let ends = tree.char_indices().chain([(tree.len(), ',')]);
    for (at, letter) in ends {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                branch(tree[start..at].trim(), prefix, found);
                start = at + 1;
            }
            _ => {}
        }
    }
}

fn branch(text: &str, prefix: &[String], found: &mut Vec<Vec<String>>) {
    let (head, inner) = match text.split_once('{') {
        Some((head, inner)) => (head, inner.strip_suffix('}')),
        None => (text.split(" as ").next().unwrap_or_default(), None),
    };
    let parts = head
        .split("::")
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let path: Vec<String> = prefix
        .iter()
        .cloned()
        .chain(parts.map(str::to_owned))
        .collect();
    match inner {
        Some(inner) => paths(inner, &path, found),
        None if path.len() > prefix.len() => found.push(path),
        None => {}
    }
}

/// The paths that code names: those of `use`, and those that begin with `crate`, `self` or `super` elsewhere.
fn named(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = String::new();
    let mut statements = code.split("use ");
    rest.push_str(statements.next().unwrap_or_default());
    for statement in statements {
        let (tree, after) = statement.split_once(';').unwrap_or((statement, ""));
        paths(&tree.replace('\n', " "), &[], &mut found);
        rest.push_str(after);
    }
    for start in ["crate::", "self::", "super::"] {
        for (at, _) in rest.match_indices(start) {
            let is_inside = rest[..at].ends_with(|letter: char| {
                letter.is_alphanumeric() || letter == ':' || letter == '_'
            });
            if is_inside {
                continue;
            }
            let end = rest[at..]
                .find(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == ':'));
            let path = &rest[at..end.map_or(rest.len(), |end| at + end)];
            found.push(
                path.split("::")
                    .filter(|part| !part.is_empty())
                    .map(str::to_owned)
                    .collect(),
            );
        }
    }
    found
}

/// The module that a path leads to from another one; absent if it leads out of the crate.
fn target(path: &[String], from: &Module, modules: &BTreeSet<Module>) -> Option<Module> {
    let mut base = from.clone();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => (base, rest) = (Vec::new(), &path[1..]),
        "self" => rest = &path[1..],
        "super" => {
            while rest.first().is_some_and(|part| part == "super") {
                base.pop()?;
                rest = &rest[1..];
            }
        }
        first => {
            let mut child = base.clone();
            child.push(first.to_owned());
            if !modules.contains(&child) {
                return None;
            }
        }
    }
    let mut whole: Module = base.into_iter().chain(rest.iter().cloned()).collect();
    while !modules.contains(&whole) {
        whole.pop()?;
    }
    Some(whole)
}

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// The arrows between the modules of each folder.
fn arrows(files: &[SourceFile], root: &str) -> BTreeMap<Module, Arrows> {
    let own: Vec<(Module, &SourceFile)> = files
        .iter()
        .filter(|file| !file.is_test())
        .filter_map(|file| Some((module(file, root)?, file)))
        .collect();
    let modules: BTreeSet<Module> = own.iter().map(|(module, _)| module.clone()).collect();
    let mut folders: BTreeMap<Module, Arrows> = BTreeMap::new();
    for (from, file) in &own {
        for path in named(&code(file)) {
            let Some(to) = target(&path, from, &modules) else {
                continue;
            };
            let common = from
                .iter()
                .zip(&to)
                .take_while(|(one, other)| one == other)
                .count();
            if let (Some(one), Some(other)) = (from.get(common), to.get(common)) {
                let arrows = folders.entry(from[..common].to_vec()).or_default();
                arrows.entry(one.clone()).or_default().insert(other.clone());
            }
        }
    }
    folders
}

/// Whether arrows lead from one module to another.
fn leads(arrows: &Arrows, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(one) = open.pop() {
        for next in arrows.get(one).into_iter().flatten() {
            if next == to {
                return true;
            }
            if seen.insert(next) {
                open.push(next);
            }
        }
    }
    false
}

/// The modules of each folder that need each other.
fn cycles(files: &[SourceFile], root: &str) -> Vec<String> {
    let folders = arrows(files, root);
    let found = folders.iter().flat_map(|(folder, arrows)| {
        let each = arrows
            .iter()
            .flat_map(|(one, others)| others.iter().map(move |other| (one, other)));
        each.filter(|(one, other)| leads(arrows, other, one))
            .map(move |(one, other)| format!("{root}{}: {one} -> {other}", folder.join("/")))
    });
    found.collect()
}

#[test]
fn no_modules_of_a_folder_need_each_other() {
    let files = tree();
    let found: Vec<String> = CRATES
        .iter()
        .flat_map(|root| cycles(&files, root))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_cycle_is_found() {
    let files = [
        SourceFile::new("src/lib.rs", "mod a;\nmod b;\nmod c;"),
        SourceFile::new("src/a.rs", "mod inner;\nuse crate::b::{self, Thing};"),
        SourceFile::new("src/a/inner.rs", "use super::Own;\nuse crate::c::C;"),
        SourceFile::new("src/b.rs", "fn b() -> super::c::C { todo() }"),
        SourceFile::new(
            "src/c.rs",
            "use crate::{\n    a::inner::Deep as D,\n    other,\n};",
        ),
    ];
    let expected = [
        "src/: a -> b",
        "src/: a -> c",
        "src/: b -> c",
        "src/: c -> a",
    ];
    assert_eq!(cycles(&files, "src/"), expected);
    assert_eq!(
        cycles(&files[..4], "src/"),
        [""; 0],
        "without c there is no cycle"
    );
}

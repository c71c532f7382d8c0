//! The rules. Each takes the files of the program and gives the places where they break it.

use std::sync::LazyLock;

use crate::source::{Mention, SourceFile};
use crate::tokens::{Kind, Token};

/// A rule: files in, broken places out.
pub(crate) type Rule = fn(&[SourceFile]) -> Vec<String>;

/// The modules of numbers alone.
const CORE: &[&str] = &["units", "observation", "tariff", "model"];

/// The only crates that the core names. Serde is how its values say of themselves what they are written as.
const CORE_CRATES: &[&str] = &["std", "jiff", "serde", "smallvec", "thiserror"];

/// What the core does not name of these.
const NOT_IN_CORE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
];

/// Clients of other systems, by how the names of their crates begin, and the module that has them.
const CLIENTS: &[(&str, &str)] = &[
    ("aws_", "sources"),
    ("kube", "sources"),
    ("k8s_openapi", "sources"),
    ("prometheus", "exposition"),
];

/// What reads time. Tokio's clock is for deadlines, and anybody may set one.
const READS_TIME: &[&str] = &[
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "std::time::Instant::now",
    "std::time::SystemTime::now",
];

/// What may have a bare number all the same.
const BARE: &[&str] = &[
    // How many at once, a count.
    "src/model/coldstart/expected.rs:LARGEST_CONCURRENCY",
    // A number of MiB for each core, by which memory becomes a ratio.
    "src/tariff/lambda.rs:MIB_PER_CORE",
    // In an error, for its text.
    "src/tariff/tiers.rs:end",
];

/// Lints that nothing in the program switches off.
const HELD_LINTS: &[&str] = &[
    "dbg_macro",
    "expect_used",
    "print_stderr",
    "print_stdout",
    "todo",
    "unimplemented",
    "unwrap_used",
];

/// Macros that print, or that are not meant to stay.
const PRINTING: &[&str] = &["print", "println", "eprint", "eprintln"];
const UNFINISHED: &[&str] = &["dbg", "todo", "unimplemented"];

/// A file of more lines is long; of more than [`LONGEST`], too long.
pub(crate) const LONG: usize = 400;
pub(crate) const LONGEST: usize = 600;

/// The core does no I/O, does not wait, logs nothing, reads no clock and names no client.
pub(crate) fn pure(files: &[SourceFile]) -> Vec<String> {
    let mut broken = Vec::new();
    for file in files.iter().filter(|file| CORE.contains(&file.top())) {
        for mention in file.mentions() {
            let of_core = CORE_CRATES.contains(&&*mention.path[0]);
            let foreign = is_crate(&mention.path[0]) && !of_core;
            let excluded = NOT_IN_CORE.iter().any(|path| mention.is_in(path));
            if foreign || excluded || reads_time(&mention) {
                broken.push(at(
                    file,
                    mention.line,
                    format!("the core names {}", mention.text()),
                ));
            }
        }
        for (token, next) in pairs(file) {
            match token.word() {
                Some("async" | "await") => broken.push(at(file, token.line, "the core waits")),
                Some(word) if PRINTING.contains(&word) && next.is('!') => {
                    broken.push(at(file, token.line, "the core prints"));
                }
                _ => {}
            }
        }
    }
    broken
}

/// Types of clients stand in one module alone.
pub(crate) fn clients(files: &[SourceFile]) -> Vec<String> {
    broken_mentions(files, "names", |file, mention| {
        CLIENTS.iter().any(|(name, home)| {
            is_crate(&mention.path[0]) && mention.path[0].starts_with(name) && file.top() != *home
        })
    })
}

/// Names of metrics stand in the catalogue alone. Prose may tell of them, by names that the catalogue has.
pub(crate) fn metric_names(files: &[SourceFile]) -> Vec<String> {
    let (catalogue, others): (Vec<_>, Vec<_>) = files
        .iter()
        .partition(|file| file.path == "src/exposition/catalogue.rs");
    let known: Vec<&str> = catalogue
        .iter()
        .flat_map(|file| literals(file))
        .map(|(text, _)| text)
        .collect();
    let mut broken = Vec::new();
    for file in others {
        for (text, line) in literals(file) {
            if text.starts_with("breakeven_") {
                broken.push(at(file, line, format!("names a metric: {text}")));
                continue;
            }
            let words =
                text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
            for word in words.filter(|word| word.starts_with("breakeven_")) {
                if !known.contains(&word) {
                    broken.push(at(
                        file,
                        line,
                        format!("tells of {word}, which there is not"),
                    ));
                }
            }
        }
    }
    broken
}

/// The strings of a file, without their quotes, and their lines.
fn literals(file: &SourceFile) -> impl Iterator<Item = (&str, usize)> {
    file.tokens
        .all
        .iter()
        .filter_map(|token| match &token.kind {
            Kind::Literal(text) => Some((text.trim_matches('"'), token.line)),
            _ => None,
        })
}

/// Only the clock reads time.
pub(crate) fn time(files: &[SourceFile]) -> Vec<String> {
    broken_mentions(files, "reads time:", |file, mention| {
        file.path != "src/clock.rs" && reads_time(mention)
    })
}

/// What the model and what it is made of hand on has a unit: neither a function nor a field that other modules
/// see has a bare number.
pub(crate) fn bare_numbers(files: &[SourceFile]) -> Vec<String> {
    let mut broken = Vec::new();
    let counting = ["observation", "tariff", "model", "ledger"];
    for file in files.iter().filter(|file| counting.contains(&file.top())) {
        let tokens = &file.tokens.all;
        for start in 0..tokens.len() {
            let inside = |token: &Token| matches!(token.word(), Some("super" | "in"));
            let narrowed = tokens.get(start + 2).is_some_and(inside) && tokens[start + 1].is('(');
            if tokens[start].word() != Some("pub") || narrowed {
                continue;
            }
            let item = visible_item(tokens, start + 1);
            let bare = |token: &&Token| matches!(token.word(), Some("f64" | "f32"));
            let Some(number) = item.tokens.iter().find(bare) else {
                continue;
            };
            let excused = BARE.contains(&&*format!("{}:{}", file.path, item.name));
            if !excused {
                broken.push(at(
                    file,
                    number.line,
                    format!("{} has a bare number", item.name),
                ));
            }
        }
    }
    broken
}

/// Nothing is unsafe, prints or is left unfinished, and nothing switches off the lints that see to it and to
/// `unwrap` and `expect`.
pub(crate) fn escapes(files: &[SourceFile]) -> Vec<String> {
    let mut broken = Vec::new();
    for file in files {
        for mention in file.mentions() {
            if mention.path[0] == "clippy" && HELD_LINTS.contains(&&*mention.path[1]) {
                let what = format!("switches off {}", mention.text());
                broken.push(at(file, mention.line, what));
            }
        }
        for (token, next) in pairs(file) {
            let Some(word) = token.word() else { continue };
            let told = PRINTING.contains(&word) || UNFINISHED.contains(&word);
            if word == "unsafe" {
                broken.push(at(file, token.line, word));
            } else if told && next.is('!') {
                broken.push(at(file, token.line, format!("{word}!")));
            }
        }
    }
    broken
}

/// No file is longer than one reads at a time.
pub(crate) fn length(files: &[SourceFile]) -> Vec<String> {
    let long = files.iter().filter(|file| file.lines > LONGEST);
    long.map(|file| at(file, file.lines, format!("has more than {LONGEST} lines")))
        .collect()
}

/// An item that others see: its name, and what others see of it.
struct Visible<'a> {
    name: String,
    tokens: &'a [Token],
}

/// The item after a `pub`: a function to where its body begins, a field to its end, a constant to its value.
fn visible_item(tokens: &[Token], mut start: usize) -> Visible<'_> {
    if tokens.get(start).is_some_and(|token| token.is('(')) {
        while tokens.get(start).is_some_and(|token| !token.is(')')) {
            start += 1;
        }
        start += 1;
    }
    let words = tokens[start..].iter().map_while(Token::word);
    let words: Vec<&str> = words.take_while(|word| *word != "f64").collect();
    let function = words.contains(&"fn");
    let name = match &*words {
        [] => "f64".to_owned(),
        [.., keyword, name] if function => format!("{keyword} {name}"),
        [.., name] => (*name).to_owned(),
    };
    // What is declared by these has items of its own inside.
    if matches!(
        words.first(),
        Some(&("mod" | "struct" | "enum" | "trait" | "use" | "type"))
    ) {
        return Visible { name, tokens: &[] };
    }
    let mut depth = 0;
    let mut end = start;
    while let Some(token) = tokens.get(end) {
        match token.kind {
            Kind::Open('{') if depth == 0 => break,
            Kind::Open(_) => depth += 1,
            Kind::Close(_) if depth == 0 => break,
            Kind::Close(_) => depth -= 1,
            Kind::Sign(';' | '=') if depth == 0 => break,
            // In a type, a comma may stand between angle brackets.
            Kind::Sign('<') => depth += 1,
            Kind::Sign('>') if !tokens[end - 1].is('-') => depth -= 1,
            Kind::Sign(',') if depth == 0 => break,
            _ => {}
        }
        end += 1;
    }
    Visible {
        name,
        tokens: &tokens[start..end],
    }
}

/// Tokens, each with the one after it.
fn pairs(file: &SourceFile) -> impl Iterator<Item = (&Token, &Token)> {
    file.tokens.all.iter().zip(file.tokens.all.iter().skip(1))
}

fn broken_mentions(
    files: &[SourceFile],
    what: &str,
    breaks: impl Fn(&SourceFile, &Mention) -> bool,
) -> Vec<String> {
    let mut broken = Vec::new();
    for file in files {
        for mention in file.mentions().iter().filter(|one| breaks(file, one)) {
            broken.push(at(file, mention.line, format!("{what} {}", mention.text())));
        }
    }
    broken
}

fn reads_time(mention: &Mention) -> bool {
    READS_TIME.iter().any(|path| mention.is_in(path))
}

/// The standard crates, and the dependencies.
static CRATES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let manifest = include_str!("../../Cargo.toml");
    let dependencies = manifest
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['));
    let names = dependencies
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name.replace('-', "_"));
    names
        .chain(["std", "core", "alloc"].map(str::to_owned))
        .collect()
});

fn is_crate(name: &str) -> bool {
    CRATES.iter().any(|one| one == name)
}

pub(crate) fn at(file: &SourceFile, line: usize, what: impl AsRef<str>) -> String {
    format!("{}:{line}: {}", file.path, what.as_ref())
}

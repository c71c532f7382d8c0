//! The files under `src`, and what each of them names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::tokens::{Kind, Token, Tokens};

/// A file of the program. What is compiled for tests alone is not in it.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// Where it is, such as `src/model/lambda.rs`.
    pub(crate) path: String,
    /// The module it is, such as `["model", "lambda"]`; empty for lib.rs, `["main"]` for main.rs.
    pub(crate) module: Vec<String>,
    /// How many lines it has.
    pub(crate) lines: usize,
    pub(crate) tokens: Tokens,
}

/// Something that a file names by a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    /// The whole path. Its first part is `crate`, or an external crate.
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

impl Mention {
    pub(crate) fn text(&self) -> String {
        self.path.join("::")
    }

    /// Whether it is what another path means, or something in it.
    pub(crate) fn is_in(&self, path: &str) -> bool {
        let mut parts = self.path.iter();
        path.split("::")
            .all(|part| parts.next().is_some_and(|own| own == part))
    }
}

/// All files of the program.
pub(crate) fn tree() -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                files.push(SourceFile::new(
                    name,
                    &std::fs::read_to_string(&path).unwrap(),
                ));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    without_tests(files)
}

/// Leaves out the files of modules that are declared for tests alone.
fn without_tests(mut files: Vec<SourceFile>) -> Vec<SourceFile> {
    let test_modules: BTreeSet<Vec<String>> = files
        .iter()
        .flat_map(|file| {
            let names = file.tokens.test_modules.iter();
            names.map(|name| [&*file.module, std::slice::from_ref(name)].concat())
        })
        .collect();
    files.retain(|file| {
        (1..=file.module.len()).all(|end| !test_modules.contains(&file.module[..end]))
    });
    files
}

impl SourceFile {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let inner = path.strip_prefix("src/").unwrap();
        let inner = inner.strip_suffix(".rs").unwrap();
        let mut module: Vec<String> = inner.split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|last| last == "mod") || module == ["lib"] {
            module.pop();
        }
        Self {
            path: path.to_owned(),
            module,
            lines: text.lines().count(),
            tokens: Tokens::of(text),
        }
    }

    /// The module under the crate that it belongs to; empty for lib.rs.
    pub(crate) fn top(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }

    /// Everything it names by a path of at least two parts, or in a `use`.
    pub(crate) fn mentions(&self) -> Vec<Mention> {
        let tokens = &self.tokens.all;
        let (paths, uses) = (paths(tokens), uses(tokens));
        let mut names = BTreeMap::new();
        for pair in tokens.windows(2) {
            if let (Some("mod"), Some(name)) = (pair[0].word(), pair[1].word()) {
                let path = [&*self.module, &[name.to_owned()]].concat();
                names.insert(name.to_owned(), absolute(&path));
            }
        }
        let mut mentions = Vec::new();
        let mut imported = BTreeMap::new();
        for import in uses {
            let path = self.resolve(&import.path, &names);
            imported.insert(import.name, path.clone());
            mentions.push(Mention {
                path,
                line: import.line,
            });
        }
        names.extend(imported);
        for (path, line) in paths {
            let path = self.resolve(&path, &names);
            mentions.push(Mention { path, line });
        }
        mentions
    }

    /// The whole path that a path in this file means, as far as names declared in this file tell.
    fn resolve(&self, path: &[String], names: &BTreeMap<String, Vec<String>>) -> Vec<String> {
        let Some(first) = path.first() else {
            return Vec::new();
        };
        match first.as_str() {
            "crate" => path.to_vec(),
            "breakeven" => absolute(&path[1..]),
            "self" => absolute(&[&*self.module, &path[1..]].concat()),
            "super" => {
                let up = path.iter().take_while(|part| *part == "super").count();
                let kept = self.module.len().saturating_sub(up);
                absolute(&[&self.module[..kept], &path[up..]].concat())
            }
            name => match names.get(name) {
                Some(meant) => [&**meant, &path[1..]].concat(),
                None => path.to_vec(),
            },
        }
    }
}

fn absolute(path: &[String]) -> Vec<String> {
    [&["crate".to_owned()], path].concat()
}

/// A name that a `use` brings in.
struct Import {
    path: Vec<String>,
    name: String,
    line: usize,
}

/// Whether a path goes on here, with `::`.
fn goes_on(tokens: &[Token], at: usize) -> bool {
    let colon = |at: usize| tokens.get(at).is_some_and(|token| token.is(':'));
    colon(at) && colon(at + 1)
}

/// All names that are brought in by `use`.
fn uses(tokens: &[Token]) -> Vec<Import> {
    let mut imports = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let captures = tokens.get(at + 1).is_some_and(|next| next.is('<'));
        if token.word() == Some("use") && !captures {
            use_tree(tokens, at + 1, &[], &mut imports);
        }
    }
    imports
}

/// Takes in one tree of a `use`, and gives where it ends.
fn use_tree(
    tokens: &[Token],
    mut at: usize,
    before: &[String],
    imports: &mut Vec<Import>,
) -> usize {
    let mut path = before.to_vec();
    loop {
        if goes_on(tokens, at) {
            at += 2;
        }
        let Some(token) = tokens.get(at) else {
            return at;
        };
        let mut import = |path: &[String], name: &str| {
            imports.push(Import {
                path: path.to_vec(),
                name: name.to_owned(),
                line: token.line,
            });
        };
        match &token.kind {
            Kind::Open('{') => {
                at += 1;
                while tokens.get(at).is_some_and(|token| !token.is('}')) {
                    at = use_tree(tokens, at, &path, imports);
                    if tokens.get(at).is_some_and(|token| token.is(',')) {
                        at += 1;
                    }
                }
                return at + 1;
            }
            Kind::Sign('*') => {
                path.push("*".to_owned());
                import(&path, "*");
                return at + 1;
            }
            Kind::Word(word) => {
                at += 1;
                if word != "self" || path.is_empty() {
                    path.push(word.clone());
                }
                if goes_on(tokens, at) {
                    continue;
                }
                let own = path.last().cloned().unwrap_or_default();
                if tokens.get(at).and_then(Token::word) == Some("as") {
                    let alias = tokens.get(at + 1).and_then(Token::word);
                    import(&path, alias.unwrap_or(&own));
                    return at + 2;
                }
                import(&path, &own);
                return at;
            }
            _ => return at + 1,
        }
    }
}

/// All paths of at least two parts outside of `use`.
fn paths(tokens: &[Token]) -> Vec<(Vec<String>, usize)> {
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        let captures = tokens.get(at + 1).is_some_and(|next| next.is('<'));
        if token.word() == Some("use") && !captures {
            at = use_tree(tokens, at + 1, &[], &mut Vec::new());
            continue;
        }
        let Some(first) = token.word() else {
            at += 1;
            continue;
        };
        // After a type in angle brackets, as in `<T as Trait>::name`, this is not a beginning.
        let inside = at >= 3 && goes_on(tokens, at - 2) && tokens[at - 3].is('>');
        let mut path = vec![first.to_owned()];
        at += 1;
        while goes_on(tokens, at) {
            let Some(part) = tokens.get(at + 2).and_then(Token::word) else {
                break;
            };
            path.push(part.to_owned());
            at += 3;
        }
        if path.len() > 1 && !inside {
            paths.push((path, token.line));
        }
    }
    paths
}

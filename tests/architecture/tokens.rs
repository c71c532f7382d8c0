//! Source text as a flat list of tokens, without comments and without what is compiled for tests alone.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One token, and the line it stands on.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) line: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name or a keyword.
    Word(String),
    /// A string, a number, a character, as it is written.
    Literal(String),
    /// Punctuation, one character at a time.
    Sign(char),
    Open(char),
    Close(char),
}

impl Token {
    pub(crate) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(crate) fn is(&self, sign: char) -> bool {
        matches!(self.kind, Kind::Sign(one) | Kind::Open(one) | Kind::Close(one) if one == sign)
    }
}

/// The tokens of a file, and the modules that it declares for tests alone.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    pub(crate) all: Vec<Token>,
    pub(crate) test_modules: Vec<String>,
}

impl Tokens {
    /// Takes source text apart.
    pub(crate) fn of(text: &str) -> Self {
        let mut tokens = Self::default();
        tokens.take(text.parse().unwrap());
        tokens
    }

    fn take(&mut self, stream: TokenStream) {
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while at < trees.len() {
            let Some(attribute) = attribute(&trees[at..]) else {
                self.push(&trees[at]);
                at += 1;
                continue;
            };
            if attribute.text.starts_with("doc ") {
                at += attribute.length;
            } else if matches!(&*attribute.text, "cfg (test)" | "test") {
                at += attribute.length;
                at += self.leave_out(&trees[at..]);
            } else {
                self.push(&trees[at]);
                at += 1;
            }
        }
    }

    /// Leaves out an item, and gives how many trees it is.
    fn leave_out(&mut self, trees: &[TokenTree]) -> usize {
        let mut at = 0;
        while let Some(attribute) = attribute(&trees[at..]) {
            at += attribute.length;
        }
        let mut words = Vec::new();
        for (index, tree) in trees.iter().enumerate().skip(at) {
            match tree {
                TokenTree::Ident(word) => words.push(word.to_string()),
                TokenTree::Punct(sign) if sign.as_char() == ';' => {
                    if let [.., keyword, name] = &*words
                        && keyword == "mod"
                    {
                        self.test_modules.push(name.clone());
                    }
                    return index + 1;
                }
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    return index + 1;
                }
                _ => {}
            }
        }
        trees.len()
    }

    fn push(&mut self, tree: &TokenTree) {
        let kind = match tree {
            TokenTree::Ident(word) => Kind::Word(word.to_string()),
            TokenTree::Literal(literal) => Kind::Literal(literal.to_string()),
            TokenTree::Punct(sign) => Kind::Sign(sign.as_char()),
            TokenTree::Group(group) => {
                let brackets = match group.delimiter() {
                    Delimiter::Parenthesis => Some(('(', ')')),
                    Delimiter::Brace => Some(('{', '}')),
                    Delimiter::Bracket => Some(('[', ']')),
                    Delimiter::None => None,
                };
                if let Some((open, _)) = brackets {
                    let line = group.span_open().start().line;
                    self.all.push(Token {
                        kind: Kind::Open(open),
                        line,
                    });
                }
                self.take(group.stream());
                if let Some((_, close)) = brackets {
                    let line = group.span_close().start().line;
                    self.all.push(Token {
                        kind: Kind::Close(close),
                        line,
                    });
                }
                return;
            }
        };
        let line = tree.span().start().line;
        self.all.push(Token { kind, line });
    }
}

/// An attribute at the beginning of some trees.
struct Attribute {
    /// How many trees it is.
    length: usize,
    /// What stands between its brackets.
    text: String,
}

fn attribute(trees: &[TokenTree]) -> Option<Attribute> {
    let sign = |tree: Option<&TokenTree>, sign| matches!(tree, Some(TokenTree::Punct(one)) if one.as_char() == sign);
    if !sign(trees.first(), '#') {
        return None;
    }
    let length = if sign(trees.get(1), '!') { 3 } else { 2 };
    match trees.get(length - 1) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => {
            Some(Attribute {
                length,
                text: group.stream().to_string(),
            })
        }
        _ => None,
    }
}

//! One pass over the bytes of an expression: how high its tree can become, and where its regular expressions stand.
//!
//! The tokens are those of the parser's own lexer, as far as they decide what is a bracket, an operator or text: a backslash
//! escapes in all three kinds of quotes, and `#` begins a comment everywhere outside them.

use std::ops::Range;

/// The words that join or wrap expressions.
const WORDS: [&str; 5] = ["and", "or", "unless", "atan2", "offset"];

/// What one pass found.
#[derive(Debug)]
pub(super) struct Scan {
    /// The contents of the strings that follow `=~` and `!~`.
    regexes: Vec<Range<usize>>,
    /// Where operands and their parts end outside brackets: words, strings and closing brackets.
    pub(super) ends: Vec<usize>,
}

/// What stands between two brackets, up to the present byte.
#[derive(Clone, Copy, Debug, Default)]
struct Level {
    /// Operators so far. Each is a node above all operands so far.
    operators: usize,
    /// The height of the highest operand so far.
    highest: usize,
}

impl Level {
    const fn height(self) -> usize {
        self.operators + self.highest
    }
}

/// The heights of all open levels.
struct Heights {
    max: usize,
    open: Vec<Level>,
    present: Level,
}

impl Heights {
    fn check(&self) -> Option<()> {
        (self.open.len() + self.present.height() <= self.max).then_some(())
    }

    fn operator(&mut self) -> Option<()> {
        self.present.operators += 1;
        self.check()
    }

    fn open(&mut self) -> Option<()> {
        self.open.push(std::mem::take(&mut self.present));
        self.check()
    }

    /// Closes a bracket; one that closes nothing is left to the parser.
    fn close(&mut self) -> Option<()> {
        if let Some(outer) = self.open.pop() {
            let height = self.present.height() + 1;
            self.present = Level {
                highest: outer.highest.max(height),
                ..outer
            };
        }
        self.check()
    }
}

impl Scan {
    /// Reads a text whose tree is at most `max` high. The error is the byte at which it becomes higher.
    pub(super) fn new(text: &str, max: usize) -> Result<Self, usize> {
        let bytes = text.as_bytes();
        let mut heights = Heights {
            max,
            open: Vec::new(),
            present: Level::default(),
        };
        let (mut regexes, mut ends) = (Vec::new(), Vec::new());
        let (mut in_braces, mut after_tilde) = (false, false);
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let start = at;
            at = end_of_token(bytes, at);
            if byte == b'#' || byte.is_ascii_whitespace() {
                continue;
            }
            let is_closed = at > start + 1 && bytes[at - 1] == byte;
            if matches!(byte, b'"' | b'\'' | b'`') && after_tilde && is_closed {
                regexes.push(start + 1..at - 1);
            }
            after_tilde = bytes[at - 1] == b'~';
            in_braces = byte == b'{' || (in_braces && byte != b'}');
            let is_operator = is_operator(&text[start..at]);
            let fits = match byte {
                // A subquery and a range wrap what stands before them.
                b'[' => heights.operator().and_then(|()| heights.open()),
                b'(' | b'{' => heights.open(),
                b')' | b']' | b'}' => heights.close(),
                b'"' | b'\'' | b'`' => Some(()),
                // Matchers are a flat list.
                _ if in_braces => Some(()),
                _ if is_operator => heights.operator(),
                _ => Some(()),
            };
            fits.ok_or(start)?;
            if heights.open.is_empty() && !is_operator {
                ends.push(at);
            }
        }
        Ok(Self { regexes, ends })
    }

    /// The text with a harmless regular expression of the same length in place of each.
    pub(super) fn without_regexes(&self, text: &str) -> String {
        let mut changed = String::with_capacity(text.len());
        let mut done = 0;
        for regex in &self.regexes {
            changed.push_str(&text[done..regex.start]);
            changed.extend(std::iter::repeat_n('x', regex.len()));
            done = regex.end;
        }
        changed.push_str(&text[done..]);
        changed
    }
}

fn is_operator(token: &str) -> bool {
    token.starts_with(['+', '-', '*', '/', '%', '^', '=', '!', '<', '>', '@'])
        || WORDS.iter().any(|word| word.eq_ignore_ascii_case(token))
}

/// Where the token ends that begins at a byte: a string, a comment, a word, an operator, or one character.
fn end_of_token(bytes: &[u8], start: usize) -> usize {
    let rest = &bytes[start..];
    let run = |is_inside: fn(&u8) -> bool| {
        let length = rest.iter().position(|byte| !is_inside(byte));
        start + length.unwrap_or(rest.len())
    };
    match rest[0] {
        quote @ (b'"' | b'\'' | b'`') => end_of_string(bytes, start, quote),
        b'#' => run(|byte| !matches!(byte, b'\n' | b'\r')),
        b'=' | b'!' | b'<' | b'>' if matches!(rest.get(1), Some(b'=' | b'~')) => start + 2,
        byte if byte.is_ascii_alphanumeric() || byte == b'_' => {
            run(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'))
        }
        byte if !byte.is_ascii() => run(|byte| !byte.is_ascii()),
        _ => start + 1,
    }
}

fn end_of_string(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'\\' => at += 1,
            _ if byte == quote => return at,
            _ => {}
        }
    }
    bytes.len()
}

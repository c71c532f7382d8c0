//! PromQL that comes from outside: limits that are checked on its bytes before any parser reads it.
//!
//! The parser builds a tree, and checks and drops it recursively: a text that nests deeply overflows the stack, which ends
//! the process, and each level of nesting costs one more pass over the tree below it. Both are bounded here, so that
//! [`parse`] takes time in proportion to the length of the text.

use promql_parser::parser::{self, Expr};

mod scan;

use self::scan::Scan;

/// How long and how deeply nested an expression may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Its length in bytes.
    pub max_bytes: usize,
    /// The height of its tree: brackets inside each other, and operators in a row.
    pub max_nesting: usize,
}

/// The limits of an annotation and of a query in the configuration. Dashboards and mixins have expressions of up to 1 KiB that
/// nest up to 10 deep; a stack of 2 MiB, that of a worker thread, holds some thousand levels in a debug build.
pub const LIMITS: Limits = Limits {
    max_bytes: 4_096,
    max_nesting: 50,
};

/// How often [`longest_expression`] parses: as often as halving 4,096 ends of operands takes, and a few times more.
const MAX_ATTEMPTS: usize = 16;

/// Why an expression is not parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It is too long.
    #[error("it has {length} bytes, more than {max}: shorten it, or put it into a recording rule")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The limit.
        max: usize,
    },
    /// It nests too deeply.
    #[error(
        "it nests more than {max} levels deep, counting brackets inside each other and operators in a row: \
         simplify it, or put a part of it into a recording rule"
    )]
    TooDeep {
        /// The byte at which the limit is passed.
        offset: usize,
        /// The limit.
        max: usize,
    },
    /// It is not PromQL, in the words of the parser.
    #[error("{0}")]
    Syntax(String),
}

/// What becomes of the regular expressions in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regexes {
    /// They are compiled. One of a few bytes, such as `(\w{99}){99}`, may take 100 ms and 10 MB.
    Compile,
    /// They are left to the server that evaluates the expression.
    Ignore,
}

/// Parses an expression that keeps the limits.
///
/// # Errors
/// When it is longer or nests deeper than the limits allow, or is not PromQL.
///
/// ```
/// use breakeven_promql::{LIMITS, Regexes, parse};
///
/// assert!(parse("sum(rate(x[5m]))", LIMITS, Regexes::Compile).is_ok());
/// let error = parse(&"-".repeat(60), LIMITS, Regexes::Compile).unwrap_err();
/// assert!(error.to_string().starts_with("it nests more than 50 levels deep"), "{error}");
/// ```
pub fn parse(text: &str, limits: Limits, regexes: Regexes) -> Result<Expr, ExpressionError> {
    let scan = scan(text, limits)?;
    let parsed = match regexes {
        Regexes::Compile => parser::parse(text),
        Regexes::Ignore => parser::parse(&scan.without_regexes(text)),
    };
    parsed.map_err(ExpressionError::Syntax)
}

/// Checks the limits alone: reads the bytes of an expression once, and parses nothing.
///
/// # Errors
/// When it is longer or nests deeper than the limits allow.
pub fn check_limits(text: &str, limits: Limits) -> Result<(), ExpressionError> {
    scan(text, limits).map(|_| ())
}

/// The length of the longest beginning of a text that is an expression by itself, with the spaces after it.
///
/// It takes at most 16 parses, whatever the text: it tries the ends of all operands outside brackets, from the
/// last, or halves their number until one is left if there are too many.
#[must_use]
pub fn longest_expression(text: &str, limits: Limits, regexes: Regexes) -> usize {
    let is_expression = |end: usize| parse(&text[..end], limits, regexes).is_ok();
    let ends = scan(text, limits).map(|scan| scan.ends).unwrap_or_default();
    let longest = if ends.len() <= MAX_ATTEMPTS {
        ends.iter().rev().copied().find(|end| is_expression(*end))
    } else {
        let count = ends.partition_point(|end| is_expression(*end));
        count.checked_sub(1).map(|last| ends[last])
    };
    longest.map_or(0, |end| text.len() - text[end..].trim_ascii_start().len())
}

fn scan(text: &str, limits: Limits) -> Result<Scan, ExpressionError> {
    let max = limits.max_bytes;
    if text.len() > max {
        let length = text.len();
        return Err(ExpressionError::TooLong { length, max });
    }
    let max = limits.max_nesting;
    Scan::new(text, max).map_err(|offset| ExpressionError::TooDeep { offset, max })
}

#[cfg(test)]
mod tests;

//! Patterns for the names of functions.

use std::fmt;

/// A pattern for names of functions: `*` stands for any characters and `?` for one.
///
/// ```
/// use breakeven_model::inventory::NamePattern;
///
/// let pattern = NamePattern::new("orders-*")?;
/// assert!(pattern.matches("orders-api") && !pattern.matches("old-orders-api"));
/// assert!(NamePattern::new("orders api").is_err());
/// # Ok::<(), breakeven_model::inventory::NamePatternError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(String);

/// A pattern that can match no function.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the pattern {0:?} matches no function: names have letters, digits, `-` and `_`; `*` stands for any of them and `?` for one"
)]
pub struct NamePatternError(String);

impl NamePattern {
    /// A pattern.
    ///
    /// # Errors
    /// When no function can have a name that it matches.
    pub fn new(pattern: &str) -> Result<Self, NamePatternError> {
        let possible = |byte: u8| byte.is_ascii_alphanumeric() || b"-_*?".contains(&byte);
        if !pattern.is_empty() && pattern.bytes().all(possible) {
            Ok(Self(pattern.to_owned()))
        } else {
            Err(NamePatternError(pattern.to_owned()))
        }
    }

    /// Whether a name is meant.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        matches(self.0.as_bytes(), name.as_bytes())
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Goes back to the last star only, so it takes at most pattern × name steps.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[seen] => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((after, swallowed)) = star else {
                    return false;
                };
                star = Some((after, swallowed + 1));
                at = after + 1;
                seen = swallowed + 1;
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, expected) in [
            ("thumbnail", "thumbnail", true),
            ("thumbnail", "thumbnails", false),
            ("shop-*", "shop-checkout", true),
            ("shop-*", "shop-", true),
            ("shop-*", "shop", false),
            ("*-prod", "a-prod-b-prod", true),
            ("*-prod", "a-prod-b", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("*", "", true),
        ] {
            let pattern = NamePattern::new(pattern).unwrap();
            assert_eq!(pattern.matches(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_that_can_match_nothing_is_refused_by_name() {
        let error = NamePattern::new("a.b").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the pattern \"a.b\" matches no function: names have letters, digits, `-` and `_`; \
             `*` stands for any of them and `?` for one"
        );
        assert!(NamePattern::new("").is_err());
    }
}

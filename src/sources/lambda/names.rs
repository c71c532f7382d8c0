//! Which functions are looked at, by name.

use super::Settings;

/// A pattern that can match no function.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{list}` has the pattern {pattern:?}, which matches no function: \
     names have letters, digits, `-` and `_`; `*` stands for any of them and `?` for one"
)]
pub struct BadPattern {
    /// The list it stands in: `include` or `exclude`.
    pub list: &'static str,
    /// The pattern.
    pub pattern: String,
}

/// Patterns that are sound.
#[derive(Debug)]
pub(super) struct Names {
    include: Vec<String>,
    exclude: Vec<String>,
}

impl Names {
    pub(super) fn new(settings: &Settings) -> Result<Self, BadPattern> {
        Ok(Self {
            include: sound("include", &settings.include)?,
            exclude: sound("exclude", &settings.exclude)?,
        })
    }

    /// Whether a function of this name is looked at.
    pub(super) fn wants(&self, name: &str) -> bool {
        let any = |patterns: &[String]| {
            patterns
                .iter()
                .any(|pattern| matches(pattern.as_bytes(), name.as_bytes()))
        };
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }
}

fn sound(list: &'static str, patterns: &[String]) -> Result<Vec<String>, BadPattern> {
    let possible = |pattern: &str| {
        !pattern.is_empty()
            && pattern
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_*?".contains(&byte))
    };
    match patterns.iter().find(|pattern| !possible(pattern)) {
        Some(pattern) => Err(BadPattern {
            list,
            pattern: pattern.clone(),
        }),
        None => Ok(patterns.to_vec()),
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

    fn names(include: &[&str], exclude: &[&str]) -> Result<Names, BadPattern> {
        let owned = |patterns: &[&str]| patterns.iter().map(|&pattern| pattern.into()).collect();
        Names::new(&Settings {
            include: owned(include),
            exclude: owned(exclude),
        })
    }

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
            assert_eq!(
                matches(pattern.as_bytes(), name.as_bytes()),
                expected,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn a_function_is_wanted_when_it_is_included_and_not_excluded() {
        for (include, exclude, name, expected) in [
            (&[][..], &[][..], "any", true),
            (&["shop-*"], &[], "mail", false),
            (&["shop-*", "mail"], &[], "mail", true),
            (&["shop-*"], &["*-test"], "shop-test", false),
            (&[], &["*-test"], "shop", true),
        ] {
            assert_eq!(
                names(include, exclude).unwrap().wants(name),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn a_pattern_that_can_match_nothing_is_refused_by_name() {
        let error = names(&["shop-*"], &["a.b"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`exclude` has the pattern \"a.b\", which matches no function: \
             names have letters, digits, `-` and `_`; `*` stands for any of them and `?` for one"
        );
        assert_eq!(names(&[""], &[]).unwrap_err().list, "include");
    }
}

//! Where what was seen comes from, and how old it is.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::units::Seconds;

/// How the sources of the numbers stand, at the instant at which they are explained.
#[derive(Clone, Debug, PartialEq)]
pub struct Inputs {
    /// The instant.
    pub now: Timestamp,
    /// The sources, by name.
    pub sources: BTreeMap<&'static str, Input>,
}

/// How one source stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// When it last gave an answer; absent where it never did.
    pub last_success: Option<Timestamp>,
    /// Whether it has failed since.
    pub is_failing: bool,
}

impl Inputs {
    /// A source, with the age of its last answer where that is known: `source usage, 12 s old`.
    pub(super) fn source(&self, name: &str) -> String {
        let input = self.sources.get(name).copied().unwrap_or_default();
        let age = input.last_success.map(|at| self.age(at));
        let failing = input.is_failing.then_some(", failing since");
        format!(
            "source {name}{}{}",
            age.unwrap_or_default(),
            failing.unwrap_or_default()
        )
    }

    /// How old something is, to be put behind it: `, 12 s old`.
    pub(super) fn age(&self, at: Timestamp) -> String {
        format!(", {} old", Seconds::between(at, self.now).in_words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_shown_with_the_age_of_its_last_answer() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let input = |last_success: Option<i64>, is_failing| Input {
            last_success: last_success.map(at),
            is_failing,
        };
        let inputs = Inputs {
            now: at(1_000),
            sources: BTreeMap::from([
                ("usage", input(Some(988), false)),
                ("requests", input(Some(400), true)),
                ("lambda", input(None, false)),
            ]),
        };
        assert_eq!(inputs.source("usage"), "source usage, 12 s old");
        assert_eq!(
            inputs.source("requests"),
            "source requests, 10 min old, failing since"
        );
        assert_eq!(inputs.source("lambda"), "source lambda");
        assert_eq!(inputs.source("nobody"), "source nobody");
    }
}

//! Which functions are looked at, by name.

use super::LambdaConfig;

impl LambdaConfig {
    /// Whether a function of this name is looked at.
    pub(super) fn wants(&self, name: &str) -> bool {
        let included = self.include.is_empty() || self.include.iter().any(|one| one.matches(name));
        included && !self.exclude.iter().any(|one| one.matches(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakeven_model::inventory::NamePattern;

    fn settings(include: &[&str], exclude: &[&str]) -> LambdaConfig {
        let patterns = |all: &[&str]| {
            all.iter()
                .map(|one| NamePattern::new(one).unwrap())
                .collect()
        };
        LambdaConfig {
            include: patterns(include),
            exclude: patterns(exclude),
            ..LambdaConfig::default()
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
            let wanted = settings(include, exclude).wants(name);
            assert_eq!(wanted, expected, "{name}");
        }
    }
}

//! The labels of a series.

/// Labels and their values, by name. There are few, so they are searched one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sources) struct Labels(Box<[(Box<str>, Box<str>)]>);

impl Labels {
    pub(super) fn new(mut labels: Vec<(Box<str>, Box<str>)>) -> Self {
        labels.sort_unstable();
        Self(labels.into())
    }

    /// The value of a label.
    pub(in crate::sources) fn get(&self, label: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| **name == *label);
        found.map(|(_, value)| &**value)
    }

    /// The names of all labels.
    pub(in crate::sources) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// Labels of a test.
    #[cfg(test)]
    pub(in crate::sources) fn of(labels: &[(&str, &str)]) -> Self {
        let labels = labels.iter();
        Self::new(
            labels
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
        )
    }
}

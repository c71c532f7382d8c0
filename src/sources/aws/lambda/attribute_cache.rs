//! Facts that are asked for function by function.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

/// One fact of each function, and when it was learnt.
#[derive(Debug)]
pub(super) struct AttributeCache<T> {
    /// How long it is taken as it was.
    good_for: SignedDuration,
    known: BTreeMap<Arc<str>, (Timestamp, T)>,
}

impl<T> AttributeCache<T> {
    /// A survey that knows nothing yet. A fact is taken as it was for so long: functions change rarely, and AWS allows 15 such
    /// calls a second, to all who make them.
    /// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
    pub(super) const fn new(good_for: SignedDuration) -> Self {
        Self {
            good_for,
            known: BTreeMap::new(),
        }
    }

    /// Forgets functions that are gone.
    pub(super) fn keep(&mut self, names: &BTreeSet<Arc<str>>) {
        self.known.retain(|name, _| names.contains(name));
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    /// The functions to ask for, at most so many: those of which nothing is known, then those of which it was learnt longest
    /// ago.
    pub(super) fn due<'n>(
        &self,
        names: impl Iterator<Item = &'n Arc<str>>,
        now: Timestamp,
        most: usize,
    ) -> Vec<Arc<str>> {
        let old = now.checked_sub(self.good_for).unwrap_or(Timestamp::MIN);
        let mut due: Vec<(Option<Timestamp>, &Arc<str>)> = names
            .map(|name| (self.known.get(name).map(|(at, _)| *at), name))
            .filter(|(at, _)| at.is_none_or(|at| at <= old))
            .collect();
        due.sort();
        due.truncate(most);
        due.into_iter().map(|(_, name)| Arc::clone(name)).collect()
    }

    /// Notes what was learnt.
    pub(super) fn learn(&mut self, name: Arc<str>, now: Timestamp, fact: T) {
        self.known.insert(name, (now, fact));
    }

    /// What is known of a function.
    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.known.get(name).map(|(_, fact)| fact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn due(cache: &AttributeCache<u32>, names: &[&str], minute: i64, most: usize) -> Vec<String> {
        let names: Vec<Arc<str>> = names.iter().map(|name| Arc::from(*name)).collect();
        let due = cache.due(names.iter(), at(minute), most).into_iter();
        due.map(|name| name.to_string()).collect()
    }

    #[test]
    fn what_is_not_known_is_asked_first_and_what_is_known_after_an_hour() {
        let mut cache = AttributeCache::new(SignedDuration::from_hours(1));
        assert_eq!(due(&cache, &["a", "b", "c"], 0, 2), ["a", "b"]);
        cache.learn("b".into(), at(0), 1);
        cache.learn("a".into(), at(5), 2);
        assert_eq!(due(&cache, &["a", "b", "c"], 6, 2), ["c"]);
        assert_eq!(due(&cache, &["a", "b", "c"], 60, 9), ["c", "b"]);
        assert_eq!(due(&cache, &["a", "b", "c"], 65, 9), ["c", "b", "a"]);
        assert_eq!(cache.get("a"), Some(&2), "what is old still holds");
    }

    #[test]
    fn a_function_that_is_gone_is_forgotten() {
        let mut cache = AttributeCache::new(SignedDuration::from_hours(1));
        cache.learn("a".into(), at(0), 1);
        cache.keep(&BTreeSet::new());
        assert_eq!(cache.get("a"), None);
    }
}

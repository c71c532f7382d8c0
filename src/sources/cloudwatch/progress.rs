//! How far each function has been read.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::observation::{FunctionId, Functions};
use crate::units::Window;

/// Where the reading of each function stands.
#[derive(Debug, Default)]
pub(super) struct Progress(BTreeMap<FunctionId, Standing>);

#[derive(Debug, Default)]
struct Standing {
    /// The end of the last window that was read completely.
    read_to: Option<Timestamp>,
    /// When the list first lacked it. Its last minutes are still read.
    gone_at: Option<Timestamp>,
}

impl Progress {
    /// Takes in functions that are new, and marks those that are gone.
    pub(super) fn note_list(&mut self, functions: &Functions) {
        for standing in self.0.values_mut() {
            standing.gone_at = standing.gone_at.or(Some(functions.at));
        }
        for function in &functions.functions {
            self.0.entry(function.id.clone()).or_default().gone_at = None;
        }
    }

    /// What is to be read: the part of `reach` that each function lacks, short parts first.
    pub(super) fn due(&self, reach: Window) -> Vec<(Window, Vec<FunctionId>)> {
        let mut due: BTreeMap<Reverse<Timestamp>, (Window, Vec<FunctionId>)> = BTreeMap::new();
        for (function, standing) in &self.0 {
            if let Some(window) = reach.since(standing.read_to.unwrap_or(reach.start())) {
                due.entry(Reverse(window.start()))
                    .or_insert_with(|| (window, Vec::new()))
                    .1
                    .push(function.clone());
            }
        }
        due.into_values().collect()
    }

    /// Notes that the window is read of these functions, and forgets those that were gone by its end. Returns
    /// how many minutes of functions were skipped, because they were too old to be in the window.
    pub(super) fn complete(&mut self, functions: &[FunctionId], window: Window) -> u64 {
        let mut skipped = 0;
        for function in functions {
            let Some(standing) = self.0.get_mut(function) else {
                continue;
            };
            let read_to = standing.read_to.replace(window.end());
            let since = read_to.unwrap_or(window.start());
            skipped += u64::try_from(window.start().duration_since(since).as_mins()).unwrap_or(0);
            if standing
                .gone_at
                .is_some_and(|gone_at| gone_at <= window.end())
            {
                self.0.remove(function);
            }
        }
        skipped
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::observation::{Architecture, Function};
    use crate::units::{MemoryMib, Seconds};

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn id(name: &str) -> FunctionId {
        FunctionId {
            account_id: "1".into(),
            region: "r".into(),
            name: name.into(),
        }
    }

    fn list(minute: i64, names: &[&str]) -> Functions {
        let function = |name: &&str| {
            Arc::new(Function {
                id: id(name),
                memory: MemoryMib::MIN,
                architecture: Architecture::Arm64,
                runtime: None,
                timeout: Seconds::ZERO,
                ephemeral_storage_mib: 512,
            })
        };
        Functions {
            at: at(minute),
            account_id: "1".into(),
            region: "r".into(),
            functions: names.iter().map(function).collect(),
            concurrency_limit: None,
        }
    }

    /// The hour that ends at a minute.
    fn hour_to(minute: i64) -> Window {
        Window::closed_before(at(minute), Duration::from_secs(60), Duration::ZERO)
            .unwrap()
            .reaching_back(Duration::from_secs(3_600))
    }

    /// Each window that is due as minutes, with its functions.
    fn due(progress: &Progress, minute: i64) -> Vec<(i64, i64, Vec<String>)> {
        let due = progress.due(hour_to(minute)).into_iter();
        due.map(|(window, functions)| {
            (
                window.start().as_second() / 60,
                window.end().as_second() / 60,
                functions.iter().map(|id| id.name.to_string()).collect(),
            )
        })
        .collect()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_new_function_is_read_back_alone_and_after_the_others() {
        let mut progress = Progress::default();
        progress.note_list(&list(1_000, &["a", "b"]));
        assert_eq!(
            due(&progress, 1_000),
            [(940, 1_000, names(&["a", "b"]))],
            "at first the whole reach"
        );
        progress.complete(&[id("a"), id("b")], hour_to(1_000));
        progress.note_list(&list(1_005, &["a", "b", "c"]));
        assert_eq!(
            due(&progress, 1_005),
            [
                (1_000, 1_005, names(&["a", "b"])),
                (945, 1_005, names(&["c"]))
            ]
        );
    }

    #[test]
    fn what_is_read_is_not_due_and_what_failed_still_is() {
        let mut progress = Progress::default();
        progress.note_list(&list(1_000, &["a", "b"]));
        progress.complete(&[id("a")], hour_to(1_000));
        assert_eq!(due(&progress, 1_000), [(940, 1_000, names(&["b"]))]);
    }

    #[test]
    fn after_a_long_outage_the_reach_is_read_and_the_rest_is_counted_as_skipped() {
        let mut progress = Progress::default();
        progress.note_list(&list(1_000, &["a", "b"]));
        assert_eq!(
            progress.complete(&[id("a"), id("b")], hour_to(1_000)),
            0,
            "nothing comes before the first reading"
        );
        assert_eq!(due(&progress, 1_100), [(1_040, 1_100, names(&["a", "b"]))]);
        assert_eq!(
            progress.complete(&[id("a"), id("b")], hour_to(1_100)),
            80,
            "40 minutes of each"
        );
    }

    #[test]
    fn a_function_that_is_gone_is_read_to_its_end_and_then_forgotten() {
        let mut progress = Progress::default();
        progress.note_list(&list(1_000, &["a"]));
        progress.complete(&[id("a")], hour_to(997));
        progress.note_list(&list(1_005, &[]));
        progress.complete(&[id("a")], hour_to(1_002));
        assert_eq!(
            due(&progress, 1_006),
            [(1_002, 1_006, names(&["a"]))],
            "it may have run until 1005"
        );
        progress.complete(&[id("a")], hour_to(1_006));
        assert_eq!(due(&progress, 1_100), []);
    }

    #[test]
    fn a_function_that_comes_back_in_time_goes_on_where_it_was() {
        let mut progress = Progress::default();
        progress.note_list(&list(1_000, &["a"]));
        progress.complete(&[id("a")], hour_to(1_000));
        progress.note_list(&list(1_001, &[]));
        progress.note_list(&list(1_002, &["a"]));
        progress.complete(&[id("a")], hour_to(1_002));
        assert_eq!(due(&progress, 1_004), [(1_002, 1_004, names(&["a"]))]);
    }
}

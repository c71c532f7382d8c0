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

    /// What is to be read: the part of `reach` that each function lacks, short parts first; and how many
    /// minutes of functions are lost, because they lie before it.
    pub(super) fn due(&self, reach: Window) -> (Vec<(Window, Vec<FunctionId>)>, u64) {
        let mut lost = 0;
        let mut due: BTreeMap<Reverse<Timestamp>, (Window, Vec<FunctionId>)> = BTreeMap::new();
        for (function, standing) in &self.0 {
            let since = standing.read_to.unwrap_or(reach.start());
            let missed = reach.start().duration_since(since).as_mins();
            lost += u64::try_from(missed).unwrap_or_default();
            if let Some(window) = reach.since(since) {
                due.entry(Reverse(window.start()))
                    .or_insert_with(|| (window, Vec::new()))
                    .1
                    .push(function.clone());
            }
        }
        (due.into_values().collect(), lost)
    }

    /// Notes that these functions are read to `end`, and forgets those that were gone by then.
    pub(super) fn complete(&mut self, functions: &[FunctionId], end: Timestamp) {
        for function in functions {
            let Some(standing) = self.0.get_mut(function) else {
                continue;
            };
            standing.read_to = Some(end);
            if standing.gone_at.is_some_and(|gone_at| gone_at <= end) {
                self.0.remove(function);
            }
        }
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
    fn due(progress: &Progress, minute: i64) -> (Vec<(i64, i64, Vec<String>)>, u64) {
        let (due, lost) = progress.due(hour_to(minute));
        let due = due
            .into_iter()
            .map(|(window, functions)| {
                (
                    window.start().as_second() / 60,
                    window.end().as_second() / 60,
                    functions.iter().map(|id| id.name.to_string()).collect(),
                )
            })
            .collect();
        (due, lost)
    }

    #[test]
    fn a_new_function_is_read_back_alone_and_after_the_others() {
        let mut progress = Progress::default();
        progress.note_list(&list(1_000, &["a", "b"]));
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            due(&progress, 1_000),
            (vec![(940, 1_000, names(&["a", "b"]))], 0)
        );
        progress.complete(&[id("a"), id("b")], at(1_000));
        progress.note_list(&list(1_005, &["a", "b", "c"]));
        assert_eq!(
            due(&progress, 1_005),
            (
                vec![
                    (1_000, 1_005, names(&["a", "b"])),
                    (945, 1_005, names(&["c"]))
                ],
                0
            )
        );
    }

    #[test]
    fn what_is_read_is_not_due_and_what_failed_still_is() {
        let mut progress = Progress::default();
        progress.note_list(&list(1_000, &["a", "b"]));
        progress.complete(&[id("a")], at(1_000));
        let (windows, lost) = due(&progress, 1_000);
        assert_eq!((windows.len(), lost), (1, 0));
        assert_eq!(windows[0].2, ["b"]);
    }

    #[test]
    fn after_a_long_outage_the_reach_is_read_and_the_rest_is_counted_as_lost() {
        let mut progress = Progress::default();
        progress.note_list(&list(1_000, &["a", "b"]));
        progress.complete(&[id("a"), id("b")], at(1_000));
        let (windows, lost) = due(&progress, 1_100);
        assert_eq!((windows[0].0, windows[0].1), (1_040, 1_100));
        assert_eq!(lost, 80, "40 minutes of each");
    }

    #[test]
    fn a_function_that_is_gone_is_read_to_its_end_and_then_forgotten() {
        let mut progress = Progress::default();
        progress.note_list(&list(1_000, &["a"]));
        progress.complete(&[id("a")], at(997));
        progress.note_list(&list(1_005, &[]));
        assert_eq!(due(&progress, 1_002).0.len(), 1);
        progress.complete(&[id("a")], at(1_002));
        assert_eq!(
            due(&progress, 1_006).0.len(),
            1,
            "it may have run until 1005"
        );
        progress.complete(&[id("a")], at(1_006));
        assert_eq!(due(&progress, 1_100), (Vec::new(), 0));
    }
}

//! What is due when, over readings that go well and ones that do not.

use std::sync::Arc;

use super::*;
use crate::sources::aws::cloudwatch::poll_schedule::{Forecast, PollPriority, ScheduleLimits};
use crate::sources::aws::cloudwatch::query::READINGS;
use breakeven_model::inventory::{Architecture, Function};
use breakeven_model::units::{MemoryMib, Requests, Seconds, Usd};

/// A minute of reading is that minute after midnight; it reads up to three minutes before.
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
            timeout: Seconds::ZERO,
            ..Function::plain(id(name), MemoryMib::MIN, Architecture::Arm64)
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

fn settings() -> CloudWatchConfig {
    CloudWatchConfig {
        backfill: Duration::from_secs(3_600),
        ..CloudWatchConfig::default()
    }
}

/// Every function each five minutes.
fn plan() -> Plan {
    let names = ["a", "b", "c"].map(id);
    let poll_priority = Some(PollPriority {
        monthly: Usd::ZERO,
        margin: None,
    });
    let every_five = Duration::from_secs(300);
    let terms = ScheduleLimits {
        budget: Usd::from_usd(1e6).unwrap(),
        shortest: every_five,
        longest: every_five,
    };
    let functions = names.iter().map(|id| (id, poll_priority));
    Plan::new(functions, &READINGS[1..], terms, Forecast::default())
}

/// The progress of functions that are read again and again.
struct Reader(Progress);

impl Reader {
    fn new(names: &[&str]) -> Self {
        let mut progress = Progress::default();
        progress.record_list(&list(1_000, names));
        Self(progress)
    }

    fn due(&self, minute: i64) -> Vec<DueFunction> {
        let closed = Window::closed_before(at(minute), PERIOD, settings().delay).unwrap();
        self.0.due(at(minute), closed, &plan(), &settings())
    }

    /// What is due, by name, first and last minute, and whether all of it.
    fn shown(&self, minute: i64) -> Vec<(String, i64, i64, bool)> {
        let due = self.due(minute).into_iter();
        due.map(|one| {
            let minute = |at: Timestamp| at.as_second() / 60;
            let (start, end) = (one.window.start(), one.window.end());
            let name = one.function.name.to_string();
            (name, minute(start), minute(end), one.scope == Scope::All)
        })
        .collect()
    }

    /// Reads what is due of those that can be read. Returns how many minutes were skipped.
    fn read(&mut self, minute: i64, can_be_read: &[&str]) -> u64 {
        let mut skipped = 0;
        for due in self.due(minute) {
            if can_be_read.contains(&&*due.function.name) {
                skipped += self.0.complete(&due, &[], at(minute), &settings());
            } else {
                self.0.fail(&due.function, at(minute), &plan());
            }
        }
        skipped
    }
}

fn shown(name: &str, start: i64, end: i64, is_all: bool) -> (String, i64, i64, bool) {
    (name.to_owned(), start, end, is_all)
}

#[test]
fn each_reading_begins_where_the_minutes_are_settled_and_each_fourth_where_all_is() {
    let mut reader = Reader::new(&["a"]);
    // The first goes back as far as the decision window. Minutes settle 15 minutes after they are first read.
    for (minute, start, is_all) in [
        (1_000, 937, true),
        (1_005, 982, false),
        (1_010, 987, false),
        (1_015, 992, false),
        (1_020, 982, true),
        (1_025, 1_002, false),
    ] {
        assert_eq!(
            reader.shown(minute),
            [shown("a", start, minute - 3, is_all)]
        );
        assert!(reader.shown(minute).len() == 1 && reader.read(minute, &["a"]) == 0);
        assert_eq!(reader.shown(minute + 4), [], "its interval is not over");
    }
}

#[test]
fn a_function_with_a_long_timeout_settles_late_and_never_later_than_three_hours() {
    for (timeout, settled) in [(900.0, 982), (3_600.0, 937), (1e9, 820)] {
        let mut functions = list(1_000, &["a"]);
        let function = Arc::make_mut(&mut functions.functions[0]);
        function.timeout = Seconds::from_seconds(timeout).unwrap();
        let mut reader = Reader(Progress::default());
        reader.0.record_list(&functions);
        let settings = CloudWatchConfig {
            backfill: Duration::from_secs(86_400),
            ..settings()
        };
        let closed = Window::closed_before(at(1_000), PERIOD, settings.delay).unwrap();
        let due = reader.0.due(at(1_000), closed, &plan(), &settings);
        reader.0.complete(&due[0], &[], at(1_000), &settings);
        assert_eq!(reader.shown(1_005)[0].1, settled, "{timeout} s");
    }
}

#[test]
fn a_new_function_is_read_back_at_once_and_after_the_others() {
    let mut reader = Reader::new(&["b", "c"]);
    reader.read(1_000, &["b", "c"]);
    reader.0.record_list(&list(1_005, &["a", "b", "c"]));
    assert_eq!(
        reader.shown(1_005),
        [
            shown("b", 982, 1_002, false),
            shown("c", 982, 1_002, false),
            shown("a", 942, 1_002, true),
        ]
    );
    assert_eq!(reader.shown(1_001).len(), 1, "a new one does not wait");
}

#[test]
fn what_failed_stays_due_from_where_it_was_and_is_tried_ever_less_often() {
    let mut reader = Reader::new(&["a", "b"]);
    reader.read(1_000, &["a", "b"]);
    reader.read(1_005, &["b"]);
    let mut tries = Vec::new();
    for minute in 1_006..1_030 {
        if let Some(due) = reader
            .due(minute)
            .iter()
            .find(|due| &*due.function.name == "a")
        {
            assert!(due.has_failed);
            assert_eq!(due.window.start(), at(982));
            tries.push(minute);
        }
        reader.read(minute, &["b"]);
    }
    // After one, two and four minutes, and then at its interval.
    assert_eq!(tries, [1_006, 1_008, 1_012, 1_017, 1_022, 1_027]);
    assert_eq!(reader.read(1_032, &["a", "b"]), 0, "nothing is lost");
    assert!(!reader.due(1_040)[0].has_failed);
}

#[test]
fn after_an_outage_all_is_read_and_what_is_too_old_is_counted_as_skipped() {
    let mut reader = Reader::new(&["a"]);
    reader.read(1_000, &["a"]);
    assert_eq!(reader.shown(3_000), [shown("a", 982, 2_997, false)]);
    let day = 24 * 60;
    let late = 1_000 + 20 * day;
    let start = late - 3 - 14 * day;
    assert_eq!(reader.shown(late), [shown("a", start, late - 3, false)]);
    assert_eq!(
        reader.read(late, &["a"]),
        u64::try_from(start - 997).unwrap()
    );
}

#[test]
fn a_function_that_is_gone_is_read_to_its_end_and_then_forgotten() {
    let mut reader = Reader::new(&["a"]);
    reader.read(1_000, &["a"]);
    reader.0.record_list(&list(1_005, &[]));
    reader.read(1_005, &["a"]);
    // It may have run until 1005.
    assert_eq!(reader.shown(1_010), [shown("a", 987, 1_007, true)]);
    reader.read(1_010, &["a"]);
    assert_eq!(reader.shown(1_100), []);
}

#[test]
fn a_function_that_comes_back_in_time_goes_on_where_it_was() {
    let mut reader = Reader::new(&["a"]);
    reader.read(1_000, &["a"]);
    reader.0.record_list(&list(1_001, &[]));
    reader.0.record_list(&list(1_002, &["a"]));
    assert_eq!(reader.shown(1_005), [shown("a", 982, 1_002, false)]);
}

#[test]
fn what_only_a_reading_of_everything_says_is_kept_until_it_is_settled() {
    let mut reader = Reader::new(&["a"]);
    let minute = |minute| FunctionMinute {
        minute,
        invocations: Requests::ZERO,
        duration: Seconds::ZERO,
        errors: Requests::from_requests(2.0).unwrap(),
        throttles: Requests::ZERO,
        concurrency_peak: None,
    };
    let known =
        |reader: &Reader| -> Vec<i64> { reader.0.unsettled(&id("a")).into_keys().collect() };
    let due = reader.due(1_000).remove(0);
    let minutes = [minute(981), minute(982), minute(996)];
    reader.0.complete(&due, &minutes, at(1_000), &settings());
    assert_eq!(known(&reader), [982, 996]);
    reader.read(1_005, &["a"]);
    assert_eq!(known(&reader), [996]);
}

#[test]
fn after_a_restart_a_function_is_read_when_it_would_have_been_from_what_was_not_settled() {
    let read_to = HashMap::from([(id("a"), at(997)), (id("b"), at(600))]);
    let delay = settings().delay;
    let mut reader = Reader(Progress::resuming(Arc::new(read_to), delay));
    reader.0.record_list(&list(1_004, &["a", "b", "c"]));
    // Minutes may take three hours to settle; the decision window is one.
    let (b, c) = (shown("b", 420, 1_001, true), shown("c", 941, 1_001, true));
    assert_eq!(reader.shown(1_004), [c, b]);
    assert_eq!(reader.read(1_004, &["b", "c"]), 0, "nothing was missed");
    assert_eq!(reader.shown(1_005), [shown("a", 817, 1_002, true)]);
    reader.read(1_005, &["a"]);
    assert_eq!(reader.shown(1_010)[0], shown("a", 987, 1_007, false));
}

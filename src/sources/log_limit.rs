//! A limit on the lines of a log that one cause may write.

use std::time::Duration;

use tokio::time::Instant;

/// How many lines are written in a row.
const MAX_LINES: u64 = 10;

/// How long it takes until as many are written again.
const PERIOD: Duration = Duration::from_secs(60);

/// Lets ten lines a minute through, and counts the others.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LogLimit {
    since: Option<Instant>,
    lines: u64,
    suppressed: u64,
}

impl LogLimit {
    /// How many lines were suppressed before this one; absent if this one is suppressed too.
    pub(super) fn admit(&mut self, now: Instant) -> Option<u64> {
        if self.since.is_none_or(|since| now - since >= PERIOD) {
            (self.since, self.lines) = (Some(now), 0);
        }
        if self.lines == MAX_LINES {
            self.suppressed += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_lines_a_minute_are_written_and_the_next_one_counts_the_others() {
        let mut limit = LogLimit::default();
        let start = Instant::now();
        let admitted: Vec<_> = (0..15).map(|_| limit.admit(start)).collect();
        assert_eq!(admitted[..10], [Some(0); 10]);
        assert_eq!(admitted[10..], [None; 5]);
        assert_eq!(limit.admit(start + PERIOD), Some(5));
        assert_eq!(limit.admit(start + PERIOD), Some(0));
    }
}

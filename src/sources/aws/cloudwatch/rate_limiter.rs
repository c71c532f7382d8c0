//! How fast GetMetricData may be asked, in one account and region.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::token_bucket::TokenBucket;

/// Calls per second, and how many datapoints per second these may be for: of the last three hours, and of what is older.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html>
const CALLS: f64 = 500.0;
const RECENT_DATAPOINTS: f64 = 180_000.0;
const OLD_DATAPOINTS: f64 = 396_000.0;

/// Minutes that count as recent.
const RECENT_MINUTES: usize = 3 * 60;

/// What of each limit is left. CloudWatch counts what a call may return at the most, not what it does return.
#[derive(Debug)]
pub(super) struct Pace {
    at: Instant,
    calls: TokenBucket,
    recent: TokenBucket,
    old: TokenBucket,
}

impl Default for Pace {
    fn default() -> Self {
        let a_second_of = |limit| TokenBucket::full(limit, limit);
        Self {
            at: Instant::now(),
            calls: a_second_of(CALLS),
            recent: a_second_of(RECENT_DATAPOINTS),
            old: a_second_of(OLD_DATAPOINTS),
        }
    }
}

impl Pace {
    /// Waits until a call for so many datapoints, which reaches back so many minutes, is within the limits, and counts it.
    pub(super) async fn call(&mut self, datapoints: usize, minutes: usize) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "500 queries of two weeks are 10 million datapoints"
        )]
        let datapoints = datapoints as f64;
        self.pass();
        let (calls, is_recent) = (self.calls, minutes <= RECENT_MINUTES);
        let limit = if is_recent {
            &mut self.recent
        } else {
            &mut self.old
        };
        let wait = calls.wait_for(1.0).max(limit.wait_for(datapoints));
        limit.consume(datapoints);
        self.calls.consume(1.0);
        if wait > Duration::ZERO {
            sleep(wait).await;
        }
    }

    fn pass(&mut self) {
        let now = Instant::now();
        let time = now.duration_since(self.at);
        self.at = now;
        for bucket in [&mut self.calls, &mut self.recent, &mut self.old] {
            bucket.advance(time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn seconds_for(calls: &[(usize, usize)]) -> f64 {
        let mut pace = Pace::default();
        let started = Instant::now();
        for (queries, minutes) in calls {
            pace.call(queries * minutes, *minutes).await;
        }
        started.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn calls_go_out_at_once_up_to_a_second_of_each_limit() {
        assert_eq!(seconds_for(&[(500, 180), (500, 180)]).await, 0.0);
        assert_eq!(seconds_for(&[(1, 1); 500]).await, 0.0);
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_it_they_wait_for_their_share() {
        for (calls, minutes, count, expected) in [
            // 90,000 datapoints of the last three hours: two each second, after the first two.
            (500, 180, 10, 4.0),
            // 99,000 older ones: four each second.
            (11, 9_000, 12, 2.0),
            (1, 1, 1_000, 1.0),
        ] {
            let took = seconds_for(&vec![(calls, minutes); count]).await;
            assert!((took - expected).abs() < 0.05, "{took} s");
        }
    }
}

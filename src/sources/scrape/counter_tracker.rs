//! What the counters of a pod said last, and what they counted since.

use super::text::Series;

/// What counters counted from one scrape to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct CounterDelta {
    pub(super) requests: f64,
    pub(super) latency: f64,
    pub(super) measured: f64,
}

/// The series of a pod at one scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct CounterReading {
    pub(super) requests: Series,
    pub(super) latency: Series,
    pub(super) measured: Series,
    /// When its process began, in seconds since 1970, where it says so.
    pub(super) began: Option<f64>,
}

impl CounterReading {
    /// What was counted since an earlier reading; since the pod began where there is none.
    ///
    /// A counter that fell, or whose process began anew, began at 0.
    pub(super) fn since(&self, before: Option<&Self>) -> CounterDelta {
        let is_same = |before: &&Self| self.began == before.began;
        let before = before.filter(is_same);
        let of = |part: fn(&Self) -> &Series| {
            let earlier = before.map(part);
            increase(part(self), earlier)
        };
        CounterDelta {
            requests: of(|one| &one.requests),
            latency: of(|one| &one.latency),
            measured: of(|one| &one.measured),
        }
    }
}

fn increase(now: &Series, before: Option<&Series>) -> f64 {
    let each = now.iter().map(|(labels, value)| {
        let earlier = before.and_then(|before| before.get(labels));
        match earlier {
            Some(earlier) if earlier <= value => value - earlier,
            _ => *value,
        }
    });
    each.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(requests: &[(u64, f64)], began: Option<f64>) -> CounterReading {
        CounterReading {
            requests: requests.iter().copied().collect(),
            began,
            ..CounterReading::default()
        }
    }

    #[test]
    fn a_counter_that_fell_began_anew() {
        let before = reading(&[(1, 100.0), (2, 10.0)], None);
        for (now, expected) in [
            (&[(1, 150.0), (2, 10.0)][..], 50.0),
            (&[(1, 30.0), (2, 1.0)], 31.0),
            (&[(1, 100.0), (2, 10.0), (3, 5.0)], 5.0),
            (&[(1, 120.0)], 20.0),
        ] {
            let increase = reading(now, None).since(Some(&before));
            assert_eq!(increase.requests, expected, "{now:?}");
        }
        assert_eq!(before.since(None).requests, 110.0);
    }

    #[test]
    fn a_process_that_began_anew_is_known_by_its_start() {
        let before = reading(&[(1, 100.0)], Some(1_000.0));
        let after = |began| reading(&[(1, 130.0)], Some(began)).since(Some(&before));
        assert_eq!(after(1_000.0).requests, 30.0);
        assert_eq!(
            after(1_500.0).requests,
            130.0,
            "it has overtaken the old one"
        );
    }
}

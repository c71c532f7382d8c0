//! Where what pods use is read.

use std::time::Duration;

use super::UsageSource;
use crate::config::file::{self, RawConfig};
use crate::schema::{ConfigPath, Validator};
use crate::sources::Schedule;
use crate::sources::usage::{CadvisorSettings, KubeletSettings};

/// How many nodes that do not answer may be waited for one after another in the time that an answer may take.
const NODES_IN_A_ROW: u32 = 3;

/// How many queries a poll of Prometheus may take: processors, memory, and three for how they are held back.
const QUERIES: u32 = 5;

/// How far back windows are caught up with.
const REACH: Duration = Duration::from_secs(3_600);

impl Validator {
    /// What is asked, and when, where an answer is to be had by this schedule.
    pub(super) fn usage(
        &mut self,
        raw: &RawConfig,
        schedule: Schedule,
        place: &ConfigPath,
    ) -> (UsageSource, Schedule) {
        match raw.kubernetes.usage_source {
            file::UsageSource::MetricsApi => (UsageSource::MetricsApi, schedule),
            file::UsageSource::Kubelet => {
                let settings = KubeletSettings {
                    timeout: schedule.timeout / NODES_IN_A_ROW,
                    ..KubeletSettings::default()
                };
                (UsageSource::Kubelet(settings), schedule)
            }
            file::UsageSource::Prometheus => {
                let source = self.cadvisor(raw, place).map(UsageSource::Cadvisor);
                // Each query has the whole of the time.
                let schedule = Schedule {
                    timeout: schedule.timeout * QUERIES,
                    ..schedule
                };
                (source.unwrap_or(UsageSource::MetricsApi), schedule)
            }
        }
    }

    fn cadvisor(&mut self, raw: &RawConfig, place: &ConfigPath) -> Option<CadvisorSettings> {
        let kubernetes = &raw.kubernetes;
        let at_window = place.key("usage_window_seconds");
        let limits = 30.0..=3_600.0;
        let window = self.within(kubernetes.usage_window_seconds, &limits, &at_window);
        if window.fract() != 0.0 {
            let problem = format!("{window} is not a whole number of seconds");
            self.refuse(&at_window, problem);
        }
        let Some(prometheus) = &raw.requests.prometheus else {
            let problem = "prometheus needs requests.prometheus, whose server is asked";
            self.refuse(&place.key("usage_source"), problem);
            return None;
        };
        // Until the next window has been read, this one stands.
        let (age, delay) = (kubernetes.usage_max_age_seconds, prometheus.delay_seconds);
        let oldest = window + delay + kubernetes.usage_interval_seconds;
        if age <= oldest {
            let parts = "usage_window_seconds, requests.prometheus.delay_seconds and usage_interval_seconds";
            let problem = format!("{age} is not longer than {parts} together, which are {oldest}");
            self.refuse(&place.key("usage_max_age_seconds"), problem);
        }
        Some(CadvisorSettings {
            window: Duration::from_secs_f64(window),
            delay: Duration::try_from_secs_f64(delay).unwrap_or_default(),
            reach: REACH,
        })
    }
}

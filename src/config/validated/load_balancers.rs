//! What AWS counts before the cluster.

use std::time::Duration;

use crate::config::file::{self, RawConfig};
use crate::schema::{ConfigPath, Validator};
use crate::sources::Schedule;
use crate::sources::aws::load_balancers::{Counter, Settings, named};
use breakeven_model::inventory::WorkloadId;

impl Validator {
    /// Where load balancers and APIs are read.
    pub(super) fn edge(
        &mut self,
        raw: &RawConfig,
        window: Duration,
        place: &ConfigPath,
    ) -> Option<(Settings, Schedule)> {
        let edge = &raw.requests.edge;
        let schedule = self.schedule(
            edge.interval_seconds,
            edge.timeout_seconds,
            place,
            "interval_seconds",
        );
        if edge.enabled && !raw.aws.enabled {
            self.refuse(
                &place.key("enabled"),
                "needs aws.enabled: CloudWatch has the counts",
            );
        }
        if edge.enabled && schedule.interval < Duration::from_secs(60) {
            let problem = format!(
                "{} is shorter than the minutes in which requests are counted: at least 60",
                edge.interval_seconds
            );
            self.refuse(&place.key("interval_seconds"), problem);
        }
        if edge.target_group_tag.as_deref() == Some("") {
            self.refuse(
                &place.key("target_group_tag"),
                "is empty: the key of a tag is missing",
            );
        }
        let apis = edge.apis.iter().enumerate();
        let apis = apis.filter_map(|(index, api)| self.api(api, &place.key("apis").item(index)));
        let settings = Settings {
            apis: apis.collect(),
            target_group_tag: edge.target_group_tag.clone(),
            interval: schedule.interval,
            delay: Duration::try_from_secs_f64(raw.aws.metrics_delay_seconds).unwrap_or_default(),
            backfill: window,
        };
        (edge.enabled && raw.aws.enabled && raw.kubernetes.enabled).then_some((settings, schedule))
    }

    fn api(&mut self, api: &file::Api, place: &ConfigPath) -> Option<(Counter, WorkloadId)> {
        let stage = api.stage.clone();
        let counter = match (&api.api_id, &api.api_name) {
            (Some(id), None) => Some(Counter::HttpApi {
                id: id.clone(),
                stage,
            }),
            (None, Some(name)) => Some(Counter::RestApi {
                name: name.clone(),
                stage,
            }),
            (Some(_), Some(_)) => {
                let problem = "has an api_id and an api_name: HTTP APIs go by the one, REST APIs by the other";
                self.refuse(place, problem);
                None
            }
            (None, None) => {
                self.refuse(
                    place,
                    "needs the api_id of an HTTP API or the api_name of a REST API",
                );
                None
            }
        };
        let workload = named(&api.workload);
        if workload.is_none() {
            let problem = format!(
                "{:?} is no workload: write namespace/name for a Deployment, namespace/Kind/name for another",
                api.workload
            );
            self.refuse(&place.key("workload"), problem);
        }
        Some((counter?, workload?))
    }
}

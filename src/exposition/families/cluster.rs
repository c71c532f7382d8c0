//! The series of the cluster, its nodes, and the AWS accounts.

use jiff::Timestamp;

use super::seconds_of;
use crate::exposition::metrics::Metric;
use crate::exposition::series::{Labels, SeriesBuffer};
use breakeven_model::inventory::Source;
use breakeven_model::units::Seconds;
use breakeven_model::{AccountReport, ClusterReport, NodeReport, Report, VolumeReport};

/// Everything that is shown besides workloads and functions.
pub(in crate::exposition) fn series(report: &Report) -> SeriesBuffer {
    let mut batch = SeriesBuffer::default();
    if let Some(cluster) = &report.cluster {
        whole(cluster, &mut batch);
    }
    for one in &report.nodes {
        node(one, report.at, &mut batch);
    }
    for one in &report.volumes {
        volume(one, &mut batch);
    }
    for report in &report.accounts {
        account(report, &mut batch);
    }
    if let Some(origin) = &report.requests {
        let name = origin.name.as_deref().unwrap_or("none");
        let labels = Labels::default()
            .and("origin", name)
            .and("choice", origin.choice.as_str());
        batch.push(Metric::RequestsInfo, labels, 1.0);
    }
    batch
}

fn whole(cluster: &ClusterReport, batch: &mut SeriesBuffer) {
    for (component, spent) in &cluster.cost_total {
        let labels = Labels::default().and("component", component.as_str());
        batch.push(Metric::ClusterCost, labels, spent.usd());
    }
    for (metric, ratio) in [
        (Metric::ClusterUtilization, cluster.utilization),
        (
            Metric::ClusterBreakevenUtilization,
            cluster.breakeven_utilization,
        ),
    ] {
        if let Some(ratio) = ratio {
            batch.push(metric, Labels::default(), ratio.get());
        }
    }
    for (metric, time) in [
        (Metric::Observed, cluster.observed_total),
        (Metric::Unobserved, cluster.unobserved_total),
    ] {
        // The cluster's cost is added up over what this source sees, and over nothing else.
        let labels = Labels::default().and("source", Source::Kubernetes.as_str());
        batch.push(metric, labels, time.seconds());
    }
}

fn node(report: &NodeReport, now: Timestamp, batch: &mut SeriesBuffer) {
    let name = Labels::default().and("node", &report.node.name);
    let instance_type = report.node.instance_type.as_deref().unwrap_or_default();
    let kind = name.clone().and("instance_type", instance_type);
    match &report.price {
        Ok(price) => {
            let labels = kind
                .and("capacity_type", report.node.capacity_type.as_str())
                .and("price_source", price.provenance.source.as_str());
            batch.push(Metric::NodePrice, labels, price.price.hourly());
            if let Some(at) = price.provenance.fetched_at {
                let age = Seconds::between(at, now).seconds();
                batch.push(Metric::NodePriceAge, name.clone(), age);
                let read_at = seconds_of(at);
                batch.push(Metric::NodePriceTimestamp, name.clone(), read_at);
            }
        }
        Err(reason) => {
            batch.push(
                Metric::NodeUnpriced,
                kind.and("reason", reason.as_str()),
                1.0,
            );
        }
    }
    if let Some(price) = report.core_price {
        batch.push(Metric::CpuPrice, name.clone(), price.hourly());
    }
    if let Some(price) = report.memory_price {
        batch.push(Metric::MemoryPrice, name, price.hourly());
    }
}

fn volume(report: &VolumeReport, batch: &mut SeriesBuffer) {
    let volume = &report.volume;
    let labels = Labels::default().and("volume", &volume.name).and(
        "storage_class",
        volume.storage_class.as_deref().unwrap_or_default(),
    );
    match &report.price {
        Ok(price) => {
            let namespace = volume.claim.as_ref().map(|claim| &*claim.namespace);
            let held = if report.holders.is_empty() {
                "false"
            } else {
                "true"
            };
            let labels = labels
                .and("namespace", namespace.unwrap_or_default())
                .and("held", held)
                .and("price_source", price.provenance.source.as_str());
            batch.push(Metric::VolumePrice, labels, price.price.hourly());
        }
        Err(reason) => {
            let labels = labels.and("reason", reason.as_str());
            batch.push(Metric::VolumeUnpriced, labels, 1.0);
        }
    }
}

fn account(report: &AccountReport, batch: &mut SeriesBuffer) {
    if let Some(limit) = report.concurrency_limit {
        let labels = Labels::default()
            .and("account_id", &report.account_id)
            .and("aws_region", &report.region);
        batch.push(Metric::AccountConcurrencyLimit, labels, f64::from(limit));
    }
}

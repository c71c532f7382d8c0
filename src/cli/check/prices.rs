//! What each node and each persistent volume costs, for `breakeven check --prices`.

use serde_json::{Value, json};

use crate::cli::print;
use breakeven_model::units::Seconds;
use breakeven_model::{NodeReport, Report, VolumeReport};

/// The heads of the columns.
const HEADS: [&str; 9] = [
    "node",
    "type",
    "capacity",
    "USD per hour",
    "source",
    "age",
    "core",
    "GiB",
    "how",
];

/// The heads of the columns of volumes.
const VOLUME_HEADS: [&str; 7] = [
    "volume",
    "class",
    "GiB",
    "USD per hour",
    "source",
    "held by",
    "how",
];

/// A table of the nodes, and one of the volumes where there are any.
pub(super) fn table(report: &Report) {
    lines(HEADS, report.nodes.iter().map(|node| row(node, report)));
    if !report.volumes.is_empty() {
        lines(VOLUME_HEADS, report.volumes.iter().map(volume_row));
    }
    print(format!(
        "\nbesides {} USD per hour, the control plane among it",
        decimals(report.settings.fixed.hourly())
    ));
}

fn lines<const N: usize>(heads: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    let rows: Vec<[String; N]> = rows.collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default().max(heads[column].len())
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: [&str; N]| {
        let padded = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        print(padded.collect::<Vec<_>>().join("  ").trim_end());
    };
    print("");
    line(heads);
    for row in &rows {
        line(std::array::from_fn(|column| &*row[column]));
    }
}

fn volume_row(report: &VolumeReport) -> [String; VOLUME_HEADS.len()] {
    let volume = &report.volume;
    let mut holders: Vec<String> = report.holders.iter().map(ToString::to_string).collect();
    if holders.is_empty() {
        holders.push("nobody".to_owned());
    }
    let (price, source, how) = match &report.price {
        Ok(price) => (
            decimals(price.price.hourly()),
            price.provenance.source.as_str().to_owned(),
            price.provenance.method.to_string(),
        ),
        Err(reason) => (
            "unpriced".to_owned(),
            "-".to_owned(),
            format!("{}; add it to prices.volumes", reason.as_str()),
        ),
    };
    [
        volume.name.to_string(),
        volume.storage_class.as_deref().unwrap_or("-").to_owned(),
        format!("{}", volume.size.gib()),
        price,
        source,
        holders.join(", "),
        how,
    ]
}

fn row(node: &NodeReport, report: &Report) -> [String; HEADS.len()] {
    let machine = &node.node;
    let none = || "-".to_owned();
    let name = machine.name.to_string();
    let kind = machine.instance_type.as_deref().unwrap_or("-").to_owned();
    let capacity = machine.capacity_type.as_str().to_owned();
    let split = |price: Option<f64>| price.map_or_else(none, decimals);
    let core = split(node.core_price.map(|price| price.hourly()));
    let gib = split(node.memory_price.map(|price| price.hourly()));
    match &node.price {
        Ok(price) => {
            let provenance = &price.provenance;
            let age = provenance
                .fetched_at
                .map(|at| Seconds::between(at, report.at));
            [
                name,
                kind,
                capacity,
                decimals(price.price.hourly()),
                provenance.source.as_str().to_owned(),
                age.map_or_else(none, Seconds::in_words),
                core,
                gib,
                provenance.method.to_string(),
            ]
        }
        Err(reason) => [
            name,
            kind,
            capacity,
            "unpriced".to_owned(),
            none(),
            none(),
            core,
            gib,
            format!("{}; add it to prices.nodes", reason.as_str()),
        ],
    }
}

/// The nodes for a program.
pub(super) fn as_json(report: &Report) -> Vec<Value> {
    let nodes = report.nodes.iter().map(|node| {
        let price = node.price.as_ref().ok();
        let provenance = price.map(|price| &price.provenance);
        let at = provenance.and_then(|provenance| provenance.fetched_at);
        json!({
            "node": &*node.node.name,
            "instance_type": node.node.instance_type.as_deref(),
            "capacity_type": node.node.capacity_type.as_str(),
            "usd_per_hour": price.map(|price| price.price.hourly()),
            "price_source": provenance.map(|provenance| provenance.source.as_str()),
            "age_seconds": at.map(|at| Seconds::between(at, report.at).seconds()),
            "usd_per_core_hour": node.core_price.map(|price| price.hourly()),
            "usd_per_gib_hour": node.memory_price.map(|price| price.hourly()),
            "method": provenance.map(|provenance| &*provenance.method),
            "unpriced": node.price.as_ref().err().map(|reason| reason.as_str()),
        })
    });
    nodes.collect()
}

/// The volumes for a program.
pub(super) fn volumes_as_json(report: &Report) -> Vec<Value> {
    let volumes = report.volumes.iter().map(|one| {
        let price = one.price.as_ref().ok();
        let provenance = price.map(|price| &price.provenance);
        json!({
            "volume": &*one.volume.name,
            "storage_class": one.volume.storage_class.as_deref(),
            "gib": one.volume.size.gib(),
            "usd_per_hour": price.map(|price| price.price.hourly()),
            "price_source": provenance.map(|provenance| provenance.source.as_str()),
            "held_by": one.holders.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "method": provenance.map(|provenance| &*provenance.method),
            "unpriced": one.price.as_ref().err().map(|reason| reason.as_str()),
        })
    });
    volumes.collect()
}

fn decimals(price: f64) -> String {
    format!("{price:.6}")
}

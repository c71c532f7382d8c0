//! What is written by hand: `dashboards/source/*.yaml`.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The folder of the dashboards.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards")
}

/// A dashboard.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dashboard {
    pub(crate) uid: String,
    pub(crate) title: String,
    pub(crate) description: String,
    /// Its variables beside `datasource`, `job`, `instance` and `cluster`.
    pub(crate) variables: Vec<String>,
    #[serde(default)]
    pub(crate) links: Vec<Link>,
    pub(crate) rows: Vec<Row>,
}

/// A link in the head of a dashboard.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Link {
    pub(crate) title: String,
    pub(crate) url: String,
}

/// Panels under a heading.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    pub(crate) title: String,
    pub(crate) panels: Vec<Panel>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Stat,
    Timeseries,
    Table,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Panel {
    pub(crate) title: String,
    /// What it shows, with the formula.
    pub(crate) description: String,
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    /// The unit by Grafana's name.
    pub(crate) unit: String,
    /// Of 24 columns.
    pub(crate) width: u32,
    /// In rows of the grid; without it what suits the kind.
    pub(crate) height: Option<u32>,
    /// The least interval of its queries.
    pub(crate) interval: Option<String>,
    /// Whether the series of a picture are put on each other.
    #[serde(default)]
    pub(crate) stack: bool,
    /// The series of a picture that are drawn thin, as a regular expression for their names.
    pub(crate) thin: Option<String>,
    /// `name`: shows the name of a series, not its value.
    pub(crate) text: Option<String>,
    /// The column by which a table is sorted, largest first.
    pub(crate) sort: Option<String>,
    /// The dashboard to which the names in a table lead.
    pub(crate) links: Option<String>,
    pub(crate) targets: Vec<Target>,
}

/// A query. In its expression `%target%` stands for the matchers of every selector, `%workload%` for those and the
/// chosen workloads, `%function%` for those and the chosen functions, `%id%` and `%function_id%` for the labels that
/// tell workloads and functions apart.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    pub(crate) expr: String,
    /// The name of a series.
    pub(crate) legend: Option<String>,
    /// The heading of its value in a table.
    pub(crate) column: Option<String>,
    /// The unit of this column, where it is another one.
    pub(crate) unit: Option<String>,
    /// Whether a table leaves out its value and shows the labels alone.
    #[serde(default)]
    pub(crate) hide_value: bool,
}

/// What stands for what in expressions.
const ABBREVIATIONS: [(&str, &str); 5] = [
    (
        "%workload%",
        "%target%, namespace=~\"$namespace\", workload=~\"$workload\"",
    ),
    (
        "%function%",
        "%target%, home=\"lambda\", workload=~\"$workload\"",
    ),
    (
        "%target%",
        "job=~\"$job\", instance=~\"$instance\", cluster=~\"$cluster\"",
    ),
    (
        "%id%",
        "cluster, home, namespace, workload_kind, workload, account_id, aws_region",
    ),
    ("%function_id%", "account_id, aws_region, workload"),
];

impl Target {
    /// The expression in full.
    pub(crate) fn expression(&self) -> String {
        let full = |text: String, (short, long): &(&str, &str)| text.replace(short, long);
        let text = ABBREVIATIONS.iter().fold(self.expr.clone(), full);
        text.trim().to_owned()
    }
}

/// The names of the files, in the order in which they are read.
pub(crate) const NAMES: [&str; 5] = ["overview", "workload", "functions", "fleet", "itself"];

/// All dashboards, each with its name.
pub(crate) fn all() -> Vec<(&'static str, Dashboard)> {
    let read = |name| {
        let path = folder().join(format!("source/{name}.yaml"));
        let text = fs::read_to_string(&path).unwrap();
        let dashboard = serde_saphyr::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (name, dashboard)
    };
    NAMES.map(read).into()
}

//! Which module may name which.

use crate::rules::at;
use crate::source::SourceFile;

/// What each module may name of the others, lowest first. A name with `::` is a part of a module, and no more.
/// `main` is the program, which stands on the library.
pub(crate) const LAYERS: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("clock", &[]),
    ("disk", &[]),
    ("observation", &["units"]),
    ("tariff", &["units", "observation"]),
    ("model", &["units", "observation", "tariff"]),
    ("settings", &["units"]),
    (
        "scenario",
        &["units", "observation", "tariff", "model", "settings"],
    ),
    ("ledger", &["units", "observation", "model"]),
    ("state", &[]),
    ("promql", &[]),
    (
        "sources",
        &["units", "clock", "disk", "observation", "promql"],
    ),
    (
        "pipeline",
        &["units", "observation", "model", "ledger", "sources::prices"],
    ),
    (
        "exposition",
        &[
            "units",
            "observation",
            "model",
            "sources::Source",
            "sources::SourceId",
            "sources::SourceStatus",
            "sources::Reason",
        ],
    ),
    (
        "store",
        &[
            "disk",
            "model",
            "exposition",
            "sources::Source",
            "sources::SourceId",
            "sources::SourceStatus",
        ],
    ),
    (
        "http",
        &[
            "units",
            "clock",
            "observation",
            "model",
            "exposition",
            "store",
            "sources::Site",
            "sources::Source",
            "sources::SourceId",
            "sources::SourceStatus",
        ],
    ),
    (
        "config",
        &[
            "units",
            "settings",
            "observation",
            "tariff",
            "model",
            "sources",
            "pipeline::Limits",
            "exposition::is_label_name",
        ],
    ),
    ("cloud", &["clock", "promql"]),
    (
        "app",
        &[
            "units",
            "clock",
            "disk",
            "observation",
            "tariff",
            "model",
            "ledger",
            "sources",
            "pipeline",
            "exposition",
            "store",
            "http",
            "config",
            "settings",
            "state",
        ],
    ),
    (
        "cli",
        &[
            "units",
            "clock",
            "observation",
            "tariff",
            "model",
            "ledger",
            "sources",
            "pipeline",
            "exposition",
            "store",
            "http",
            "config",
            "cloud",
            "app",
            "scenario",
        ],
    ),
    ("main", &["cli"]),
];

/// What parts of a module may name beyond what the whole of it may.
const PARTS: &[(&[&str], &[&str])] = &[(&["sources", "prices"], &["model", "tariff"])];

/// Each module names only those below it.
pub(crate) fn layers(files: &[SourceFile]) -> Vec<String> {
    let mut broken = Vec::new();
    for file in files.iter().filter(|file| !file.module.is_empty()) {
        let top = file.top();
        let Some((_, below)) = LAYERS.iter().find(|(module, _)| *module == top) else {
            let what = format!("{top} is not in the table of layers; say what it may name");
            broken.push(format!("{}:1: {what}", file.path));
            continue;
        };
        let more = PARTS
            .iter()
            .filter(|(part, _)| {
                file.module
                    .iter()
                    .zip(*part)
                    .filter(|(a, b)| a == b)
                    .count()
                    == part.len()
            })
            .flat_map(|(_, more)| *more);
        let allowed: Vec<&str> = below.iter().chain(more).copied().chain([top]).collect();
        for mention in file.mentions() {
            if mention.path[0] == "crate"
                && mention.path.len() > 1
                && !allowed
                    .iter()
                    .any(|name| mention.is_in(&format!("crate::{name}")))
            {
                broken.push(at(
                    file,
                    mention.line,
                    format!("{top} names {}", mention.text()),
                ));
            }
        }
    }
    broken
}

//! The dashboards: made from `dashboards/source`, right by the rules of grafana/dashboard-linter, and filled by the demo.
//!
//! `BREAKEVEN_BLESS=1 cargo test --test repository dashboards` writes anew what Grafana reads (`dashboards/*.json`) and what they
//! show of the demo (`docs/dashboards.md`).

mod linter;
mod live;
mod render;
mod report;
mod source;
use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

/// The dashboards as Grafana reads them, by the name of their file.
fn dashboards() -> Vec<(&'static str, Value)> {
    let made = |(name, dashboard)| {
        let text = render::dashboard(&dashboard);
        (name, serde_json::from_str(&text).unwrap())
    };
    source::all().into_iter().map(made).collect()
}

fn blessing() -> bool {
    std::env::var("BREAKEVEN_BLESS").as_deref() == Ok("1")
}

#[test]
fn what_grafana_reads_is_made_from_what_is_written_by_hand() {
    for (name, dashboard) in source::all() {
        let path = source::folder().join(format!("{name}.json"));
        let made = render::dashboard(&dashboard);
        if blessing() {
            fs::write(&path, &made).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == made,
            "dashboards/{name}.json is not what dashboards/source/{name}.yaml makes; write it anew with \
             BREAKEVEN_BLESS=1 cargo test --test repository dashboards"
        );
    }
    let expected = BTreeSet::from(source::NAMES.map(str::to_owned));
    for (folder, ending) in [("", ".json"), ("source", ".yaml")] {
        let found: BTreeSet<String> = fs::read_dir(source::folder().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| Some(name.strip_suffix(ending)?.to_owned()))
            .collect();
        assert_eq!(found, expected, "{folder}");
    }
}

#[test]
fn the_linter_finds_nothing() {
    let dashboards = dashboards();
    assert!(dashboards.len() >= 5);
    let mut found = Vec::new();
    for (name, dashboard) in &dashboards {
        for complaint in linter::lint(dashboard) {
            found.push(format!("{name}: {complaint}"));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The values are those of the day it was made; all else is what it would be now.
#[test]
fn the_report_has_every_panel_with_its_description() {
    let report = fs::read_to_string(report::path()).unwrap();
    let mut rest = &*report;
    for (_, dashboard) in source::all() {
        let rows = dashboard.rows.iter().flat_map(|row| &row.panels);
        let expected = std::iter::once(report::heading(&dashboard)).chain(rows.map(report::row));
        for line in expected {
            let place = rest.find(&line);
            let place =
                place.unwrap_or_else(|| panic!("docs/dashboards.md has no {line:?} in its place"));
            rest = &rest[place + line.len()..];
        }
    }
}

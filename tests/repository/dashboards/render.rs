//! From what is written by hand to what Grafana reads.

use serde_json::{Map, Value, json};

use super::source::{Dashboard, Kind, Link, Panel, Target};

/// The version of Grafana's schema that this is: Grafana 10 and later read it.
const SCHEMA: u32 = 39;

/// The columns of the grid.
const COLUMNS: u32 = 24;

/// How often agents are expected to be scraped at most, so the least step of a query.
const INTERVAL: &str = "1m";

/// The labels that a table shows by another heading, or not at all.
const HEADINGS: [(&str, &str); 14] = [
    ("account_id", "Account"),
    ("architecture", "Processor"),
    ("aws_region", "Region"),
    ("capacity_type", "Capacity"),
    ("home", "Runs on"),
    ("instance_type", "Type"),
    ("lambda_memory_mib", "Memory (MiB)"),
    ("namespace", "Namespace"),
    ("price_source", "Price from"),
    ("traffic_pattern", "Traffic"),
    ("verdict", "Verdict"),
    ("workload", "Workload"),
    ("workload_kind", "Kind"),
    ("source", "Source"),
];

/// The JSON of a dashboard.
pub(crate) fn dashboard(dashboard: &Dashboard) -> String {
    let rendered = json!({
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["breakeven"],
        "schemaVersion": SCHEMA,
        "editable": false,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "links": links(&dashboard.links),
        "templating": {"list": variables(&dashboard.variables)},
        "panels": panels(dashboard),
    });
    format!("{rendered:#}\n")
}

fn links(own: &[Link]) -> Vec<Value> {
    let others = json!({
        "type": "dashboards", "title": "breakeven", "tags": ["breakeven"],
        "asDropdown": true, "includeVars": true, "keepTime": true,
    });
    let own = own.iter().map(|link| {
        json!({"type": "link", "title": link.title, "url": link.url, "icon": "doc", "targetBlank": true})
    });
    std::iter::once(others).chain(own).collect()
}

fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

fn variables(further: &[String]) -> Vec<Value> {
    let source = json!({
        "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
        "current": {}, "hide": 0, "includeAll": false, "multi": false, "options": [], "refresh": 1,
    });
    let target = "job=~\"$job\", instance=~\"$instance\"";
    let queries = [
        ("job", "label_values(breakeven_build_info, job)".to_owned()),
        (
            "instance",
            "label_values(breakeven_build_info{job=~\"$job\"}, instance)".to_owned(),
        ),
        (
            "cluster",
            format!("label_values(breakeven_build_info{{{target}}}, cluster)"),
        ),
    ];
    let further = further.iter().map(|name| match &**name {
        "agent" => agent(),
        "namespace" => query(
            name,
            &format!(
                "label_values(breakeven_workload_verdict{{{target}, cluster=~\"$cluster\"}}, namespace)"
            ),
        ),
        "workload" => query(
            name,
            &format!("label_values(breakeven_workload_verdict{{{target}, cluster=~\"$cluster\"}}, workload)"),
        ),
        other => panic!("no variable {other}"),
    });
    let first = queries.iter().map(|(name, text)| query(name, text));
    std::iter::once(source)
        .chain(first)
        .chain(further)
        .collect()
}

/// A variable that the values of a label fill. `All` matches series without the label where there may be some:
/// functions have no namespace, and a single cluster needs no name.
fn query(name: &str, query: &str) -> Value {
    let mut label = name.to_owned();
    label[..1].make_ascii_uppercase();
    let all = match name {
        "cluster" | "namespace" => ".*",
        _ => ".+",
    };
    json!({
        "name": name, "label": label, "type": "query", "datasource": datasource(),
        "query": {"query": query, "refId": name}, "definition": query,
        "current": {"selected": true, "text": ["All"], "value": ["$__all"]},
        "hide": 0, "includeAll": true, "allValue": all, "multi": true, "options": [],
        "refresh": 2, "regex": "", "sort": 1,
    })
}

/// Where a browser reaches an agent.
fn agent() -> Value {
    let address = "http://localhost:9871";
    json!({
        "name": "agent", "label": "Agent", "type": "textbox", "query": address, "hide": 0,
        "description": "Where your browser reaches an agent, for links to explanations",
        "current": {"text": address, "value": address}, "options": [{"selected": true, "text": address, "value": address}],
    })
}

/// All panels with their places: rows below each other, the panels of a row from left to right.
fn panels(dashboard: &Dashboard) -> Vec<Value> {
    let (mut panels, mut y) = (Vec::new(), 0);
    for row in &dashboard.rows {
        let id = panels.len() + 1;
        panels.push(json!({
            "id": id, "type": "row", "title": row.title, "collapsed": false, "panels": [],
            "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
        }));
        y += 1;
        let (mut x, mut height) = (0, 0);
        for described in &row.panels {
            let own = described.height.unwrap_or(match described.kind {
                Kind::Stat => 4,
                Kind::Timeseries | Kind::Table => 8,
            });
            if x + described.width > COLUMNS {
                (x, y, height) = (0, y + height, 0);
            }
            let id = panels.len() + 1;
            let mut rendered = panel(described);
            rendered["id"] = json!(id);
            rendered["gridPos"] = json!({"x": x, "y": y, "w": described.width, "h": own});
            panels.push(rendered);
            x += described.width;
            height = height.max(own);
        }
        y += height;
    }
    panels
}

fn panel(panel: &Panel) -> Value {
    let targets: Vec<_> = panel
        .targets
        .iter()
        .zip('A'..)
        .map(|(described, id)| target(panel.kind, described, id))
        .collect();
    let mut rendered = json!({
        "title": panel.title,
        "description": panel.description.trim(),
        "datasource": datasource(),
        "interval": panel.interval.as_deref().unwrap_or(INTERVAL),
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": targets,
    });
    match panel.kind {
        Kind::Stat => stat(panel, &mut rendered),
        Kind::Timeseries => timeseries(panel, &mut rendered),
        Kind::Table => table(panel, &mut rendered),
    }
    rendered
}

fn target(kind: Kind, target: &Target, id: char) -> Value {
    let mut rendered = json!({
        "refId": id.to_string(), "datasource": datasource(), "expr": target.expression(),
        "legendFormat": target.legend.as_deref().unwrap_or("__auto"),
    });
    if kind == Kind::Table {
        rendered["format"] = json!("table");
    }
    if kind != Kind::Timeseries {
        rendered["instant"] = json!(true);
    }
    rendered
}

fn stat(panel: &Panel, rendered: &mut Value) {
    rendered["type"] = json!("stat");
    rendered["options"] = json!({
        "colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto",
        "textMode": panel.text.as_deref().unwrap_or("auto"),
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
    });
}

fn timeseries(panel: &Panel, rendered: &mut Value) {
    rendered["type"] = json!("timeseries");
    rendered["options"] = json!({
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    });
    let (stacking, opacity) = if panel.stack {
        ("normal", 30)
    } else {
        ("none", 0)
    };
    rendered["fieldConfig"]["defaults"]["custom"] = json!({
        "drawStyle": "line", "lineWidth": 1, "fillOpacity": opacity, "showPoints": "auto", "spanNulls": false,
        "stacking": {"mode": stacking, "group": "A"},
    });
    if let Some(thin) = &panel.thin {
        rendered["fieldConfig"]["overrides"] = json!([{
            "matcher": {"id": "byRegexp", "options": format!("/{thin}/")},
            "properties": [{"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [2, 6]}}],
        }]);
    }
}

/// A table has the queries side by side: rows with the same labels become one.
fn table(panel: &Panel, rendered: &mut Value) {
    rendered["type"] = json!("table");
    let sorted = panel
        .sort
        .iter()
        .map(|column| json!({"displayName": column, "desc": true}));
    rendered["options"] =
        json!({"showHeader": true, "cellHeight": "sm", "sortBy": sorted.collect::<Vec<_>>()});
    let (mut hidden, mut renamed) = (Map::new(), Map::new());
    hidden.insert("Time".to_owned(), json!(true));
    for (label, heading) in HEADINGS {
        renamed.insert(label.to_owned(), json!(heading));
    }
    let mut overrides = Vec::new();
    let single = panel.targets.len() == 1;
    for (target, id) in panel.targets.iter().zip('A'..) {
        let value = if single {
            "Value".to_owned()
        } else {
            format!("Value #{id}")
        };
        if target.hide_value {
            hidden.insert(value.clone(), json!(true));
        }
        if let (Some(column), Some(unit)) = (&target.column, &target.unit) {
            overrides.push(json!({
                "matcher": {"id": "byName", "options": column},
                "properties": [{"id": "unit", "value": unit}],
            }));
        }
        if let Some(column) = &target.column {
            renamed.insert(value, json!(column));
        }
    }
    if let Some(dashboard) = &panel.links {
        let url = format!(
            "/d/breakeven-{dashboard}?${{__url_time_range}}&${{datasource:queryparam}}&var-workload=${{__value.raw}}"
        );
        overrides.push(json!({
            "matcher": {"id": "byName", "options": "Workload"},
            "properties": [{"id": "links", "value": [{"title": "Show it alone", "url": url}]}],
        }));
    }
    rendered["fieldConfig"]["overrides"] = json!(overrides);
    rendered["transformations"] = json!([
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": hidden, "indexByName": {}, "renameByName": renamed}},
    ]);
}

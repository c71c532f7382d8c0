//! The 17 rules of grafana/dashboard-linter, by their names there, and what else dashboards here keep.

use promql_parser::label::MatchOp;
use promql_parser::parser::{self, Call, Expr, MatrixSelector, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::Value;

/// What stands for `$__rate_interval` while an expression is parsed: no query has it otherwise.
const RATE_INTERVAL: &str = "11m17s";

/// The units that these dashboards use, of those that Grafana knows.
const UNITS: [&str; 10] = [
    "bool_yes_no",
    "bytes",
    "currencyUSD",
    "dateTimeAsIso",
    "none",
    "ops",
    "percentunit",
    "reqps",
    "s",
    "short",
];

/// The functions under which a counter may stand.
const RATES: [&str; 3] = ["rate", "irate", "increase"];

/// The text of a field, empty where there is none.
fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

/// All panels, those with queries and rows.
pub(crate) fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    list(dashboard, "panels")
}

/// The queries of a panel.
pub(crate) fn targets(panel: &Value) -> impl Iterator<Item = &str> {
    list(panel, "targets").map(|target| text(target, "expr"))
}

/// What is wrong with a dashboard.
pub(crate) fn lint(dashboard: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut rule = |name: &str, holds: bool, of: &str| {
        if !holds {
            found.push(format!("{name}: {of}"));
        }
    };
    rule(
        "uneditable-rule",
        dashboard["editable"] == false,
        "it can be edited",
    );
    rule(
        "no-inputs",
        dashboard.get("__inputs").is_none(),
        "it asks for inputs",
    );
    variables(dashboard, &mut rule);
    for panel in panels(dashboard).filter(|panel| panel["type"] != "row") {
        let title = text(panel, "title");
        let described = !title.is_empty() && !text(panel, "description").is_empty();
        rule("panel-title-description-rule", described, title);
        let unit = text(&panel["fieldConfig"]["defaults"], "unit");
        rule(
            "panel-units-rule",
            UNITS.contains(&unit),
            &format!("{title}: {unit:?}"),
        );
        rule("panel-no-targets-rule", targets(panel).count() > 0, title);
        let datasource = text(&panel["datasource"], "uid");
        rule(
            "panel-datasource-rule",
            datasource == "${datasource}",
            title,
        );
        rule("min-interval", !text(panel, "interval").is_empty(), title);
        for target in list(panel, "targets") {
            let own = text(&target["datasource"], "uid");
            rule("panel-datasource-rule", own == "${datasource}", title);
            let expression = text(target, "expr");
            // There is no query for Loki: no `{...} |= ...`.
            let loki = expression.contains("|=") || expression.contains("| json");
            rule("target-logql-rule", !loki, title);
            let automatic = expression.contains("$__auto");
            rule("target-logql-auto-rule", !automatic, title);
            query(expression, &mut |name, holds, of| {
                rule(name, holds, &format!("{title}: {of}"))
            });
        }
    }
    found
}

fn variables(dashboard: &Value, rule: &mut impl FnMut(&str, bool, &str)) {
    let all: Vec<_> = list(&dashboard["templating"], "list").collect();
    let named = |name: &str| all.iter().find(|variable| variable["name"] == name);
    let source = named("datasource").is_some_and(|variable| {
        variable["type"] == "datasource"
            && variable["query"] == "prometheus"
            && variable["label"] == "Data source"
    });
    rule(
        "template-datasource-rule",
        source,
        "the variable datasource",
    );
    for (name, label, id) in [
        ("job", "Job", "template-job-rule"),
        ("instance", "Instance", "template-instance-rule"),
    ] {
        let right = named(name).is_some_and(|variable| {
            variable["type"] == "query"
                && variable["label"] == label
                && variable["multi"] == true
                && variable["allValue"] == ".+"
                && variable["datasource"]["uid"] == "${datasource}"
        });
        rule(id, right, name);
    }
    for variable in all.iter().filter(|variable| variable["type"] == "query") {
        let name = text(variable, "name");
        rule(
            "template-on-time-change-reload-rule",
            variable["refresh"] == 2,
            name,
        );
        let query = text(&variable["query"], "query");
        let selector = query
            .strip_prefix("label_values(")
            .and_then(|rest| rest.strip_suffix(')')?.rsplit_once(", "));
        let parsed = selector.is_some_and(|(selector, _)| parse(selector).is_ok());
        rule("template-label-promql-rule", parsed, query);
    }
}

/// The syntax of an expression with its variables left in.
fn parse(expression: &str) -> Result<Expr, String> {
    parser::parse(&expression.replace("$__rate_interval", RATE_INTERVAL))
}

fn query(expression: &str, rule: &mut dyn FnMut(&str, bool, &str)) {
    let parsed = parse(expression);
    let error = parsed.as_ref().err().cloned().unwrap_or_default();
    rule("target-promql-rule", parsed.is_ok(), &error);
    let Ok(parsed) = parsed else { return };
    let mut selectors = Selectors::default();
    walk_expr(&mut selectors, &parsed).unwrap();
    for (selector, function) in selectors.found {
        let name = selector.name.clone().unwrap_or_default();
        for (label, id) in [
            ("job", "target-job-rule"),
            ("instance", "target-instance-rule"),
        ] {
            let matched = selector.matchers.matchers.iter().any(|matcher| {
                let by_variable = matcher.value == format!("${label}");
                matcher.name == label && by_variable && matches!(matcher.op, MatchOp::Re(_))
            });
            rule(id, matched, &name);
        }
        let counter = name.ends_with("_total");
        let rated = function.is_some_and(|function| RATES.contains(&&*function));
        rule("target-counter-agg-rule", counter == rated, &name);
    }
    let expected = std::time::Duration::from_secs(11 * 60 + 17);
    for range in selectors.ranges {
        rule(
            "target-rate-interval-rule",
            range == expected,
            &format!("{range:?}"),
        );
    }
}

/// The selectors of an expression, each with the function that it stands in directly, and their ranges.
#[derive(Default)]
struct Selectors {
    found: Vec<(VectorSelector, Option<String>)>,
    ranges: Vec<std::time::Duration>,
}

impl ExprVisitor for Selectors {
    type Error = std::convert::Infallible;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, Self::Error> {
        match expression {
            Expr::VectorSelector(selector) => self.found.push((selector.clone(), None)),
            Expr::Call(Call { func, args }) => {
                for argument in &args.args {
                    if let Expr::MatrixSelector(MatrixSelector { vs, range }) = &**argument {
                        self.found.push((vs.clone(), Some(func.name.to_owned())));
                        self.ranges.push(*range);
                    }
                }
            }
            Expr::Subquery(subquery) => self.ranges.push(subquery.range),
            _ => {}
        }
        Ok(true)
    }
}

/// The names of the metrics in an expression.
pub(crate) fn metrics(expression: &str) -> Vec<String> {
    let parsed = parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    let mut selectors = Selectors::default();
    walk_expr(&mut selectors, &parsed).unwrap();
    let names = selectors
        .found
        .into_iter()
        .map(|(selector, _)| selector.name);
    names.map(|name| name.unwrap_or_default()).collect()
}

mod tests {
    use serde_json::json;

    use super::lint;

    /// The names of the rules that a dashboard breaks which is right but for one change.
    fn broken(change: impl Fn(&mut serde_json::Value)) -> Vec<String> {
        let (_, mut dashboard) = super::super::dashboards().remove(0);
        change(&mut dashboard);
        let mut names: Vec<String> = lint(&dashboard)
            .into_iter()
            .map(|complaint| complaint.split(':').next().unwrap().to_owned())
            .collect();
        names.dedup();
        names
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn a_breach_of_each_rule_is_found() {
        let expressions = [
            ("target-promql-rule", "sum("),
            ("target-job-rule", "up{instance=~\"$instance\"}"),
            ("target-instance-rule", "up{job=~\"$job\"}"),
            (
                "target-job-rule",
                "up{job=\"$job\", instance=~\"$instance\"}",
            ),
            (
                "target-counter-agg-rule",
                "sum(a_total{job=~\"$job\", instance=~\"$instance\"})",
            ),
            (
                "target-counter-agg-rule",
                "rate(a{job=~\"$job\", instance=~\"$instance\"}[$__rate_interval])",
            ),
            (
                "target-rate-interval-rule",
                "rate(a_total{job=~\"$job\", instance=~\"$instance\"}[5m])",
            ),
        ];
        for (rule, expression) in expressions {
            let found = broken(|dashboard| {
                dashboard["panels"][1]["targets"][0]["expr"] = json!(expression);
            });
            assert_eq!(found, [rule], "{expression}");
        }
        let loki = broken(|dashboard| {
            dashboard["panels"][1]["targets"][0]["expr"] = json!("{a=\"b\"} |= \"c\" [$__auto]");
        });
        for rule in ["target-logql-rule", "target-logql-auto-rule"] {
            assert!(loki.contains(&rule.to_owned()), "{loki:?}");
        }
        let fields = [
            ("uneditable-rule", "/editable", json!(true)),
            (
                "template-datasource-rule",
                "/templating/list/0/query",
                json!("loki"),
            ),
            (
                "template-job-rule",
                "/templating/list/1/allValue",
                json!(".*"),
            ),
            (
                "template-instance-rule",
                "/templating/list/2/multi",
                json!(false),
            ),
            (
                "template-on-time-change-reload-rule",
                "/templating/list/1/refresh",
                json!(1),
            ),
            (
                "template-label-promql-rule",
                "/templating/list/1/query/query",
                json!("label_values(a{, b)"),
            ),
            (
                "panel-datasource-rule",
                "/panels/1/datasource/uid",
                json!("mine"),
            ),
            (
                "panel-title-description-rule",
                "/panels/1/description",
                json!(""),
            ),
            (
                "panel-units-rule",
                "/panels/1/fieldConfig/defaults/unit",
                json!("furlong"),
            ),
            ("panel-no-targets-rule", "/panels/1/targets", json!([])),
            ("min-interval", "/panels/1/interval", json!("")),
        ];
        for (rule, field, value) in fields {
            let found = broken(|dashboard| *dashboard.pointer_mut(field).unwrap() = value.clone());
            assert_eq!(found, [rule], "{field}");
        }
        assert_eq!(
            broken(|dashboard| dashboard["__inputs"] = json!([])),
            ["no-inputs"]
        );
    }
}

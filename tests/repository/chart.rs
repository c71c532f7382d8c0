//! The Helm chart: what it makes of each file of values, and what it refuses.
//!
//! `BREAKEVEN_BLESS=1 cargo test --test repository chart` writes anew what is expected (`tests/chart/golden`) and the manifest for those
//! without Helm (`deploy/kubernetes.yaml`), and the schema of `config` in that of the values.

mod config_schema;
mod helm;
mod security;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::prometheus::installed;
use crate::support::run;
use helm::{Helm, OPERATOR, documents, of_kind, root, values_files};
use serde_json::Value;

fn blessing() -> bool {
    std::env::var("BREAKEVEN_BLESS").as_deref() == Ok("1")
}

/// Compares a made file with the one that is kept, or keeps it.
fn compare(path: &str, made: &str) {
    let path = root().join(path);
    if blessing() {
        fs::write(&path, made).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "{} is not what the chart makes; write it anew with BREAKEVEN_BLESS=1 cargo test --test repository chart",
        path.display()
    );
}

/// Takes the JSON of dashboards out of a rendering; it must be that of `dashboards/`.
fn without_dashboards(rendered: &str) -> String {
    let mut text = String::new();
    let mut lines = rendered.lines().peekable();
    while let Some(line) = lines.next() {
        text.push_str(line);
        text.push('\n');
        let Some(file) = line
            .strip_prefix("  breakeven-")
            .and_then(|rest| rest.strip_suffix(": |"))
        else {
            continue;
        };
        let mut content = String::new();
        while let Some(line) = lines.next_if(|line| line.starts_with("    ") || line.is_empty()) {
            content.push_str(line.trim_start_matches("    ").trim_end());
            content.push('\n');
        }
        let kept = fs::read_to_string(root().join("dashboards").join(file)).unwrap();
        let same = serde_json::from_str::<Value>(&content).unwrap()
            == serde_json::from_str::<Value>(&kept).unwrap();
        assert!(same, "{file} is not that of dashboards/");
        text.push_str("    (as it is)\n");
    }
    text
}

#[test]
fn each_file_of_values_makes_what_is_expected() {
    let Some(helm) = Helm::found() else { return };
    let files = values_files("charts/breakeven/ci");
    assert!(files.len() >= 6);
    for (name, file) in files {
        let name = name.trim_end_matches("-values");
        let made = without_dashboards(&helm.template(&file, &[OPERATOR]));
        compare(&format!("tests/chart/golden/{name}.yaml"), &made);
    }
}

#[test]
fn helm_lint_finds_nothing() {
    let Some(helm) = Helm::found() else { return };
    for (_, file) in values_files("charts/breakeven/ci") {
        let mut lint = helm.command();
        lint.args([
            "lint",
            "--strict",
            "--kube-version",
            helm::KUBERNETES,
            "--values",
        ]);
        run(lint.arg(file).arg(root().join("charts/breakeven")));
    }
}

#[test]
fn kubeconform_knows_every_field() {
    let Some(helm) = Helm::found() else { return };
    let Some(kubeconform) = helm::Kubeconform::found() else {
        return;
    };
    for (name, file) in values_files("charts/breakeven/ci") {
        let rendered = helm.template(&file, &[OPERATOR]);
        let said = kubeconform.check(&rendered);
        assert!(said.status.success(), "{name}: {}", said.out);
        let summary: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(
            summary["summary"]["valid"],
            documents(&rendered).len(),
            "{name}"
        );
    }
    let manifest = fs::read_to_string(root().join("deploy/kubernetes.yaml")).unwrap();
    let said = kubeconform.check(&manifest);
    assert!(said.status.success(), "{}", said.out);
    let misspelt = kubeconform.check(&manifest.replace("readinessProbe:", "readynessProbe:"));
    assert!(!misspelt.status.success(), "an unknown field is accepted");
}

#[test]
fn bad_values_are_refused_at_their_place() {
    let Some(helm) = Helm::found() else { return };
    let files = values_files("tests/chart/bad");
    assert!(files.len() >= 20);
    for (name, file) in files {
        let text = fs::read_to_string(&file).unwrap();
        let expected = text
            .lines()
            .next()
            .unwrap()
            .strip_prefix("# error: ")
            .unwrap();
        let said = helm.refusal(&file, &[OPERATOR]);
        assert!(
            said.contains(expected),
            "{name}: {expected:?} is not in {said}"
        );
    }
}

#[test]
fn without_the_prometheus_operator_it_says_so() {
    let Some(helm) = Helm::found() else { return };
    for key in ["serviceMonitor", "podMonitor", "prometheusRule"] {
        let values = tempfile::NamedTempFile::new().unwrap();
        fs::write(values.path(), format!("{key}: {{enabled: true}}")).unwrap();
        let said = helm.refusal(values.path(), &[]);
        let expected =
            format!("{key}.enabled: the cluster does not know monitoring.coreos.com/v1; install");
        assert!(said.contains(&expected), "{said}");
    }
}

#[test]
fn the_role_is_that_of_the_permissions_that_are_needed() {
    let Some(helm) = Helm::found() else { return };
    // tests/agent/permissions.rs compares these with what the program asks for.
    let rules = |text: &str| {
        let role: Value = serde_saphyr::from_str(text).unwrap();
        role["rules"].as_array().unwrap().clone()
    };
    let needed = rules(include_str!("../../config/rbac.yaml"));
    let of_kubelets = rules(include_str!("../../config/rbac-kubelet.yaml"));
    let sampled = |rule: &Value| rule["apiGroups"][0] == "metrics.k8s.io";
    for (name, file) in values_files("charts/breakeven/ci") {
        let made = documents(&helm.template(&file, &[OPERATOR]));
        let [role] = &of_kind(&made, "ClusterRole")[..] else {
            panic!("{name}: not one ClusterRole");
        };
        let mut expected = needed.clone();
        if name == "kubelet-values" {
            expected.retain(|rule| !sampled(rule));
            expected.extend(of_kubelets.clone());
        }
        assert_eq!(role["rules"], Value::from(expected), "{name}");
        let [binding] = &of_kind(&made, "ClusterRoleBinding")[..] else {
            panic!("{name}: not one ClusterRoleBinding");
        };
        assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
        let accounts = of_kind(&made, "ServiceAccount");
        assert_eq!(
            binding["subjects"][0]["name"],
            accounts[0]["metadata"]["name"]
        );
        for deployment in of_kind(&made, "Deployment") {
            let account = &deployment["spec"]["template"]["spec"]["serviceAccountName"];
            assert_eq!(account, &binding["subjects"][0]["name"]);
        }
    }
}

#[test]
fn an_agent_without_a_cluster_gets_no_role() {
    let Some(helm) = Helm::found() else { return };
    let values = tempfile::NamedTempFile::new().unwrap();
    fs::write(values.path(), "config: {kubernetes: {enabled: false}}").unwrap();
    let made = documents(&helm.template(values.path(), &[]));
    assert!(of_kind(&made, "ClusterRole").is_empty());
    assert!(of_kind(&made, "ClusterRoleBinding").is_empty());
    assert_eq!(of_kind(&made, "Deployment").len(), 1);
}

#[test]
fn every_pod_is_restricted() {
    let Some(helm) = Helm::found() else { return };
    for (name, file) in values_files("charts/breakeven/ci") {
        let made = documents(&helm.template(&file, &[OPERATOR]));
        let deployments = of_kind(&made, "Deployment");
        assert!(!deployments.is_empty());
        for deployment in deployments {
            let found = security::violations(&deployment["spec"]["template"]["spec"]);
            assert!(found.is_empty(), "{name}: {found:?}");
        }
    }
}

#[test]
fn the_program_accepts_every_configuration() {
    let Some(helm) = Helm::found() else { return };
    for (name, file) in values_files("charts/breakeven/ci") {
        let made = documents(&helm.template(&file, &[OPERATOR]));
        let mut configurations = 0;
        for map in of_kind(&made, "ConfigMap") {
            let Some(text) = map["data"]["breakeven.yaml"].as_str() else {
                continue;
            };
            let config = tempfile::NamedTempFile::new().unwrap();
            fs::write(config.path(), text).unwrap();
            let mut show = crate::support::program::breakeven(&["config", "show", "--config.file"]);
            run(show.arg(config.path()));
            configurations += 1;
        }
        assert_eq!(configurations, of_kind(&made, "Deployment").len(), "{name}");
    }
}

/// What the Prometheus operator hands on is what promtool takes, with the thresholds and changes that were asked for.
#[test]
fn rules_are_those_of_the_files_but_for_what_was_set() {
    let Some(helm) = Helm::found() else { return };
    let rules = |name: &str| {
        let file = root().join(format!("charts/breakeven/ci/{name}-values.yaml"));
        let made = documents(&helm.template(&file, &[OPERATOR]));
        let [rule] = &of_kind(&made, "PrometheusRule")[..] else {
            panic!("{name}: not one PrometheusRule");
        };
        rule["spec"]["groups"].as_array().unwrap().clone()
    };
    let mut plain = Vec::new();
    for file in ["recording.yaml", "alerts.yaml"] {
        let path = root().join("charts/breakeven/rules").join(file);
        let text = fs::read_to_string(path).unwrap();
        let groups: Value = serde_saphyr::from_str(&text).unwrap();
        plain.extend(groups["groups"].as_array().unwrap().clone());
    }
    assert_eq!(rules("prometheus-operator"), plain);

    let set = rules("full");
    let named = |groups: &[Value], name: &str| {
        let mut all = groups
            .iter()
            .flat_map(|group| group["rules"].as_array().unwrap());
        all.find(|rule| rule["alert"] == name).cloned()
    };
    assert_eq!(named(&set, "BreakevenVerdictFlipped"), None);
    let down = named(&set, "BreakevenSourceDown").unwrap();
    assert_eq!(
        (&down["for"], &down["labels"]["severity"]),
        (&"30m".into(), &"critical".into())
    );
    assert_eq!(
        down["annotations"]["runbook_url"],
        "https://wiki.example.com/breakeven/BreakevenSourceDown"
    );
    for (alert, threshold) in [
        ("BreakevenBelowBreakEven", "> 50 # savingUsdPerMonth\n"),
        ("BreakevenLambdaDearer", "> 50 # savingUsdPerMonth\n"),
        ("BreakevenIdleShareHigh", "> 0.35 # idleRatio\n"),
        ("BreakevenThrottles", "> 0.05 # throttledRatio\n"),
    ] {
        let rule = named(&set, alert).unwrap();
        assert!(rule["expr"].as_str().unwrap().contains(threshold), "{rule}");
    }
    let Some(promtool) = installed("promtool") else {
        return;
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), serde_json::json!({"groups": set}).to_string()).unwrap();
    run(Command::new(promtool)
        .args(["check", "rules"])
        .arg(file.path()));
}

#[test]
fn the_schema_knows_every_threshold() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let schema: Value = serde_json::from_str(&read("charts/breakeven/values.schema.json")).unwrap();
    let thresholds =
        &schema["properties"]["prometheusRule"]["properties"]["thresholds"]["properties"];
    let known: BTreeSet<&str> = thresholds
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let rules = read("charts/breakeven/rules/alerts.yaml");
    let named: BTreeSet<&str> = rules
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| Some(line.split_once(" # ")?.1))
        .collect();
    assert_eq!(known, named);
}

#[test]
fn the_chart_is_of_this_version() {
    let text = fs::read_to_string(root().join("charts/breakeven/Chart.yaml")).unwrap();
    let chart: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}

/// For those without Helm: what the chart makes by default, without what is Helm's, in a namespace of its own.
#[test]
fn the_manifest_without_helm_is_what_the_chart_makes() {
    let Some(helm) = Helm::found() else { return };
    let file = root().join("charts/breakeven/ci/minimal-values.yaml");
    let rendered = helm.template(&file, &[]);
    let own = |line: &&str| {
        let foreign = [
            "helm.sh/chart:",
            "app.kubernetes.io/managed-by:",
            "# Source:",
        ];
        !foreign
            .iter()
            .any(|word| line.trim_start().starts_with(word))
    };
    let lines: Vec<_> = rendered.lines().filter(own).collect();
    let made = format!("{MANIFEST_HEAD}{}\n", lines.join("\n"));
    compare("deploy/kubernetes.yaml", &made);
    let made = documents(&made);
    assert_eq!(
        of_kind(&made, "Namespace")[0]["metadata"]["name"],
        helm::NAMESPACE
    );
    assert_eq!(of_kind(&made, "Deployment").len(), 1);
}

const MANIFEST_HEAD: &str = "\
# breakeven without Helm: put your image and configuration in, then `kubectl apply -f deploy/kubernetes.yaml`.
# Made from charts/breakeven; `BREAKEVEN_BLESS=1 cargo test --test repository chart` writes it anew.
apiVersion: v1
kind: Namespace
metadata:
  name: breakeven
  labels:
    pod-security.kubernetes.io/enforce: restricted
";

/// The files of a chart are read from an archive as from the folder, dashboards behind a link included.
#[test]
fn the_packed_chart_has_all_that_it_needs() {
    let Some(helm) = Helm::found() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut package = helm.command();
    package
        .arg("package")
        .arg(root().join("charts/breakeven"))
        .arg("--destination");
    run(package.arg(folder.path()));
    let archive = folder.path().join("breakeven-0.1.0.tgz");
    let list = run(Command::new("tar").arg("-tzf").arg(&archive));
    let files: BTreeSet<&str> = list.lines().collect();
    for needed in [
        "values.schema.json",
        "rules/alerts.yaml",
        "dashboards/overview.json",
    ] {
        assert!(
            files.contains(&*format!("breakeven/{needed}")),
            "no {needed} in {files:?}"
        );
    }
    let spare = files
        .iter()
        .find(|file| file.contains("/source/") || file.contains("/ci/"));
    assert_eq!(spare, None);
    assert!(Path::new(&archive).exists());
}

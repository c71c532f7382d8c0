//! The main alert, from a world whose traffic falls to a webhook that is told, through a real Prometheus and Alertmanager.

mod webhook;

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::program::{Program, demo};
use crate::support::prometheus::{Prometheus, installed};
use crate::support::{on_path, skip, until};
use webhook::Webhook;

/// A day of the world takes a minute.
const SPEED: &str = "1440";

/// In the afternoon, three hours before the traffic falls below break-even.
const START: &str = "2026-03-01T15:00:00Z";

/// Where Debian's Alertmanager looks for its templates, whatever it is told.
const TEMPLATES: &str = "/usr/share/prometheus/alertmanager/default.tmpl";

const RULES: &str = include_str!("../../charts/breakeven/rules/alerts.yaml");

/// An Alertmanager that tells the webhook of the main alert at once; it ends with this.
struct Alertmanager {
    _program: Program,
    address: String,
    _home: tempfile::TempDir,
}

impl Alertmanager {
    async fn start(executable: &Path, webhook: std::net::SocketAddr) -> Self {
        let home = tempfile::tempdir().unwrap();
        let config = format!(
            "route: {{receiver: nobody, group_by: [alertname], group_wait: 0s, group_interval: 1s, routes: [\
             {{receiver: webhook, matchers: ['alertname=\"BreakevenBelowBreakEven\"']}}]}}\n\
             receivers:\n\
             - {{name: nobody}}\n\
             - {{name: webhook, webhook_configs: [{{url: \"http://{webhook}/\", send_resolved: true}}]}}\n"
        );
        let file = home.path().join("alertmanager.yml");
        fs::write(&file, config).unwrap();
        let mut command = Command::new(executable);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", home.path().display()))
            .args([
                "--web.listen-address=127.0.0.1:0",
                "--cluster.listen-address=",
            ]);
        let mut program = Program::start(&mut command);
        let address = program.listens("msg=\"Listening on\" address=").await;
        Self {
            _program: program,
            address: address.to_string(),
            _home: home,
        }
    }
}

/// The rules, each second and without the day that the condition must hold.
fn rules() -> String {
    let hurried = RULES
        .replace("interval: 1m", "interval: 1s")
        .replace("for: 24h", "for: 2s");
    assert!(hurried.contains("for: 2s"));
    hurried
}

#[tokio::test]
async fn the_main_alert_arrives_with_its_words_when_traffic_falls_and_resolves_when_it_rises() {
    let Some(prometheus) = installed("prometheus") else {
        return;
    };
    let alertmanager = on_path("prometheus-alertmanager");
    let Some(alertmanager) = alertmanager.filter(|_| Path::new(TEMPLATES).exists()) else {
        return skip("prometheus-alertmanager or its templates are not installed; run ./test");
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/alertmanager");
    let [world, config] =
        ["world.yaml", "breakeven.yaml"].map(|file| folder.join(file).to_str().unwrap().to_owned());
    let (webhook, address) = Webhook::start().await;
    let alertmanager = Alertmanager::start(&alertmanager, address).await;
    let (_demo, agent) = demo(&[
        "--speed",
        SPEED,
        "--start",
        START,
        "--world",
        &world,
        "--config.file",
        &config,
    ])
    .await;
    let scrape = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
         rule_files: [alerts.yaml]\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: [\"{}\"]}}]}}]}}\n\
         scrape_configs:\n\
         - {{job_name: breakeven, honor_labels: true, static_configs: [{{targets: [\"{agent}\"]}}]}}\n",
        alertmanager.address
    );
    let _prometheus = Prometheus::start(&prometheus, &scrape, &[("alerts.yaml", &rules())]).await;

    let firing = until("the alert to arrive", async || webhook.alert("firing")).await;
    assert!(webhook.alert("resolved").is_none());
    let labels = &firing["labels"];
    for (label, expected) in [
        ("alertname", "BreakevenBelowBreakEven"),
        ("severity", "warning"),
        ("cluster", "night"),
        ("namespace", "shop"),
        ("workload_kind", "Deployment"),
        ("workload", "checkout"),
    ] {
        assert_eq!(labels[label], expected, "{labels}");
    }
    let annotations = &firing["annotations"];
    assert_eq!(
        annotations["summary"],
        "The utilisation of a workload is below break-even, and moving it to Lambda would save money."
    );
    assert_eq!(
        annotations["runbook_url"],
        "https://breakeven.dev/runbooks/BreakevenBelowBreakEven"
    );
    the_description_has_its_numbers(annotations["description"].as_str().unwrap());

    let resolved = until("the alert to resolve", async || webhook.alert("resolved")).await;
    assert_eq!(&resolved["labels"], labels);
}

/// In words: `Deployment shop/checkout in cluster night uses 5% of what it pays for, less than the 7.1% at which both
/// platforms cost the same. On Lambda it would cost 23.91 USD less each month.`
fn the_description_has_its_numbers(description: &str) {
    let mut numbers = Vec::new();
    let mut words = Vec::new();
    for word in description.split(' ') {
        match word.trim_end_matches('%').parse::<f64>() {
            Ok(number) => {
                numbers.push(number);
                words.push("N");
            }
            Err(_) => words.push(word),
        }
    }
    assert_eq!(
        words.join(" "),
        "Deployment shop/checkout in cluster night uses N of what it pays for, less than the N at which both \
         platforms cost the same. On Lambda it would cost N USD less each month."
    );
    let [used, breakeven, saving] = numbers[..] else {
        panic!("{numbers:?} in {description}");
    };
    assert!(
        0.0 < used && used < breakeven && breakeven < 15.0,
        "{description}"
    );
    // The node costs about 70 USD each month.
    assert!(10.0 < saving && saving < 71.0, "{description}");
}

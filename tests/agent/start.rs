//! The program starts, reloads and stops as its users expect: run as they run it, and seen from outside.

use std::process::Command;
use std::time::Duration;

use crate::support::exposition::{Exposition, ask, get};
use crate::support::program::{Program, breakeven};
use crate::support::{Outcome, demo_config, outcome, until};
use breakeven_clock::Clock;
use breakeven_simulator::{Endpoint, Fault, FaultRule, SimulatedCloud, World};
use http::{Method, StatusCode};
use tempfile::{NamedTempFile, TempDir};
use tokio::task::block_in_place;

/// Within this the first series of a cluster are there.
const FIRST_SERIES: Duration = Duration::from_secs(5);

/// A simulated cloud, and a kubeconfig for it.
struct Cloud {
    cloud: SimulatedCloud,
    kubeconfig: NamedTempFile,
}

impl Cloud {
    /// The company of the demo.
    async fn start() -> Self {
        let world = World::from_yaml(include_str!("../../config/worlds/demo.yaml")).unwrap();
        let address = ([127, 0, 0, 1], 0).into();
        let cloud = SimulatedCloud::start(world, Clock::system(), address)
            .await
            .unwrap();
        let kubeconfig = file(&cloud.kubeconfig());
        Self { cloud, kubeconfig }
    }

    fn fails(&self, endpoint: Endpoint, fault: Fault) {
        self.cloud.faults().add(FaultRule::always(endpoint, fault));
    }

    /// The program with the environment that leads to this cloud.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = breakeven(arguments);
        command
            .env("KUBECONFIG", self.kubeconfig.path())
            .env("AWS_ENDPOINT_URL", self.cloud.aws_url())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "simulated")
            .env("AWS_SECRET_ACCESS_KEY", "simulated");
        command
    }

    /// A configuration with this cloud's Prometheus.
    fn config(&self) -> NamedTempFile {
        let url = self.cloud.prometheus_url();
        file(&format!(
            "requests: {{prometheus: {{url: {url:?}, preset: istio}}}}\n"
        ))
    }
}

fn file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn path(file: &NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}

const LISTEN: [&str; 2] = ["--web.listen-address", "127.0.0.1:0"];

/// Starts an agent and returns it with its address.
async fn agent(command: &mut Command) -> (Program, String) {
    let mut program = Program::start(command.args(LISTEN));
    let address = program.listens("message=listening address=").await;
    (program, format!("http://{address}"))
}

/// Waits until a page answers with 200.
async fn until_ok(address: &str, page: &str) {
    let url = format!("{address}{page}");
    until(&url, async || {
        let (status, ..) = get(&url).await?;
        (status == StatusCode::OK).then_some(())
    })
    .await;
}

async fn metrics(address: &str) -> Option<Exposition> {
    Exposition::at(&format!("{address}/metrics")).await
}

/// Runs a program to its end, beside the cloud of the test.
fn run_to_end(command: &mut Command) -> Outcome {
    block_in_place(|| outcome(command))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_is_shown_in_time_though_everything_else_hangs() {
    let cloud = Cloud::start().await;
    for endpoint in [
        Endpoint::Prometheus,
        Endpoint::CloudWatch,
        Endpoint::Lambda,
        Endpoint::Sts,
        Endpoint::MetricsApi,
        Endpoint::Pricing,
        Endpoint::Ec2,
    ] {
        cloud.fails(endpoint, Fault::Hang);
    }
    let config = demo_config(&cloud.cloud.prometheus_url());
    let run = ["run", "--config.file", path(&config)];
    let (program, address) = agent(&mut cloud.command(&run)).await;
    until("the first series of the cluster", async || {
        let shown = metrics(&address).await?;
        let nodes = shown.all("breakeven_node_price_usd_per_hour", &[]);
        let platform = [("platform", "kubernetes")];
        let costs = shown.all("breakeven_workload_monthly_cost_usd", &platform);
        (nodes.count() == 6 && costs.count() > 0).then_some(())
    })
    .await;
    assert!(program.age() < FIRST_SERIES, "after {:?}", program.age());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_command_and_a_file_the_environment_suffices() {
    let cloud = Cloud::start().await;
    let (_program, address) = agent(&mut cloud.command(&[])).await;
    let up = until("both sides", async || {
        let shown = metrics(&address).await?;
        let has = |home| {
            let labels = [("home", home)];
            shown.sum("breakeven_workload_monthly_cost_usd", &labels)
        };
        has("kubernetes").and(has("lambda")).map(|_| shown)
    })
    .await;
    for source in ["kubernetes", "usage", "lambda", "cloudwatch"] {
        let labels = [("source", source)];
        assert_eq!(
            up.sum("breakeven_source_up", &labels),
            Some(1.0),
            "{source}"
        );
    }
}

/// Whether the last reload succeeded, and the label that the configuration gives every series.
async fn standing(address: &str) -> Option<(f64, String)> {
    let shown = metrics(address).await?;
    let sample = shown
        .all("breakeven_config_last_reload_successful", &[])
        .next()?;
    Some((sample.value, sample.label("cluster").to_owned()))
}

const GOOD: &str = "external_labels: {cluster: one}\n";
const BETTER: &str = "external_labels: {cluster: two}\n";
const BAD: &str = "external_labels: {cluster: three}\nmodel: {interval_second: 5}\n";

#[tokio::test(flavor = "multi_thread")]
async fn reloading_over_http_takes_a_good_file_and_refuses_a_bad_one() {
    let (cloud, config) = (Cloud::start().await, file(GOOD));
    let lifecycle = ["run", "--web.enable-lifecycle", "--config.file"];
    let (_program, address) = agent(cloud.command(&lifecycle).arg(config.path())).await;
    until_ok(&address, "/-/ready").await;
    assert_eq!(standing(&address).await, Some((1.0, "one".to_owned())));
    let reload = async |text: &str| {
        std::fs::write(config.path(), text).unwrap();
        let url = format!("{address}/-/reload");
        let (status, _, body) = ask(Method::POST, &url).await.unwrap();
        (status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
    };

    let (status, text) = reload(BAD).await;
    assert_eq!(status, 500, "{text}");
    assert!(text.contains("did you mean `interval_seconds`"), "{text}");
    assert_eq!(standing(&address).await, Some((0.0, "one".to_owned())));

    let (status, text) = reload(BETTER).await;
    assert_eq!(status, 200, "{text}");
    assert_eq!(standing(&address).await, Some((1.0, "two".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn reloading_by_signal_takes_a_good_file_and_refuses_a_bad_one() {
    let (cloud, config) = (Cloud::start().await, file(GOOD));
    let (program, address) = agent(cloud.command(&["--config.file"]).arg(config.path())).await;
    until_ok(&address, "/-/ready").await;
    for (text, successful, cluster) in [(BAD, 0.0, "one"), (BETTER, 1.0, "two")] {
        std::fs::write(config.path(), text).unwrap();
        program.signal("HUP");
        until(&format!("what follows from {text}"), async || {
            let now = standing(&address).await?;
            (now == (successful, cluster.to_owned())).then_some(())
        })
        .await;
    }
    assert!(program.said().contains("did you mean `interval_seconds`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_flag_nobody_reloads_over_http() {
    let (_program, address) = agent(&mut breakeven(&["run"])).await;
    until_ok(&address, "/-/healthy").await;
    let url = format!("{address}/-/reload");
    let (status, _, body) = ask(Method::POST, &url).await.unwrap();
    assert_eq!(status, StatusCode::FORBIDDEN);
    let text = String::from_utf8_lossy(&body);
    assert!(text.contains("--web.enable-lifecycle"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_each_of_them_ends_in_order() {
    let cloud = Cloud::start().await;
    let folder = TempDir::new().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let simulate = [
        "simulate",
        "--listen",
        "127.0.0.1:0",
        "--kubeconfig",
        kubeconfig.to_str().unwrap(),
    ];
    let [address, port] = LISTEN;
    for (arguments, sign, signal) in [
        (&["run", address, port][..], "message=listening", "TERM"),
        (&["demo", address, port], "message=listening", "INT"),
        (&simulate, "# Prometheus: ", "TERM"),
    ] {
        let mut program = Program::start(&mut cloud.command(arguments));
        program.word(sign).await;
        program.signal(signal);
        let status = program.ends().await;
        assert_eq!(status.code(), Some(0), "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_nobody_answers_ends_in_order_too() {
    let cloud = Cloud::start().await;
    for endpoint in [Endpoint::Kubernetes, Endpoint::Lambda, Endpoint::Sts] {
        cloud.fails(endpoint, Fault::Hang);
    }
    let (mut program, address) = agent(&mut cloud.command(&["run"])).await;
    until_ok(&address, "/-/healthy").await;
    program.signal("TERM");
    assert_eq!(program.ends().await.code(), Some(0));
}

/// The line of `breakeven check` about a source.
fn line<'a>(outcome: &'a Outcome, source: &str) -> &'a str {
    let line = outcome.out.lines().find(|line| line.starts_with(source));
    line.unwrap_or_else(|| panic!("no {source} in {}\n{}", outcome.out, outcome.err))
}

const SOURCES: [&str; 8] = [
    "kubernetes",
    "usage",
    "lambda",
    "cloudwatch",
    "requests",
    "control_plane",
    "price_list",
    "spot",
];

#[tokio::test(flavor = "multi_thread")]
async fn check_says_ok_for_each_source_that_answers() {
    let cloud = Cloud::start().await;
    let config = cloud.config();
    let outcome = run_to_end(&mut cloud.command(&["check", "--config.file", path(&config)]));
    assert_eq!(
        outcome.status.code(),
        Some(0),
        "{}\n{}",
        outcome.out,
        outcome.err
    );
    for source in SOURCES {
        let line = line(&outcome, source);
        assert!(line.contains(" ok: "), "{line}");
    }
    assert!(line(&outcome, "lambda").contains("12 functions"));
    assert!(line(&outcome, "kubernetes").contains("6 nodes"));
    assert!(line(&outcome, "price_list").contains("4 nodes"));
    assert!(line(&outcome, "spot").contains("1 nodes"));
    assert!(!outcome.out.contains("unpriced node"));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_what_counts_requests_and_how_to_count_them() {
    let cloud = Cloud::start().await;
    let url = cloud.cloud.prometheus_url();
    for (config, said) in [
        (
            "{}\n".to_owned(),
            "not configured: costs per request of the cluster's workloads need requests.prometheus, requests.scrape or requests.edge",
        ),
        (
            format!("requests: {{prometheus: {{url: {url:?}}}}}\n"),
            "workloads have requests counted, by istio: the first preset with data",
        ),
        (
            format!("requests: {{prometheus: {{url: {url:?}, preset: linkerd}}}}\n"),
            "ok: 0 workloads have requests counted, by linkerd: as configured",
        ),
    ] {
        let config = file(&config);
        let outcome = run_to_end(&mut cloud.command(&["check", "--config.file", path(&config)]));
        assert_eq!(outcome.status.code(), Some(0), "{}", outcome.err);
        let line = line(&outcome, "requests");
        assert!(line.contains(said), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_the_right_that_reading_kubelets_needs() {
    let cloud = Cloud::start().await;
    let config = file("kubernetes: {usage_source: kubelet}\naws: {enabled: false}\n");
    let check = ["check", "--config.file", path(&config)];
    let outcome = run_to_end(&mut cloud.command(&check));
    assert_eq!(outcome.status.code(), Some(0), "{}", outcome.err);
    assert!(line(&outcome, "usage").contains(" ok: "));

    let proxied = FaultRule::always(Endpoint::Kubernetes, Fault::Forbidden).on_path("/proxy/");
    cloud.cloud.faults().add(proxied);
    let outcome = run_to_end(&mut cloud.command(&check));
    assert_eq!(outcome.status.code(), Some(1), "{}", outcome.out);
    let usage = line(&outcome, "usage");
    assert!(
        usage.ends_with("; grant get on nodes/proxy to the service account"),
        "{usage}"
    );
    assert!(outcome.err.contains("failed: usage"), "{}", outcome.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_shows_the_plan_for_reading_metrics() {
    let cloud = Cloud::start().await;
    let config = cloud.config();
    let check = ["check", "--plan", "--config.file", path(&config)];
    let outcome = run_to_end(&mut cloud.command(&check));
    assert_eq!(outcome.status.code(), Some(0), "{}", outcome.err);
    assert!(line(&outcome, "spending plan").contains("12 functions for 9.00 of 10 USD"));
    let all = line(&outcome, "           all");
    let cells: Vec<&str> = all.split_whitespace().collect();
    // Nine tenths of what is left beside a page of the list of metrics each hour, which is all of Lambda Insights here.
    assert_eq!(cells, ["all", "12", "900073", "9.00", "6.00"], "{all}");

    let check = [&check[..], &["--output", "json"]].concat();
    let outcome = run_to_end(&mut cloud.command(&check));
    let value: serde_json::Value = serde_json::from_str(&outcome.out).unwrap();
    let plan = &value["plan"];
    assert_eq!(plan["functions"], 12);
    assert_eq!(plan["within_longest_interval"], true);
    let rungs = plan["intervals"].as_array().unwrap();
    let usd = |part: &serde_json::Value| part["usd_per_month"].as_f64().unwrap();
    // No function has Lambda Insights: asking that costs a page an hour.
    let insights = &plan["lambda_insights"];
    assert_eq!(insights["functions"], 0);
    assert!((usd(insights) - 730.0 * 1e-5).abs() < 1e-9, "{plan}");
    let sum = rungs.iter().map(usd).sum::<f64>() + usd(insights);
    assert!(
        (sum - plan["usd_per_month"].as_f64().unwrap()).abs() < 1e-6,
        "{plan}"
    );
    assert!((sum - 9.0).abs() < 0.01, "{plan}");
}

/// What `check` says of one source that fails, while the others are ok.
async fn check_with(endpoint: Endpoint, fault: Fault, on_path: &str, failed: &str, said: &[&str]) {
    let cloud = Cloud::start().await;
    let rule = FaultRule::always(endpoint, fault);
    cloud.cloud.faults().add(rule.on_path(on_path));
    let config = cloud.config();
    let check = ["check", "--patience", "30", "--config.file", path(&config)];
    let outcome = run_to_end(&mut cloud.command(&check));
    assert_eq!(
        outcome.status.code(),
        Some(1),
        "{}\n{}",
        outcome.out,
        outcome.err
    );
    for word in said {
        let line = line(&outcome, failed);
        assert!(line.contains(word), "{word:?} is not in {line}");
    }
    let failures = format!("failed: {failed}");
    assert!(outcome.err.contains(&failures), "{}", outcome.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_the_permission_that_lambda_lacks() {
    let said = ["failed: ", "lambda:ListFunctions"];
    check_with(Endpoint::Lambda, Fault::Forbidden, "", "lambda", &said).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_the_permission_that_cloudwatch_lacks() {
    let said = ["failed: ", "cloudwatch:GetMetricData"];
    check_with(
        Endpoint::CloudWatch,
        Fault::Forbidden,
        "",
        "cloudwatch",
        &said,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_the_permissions_that_the_sources_of_prices_lack() {
    for (endpoint, source, action) in [
        (Endpoint::Pricing, "price_list", "pricing:GetProducts"),
        (Endpoint::Ec2, "spot", "ec2:DescribeSpotPriceHistory"),
    ] {
        let said = ["failed: ", action];
        check_with(endpoint, Fault::Forbidden, "", source, &said).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_the_rule_that_nodes_lack() {
    let said = ["failed: ", "grant list and watch on nodes"];
    let nodes = "/api/v1/nodes";
    check_with(
        Endpoint::Kubernetes,
        Fault::Forbidden,
        nodes,
        "kubernetes",
        &said,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_what_is_to_be_installed_where_usage_is_missing() {
    let missing = Fault::Status {
        code: 404,
        retry_after: None,
    };
    let said = ["failed: ", "install metrics-server"];
    check_with(Endpoint::MetricsApi, missing, "", "usage", &said).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_an_address_where_nobody_listens() {
    let cloud = Cloud::start().await;
    let nobody = "http://127.0.0.1:9";
    let config = file(&format!(
        "requests: {{prometheus: {{url: {nobody:?}, preset: istio}}}}\n"
    ));
    let mut check = cloud.command(&["check", "--patience", "30", "--config.file", path(&config)]);
    let outcome = run_to_end(check.env("AWS_ENDPOINT_URL", nobody));
    assert_eq!(
        outcome.status.code(),
        Some(1),
        "{}\n{}",
        outcome.out,
        outcome.err
    );
    for source in ["requests", "lambda"] {
        let line = line(&outcome, source);
        assert!(line.contains("failed: "), "{line}");
        assert!(line.contains("127.0.0.1:9"), "{line}");
    }
    assert!(line(&outcome, "kubernetes").contains(" ok: "));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_configuration_is_a_file_that_the_agent_accepts() {
    let cloud = Cloud::start().await;
    let default = run_to_end(&mut breakeven(&["config", "default"]));
    assert_eq!(default.status.code(), Some(0), "{}", default.err);
    let config = file(&default.out);
    let (_program, address) = agent(&mut cloud.command(&["--config.file", path(&config)])).await;
    until_ok(&address, "/-/ready").await;
    let shown = run_to_end(&mut breakeven(&[
        "config",
        "show",
        "--config.file",
        path(&config),
    ]));
    assert_eq!(shown.status.code(), Some(0), "{}", shown.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_is_refused_with_every_error() {
    let config = file("model: {interval_second: 5, verdict_margin_ratio: 7}\nmax_series: many\n");
    for command in [
        &["run", "--config.file", path(&config)][..],
        &["check", "--config.file", path(&config)],
        &["demo", "--config.file", path(&config)],
    ] {
        let outcome = run_to_end(&mut breakeven(command));
        assert_eq!(
            outcome.status.code(),
            Some(1),
            "{command:?}\n{}",
            outcome.err
        );
        for word in ["interval_second", "max_series"] {
            assert!(outcome.err.contains(word), "{word}: {}", outcome.err);
        }
        let once = outcome.err.matches("interval_second:").count();
        assert_eq!(once, 1, "{}", outcome.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let outcome = run_to_end(&mut breakeven(&["run", "--web.listen-address", &address]));
    assert_eq!(outcome.status.code(), Some(1), "{}", outcome.err);
    assert!(outcome.err.contains(&address), "{}", outcome.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_there_is_named() {
    let outcome = run_to_end(&mut breakeven(&["--config.file", "/nonexistent/b.yaml"]));
    assert_eq!(outcome.status.code(), Some(1));
    assert!(
        outcome.err.contains("/nonexistent/b.yaml"),
        "{}",
        outcome.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_ends_with_2_and_says_what_is_wrong() {
    for (arguments, word) in [
        (&["--web.listen-adress", ":1"][..], "--web.listen-adress"),
        (&["run", "--frobnicate"], "--frobnicate"),
        (&["frobnicate"], "frobnicate"),
        (&["run", "--web.listen-address", "nowhere"], "ADDRESS:PORT"),
    ] {
        let outcome = run_to_end(&mut breakeven(arguments));
        assert_eq!(
            outcome.status.code(),
            Some(2),
            "{arguments:?}\n{}",
            outcome.err
        );
        assert!(outcome.err.contains(word), "{}", outcome.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_its_version() {
    let outcome = run_to_end(&mut breakeven(&["--version"]));
    assert_eq!(outcome.status.code(), Some(0), "{}", outcome.err);
    let version = format!("breakeven {}", env!("CARGO_PKG_VERSION"));
    assert!(outcome.out.contains(&version), "{}", outcome.out);
}

#[tokio::test]
async fn requests_are_counted_by_handler_and_code() {
    let mut command = breakeven(&["demo", "--web.listen-address", "127.0.0.1:0"]);
    let mut program = Program::start(&mut command);
    let address = program.listens("the metrics   http://").await;
    let url = |path: &str| format!("http://{address}{path}");
    for path in ["/unknown-1", "/unknown-2", "/-/healthy"] {
        until("an answer", async || get(&url(path)).await).await;
    }
    let shown = until("the counts of the requests", async || {
        let shown = Exposition::at(&url("/metrics")).await?;
        let unknown = [("handler", "other"), ("code", "404")];
        let counted = shown.one("breakeven_http_requests_total", &unknown);
        counted.filter(|count| *count >= 2.0).map(|_| shown)
    })
    .await;
    let unknown = [("handler", "other"), ("code", "404")];
    let count = |labels: &[(&str, &str)]| shown.one("breakeven_http_requests_total", labels);
    assert_eq!(
        count(&unknown),
        Some(2.0),
        "one series for all unknown paths"
    );
    assert_eq!(count(&[("handler", "healthy"), ("code", "200")]), Some(1.0));
}

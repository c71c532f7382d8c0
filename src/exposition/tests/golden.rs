//! One row for each case: what is known, and the series that say so.

use std::time::Duration;

use super::reports::*;
use super::*;
use crate::exposition::{ApiBudget, ApiUsage, ConfigState};
use breakeven_model::inventory::{MissingAttributes, Reason, Source, SourceLocation};
use breakeven_model::inventory::{OriginChoice, RequestOrigin, WorkloadKind};
use breakeven_model::uncertainty::Parameter;
use breakeven_model::{
    Breakeven, MonthlyCost, SharedWorkload, Verdict, WorkloadRef, WorkloadReport,
};

fn of(workload: WorkloadReport) -> Report {
    Report {
        workloads: vec![workload],
        ..nothing()
    }
}

/// Each line of `expected`, and no other of these families.
#[track_caller]
fn assert_series(text: &str, families: &[&str], expected: &str) {
    let mut expected: Vec<&str> = expected
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    expected.sort_unstable();
    assert_eq!(series(text, families), expected);
}

#[test]
fn the_money_of_a_workload() {
    assert_series(
        &text(&of(checkout())),
        &[
            "breakeven_workload_cost_usd_total",
            "breakeven_workload_used_cost_usd_total",
            "breakeven_workload_requests_total",
        ],
        r#"
        breakeven_workload_cost_usd_total{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",component="cpu"} 1.5
        breakeven_workload_cost_usd_total{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",component="memory"} 0.5
        breakeven_workload_cost_usd_total{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",component="idle"} 0.25
        breakeven_workload_cost_usd_total{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",component="shared"} 0.125
        breakeven_workload_cost_usd_total{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",component="fixed"} 0.1
        breakeven_workload_used_cost_usd_total{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",resource="cpu"} 0.75
        breakeven_workload_used_cost_usd_total{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",resource="memory"} 0.3
        breakeven_workload_requests_total{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",outcome="served"} 123456
        breakeven_workload_requests_total{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",outcome="failed"} 7.5
        "#,
    );
}

#[test]
fn both_platforms_of_a_workload() {
    assert_series(
        &text(&of(checkout())),
        &[
            "breakeven_request_cost_usd",
            "breakeven_workload_monthly_cost_usd",
            "breakeven_workload_monthly_saving_usd",
        ],
        r#"
        breakeven_request_cost_usd{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",platform="kubernetes",basis="used"} 4e-6
        breakeven_request_cost_usd{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",platform="kubernetes",basis="allocated"} 8e-6
        breakeven_request_cost_usd{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",platform="kubernetes",basis="loaded"} 1.21472e-5
        breakeven_request_cost_usd{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",platform="lambda",basis="loaded"} 1.034e-6
        breakeven_workload_monthly_cost_usd{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",platform="kubernetes",basis="used"} 20
        breakeven_workload_monthly_cost_usd{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",platform="kubernetes",basis="allocated"} 40
        breakeven_workload_monthly_cost_usd{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",platform="kubernetes",basis="loaded"} 60.736
        breakeven_workload_monthly_cost_usd{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",platform="lambda",basis="loaded"} 5.17
        breakeven_workload_monthly_saving_usd{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout"} 55.5
        "#,
    );
}

#[test]
fn how_a_workload_is_held_back_by_its_limits() {
    assert_series(
        &text(&of(checkout())),
        &[
            "breakeven_workload_cpu_throttled_seconds_total",
            "breakeven_workload_cpu_throttled_ratio",
        ],
        r#"
        breakeven_workload_cpu_throttled_seconds_total{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout"} 90.5
        breakeven_workload_cpu_throttled_ratio{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout"} 0.25
        "#,
    );
}

/// Its cost today on each basis, and those of its alternatives.
fn costs_mut(report: &mut WorkloadReport) -> impl Iterator<Item = &mut MonthlyCost> {
    let assessment = &mut report.assessment;
    let current = assessment.current.iter_mut().map(|(_, cost)| cost);
    let alternatives = assessment.alternatives.iter_mut();
    current.chain(alternatives.filter_map(|one| one.cost.as_mut()))
}

#[test]
fn the_band_of_a_cost_and_what_it_comes_from() {
    let mut report = checkout();
    for cost in costs_mut(&mut report) {
        cost.monthly.low = usd(cost.monthly.point.usd() / 2.0);
        cost.monthly.high = usd(cost.monthly.point.usd() * 2.0);
        cost.monthly.largest = Some((Parameter::CoreSpeed, ratio(1.5)));
    }
    assert_series(
        &text(&of(report)),
        &[
            "breakeven_request_cost_low_usd",
            "breakeven_request_cost_high_usd",
            "breakeven_workload_uncertainty_ratio",
        ],
        r#"
        breakeven_request_cost_low_usd{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",platform="kubernetes",basis="loaded"} 6.0736e-6
        breakeven_request_cost_low_usd{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",platform="lambda",basis="loaded"} 5.17e-7
        breakeven_request_cost_high_usd{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",platform="kubernetes",basis="loaded"} 2.42944e-5
        breakeven_request_cost_high_usd{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",platform="lambda",basis="loaded"} 2.068e-6
        breakeven_workload_uncertainty_ratio{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",parameter="core_speed"} 1.5
        "#,
    );
}

#[test]
fn utilisation_and_break_even_of_a_workload() {
    assert_series(
        &text(&of(checkout())),
        &[
            "breakeven_workload_utilization_ratio",
            "breakeven_workload_breakeven_utilization_ratio",
            "breakeven_workload_breakeven_requests_per_month",
            "breakeven_workload_ineligible",
        ],
        r#"
        breakeven_workload_utilization_ratio{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",resource="cost"} 0.4
        breakeven_workload_utilization_ratio{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",resource="cpu"} 0.5
        breakeven_workload_utilization_ratio{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",resource="memory"} 0.6
        breakeven_workload_breakeven_utilization_ratio{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout"} 3.868
        breakeven_workload_breakeven_requests_per_month{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",crossing="first"} 58776679
        breakeven_workload_breakeven_requests_per_month{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",crossing="sustained"} 60000000
        "#,
    );
}

#[test]
fn the_verdict_is_one_of_seven_states() {
    for verdict in Verdict::ALL {
        let mut report = checkout();
        report.assessment.verdict = verdict;
        let text = text(&of(report));
        let states = series(&text, &["breakeven_workload_verdict"]);
        assert_eq!(states.len(), 7);
        let on: Vec<_> = states.iter().filter(|line| line.ends_with(" 1")).collect();
        assert!(
            on.len() == 1 && on[0].contains(&format!("verdict=\"{}\"", verdict.as_str())),
            "{on:?}"
        );
    }
}

#[test]
fn a_workload_that_cannot_move_says_every_reason() {
    assert_series(
        &text(&of(postgres())),
        &[
            "breakeven_workload_ineligible",
            "breakeven_workload_breakeven_requests_per_month",
        ],
        r#"
        breakeven_workload_ineligible{home="kubernetes",namespace="shop",workload_kind="StatefulSet",workload="postgres",reason="stateful"} 1
        breakeven_workload_ineligible{home="kubernetes",namespace="shop",workload_kind="StatefulSet",workload="postgres",reason="memory"} 1
        breakeven_workload_breakeven_requests_per_month{home="kubernetes",namespace="shop",workload_kind="StatefulSet",workload="postgres",crossing="first"} 1000000
        "#,
    );
}

#[test]
fn costs_that_never_cross_have_no_crossing() {
    for breakeven in [
        Breakeven::KubernetesAlways,
        Breakeven::LambdaAlways,
        Breakeven::BeyondCapacity,
    ] {
        let mut report = checkout();
        report.assessment.alternatives[0].breakeven = Some(breakeven);
        let text = text(&of(report));
        assert_series(
            &text,
            &["breakeven_workload_breakeven_requests_per_month"],
            "",
        );
    }
}

#[test]
fn what_is_not_known_of_a_workload_is_absent() {
    let unknown = bare(WorkloadRef::Kubernetes(workload(
        "shop",
        "Deployment",
        "new",
    )));
    let text = text(&of(unknown));
    let workload: Vec<_> = text
        .lines()
        .filter(|line| line.contains("workload=\"new\"") && !line.contains("_verdict{"))
        .collect();
    assert_eq!(
        workload,
        [
            r#"breakeven_workload_info{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="new"} 1"#
        ]
    );
}

#[test]
fn a_workload_without_requests_has_a_month_and_no_cost_per_request() {
    let mut workload = checkout();
    for cost in costs_mut(&mut workload) {
        cost.requests = requests(0.0);
    }
    let text = text(&of(workload));
    assert_eq!(series(&text, &["breakeven_request_cost_usd"]).len(), 0);
    assert_eq!(
        series(&text, &["breakeven_workload_monthly_cost_usd"]).len(),
        4
    );
}

#[test]
fn what_annotations_say_of_a_workload_is_there_to_join_on() {
    assert_series(
        &text(&of(checkout())),
        &["breakeven_workload_info", "breakeven_workload_pair_info"],
        r#"
        breakeven_workload_info{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",traffic_pattern="diurnal",architecture="x86_64",lambda_memory_mib="256",team="payments",unit="order",requests_by="istio"} 1
        breakeven_workload_pair_info{home="kubernetes",namespace="shop",workload_kind="Deployment",workload="checkout",pair="123456789012/eu-west-1/checkout"} 1
        "#,
    );
}

#[test]
fn what_counts_requests_and_why() {
    let report = Report {
        requests: Some(RequestOrigin {
            name: None,
            choice: OriginChoice::NoneHasData,
            passed_over: vec![("istio".into(), "no data".into())],
        }),
        ..nothing()
    };
    let of = |report: &Report, expected| {
        assert_series(&text(report), &["breakeven_requests_info"], expected);
    };
    of(
        &report,
        r#"breakeven_requests_info{origin="none",choice="none_has_data"} 1"#,
    );
    of(
        &everything(),
        r#"breakeven_requests_info{origin="istio",choice="first_with_data"} 1"#,
    );
    of(&nothing(), "");
}

#[test]
fn the_counts_and_facts_of_a_function() {
    assert_series(
        &text(&of(thumbnails())),
        &[
            "breakeven_workload_cost_usd_total",
            "breakeven_function_gib_seconds_total",
            "breakeven_function_errors_total",
            "breakeven_function_throttles_total",
            "breakeven_function_cold_starts_total",
            "breakeven_function_concurrency_peak",
            "breakeven_workload_info",
            "breakeven_function_reserved_concurrency",
            "breakeven_function_provisioned_concurrency",
            "breakeven_workload_monthly_saving_usd",
        ],
        r#"
        breakeven_workload_cost_usd_total{home="lambda",workload_kind="Function",workload="thumbnails",account_id="123456789012",aws_region="eu-west-1",component="requests"} 1
        breakeven_workload_cost_usd_total{home="lambda",workload_kind="Function",workload="thumbnails",account_id="123456789012",aws_region="eu-west-1",component="duration"} 4.166675
        breakeven_workload_cost_usd_total{home="lambda",workload_kind="Function",workload="thumbnails",account_id="123456789012",aws_region="eu-west-1",component="init"} 0
        breakeven_function_gib_seconds_total{home="lambda",workload_kind="Function",workload="thumbnails",account_id="123456789012",aws_region="eu-west-1"} 250000
        breakeven_function_errors_total{home="lambda",workload_kind="Function",workload="thumbnails",account_id="123456789012",aws_region="eu-west-1"} 3
        breakeven_function_throttles_total{home="lambda",workload_kind="Function",workload="thumbnails",account_id="123456789012",aws_region="eu-west-1"} 0
        breakeven_function_cold_starts_total{home="lambda",workload_kind="Function",workload="thumbnails",account_id="123456789012",aws_region="eu-west-1",method="ratchet"} 7
        breakeven_function_concurrency_peak{home="lambda",workload_kind="Function",workload="thumbnails",account_id="123456789012",aws_region="eu-west-1"} 12
        breakeven_workload_info{home="lambda",workload_kind="Function",workload="thumbnails",account_id="123456789012",aws_region="eu-west-1",traffic_pattern="diurnal",architecture="arm64",runtime="python3.13",lambda_memory_mib="1769",team="media",tag_cost_centre="4711"} 1
        breakeven_function_reserved_concurrency{home="lambda",workload_kind="Function",workload="thumbnails",account_id="123456789012",aws_region="eu-west-1"} 50
        breakeven_function_provisioned_concurrency{home="lambda",workload_kind="Function",workload="thumbnails",account_id="123456789012",aws_region="eu-west-1"} 5
        breakeven_workload_monthly_saving_usd{home="lambda",workload_kind="Function",workload="thumbnails",account_id="123456789012",aws_region="eu-west-1"} -4
        "#,
    );
}

#[test]
fn a_workload_of_a_foreign_kind_has_that_kind() {
    let mut id = workload("shop", "Deployment", "canary");
    id.kind = WorkloadKind::Other("Rollout".into());
    let text = text(&of(bare(WorkloadRef::Kubernetes(id))));
    assert!(text.contains(r#"workload_kind="Rollout",workload="canary""#));
}

#[test]
fn a_shared_workload_has_its_cost_and_nothing_else() {
    let shared = SharedWorkload {
        workload: workload("kube-system", "DaemonSet", "aws-node"),
        cost_total: usd(0.125),
    };
    let text = text(&Report {
        shared: vec![shared],
        ..nothing()
    });
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.contains("aws-node"))
        .collect();
    assert_eq!(
        lines,
        [
            r#"breakeven_shared_workload_cost_usd_total{home="kubernetes",namespace="kube-system",workload_kind="DaemonSet",workload="aws-node"} 0.125"#
        ]
    );
}

#[test]
fn the_whole_cluster() {
    assert_series(
        &text(&Report {
            cluster: Some(cluster()),
            ..nothing()
        }),
        &[
            "breakeven_cluster_cost_usd_total",
            "breakeven_cluster_utilization_ratio",
            "breakeven_cluster_breakeven_utilization_ratio",
            "breakeven_observed_seconds_total",
            "breakeven_unobserved_seconds_total",
        ],
        r#"
        breakeven_cluster_cost_usd_total{component="allocated"} 2
        breakeven_cluster_cost_usd_total{component="idle"} 0.25
        breakeven_cluster_cost_usd_total{component="shared"} 0.125
        breakeven_cluster_cost_usd_total{component="fixed"} 0.1
        breakeven_cluster_cost_usd_total{component="unattributed"} 0
        breakeven_cluster_utilization_ratio 0.4
        breakeven_cluster_breakeven_utilization_ratio 0.46
        breakeven_observed_seconds_total{source="kubernetes"} 3600.5
        breakeven_unobserved_seconds_total{source="kubernetes"} 30
        "#,
    );
}

#[test]
fn nodes_with_and_without_a_price_and_the_limit_of_an_account() {
    assert_series(
        &text(&everything()),
        &[
            "breakeven_node_price_usd_per_hour",
            "breakeven_node_unpriced",
            "breakeven_cpu_price_usd_per_core_hour",
            "breakeven_memory_price_usd_per_gib_hour",
            "breakeven_account_concurrency_limit",
        ],
        r#"
        breakeven_node_price_usd_per_hour{node="n1",instance_type="m5.large",capacity_type="on-demand",price_source="embedded"} 0.096
        breakeven_node_unpriced{node="n2",reason="no_instance_type"} 1
        breakeven_cpu_price_usd_per_core_hour{node="n1"} 0.03125
        breakeven_memory_price_usd_per_gib_hour{node="n1"} 0.00419
        breakeven_account_concurrency_limit{account_id="123456789012",aws_region="eu-west-1"} 1000
        "#,
    );
}

#[test]
fn the_bill_with_what_the_model_has_and_what_it_does_not_have() {
    assert_series(
        &text(&everything()),
        &[
            "breakeven_bill_usd_total",
            "breakeven_bill_amortized_usd_total",
            "breakeven_bill_to_model_ratio",
            "breakeven_bill_usage_to_model_ratio",
            "breakeven_bill_price_to_list_ratio",
            "breakeven_bill_compared_seconds",
            "breakeven_bill_day_observed_ratio",
            "breakeven_bill_savings_plan_coverage_ratio",
            "breakeven_bill_settled_timestamp_seconds",
        ],
        r#"
        breakeven_bill_usd_total{account_id="123456789012",aws_region="eu-west-1",usage_type="EUW1-Request"} 1.5
        breakeven_bill_usd_total{account_id="123456789012",usage_type="MOON1-Request"} 1.5
        breakeven_bill_amortized_usd_total{account_id="123456789012",aws_region="eu-west-1",usage_type="EUW1-Request"} 3
        breakeven_bill_amortized_usd_total{account_id="123456789012",usage_type="MOON1-Request"} 3
        breakeven_bill_to_model_ratio{account_id="123456789012",aws_region="eu-west-1",usage_type="EUW1-Request"} 0.75
        breakeven_bill_usage_to_model_ratio{account_id="123456789012",aws_region="eu-west-1",usage_type="EUW1-Request"} 0.75
        breakeven_bill_price_to_list_ratio{account_id="123456789012",aws_region="eu-west-1",usage_type="EUW1-Request"} 0.75
        breakeven_bill_compared_seconds{account_id="123456789012",aws_region="eu-west-1"} 604800
        breakeven_bill_day_observed_ratio{account_id="123456789012",aws_region="eu-west-1"} 0.995
        breakeven_bill_savings_plan_coverage_ratio{account_id="123456789012",aws_region="eu-west-1"} 0.6
        breakeven_bill_settled_timestamp_seconds 1772366400
        "#,
    );
}

#[test]
fn sources_that_work_that_fail_and_that_were_not_tried_yet() {
    let seen = |before: i64| {
        at().checked_sub(jiff::SignedDuration::from_secs(before))
            .unwrap()
    };
    let works = SourceStatus {
        up: Some(true),
        last_success: Some(seen(12)),
        last_duration: Some(Duration::from_millis(250)),
        ..SourceStatus::default()
    };
    let fails = SourceStatus {
        up: Some(false),
        last_success: Some(seen(-1)),
        last_duration: Some(Duration::from_secs(10)),
        errors: [(Reason::Timeout, 2), (Reason::Throttled, 1)].into(),
        last_error: Some("no answer".into()),
        discarded: [("not_finite", 3)].into(),
        missing_attributes: MissingAttributes::new(),
        site: SourceLocation {
            account_id: Some("123456789012".into()),
            region: Some("eu-west-1".into()),
        },
    };
    let sources = BTreeMap::from([
        (Source::Kubernetes.into(), works),
        (Source::CloudWatch.into(), fails),
        (Source::Lambda.into(), SourceStatus::default()),
    ]);
    let rendered = render(&Inputs {
        report: &nothing(),
        sources: &sources,
        own: &SelfMetricValues::new(BUILD),
        external_labels: &[],
        settings: RenderConfig::default(),
    });
    assert_series(
        &text_of(&rendered, Format::Text),
        &[
            "breakeven_source_up",
            "breakeven_source_last_success_timestamp_seconds",
            "breakeven_source_duration_seconds",
            "breakeven_source_errors_total",
            "breakeven_source_left_out_total",
            "breakeven_data_age_seconds",
        ],
        r#"
        breakeven_source_left_out_total{source="cloudwatch",account_id="123456789012",aws_region="eu-west-1",reason="not_finite"} 3
        breakeven_source_up{source="kubernetes"} 1
        breakeven_source_up{source="cloudwatch",account_id="123456789012",aws_region="eu-west-1"} 0
        breakeven_source_last_success_timestamp_seconds{source="kubernetes"} 1772366388
        breakeven_source_last_success_timestamp_seconds{source="cloudwatch",account_id="123456789012",aws_region="eu-west-1"} 1772366401
        breakeven_source_duration_seconds{source="kubernetes"} 0.25
        breakeven_source_duration_seconds{source="cloudwatch",account_id="123456789012",aws_region="eu-west-1"} 10
        breakeven_source_errors_total{source="cloudwatch",account_id="123456789012",aws_region="eu-west-1",reason="timeout"} 2
        breakeven_source_errors_total{source="cloudwatch",account_id="123456789012",aws_region="eu-west-1",reason="throttled"} 1
        breakeven_data_age_seconds{source="kubernetes"} 12
        breakeven_data_age_seconds{source="cloudwatch",account_id="123456789012",aws_region="eu-west-1"} 0
        "#,
    );
}

#[test]
fn the_program_itself_with_external_labels() {
    let mut own = SelfMetricValues::new(BUILD);
    own.config = ConfigState {
        last_reload_successful: Some(false),
        last_success: Some(at()),
        warnings: Some(2),
    };
    own.aws_api.insert(
        "GetMetricData".into(),
        ApiUsage {
            requests: 500,
            cost: usd(0.005),
        },
    );
    own.aws_budgets.insert(
        "GetMetricData".into(),
        ApiBudget {
            monthly: usd(10.0),
            expected: usd(8.5),
            longest_interval: Duration::from_secs(7_200),
        },
    );
    let rendered = render(&Inputs {
        report: &nothing(),
        sources: &BTreeMap::new(),
        own: &own,
        external_labels: &[("cluster".into(), "blue \"1\"".into())],
        settings: RenderConfig::default(),
    });
    assert_series(
        &text_of(&rendered, Format::Text),
        &[
            "breakeven_report_timestamp_seconds",
            "breakeven_build_info",
            "breakeven_config_last_reload_successful",
            "breakeven_config_last_reload_success_timestamp_seconds",
            "breakeven_aws_api_requests_total",
            "breakeven_aws_api_cost_usd_total",
            "breakeven_aws_api_budget_usd_per_month",
            "breakeven_aws_api_expected_usd_per_month",
            "breakeven_aws_api_longest_interval_seconds",
        ],
        r#"
        breakeven_report_timestamp_seconds{cluster="blue \"1\""} 1772366400
        breakeven_build_info{version="1.2.3",rustversion="1.95.0",cluster="blue \"1\""} 1
        breakeven_config_last_reload_successful{cluster="blue \"1\""} 0
        breakeven_config_last_reload_success_timestamp_seconds{cluster="blue \"1\""} 1772366400
        breakeven_aws_api_requests_total{api="GetMetricData",cluster="blue \"1\""} 500
        breakeven_aws_api_cost_usd_total{api="GetMetricData",cluster="blue \"1\""} 0.005
        breakeven_aws_api_budget_usd_per_month{api="GetMetricData",cluster="blue \"1\""} 10
        breakeven_aws_api_expected_usd_per_month{api="GetMetricData",cluster="blue \"1\""} 8.5
        breakeven_aws_api_longest_interval_seconds{api="GetMetricData",cluster="blue \"1\""} 7200
        "#,
    );
}

#[test]
fn the_lines_about_a_family_come_before_its_series() {
    let report = Report {
        cluster: Some(cluster()),
        ..nothing()
    };
    let rendered = rendered(&report, usize::MAX);
    let utilization = |format| {
        let text = text_of(&rendered, format);
        let lines = text
            .lines()
            .filter(|line| line.contains("breakeven_cluster_utilization_ratio"));
        lines
            .filter(|line| !line.contains("family="))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let help = "# HELP breakeven_cluster_utilization_ratio Cost used / cost loaded over the workloads that could move to Lambda.";
    let kind = "# TYPE breakeven_cluster_utilization_ratio gauge";
    let series = "breakeven_cluster_utilization_ratio 0.4";
    assert_eq!(utilization(Format::Text), [help, kind, series]);
    let unit = "# UNIT breakeven_cluster_utilization_ratio ratio";
    assert_eq!(utilization(OPENMETRICS), [kind, unit, help, series]);
}

use super::*;
use breakeven_model::lambda::{Compute, FreeTier};

#[test]
fn what_is_left_out_has_its_default() {
    let scenario =
        parse("lambda: {memory_mib: 256, requests_per_month: 5e6, duration_ms: 200}").unwrap();
    let (month, prices) = scenario.lambda.unwrap();
    assert_eq!(scenario.kubernetes, None);
    assert!((scenario.hours.hours() - 730.0).abs() < 1e-12);
    assert_eq!(month.free, FreeTier::NONE);
    let Compute::OnDemand(on_demand) = month.compute else {
        panic!("{month:?}")
    };
    assert_eq!(on_demand.provisioned, None);
    assert_eq!((on_demand.snapstart, on_demand.init), (None, None));
    let list = breakeven_model::pricing::list_prices::lambda::Prices::list(
        breakeven_model::inventory::Architecture::X86_64,
    );
    assert_eq!(prices, list);
}

#[test]
fn a_section_of_zeros_is_none() {
    let scenario = parse(
        "
lambda:
  memory_mib: 256
  requests_per_month: 5000000
  duration_ms: 200
  provisioned: {concurrency: 0, hours: 0, requests_per_month: 0, duration_ms: 0}
  snapstart: {cached_hours: 0, restores_per_month: 0}
  init: {cold_starts_per_month: 0, duration_ms: 0}
  managed_instances: {instance_type: m7g.xlarge, hours: 0, usd_per_hour: 0.0457}
kubernetes:
  node: {instance_type: t3.medium}
  requests_per_node_per_month: null
  cost_used_usd_per_month: null
",
    )
    .unwrap();
    let (month, _) = scenario.lambda.unwrap();
    let Compute::OnDemand(on_demand) = month.compute else {
        panic!("{month:?}")
    };
    assert_eq!(on_demand.provisioned, None);
    let cluster = scenario.kubernetes.unwrap();
    assert_eq!(
        (cluster.capacity, cluster.used, cluster.nodes),
        (None, None, 1)
    );
}

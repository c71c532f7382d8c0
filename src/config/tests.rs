use super::*;
use breakeven_model::inventory::CapacityType;
use breakeven_model::lambda::EndpointTraffic;
use breakeven_model::pricing::Rate;
use breakeven_model::units::UsdPerHour;

fn errors(text: &str) -> Vec<String> {
    let refused = parse(text).map(|_| ()).unwrap_err();
    refused.0.iter().map(ToString::to_string).collect()
}

#[test]
fn an_empty_file_is_the_default() {
    for text in ["", "---\n", "# nothing\n", "model:\n", "{}"] {
        assert_eq!(parse(text).unwrap().0, RawConfig::default(), "{text:?}");
    }
}

#[test]
fn the_default_file_reads_as_the_default_and_has_a_sentence_for_every_setting() {
    let file = default_file();
    assert_eq!(parse(&file).unwrap().0, RawConfig::default());
    let lines: Vec<&str> = file.lines().collect();
    for (at, line) in lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !line.trim().starts_with(['#', '-']))
    {
        let above = at.checked_sub(1).map_or("", |above| lines[above]);
        assert!(above.trim().starts_with('#'), "no sentence above {line:?}");
        assert!(above.len() <= 100, "{above}");
    }
}

#[test]
fn what_is_shown_reads_as_what_was_meant() {
    let text = "
external_labels: {cluster: prod}
prices:
  nodes:
    - selector: {instance_type: c5.xlarge, capacity_type: spot}
      usd_per_hour: 0.068
  fixed:
    - {name: control plane, usd_per_hour: 0.1}
requests:
  prometheus:
    url: http://prometheus:9090
    queries:
      requests: sum by (namespace, pod) (increase(http_requests_total[$window]))
";
    let (raw, _) = parse(text).unwrap();
    assert_eq!(parse(&show(&raw)).unwrap().0, raw, "{}", show(&raw));
}

#[test]
fn settings_reach_the_parts_they_are_for() {
    let text = "
model: {decision_window_seconds: 7200, sharing: even}
prices:
  nodes:
    - {selector: {capacity_type: spot}, usd_per_hour: 0.05}
  fixed:
    - {name: load balancers, usd_per_hour: 0.10}
    - {name: support, usd_per_month: 73}
kubernetes: {team_label: team, usage_interval_seconds: 30}
aws: {enabled: false}
";
    let (_, config) = parse(text).unwrap();
    assert!((config.model.decision_window.seconds() - 7_200.0).abs() < 1e-9);
    assert!((config.model.fixed.hourly() - 0.2).abs() < 1e-12);
    assert_eq!(
        config.prices.rules[0].selector.capacity_type,
        Some(CapacityType::Spot)
    );
    assert_eq!(&*config.prices.rules[0].place, "prices.nodes[0]");
    let kubernetes = config.kubernetes.unwrap();
    assert_eq!(kubernetes.watch.team_label.as_deref(), Some("team"));
    assert_eq!(kubernetes.usage_schedule.interval.as_secs(), 30);
    assert!(config.aws.is_none() && config.requests.is_none());
}

#[test]
fn every_error_is_told_at_once_and_each_once() {
    let found =
        errors("modle: {}\nmodel: {sharing: evenly, hours_per_month: 0, interval_seconds: 15s}\n");
    assert_eq!(
        found,
        [
            "modle: is not a setting; did you mean `model`?",
            "model.interval_seconds: \"15s\" is not a number",
            "model.sharing: \"evenly\" is not one of: proportional even none",
            "model.hours_per_month: 0 is not between 1 and 744",
        ]
    );
}

#[test]
fn prices_of_a_file_come_after_those_of_the_configuration() {
    let text = "prices:
  nodes:
    - selector: {pool: own}
      usd_per_hour: 0.5
  file: tests/config/prices/good.csv
";
    let (_, config) = parse(text).unwrap();
    let rules = &config.prices.rules;
    let places: Vec<&str> = rules.iter().map(|rule| &*rule.place).collect();
    assert_eq!(
        places,
        [
            "prices.nodes[0]",
            "prices.file line 3",
            "prices.file line 4"
        ]
    );
    let whole = |hourly| Rate::Whole(UsdPerHour::from_hourly(hourly).unwrap());
    assert_eq!(rules[1].rate, whole(0.1723));
    let selector = &rules[1].selector;
    assert_eq!(selector.pool.as_deref(), Some("default-pool"));
    assert_eq!(selector.capacity_type, Some(CapacityType::OnDemand));
    assert_eq!(selector.node, None);
    assert!(matches!(rules[2].rate, Rate::BySize(_)));
}

#[test]
fn the_bill_is_kept_where_it_says_or_else_with_the_state() {
    let kept_in = |text: &str| {
        let (_, config) = parse(text).unwrap();
        let (settings, _) = config.aws.unwrap().bill?;
        Some(settings.cache_directory.display().to_string())
    };
    assert_eq!(kept_in("state: {directory: /kept}"), None);
    let state = "state: {directory: /kept}\naws: {bill: {enabled: true}}";
    assert_eq!(kept_in(state).as_deref(), Some("/kept"));
    let own = "aws: {bill: {enabled: true, cache_directory: /own}}";
    assert_eq!(kept_in(own).as_deref(), Some("/own"));
}

#[test]
fn a_price_of_a_part_holds_only_in_regions_that_list_none() {
    let there = |region: &str| {
        format!(
            "model: {{lambda_equivalent: {{region: {region}, front_door: http_api}}}}
prices: {{lambda: {{unlisted: {{front_door_usd_per_million: 7, snapstart_cache_usd_per_gb_second: 0.5}}}}}}"
        )
    };
    let a_million = |region: &str| {
        let (_, config) = parse(&there(region)).unwrap();
        let terms = config.model.lambda_equivalent.terms;
        let EndpointTraffic::Api(tiers) = terms.endpoint_traffic else {
            panic!("{region}")
        };
        (
            tiers.first().each() * 1e6,
            terms.prices.snapstart_cache.unwrap().secondly(),
        )
    };
    for (region, front_door, snapstart) in [
        ("mx-central-1", 7.0, 0.000_001_703_2),
        ("ap-east-2", 7.0, 0.5),
        ("sa-east-1", 1.59, 0.000_001_985_5),
    ] {
        let found = a_million(region);
        assert!((found.0 - front_door).abs() < 1e-9, "{region} {found:?}");
        assert!((found.1 - snapstart).abs() < 1e-12, "{region} {found:?}");
    }
    let negative = "prices: {lambda: {unlisted: {front_door_usd_per_million: -1}}}";
    assert_eq!(errors(negative).len(), 1);
}

/// A configuration with these headers for Prometheus.
fn with_headers(headers: &str) -> String {
    format!("requests: {{prometheus: {{url: 'http://a:9090', preset: istio, headers: {headers}}}}}")
}

#[test]
fn header_values_are_shown_nowhere() {
    let text = with_headers("{Authorization: Bearer hunter2, X-Scope-OrgID: shop}");
    let (raw, config) = parse(&text).unwrap();
    let headers = r#"headers: {"Authorization":"<redacted>","X-Scope-OrgID":"<redacted>"}"#;
    assert!(show(&raw).contains(headers), "{}", show(&raw));
    for text in [format!("{raw:?}"), format!("{config:?}"), raw.counting()] {
        assert!(
            !text.contains("hunter2") && !text.contains("shop"),
            "{text}"
        );
    }
}

#[test]
fn requests_of_another_tenant_are_other_requests() {
    let [shop, bank, none] = ["{X-Scope-OrgID: shop}", "{X-Scope-OrgID: bank}", "{}"]
        .map(|headers| parse(&with_headers(headers)).unwrap().0.counting());
    assert_ne!(shop, bank);
    assert!(!none.contains('#'), "{none}");
}

#[test]
fn errors_do_not_show_values_that_may_be_secrets() {
    for (text, expected) in [
        (
            with_headers("{X-Key: 112358}"),
            "requests.prometheus.headers.X-Key: the value is not text; put it in quotes",
        ),
        (
            with_headers("'X-Key: 112358'"),
            "requests.prometheus.headers: the value is not keys with values",
        ),
        (
            with_headers("{X-Key: \"112358\\n\"}"),
            "requests.prometheus.headers: `headers` is not usable: the value of `x-key` is none",
        ),
        (
            with_headers("{}, basic_auth: 'prometheus:112358'"),
            "requests.prometheus.basic_auth: the value is not a section with keys",
        ),
        (
            with_headers("{}, basic_auth: {username: 'prometheus:112358', password_file: a}"),
            "requests.prometheus.basic_auth.username: the value is empty or has a colon, expected the name of a user",
        ),
        (
            "requests: {prometheus: {preset: istio, url: 'http://a:112358@b c'}}".to_owned(),
            "requests.prometheus.url: `base_url` is not usable: the value (not shown, as it may hold a password) is not an address: invalid uri character",
        ),
        (
            "requests: {prometheus: {preset: istio, url: 'http//a:112358@b:9090'}}".to_owned(),
            "requests.prometheus.url: `base_url` is not usable: the value (not shown, as it may hold a password) is not an address: invalid format",
        ),
        (
            with_headers("{'Authorization: Bearer 112358': null}"),
            "requests.prometheus.headers: the value is not keys with values",
        ),
        (
            "requests: {prometheus: {preset: istio, url: 'ftp://a:112358@b'}}".to_owned(),
            "requests.prometheus.url: `base_url` is not usable: it holds a user or password: give them in `headers`",
        ),
        (
            "requests: {prometheus: {preset: istio, url: 'http://a/?key=112358'}}".to_owned(),
            "requests.prometheus.url: `base_url` is not usable: \"http://a/\" has a query",
        ),
    ] {
        assert_eq!(parse(&text).unwrap_err().to_string(), expected);
    }
    // Characters that begin something else in YAML.
    for beginning in ["*", "&", "!", "%", "@", "`", "|", "'", "[", "\""] {
        let text =
            format!("requests:\n  prometheus:\n    headers:\n      X-Key: {beginning}112358");
        let error = parse(&text).err().map(|error| error.to_string());
        let error = error.unwrap_or_default();
        assert!(!error.contains("112358"), "{error}");
    }
}

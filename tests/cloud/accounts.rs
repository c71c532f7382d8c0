//! Three accounts in two regions, read by one agent over the simulated cloud: each place has its own sources, whatever
//! goes wrong with one leaves the others alone, and it recovers by itself.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::support::exposition::{Exposition, get};
use crate::support::until;
use breakeven::agent::{Agent, ConfigSource, ReloadHandle, StateNotSaved};
use breakeven::server::ServerConfig;
use breakeven::sources::aws::FixedCredentials;
use breakeven_clock::Clock;
use breakeven_simulator::{Endpoint, Fault, FaultRule, SimulatedCloud, World};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const OWN: &str = "123456789012";
const PAYMENTS: &str = "111111111111";
const DATA: &str = "222222222222";
const REGIONS: [&str; 2] = ["us-east-1", "us-west-2"];

/// How long an attempt may take.
const TIMEOUT: Duration = Duration::from_secs(3);

/// A function of the same name in each of the six places, called differently often. The credentials of one role live for an
/// hour, those of the other for three seconds of the wall.
fn world() -> World {
    let mut functions = String::new();
    for (at, account) in [OWN, PAYMENTS, DATA].into_iter().enumerate() {
        for (region_at, region) in REGIONS.into_iter().enumerate() {
            let rate = 1 + 2 * at + region_at;
            functions += &format!(
                "  - {{name: api, account_id: '{account}', region: {region}, memory_mib: 512, duration_ms: 90,\n     \
                 traffic: {{pattern: steady, requests_per_second: {rate}}}}}\n"
            );
        }
    }
    let text = format!(
        "name: accounts\nhistory_hours: 3\naccounts:\n  \
         - {{id: '{PAYMENTS}', external_id: x-1}}\n  \
         - {{id: '{DATA}', role: reader, session_seconds: 3, linked: true}}\nfunctions:\n{functions}"
    );
    World::from_yaml(&text).unwrap()
}

/// The other accounts, as the configuration has them.
fn payments(external_id: &str) -> String {
    format!(
        "{{role_arn: 'arn:aws:iam::{PAYMENTS}:role/breakeven', external_id: {external_id}, name: payments}}"
    )
}

fn data() -> String {
    format!("{{role_arn: 'arn:aws:iam::{DATA}:role/reader'}}")
}

/// The same, with its metrics read in the own account.
fn linked(account: &str) -> String {
    account.replace('}', ", linked: true}")
}

fn config(accounts: &[String]) -> String {
    format!(
        "kubernetes: {{enabled: false}}\nmodel: {{interval_seconds: 15, decision_window_seconds: 7200}}\naws:\n  \
         regions: [{}]\n  accounts: [{}]\n  functions_interval_seconds: 30\n  metrics_interval_seconds: 30\n",
        REGIONS.join(", "),
        accounts.join(", ")
    )
}

/// The cloud, and an agent that reads it at sixty times the speed of the wall.
struct Running {
    cloud: SimulatedCloud,
    file: tempfile::NamedTempFile,
    reload: ReloadHandle,
    url: String,
    task: JoinHandle<Result<(), StateNotSaved>>,
}

impl Running {
    async fn start(accounts: &[String]) -> Self {
        let clock = Clock::accelerated("2026-03-02T12:02:30Z".parse().unwrap(), 60.0);
        let local = ([127, 0, 0, 1], 0).into();
        let cloud = SimulatedCloud::start(world(), clock.clone(), local)
            .await
            .unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(config(accounts).as_bytes()).unwrap();
        let endpoint = cloud.aws_url();
        let source = ConfigSource {
            file: Some(file.path().to_owned()),
            adjust: Arc::new(move |config| {
                let aws = config.aws.as_mut().unwrap();
                aws.session.endpoint_url = Some(endpoint.clone());
                aws.session.region = Some(REGIONS[0].to_owned());
                aws.session.credentials = Some(FixedCredentials {
                    access_key_id: "simulated".to_owned(),
                    secret_access_key: "simulated".to_owned(),
                });
                aws.session.max_attempts = 1;
                aws.session.attempt_timeout = TIMEOUT;
            }),
            ..ConfigSource::default()
        };
        let settings = ServerConfig {
            listen: vec![local],
            clock: clock.clone(),
            ..ServerConfig::default()
        };
        let agent = Agent::bind(source, settings, clock).await.unwrap();
        let url = format!("http://{}", agent.addresses()[0]);
        let reload = agent.reload_handle();
        let task = tokio::spawn(agent.run(CancellationToken::new()));
        Self {
            cloud,
            file,
            reload,
            url,
            task,
        }
    }

    async fn metrics(&self) -> Exposition {
        let shown = Exposition::at(&format!("{}/metrics", self.url)).await;
        shown.unwrap_or_else(|| Exposition::read(""))
    }

    async fn page(&self) -> String {
        let (_, _, body) = get(&format!("{}/", self.url)).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    /// Waits until both sources of so many places work, and each function has its cost.
    async fn is_well(&self, places: usize) -> Exposition {
        until(&format!("{places} places"), async || {
            let shown = self.metrics().await;
            let up = shown.sum("breakeven_source_up", &[])?;
            let whole = up.to_bits() == f64::from(u32::try_from(2 * places).unwrap()).to_bits();
            (whole && costs(&shown).len() == places).then_some(shown)
        })
        .await
    }

    /// Waits until just these are down, for this reason.
    async fn is_down(&self, source: &str, places: &[(&str, &str)], reason: &str) -> Exposition {
        until(&format!("{reason} of {source} in {places:?}"), async || {
            let shown = self.metrics().await;
            let down = shown.all("breakeven_source_up", &[]);
            let mut down: Vec<_> = down
                .filter(|one| one.value < 1.0)
                .map(|one| (one.label("account_id"), one.label("aws_region")))
                .collect();
            let all_of_it = places.iter().all(|(account, region)| {
                let labels = [
                    ("source", source),
                    ("account_id", *account),
                    ("aws_region", *region),
                    ("reason", reason),
                ];
                let up = shown.one("breakeven_source_up", &labels[..3]);
                up == Some(0.0)
                    && shown
                        .one("breakeven_source_errors_total", &labels)
                        .is_some()
            });
            down.sort_unstable();
            down.dedup();
            let mut expected = places.to_vec();
            expected.sort_unstable();
            (all_of_it && down == expected).then_some(shown)
        })
        .await
    }

    async fn reload(&mut self, accounts: &[String]) {
        std::fs::write(self.file.path(), config(accounts)).unwrap();
        self.reload.reload().await.unwrap();
    }

    async fn stop(self) {
        assert!(!self.task.is_finished(), "the agent ended by itself");
        self.task.abort();
        self.cloud.stop().await;
    }
}

/// What a request costs in each place.
fn costs(shown: &Exposition) -> BTreeMap<(String, String), f64> {
    let labels = [("workload", "api"), ("platform", "lambda")];
    let costs = shown.all("breakeven_request_cost_usd", &labels);
    costs
        .map(|one| {
            let [account, region] =
                ["account_id", "aws_region"].map(|name| one.label(name).to_owned());
            ((account, region), one.value)
        })
        .collect()
}

/// The invocations that were counted in each place.
fn invocations(shown: &Exposition) -> BTreeMap<(String, String), f64> {
    let labels = [("workload", "api"), ("outcome", "served")];
    let counts = shown.all("breakeven_workload_requests_total", &labels);
    counts
        .map(|one| {
            let [account, region] =
                ["account_id", "aws_region"].map(|name| one.label(name).to_owned());
            ((account, region), one.value)
        })
        .collect()
}

fn never_fell(before: &Exposition, after: &Exposition) {
    let (before, after) = (invocations(before), invocations(after));
    for (place, count) in before {
        assert!(
            after.get(&place).is_some_and(|now| *now >= count),
            "{place:?}: {count} and then {:?}",
            after.get(&place)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_account_and_region_has_its_own_sources_and_functions() {
    let agent = Running::start(&[payments("x-1"), data()]).await;
    let shown = agent.is_well(6).await;
    for account in [OWN, PAYMENTS, DATA] {
        for region in REGIONS {
            let site = [("account_id", account), ("aws_region", region)];
            for source in ["lambda", "cloudwatch"] {
                let labels = [site.as_slice(), &[("source", source)]].concat();
                assert_eq!(shown.one("breakeven_source_up", &labels), Some(1.0));
                assert!(shown.one("breakeven_data_age_seconds", &labels).is_some());
            }
            let limit = shown.one("breakeven_account_concurrency_limit", &site);
            assert_eq!(limit, Some(1_000.0), "{account} {region}");
        }
    }
    // Invocations of the minutes since the start are in the ratio of the rates, whoever is read first.
    let grown = until("ten minutes", async || {
        let shown = agent.metrics().await;
        let counted = invocations(&shown);
        let least = *counted.get(&(OWN.into(), REGIONS[0].into()))?;
        (least >= 600.0).then_some(counted)
    })
    .await;
    for (at, account) in [OWN, PAYMENTS, DATA].into_iter().enumerate() {
        for (region_at, region) in REGIONS.into_iter().enumerate() {
            let rate = f64::from(u32::try_from(1 + 2 * at + region_at).unwrap());
            let minutes = grown[&(account.to_owned(), region.to_owned())] / 60.0 / rate;
            assert!(
                minutes.fract().abs() < 1e-9 && minutes > 0.0,
                "{account} {region}: {minutes} minutes"
            );
        }
    }
    let page = agent.page().await;
    assert!(page.contains("lambda of payments in us-west-2"), "{page}");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_is_taken_on_once_for_all_regions_and_again_before_its_credentials_expire() {
    let agent = Running::start(&[payments("x-1")]).await;
    agent.is_well(4).await;
    let roles = |cloud: &SimulatedCloud| {
        let counts = cloud.requests().counts();
        let sts = counts.get(&Endpoint::Sts);
        sts.and_then(|sts| sts.get("AssumeRole").copied())
    };
    assert_eq!(roles(&agent.cloud), Some(1));
    let labels = [("api", "AssumeRole")];
    until("it to be counted", async || {
        let shown = agent.metrics().await;
        (shown.one("breakeven_aws_api_requests_total", &labels)? == 1.0).then_some(())
    })
    .await;
    agent.stop().await;

    let agent = Running::start(&[data()]).await;
    agent.is_well(4).await;
    let before = roles(&agent.cloud).unwrap();
    until("credentials to be renewed", async || {
        (roles(&agent.cloud)? > before + 5).then_some(())
    })
    .await;
    let shown = agent.metrics().await;
    let errors = shown.sum("breakeven_source_errors_total", &[]);
    assert_eq!(errors, None, "they are renewed before they expire");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_in_one_account_or_region_leaves_the_others_alone_and_ends() {
    let agent = Running::start(&[payments("x-1"), data()]).await;
    let mut before = agent.is_well(6).await;
    let payments = REGIONS.map(|region| (PAYMENTS, region));
    let data = REGIONS.map(|region| (DATA, region));
    let west = [OWN, PAYMENTS, DATA].map(|account| (account, REGIONS[1]));
    let lambda = |fault| FaultRule::always(Endpoint::Lambda, fault);
    let cloudwatch = |fault| FaultRule::always(Endpoint::CloudWatch, fault);
    let sts = |fault| FaultRule::always(Endpoint::Sts, fault);
    for (rule, source, places, reason, remedy) in [
        (
            lambda(Fault::Forbidden).in_account(PAYMENTS),
            "lambda",
            &payments[..],
            "forbidden",
            "grant `lambda:ListFunctions` to arn:aws:iam::111111111111:role/breakeven",
        ),
        (
            cloudwatch(Fault::Expired).in_account(PAYMENTS),
            "cloudwatch",
            &payments[..],
            "unauthorized",
            "they are of the role, and fetched anew before they expire",
        ),
        (
            cloudwatch(Fault::Hang).in_region(REGIONS[1]),
            "cloudwatch",
            &west[..],
            "timeout",
            "raise the timeout",
        ),
        (
            cloudwatch(Fault::Throttle)
                .in_account(PAYMENTS)
                .in_region(REGIONS[1]),
            "cloudwatch",
            &[(PAYMENTS, REGIONS[1])][..],
            "throttled",
            "it is tried again later",
        ),
        // This role's credentials last for seconds, so that they have to be fetched anew meanwhile.
        (
            sts(Fault::Forbidden).in_account(DATA),
            "lambda",
            &data[..],
            "forbidden",
            "let its trust policy name whom breakeven runs as, with no external id",
        ),
        (
            sts(Fault::Hang).in_account(DATA),
            "cloudwatch",
            &data[..],
            "timeout",
            "sts:AssumeRole in us-",
        ),
    ] {
        agent.cloud.faults().replace(vec![rule]);
        let down = agent.is_down(source, places, reason).await;
        assert_eq!(costs(&down).len(), 6, "{reason}: all numbers stay");
        let page = agent.page().await;
        assert!(page.contains(remedy), "no {remedy:?} in\n{page}");
        never_fell(&before, &down);
        agent.cloud.faults().clear();
        let after = agent.is_well(6).await;
        never_fell(&down, &after);
        before = after;
    }
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_external_id_is_told_and_a_reload_changes_the_accounts() {
    let mut agent = Running::start(&[payments("x-2")]).await;
    let places = REGIONS.map(|region| (PAYMENTS, region));
    let down = agent.is_down("lambda", &places, "forbidden").await;
    assert_eq!(costs(&down).len(), 2, "{:?}", costs(&down));
    let page = agent.page().await;
    let message = "sts:AssumeRole of arn:aws:iam::111111111111:role/breakeven was refused";
    assert!(page.contains(message), "{page}");
    assert!(
        page.contains("with the external id of the configuration"),
        "{page}"
    );

    agent.reload(&[payments("x-1"), data()]).await;
    let all = agent.is_well(6).await;
    never_fell(&down, &all);

    agent.reload(&[data()]).await;
    let fewer = agent.is_well(4).await;
    assert!(costs(&fewer).keys().all(|(account, _)| account != PAYMENTS));
    let limits = fewer.all("breakeven_account_concurrency_limit", &[]);
    assert_eq!(limits.count(), 4);
    for (place, before) in invocations(&all) {
        let now = invocations(&fewer).get(&place).copied();
        match place.0.as_str() {
            PAYMENTS => assert_eq!(now, None),
            _ => assert!(now >= Some(before), "{place:?}: {before}, {now:?}"),
        }
    }
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_of_a_linked_account_are_read_in_the_own_one_and_an_account_that_is_not_linked_is_told()
 {
    let mut agent = Running::start(&[linked(&payments("x-1")), linked(&data())]).await;
    // Nobody needs to read metrics as the role.
    let rule = FaultRule::always(Endpoint::CloudWatch, Fault::Forbidden).in_account(DATA);
    agent.cloud.faults().replace(vec![rule]);
    let places = REGIONS.map(|region| (PAYMENTS, region));
    agent.is_down("cloudwatch", &places, "forbidden").await;
    let shown = until("the own account and the linked one", async || {
        let shown = agent.metrics().await;
        (costs(&shown).len() == 4).then_some(shown)
    })
    .await;
    assert!(costs(&shown).keys().all(|(account, _)| account != PAYMENTS));
    let page = agent.page().await;
    let remedy = "link 111111111111 to it in us-west-2 as a source of metrics";
    assert!(page.contains(remedy), "no {remedy:?} in\n{page}");

    agent.reload(&[payments("x-1"), linked(&data())]).await;
    let all = agent.is_well(6).await;
    never_fell(&shown, &all);
    agent.stop().await;
}

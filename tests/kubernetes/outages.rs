//! A server that goes away and comes back, and watches that do not last.

use std::time::Duration;

use breakeven::sources::kubernetes::Settings;
use breakeven::sources::{Reason, Source};
use breakeven_simulator::{Endpoint, SimulatedCloud};
use tokio::time::{Instant, sleep};

use crate::agent::{Agent, any_port, cloud_at, is_whole, pods, workloads};
use crate::stub::{Asked, Stub, list, quiet_for, quiet_until, refused};
use crate::support::program::without_aws;
use crate::support::{until, until_within};

/// How long the server is away.
const OUTAGE: Duration = Duration::from_secs(30);

/// How long it may take after its return until pods are watched again.
const RETURN: Duration = Duration::from_secs(5);

fn watches_pods(cloud: &SimulatedCloud) -> bool {
    cloud.requests().count(Endpoint::Kubernetes, "watch pods") > 0
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_are_watched_again_within_seconds_of_the_return_of_the_server() {
    let cloud = cloud_at(any_port()).await;
    let address = cloud.address();
    // As it runs in production.
    let settings = Settings {
        publish_interval: Duration::from_millis(50),
        ..Settings::default()
    };
    let mut agent = Agent::watching(&cloud, settings);
    agent.cluster("the whole cluster", is_whole).await;
    agent.status_when("a watch", |_| watches_pods(&cloud)).await;
    cloud.stop().await;
    sleep(OUTAGE).await;
    assert_eq!(agent.status().up, Some(false));

    // It answers 410 to each watch from a version of the server before it, as real ones do.
    let cloud = cloud_at(address).await;
    let returned = Instant::now();
    cloud.kube_state().scale("shop", "checkout", 5);
    let scaled = pods(&[("shop/Deployment/checkout", 5)]);
    agent
        .cluster("five pods", |cluster| workloads(cluster) == scaled)
        .await;
    agent
        .status_when("pods are watched", |_| {
            // The first watch is answered by 410.
            cloud.requests().count(Endpoint::Kubernetes, "watch pods") >= 2
        })
        .await;
    assert!(returned.elapsed() < RETURN, "{:?}", returned.elapsed());
    assert!(agent.status().errors[&Reason::Gone] >= 1);
}

/// From each opening of a watch of pods to the next.
async fn gaps(stub: &Stub, count: usize) -> Vec<f64> {
    until_within(Duration::from_secs(120), "watches of pods", async || {
        let asked = stub.asked();
        let opened: Vec<_> = asked
            .iter()
            .filter(|one| one.is_watch() && one.is_of("/pods"))
            .map(|one| one.at)
            .collect();
        let gaps = opened.windows(2);
        let gaps: Vec<f64> = gaps.map(|two| (two[1] - two[0]).as_secs_f64()).collect();
        (gaps.len() >= count).then_some(gaps)
    })
    .await
}

/// Each watch of pods ends as `watch` makes it; all others last. Lists succeed.
async fn with_watches_of_pods(watch: fn() -> crate::stub::Answer) -> (Stub, Agent) {
    let stub = Stub::start(move |asked: &Asked| match asked {
        asked if !asked.is_watch() => list(&[], ""),
        asked if asked.is_of("/pods") => watch(),
        _ => quiet_until(std::future::pending()),
    })
    .await;
    let agent = Agent::by(&stub.kubeconfig(), Settings::default());
    (stub, agent)
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_that_end_soon_are_opened_ever_more_rarely() {
    let (stub, mut agent) = with_watches_of_pods(|| quiet_for(Duration::from_millis(600))).await;
    let gaps = gaps(&stub, 4).await;
    // The first is opened again at once, the second after 0.8 s or more, and so on.
    for (gap, least) in gaps.iter().zip([0.6, 1.4, 2.2, 3.8]) {
        assert!(*gap >= least, "{gaps:?}");
    }
    let status = agent.status_when("it counts", |status| {
        status.errors.get(&Reason::Connect) >= Some(&4)
    });
    assert_eq!(status.await.up, Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_410_to_every_watch_is_listed_at_once_and_then_ever_more_rarely() {
    let (stub, mut agent) =
        with_watches_of_pods(|| refused(410, "too old resource version: 1 (2)")).await;
    let gaps = gaps(&stub, 4).await;
    assert!(gaps[0] < 0.7, "the first is listed at once: {gaps:?}");
    for (gap, least) in gaps.iter().zip([0.0, 0.8, 1.6, 3.2]) {
        assert!(*gap >= least, "{gaps:?}");
    }
    let lists = stub.asked();
    let lists = lists
        .iter()
        .filter(|one| one.is_of("/pods") && !one.is_watch());
    assert!(lists.count() >= 5, "each is followed by a list");
    let status = agent.status_when("it counts", |status| {
        status.errors.get(&Reason::Gone) >= Some(&4)
    });
    assert_eq!(status.await.up, Some(true));
}

/// Lines of a log at this level.
fn lines<'a>(log: &'a str, level: &str) -> Vec<&'a str> {
    let level = format!("level={level} ");
    log.lines().filter(|line| line.contains(&level)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_server_is_one_warning_and_its_end_one_line() {
    let cloud = cloud_at(any_port()).await;
    let address = cloud.address();
    let (mut agent, _) = without_aws(&cloud.kubeconfig(), "").await;
    let asked = |cloud: &SimulatedCloud, endpoint, what| cloud.requests().count(endpoint, what);
    until("watches and usage", async || {
        let usage = asked(&cloud, Endpoint::MetricsApi, "list pods") > 0;
        (usage && watches_pods(&cloud)).then_some(())
    })
    .await;
    let before = agent.said();
    cloud.stop().await;
    agent
        .says(|said| said.contains("API server unreachable").then_some(()))
        .await;
    // Each of the fourteen watches fails several times meanwhile, and so does usage.
    sleep(Duration::from_secs(10)).await;
    let cloud = cloud_at(address).await;
    until("watches and usage again", async || {
        let usage = asked(&cloud, Endpoint::MetricsApi, "list pods") > 1;
        (usage && watches_pods(&cloud)).then_some(())
    })
    .await;
    agent
        .says(|said| said.contains("API server reachable again").then_some(()))
        .await;
    let said = agent.said();
    let during = said.strip_prefix(&before).unwrap();
    assert_eq!(lines(during, "error"), [""; 0]);
    let warnings = lines(during, "warn");
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert!(warnings[0].contains(Source::Kubernetes.as_str()));
    let ended = lines(during, "info");
    assert_eq!(ended.len(), 1, "{ended:#?}");
    assert!(!during.contains("not known"), "{during}");
}

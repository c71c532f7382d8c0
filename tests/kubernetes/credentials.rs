//! A token that is replaced in the kubeconfig, and the name that the program gives of itself.

use std::path::Path;
use std::sync::Arc;

use breakeven::agent::{Agent as Whole, ConfigSource};
use breakeven::server::ServerConfig;
use breakeven::sources::kubernetes::Access;
use breakeven::sources::{Reason, USER_AGENT};
use breakeven_clock::Clock;
use breakeven_simulator::{Endpoint, Fault, FaultRule, SimulatedCloud};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::agent::{Agent, any_port, cloud_at, is_whole, settings};
use crate::support::exposition::Exposition;
use crate::support::hung_file::HungFile;
use crate::support::until;

/// A kubeconfig with another token.
fn with_token(cloud: &SimulatedCloud, token: &str) -> String {
    let kubeconfig = cloud.kubeconfig();
    let replaced = kubeconfig.replace("token: simulated", &format!("token: {token}"));
    assert_ne!(replaced, kubeconfig);
    replaced
}

#[tokio::test]
async fn a_token_that_is_replaced_in_the_kubeconfig_is_used_after_a_refusal() {
    let cloud = cloud_at(any_port()).await;
    cloud.kube_state().require_token("first");
    let mut agent = Agent::by(&with_token(&cloud, "first"), settings());
    agent.cluster("the whole cluster", is_whole).await;
    cloud.kube_state().require_token("second");
    cloud
        .faults()
        .add(FaultRule::always(Endpoint::Kubernetes, Fault::Cut).times(14));
    agent
        .status_when("the refusal", |status| {
            status.errors.contains_key(&Reason::Unauthorized) && status.up == Some(false)
        })
        .await;
    cloud.faults().clear();
    agent.change_kubeconfig(&with_token(&cloud, "second"));
    agent
        .status_when("up again", |status| status.up == Some(true))
        .await;
}

/// An agent with this kubeconfig, its address, and a way to reload it.
async fn whole_agent(kubeconfig: &Path) -> (String, breakeven::agent::ReloadHandle) {
    let access = Access::Kubeconfig {
        path: Some(kubeconfig.to_owned()),
        context: None,
    };
    let source = ConfigSource {
        text: "aws: {enabled: false}\nmodel: {interval_seconds: 1}\n",
        adjust: Arc::new(move |config| {
            config.kubernetes.as_mut().unwrap().access = access.clone();
        }),
        ..ConfigSource::default()
    };
    let http = ServerConfig {
        listen: vec![any_port()],
        ..ServerConfig::default()
    };
    let agent = Whole::bind(source, http, Clock::system()).await.unwrap();
    let url = format!("http://{}/metrics", agent.addresses()[0]);
    let reload = agent.reload_handle();
    tokio::spawn(agent.run(CancellationToken::new()));
    (url, reload)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_replaced_in_the_kubeconfig_is_used_after_a_reload() {
    let cloud = cloud_at(any_port()).await;
    cloud.kube_state().require_token("first");
    let folder = TempDir::new().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, with_token(&cloud, "first")).unwrap();
    let (url, reload) = whole_agent(&kubeconfig).await;
    let watched = |times: u64| {
        let cloud = &cloud;
        let url = url.clone();
        async move {
            until("pods are watched", async || {
                let watched = cloud.requests().count(Endpoint::Kubernetes, "watch pods");
                let shown = Exposition::at(&url).await?;
                let up = shown.one("breakeven_source_up", &[("source", "kubernetes")]);
                (watched == times && up == Some(1.0)).then_some(shown)
            })
            .await
        }
    };
    watched(1).await;
    reload.reload().await.unwrap();
    watched(1).await;

    // Watches that are open go on with the token from before.
    cloud.kube_state().require_token("second");
    std::fs::write(&kubeconfig, with_token(&cloud, "second")).unwrap();
    reload.reload().await.unwrap();
    let shown = watched(2).await;
    let labels = [("source", "kubernetes"), ("reason", "unauthorized")];
    assert_eq!(shown.one("breakeven_source_errors_total", &labels), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_file_whose_reading_hangs_fails_a_reload_and_hides_no_outage() {
    let cloud = cloud_at(any_port()).await;
    let address = cloud.address();
    let folder = TempDir::new().unwrap();
    let [kubeconfig, token] = ["kubeconfig", "token"].map(|name| folder.path().join(name));
    std::fs::write(&token, "first").unwrap();
    let text = cloud.kubeconfig();
    let by_file = text.replace("token: simulated", "tokenFile: token");
    assert_ne!(by_file, text);
    std::fs::write(&kubeconfig, by_file).unwrap();
    let (url, reload) = whole_agent(&kubeconfig).await;
    let is_up = |up: f64| {
        let url = url.clone();
        async move {
            until("the state of the source", async || {
                let shown = Exposition::at(&url).await?;
                let shown = shown.one("breakeven_source_up", &[("source", "kubernetes")]);
                (shown == Some(up)).then_some(())
            })
            .await;
        }
    };
    is_up(1.0).await;
    let _hung = HungFile::replace(token);
    let refused = reload.reload().await.unwrap_err().to_string();
    assert!(
        refused.contains("kubernetes.kubeconfig: read of the kubeconfig"),
        "{refused}"
    );
    assert!(refused.contains("has not finished for"), "{refused}");
    cloud.stop().await;
    is_up(0.0).await;
    let _cloud = cloud_at(address).await;
    is_up(1.0).await;
}

#[tokio::test]
async fn the_api_server_is_told_which_program_asks() {
    let cloud = cloud_at(any_port()).await;
    let mut agent = Agent::watching(&cloud, settings());
    agent.cluster("the whole cluster", is_whole).await;
    let seen = &cloud.requests().user_agents()[&Endpoint::Kubernetes];
    assert_eq!(seen.iter().collect::<Vec<_>>(), [USER_AGENT]);
    assert_eq!(
        USER_AGENT,
        format!("breakeven/{}", env!("CARGO_PKG_VERSION"))
    );
}

//! Clients that are not written in Rust: the Python client from PyPI, and kubectl.

use std::process::Command;

use tokio::task::spawn_blocking;

use super::{NODES, STEADY_PODS, demo};
use crate::support::{kubectl, run, run_python};

#[tokio::test]
async fn the_python_client_lists_and_watches() {
    let cloud = demo().await;
    let url = cloud.kube_url();
    let script = "test_kubernetes_client.py";
    spawn_blocking(move || run_python(script, &[("KUBERNETES_URL", &url)]))
        .await
        .unwrap();
}

#[tokio::test]
async fn kubectl_gets_and_tops() {
    let Some(kubectl) = kubectl() else { return };
    let cloud = demo().await;
    let home = tempfile::tempdir().unwrap();
    let kubeconfig = home.path().join("kubeconfig");
    std::fs::write(&kubeconfig, cloud.kubeconfig()).unwrap();
    let ask = async |arguments: &[&str]| {
        let mut command = Command::new(&kubectl);
        command
            .env("HOME", home.path())
            .env("KUBECONFIG", &kubeconfig)
            .args(arguments);
        spawn_blocking(move || run(&mut command)).await.unwrap()
    };
    let all = ask(&["get", "pods,nodes", "-A"]).await;
    let lines = |text: &str, part: &str| text.lines().filter(|line| line.contains(part)).count();
    assert_eq!(lines(&all, "node/"), NODES, "{all}");
    assert_eq!(
        lines(&all, "pod/") - lines(&all, "pod/sales-report"),
        STEADY_PODS,
        "{all}"
    );
    assert!(
        lines(&all, " Running ") >= STEADY_PODS && lines(&all, "Ready ") >= NODES,
        "{all}"
    );
    let wide = ask(&["get", "deployment", "-n", "shop", "-o", "wide"]).await;
    let checkout = wide
        .lines()
        .find(|line| line.starts_with("checkout "))
        .unwrap();
    assert!(
        checkout.contains("3/3") && checkout.contains("registry.example.com"),
        "{wide}"
    );
    let everything = ask(&["get", "all", "-n", "data"]).await;
    assert!(
        everything.contains("statefulset.apps/orders-db"),
        "{everything}"
    );
    assert!(
        everything.contains("cronjob.batch/sales-report"),
        "{everything}"
    );
    let top = ask(&["top", "nodes"]).await;
    assert!(
        top.contains("ip-10-0-1-11.ec2.internal") && top.contains('%'),
        "{top}"
    );
    let top = ask(&["top", "pods", "-n", "shop"]).await;
    assert_eq!(lines(&top, "checkout-"), 3, "{top}");
    let described = ask(&["describe", "node", "ip-10-0-1-11.ec2.internal"]).await;
    assert!(described.contains("Allocated resources"), "{described}");
    // As text it is written differently by each version of kubectl.
    let version = ask(&["version", "-o", "json"]).await;
    let version: serde_json::Value = serde_json::from_str(&version).unwrap();
    let server = version["serverVersion"]["gitVersion"].as_str().unwrap();
    assert!(server.starts_with("v1.33."), "{version}");
}

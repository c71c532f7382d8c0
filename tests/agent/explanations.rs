//! Explanations as a user asks for them: from a running agent, over HTTP and by the command.

use std::process::Command;

use crate::support::exposition::get;
use crate::support::program::Program;
use crate::support::until;

const BREAKEVEN: &str = env!("CARGO_BIN_EXE_breakeven");

/// What the command says, and whether it succeeded.
async fn explain(url: &str, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(BREAKEVEN);
    command.args(["explain", "--url", url]).args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let both = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(both).unwrap())
}

#[tokio::test]
async fn a_workload_of_the_demo_is_explained_with_inputs_prices_formulas_and_verdict() {
    let mut command = Command::new(BREAKEVEN);
    command.args(["demo", "--web.listen-address", "127.0.0.1:0"]);
    command.args(["--start", "2026-03-02T12:02:30Z"]);
    let mut demo = Program::start(&mut command);
    let address = demo.listens("the page      http://").await;
    let url = format!("http://{address}");

    let text = until(
        "an explanation with both platforms and the Price List",
        async || {
            let (ok, text) = explain(&url, &["shop/checkout"]).await;
            let is_whole = text.contains("The same on Lambda") && text.contains("price_list: ");
            (ok && is_whole).then_some(text)
        },
    )
    .await;
    for part in [
        "shop/Deployment/checkout",
        "What was seen",
        "source kubernetes, ",
        "source usage, ",
        "source requests, ",
        " s old; over ",
        "price_list: m6i.xlarge on demand in us-east-1, from the Price List, ",
        "config: prices.nodes[0]",
        "loaded a month",
        "duration d(M)",
        "The same on Fargate",
        "the smallest size that holds ",
        "utilisation u",
        "first crossing",
        "verdict",
        "What would change the verdict",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }

    let json = until("a function that is explained", async || {
        let (ok, json) = explain(&url, &["orders-api", "--output", "json"]).await;
        ok.then_some(json)
    })
    .await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["title"], "123456789012/us-east-1/orders-api");

    let (ok, text) = explain(&url, &["nobody"]).await;
    assert!(
        !ok && text.contains("there is no workload \"nobody\"; there are "),
        "{text}"
    );
    let page = get(&format!("{url}/api/v1/explain/shop/Deployment/checkout")).await;
    let (status, headers, body) = page.unwrap();
    assert_eq!(
        (status.as_u16(), &headers["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    assert!(body.starts_with(b"{\"sections\":"), "{body:?}");
}

#[tokio::test]
async fn where_no_agent_answers_the_command_says_how_to_name_one() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let free = listener.local_addr().unwrap();
    drop(listener);
    let (ok, text) = explain(&format!("http://{free}"), &["checkout"]).await;
    assert!(!ok && text.contains("name it with --url"), "{text}");
}

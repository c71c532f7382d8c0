//! Secrets are shown nowhere: not in `config show`, the log, the page, the metrics or the output of `check`, also if
//! a server repeats in its errors what it received.

use std::convert::Infallible;
use std::process::Command;

use crate::support::exposition::get;
use crate::support::program::{Program, breakeven};
use crate::support::{outcome, until};
use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tempfile::NamedTempFile;
use tokio::task::block_in_place;

/// What is sent as a header, in a token file, in a kubeconfig, and by the AWS SDK.
const HEADER: &str = "opaque\"header-value";
const PROMETHEUS_TOKEN: &str = "tokenforprometheus";
const KUBERNETES_TOKEN: &str = "token-for-kubernetes";
const SESSION_TOKEN: &str = "IQoJsessiontokenofaws";
const SECRETS: [&str; 4] = [
    "header-value",
    PROMETHEUS_TOKEN,
    KUBERNETES_TOKEN,
    SESSION_TOKEN,
];

/// A server that answers every request with status 500 and the headers that it received, in each field in which
/// Prometheus, Kubernetes or AWS would name an error.
async fn echo() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(async |request: http::Request<hyper::body::Incoming>| {
                Ok::<_, Infallible>(repeated(request.headers()))
            });
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
    url
}

fn repeated(headers: &http::HeaderMap) -> http::Response<Full<Bytes>> {
    // The first of them are shown, so those with secrets come first.
    let secret = ["authorization", "x-key", "x-amz-security-token"];
    let mut lines: Vec<_> = headers.iter().collect();
    lines.sort_by_key(|(name, _)| !secret.contains(&name.as_str()));
    let lines = lines.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        format!("{name}: {value}")
    });
    let text = format!("received {}", lines.collect::<Vec<_>>().join("\n"));
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "code": 500, "reason": "InternalError",
        "status": "error", "errorType": "internal", "error": text,
        "__type": "InternalFailure", "message": text, "Message": text,
    });
    let mut response = http::Response::new(Full::from(body.to_string()));
    *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
    let content_type = "application/json".parse().unwrap();
    response.headers_mut().insert("content-type", content_type);
    response
}

fn file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

/// Files with secrets, and the program that reads them.
struct Setup {
    config: NamedTempFile,
    kubeconfig: NamedTempFile,
    _token: NamedTempFile,
    url: String,
}

impl Setup {
    fn new(url: String) -> Self {
        let token = file(PROMETHEUS_TOKEN);
        let config = json!({"requests": {"prometheus": {
            "url": url, "preset": "istio", "bearer_token_file": token.path(), "headers": {"X-Key": HEADER},
        }}});
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "a",
            "clusters": [{"name": "a", "cluster": {"server": url}}],
            "users": [{"name": "a", "user": {"token": KUBERNETES_TOKEN}}],
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        });
        Self {
            config: file(&config.to_string()),
            kubeconfig: file(&kubeconfig.to_string()),
            _token: token,
            url,
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = breakeven(arguments);
        command
            .arg("--config.file")
            .arg(self.config.path())
            .env("KUBECONFIG", self.kubeconfig.path())
            .env("AWS_ENDPOINT_URL", &self.url)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_SESSION_TOKEN", SESSION_TOKEN);
        command
    }
}

/// Fails if the text shows a secret.
fn clean(what: &str, text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{what} shows {secret}:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_repeat_secrets_are_shown_without_them() {
    let setup = Setup::new(echo().await);
    let arguments = ["run", "--web.listen-address", "127.0.0.1:0"];
    let mut program = Program::start(&mut setup.command(&arguments));
    let address = program.listens("message=listening address=").await;
    let shown = async |path: &str| {
        let (_, _, body) = get(&format!("http://{address}{path}")).await?;
        Some(String::from_utf8_lossy(&body).into_owned())
    };
    // Every source that sends a secret has failed, and says what it was answered.
    let page = until("the failure of all sources", async || {
        let page = shown("/").await?;
        let failures = page.matches("received ").count();
        (failures >= 3 && page.matches("redacted").count() >= 3).then_some(page)
    })
    .await;
    clean("the page", &page);
    for path in ["/metrics", "/-/ready"] {
        clean(path, &shown(path).await.unwrap());
    }
    let log = program.said();
    assert!(log.contains("<redacted>"), "{log}");
    clean("the log", &log);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_and_config_show_are_without_secrets() {
    let setup = Setup::new(echo().await);
    let check = block_in_place(|| outcome(&mut setup.command(&["check"])));
    let text = format!("{}{}", check.out, check.err);
    assert!(
        text.contains("received ") && text.contains("<redacted>"),
        "{text}"
    );
    clean("check", &text);

    let show = block_in_place(|| outcome(&mut setup.command(&["config", "show"])));
    assert!(
        show.out.contains(r#"headers: {"X-Key":"<redacted>"}"#),
        "{}",
        show.out
    );
    clean("config show", &show.out);
}

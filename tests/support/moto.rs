//! moto (PyPI), an AWS that nobody here wrote. It does not speak Smithy rpc-v2-cbor, the one protocol of the CloudWatch SDK;
//! tests/python/cbor_bridge.py translates to its awsJson 1.0. (boto3 itself chooses awsJson, so it needs no translation.)

use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::task::spawn_blocking;

use super::program::{Program, breakeven};
use super::run;

/// The region that the program is in.
pub(crate) const REGION: &str = "us-east-1";

/// moto behind the bridge.
pub(crate) struct Moto {
    python: PathBuf,
    _moto: Program,
    pub(crate) bridge: Program,
    url: String,
}

impl Moto {
    pub(crate) async fn start(python: PathBuf) -> Self {
        let mut command = Command::new(&python);
        command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]);
        let mut moto = Program::start(&mut command);
        let address = moto.listens("Running on http://").await;
        let mut command = Command::new(&python);
        command
            .arg(script("cbor_bridge.py"))
            .arg(format!("http://{address}"));
        let mut bridge = Program::start(&mut command);
        let address = bridge.listens("bridge on ").await;
        Self {
            python,
            _moto: moto,
            bridge,
            url: format!("http://{address}"),
        }
    }

    /// Puts something into a place, as tests/python/moto_world.py has it.
    pub(crate) async fn world(&self, place: &str, arguments: &[&str]) {
        let mut command = Command::new(&self.python);
        command
            .arg(script("moto_world.py"))
            .args([&self.url, place])
            .args(arguments);
        spawn_blocking(move || run(&mut command)).await.unwrap();
    }

    /// Tells moto what Cost Explorer is to answer, which knows nothing by itself.
    pub(crate) async fn bill(&self, results: &serde_json::Value) {
        let body = serde_json::json!({"results": [{"ResultsByTime": results}]});
        let url = format!("{}/moto-api/static/ce/cost-and-usage-results", self.url);
        let request = http::Request::post(url)
            .header("content-type", "application/json")
            .body(Full::<Bytes>::from(body.to_string()));
        let client = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.request(request.unwrap()).await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// Starts the program, which knows the bridge as AWS.
    pub(crate) fn agent(&self, home: &Path, config: &str) -> Program {
        let file = home.join("breakeven.yaml");
        std::fs::write(&file, config).unwrap();
        let mut command = breakeven(&["run", "--web.listen-address", "127.0.0.1:0"]);
        command
            .arg("--config.file")
            .arg(file)
            .env("HOME", home)
            .env("AWS_ENDPOINT_URL", &self.url)
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret");
        Program::start(&mut command)
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/python")
        .join(name)
}

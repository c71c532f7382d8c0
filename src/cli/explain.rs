//! `breakeven explain`: how the numbers of one workload came about, from a running agent.

use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::output::Output;
use super::{Failure, print};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest answer that is read, in bytes.
const LONGEST: usize = 1 << 20;

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The workload or function: its name, namespace/name, or namespace/Kind/name.
    workload: String,
    /// Where the agent answers.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9871")]
    url: String,
    /// How the explanation is written.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: Output,
}

pub(super) async fn run(args: ExplainArgs) -> Result<(), Failure> {
    let url = format!(
        "{}/api/v1/explain/{}",
        args.url.trim_end_matches('/'),
        args.workload
    );
    let accept = match args.output {
        Output::Text => "text/plain",
        Output::Json => "application/json",
    };
    let request = ::http::Request::get(&url)
        .header("accept", accept)
        .header("user-agent", crate::sources::USER_AGENT)
        .body(Empty::<Bytes>::new())
        .map_err(|error| format!("{url} is no address: {error}"))?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = tokio::time::timeout(TIMEOUT, client.request(request))
        .await
        .map_err(|_| format!("no answer from {} within {} s", args.url, TIMEOUT.as_secs()))?
        .map_err(|error| {
            format!(
                "no agent answers at {}; name it with --url: {error}",
                args.url
            )
        })?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), LONGEST)
        .collect()
        .await?
        .to_bytes();
    let body = String::from_utf8_lossy(&body);
    if status.is_success() {
        print(body.trim_end());
        Ok(())
    } else {
        Err(body.trim_end().into())
    }
}

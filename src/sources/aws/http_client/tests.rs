//! Every way to AWS against a server that answers without end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::MAX_RESPONSE;
use crate::sources::aws::cloudwatch::Lister;
use crate::sources::aws::{Aws, AwsConfig, FixedCredentials, Listing, RestCall, Role, Service};
use crate::sources::{Reason, SourceError};

const MIB: usize = 1_024 * 1_024;

/// Reads one request with its body; false at the end of the connection.
async fn read_request(stream: &mut TcpStream) -> bool {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.split("\r\n").next()?.parse().ok());
            if body.len() >= length.unwrap_or(0_usize) {
                return true;
            }
        }
        match stream.read_buf(&mut read).await {
            Ok(0) | Err(_) => return false,
            Ok(_) => {}
        }
    }
}

/// A server that answers each request with spaces without end. It counts the bytes that are taken from it.
async fn endless() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let sent = Arc::clone(&counter);
            tokio::spawn(async move {
                if !read_request(&mut stream).await {
                    return;
                }
                let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                stream.write_all(head.as_bytes()).await.unwrap_or_default();
                let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
                while stream.write_all(chunk.as_bytes()).await.is_ok() {
                    sent.fetch_add(0x1_0000, Ordering::SeqCst);
                }
            });
        }
    });
    (address, sent)
}

/// A server whose every page is a MiB long and names another one.
async fn endless_pages() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let pages = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&pages);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let pages = Arc::clone(&counter);
            tokio::spawn(async move {
                while read_request(&mut stream).await {
                    let page = pages.fetch_add(1, Ordering::SeqCst);
                    let padding = " ".repeat(MIB);
                    let body = format!("{{\"PaginationToken\": \"{page}\",{padding}\"x\": 1}}");
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                    if stream.write_all((head + &body).as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, pages)
}

fn aws(server: SocketAddr) -> Aws {
    Aws::new(AwsConfig {
        region: Some("eu-west-1".into()),
        endpoint_url: Some(format!("http://{server}")),
        credentials: Some(FixedCredentials {
            access_key_id: "AKID".into(),
            secret_access_key: "secret".into(),
        }),
        attempt_timeout: Duration::from_secs(60),
        max_attempts: 1,
        ..AwsConfig::default()
    })
}

const LAMBDA: Service = Service {
    id: "Lambda",
    host: "lambda",
};

async fn ask_rest(aws: &Aws) -> SourceError {
    let session = aws.session().await.unwrap();
    let call = RestCall::new(session, LAMBDA, "ListFunctions", "lambda:ListFunctions");
    call.get::<Value>("/".into()).await.unwrap_err()
}

async fn ask_price_list(aws: &Aws) -> SourceError {
    let session = aws.session().await.unwrap();
    let call = RestCall::new(session, LAMBDA, "GetProducts", "pricing:GetProducts");
    let asked = Listing::new(&call).json::<Value>("x", &json!({})).await;
    asked.unwrap_err()
}

async fn ask_spot(aws: &Aws) -> SourceError {
    let session = aws.session().await.unwrap();
    let call = RestCall::new(
        session,
        LAMBDA,
        "DescribeSpotPriceHistory",
        "ec2:DescribeSpotPriceHistory",
    );
    Listing::new(&call).form("a=b".into()).await.unwrap_err()
}

async fn ask_cloudwatch(aws: &Aws) -> SourceError {
    let session = aws.session().await.unwrap();
    let lister = Lister::new(session, None);
    let listed = lister.list(session, ("AWS/Lambda", "Invocations"), None);
    listed.await.err().unwrap()
}

async fn ask_cost_explorer(aws: &Aws) -> SourceError {
    let session = aws.session().await.unwrap();
    let client = aws_sdk_costexplorer::Client::new(&session.config);
    let error = client.get_cost_and_usage().send().await.unwrap_err();
    session
        .attempting(LAMBDA, "ce:GetCostAndUsage")
        .failed(error)
}

async fn ask_with_role(aws: &Aws) -> SourceError {
    let role = Role {
        arn: "arn:aws:iam::123456789012:role/breakeven".into(),
        external_id: None,
    };
    ask_rest(&aws.assuming(role)).await
}

#[tokio::test]
async fn an_answer_without_end_is_cut_whatever_is_asked() {
    let ask = async |action: &str, aws: &Aws| match action {
        "lambda:ListFunctions" => ask_rest(aws).await,
        "pricing:GetProducts" => ask_price_list(aws).await,
        "ec2:DescribeSpotPriceHistory" => ask_spot(aws).await,
        "cloudwatch:ListMetrics" => ask_cloudwatch(aws).await,
        "ce:GetCostAndUsage" => ask_cost_explorer(aws).await,
        _ => ask_with_role(aws).await,
    };
    for action in [
        "lambda:ListFunctions",
        "pricing:GetProducts",
        "ec2:DescribeSpotPriceHistory",
        "cloudwatch:ListMetrics",
        "ce:GetCostAndUsage",
        "sts:AssumeRole",
    ] {
        let (server, sent) = endless().await;
        let error = ask(action, &aws(server)).await;
        let text = error.to_string();
        assert!(text.starts_with(action), "{text}");
        assert!(text.contains("more than 8388608 bytes"), "{action}: {text}");
        assert_eq!(error.reason(), Reason::InvalidResponse, "{action}: {text}");
        let sent = sent.load(Ordering::SeqCst);
        // Some more stand in the buffers of the connection.
        assert!(
            (MAX_RESPONSE..MAX_RESPONSE + 16 * MIB).contains(&sent),
            "{action}: {sent}"
        );
    }
}

#[tokio::test]
async fn a_list_without_end_is_given_up() {
    let (server, pages) = endless_pages().await;
    let aws = aws(server);
    let tagging = super::super::Tagging::new(aws.session().await.unwrap());
    let error = tagging
        .resources("lambda:function", None)
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::InvalidResponse, "{error}");
    let text = "the pages of the list have more than 67108864 bytes together";
    assert!(error.to_string().contains(text), "{error}");
    assert_eq!(pages.load(Ordering::SeqCst), 64);
}

//! The query API of a Prometheus that scrapes the pods of the world every 15 s.
//!
//! | path below `/prometheus` | |
//! |---|---|
//! | `/api/v1/query`, `/api/v1/query_range` | GET and POST; the PromQL of [`evaluate`] |
//! | `/api/v1/labels`, `/api/v1/label/{name}/values`, `/api/v1/series` | what there is |
//! | `/api/v1/status/buildinfo`, `/-/ready`, `/-/healthy` | who answers |

mod aggregate;
mod binary;
mod cadvisor;
mod evaluate;
mod parameters;
mod rate;
mod render;
mod series;
mod sets;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use promql_parser::parser::Expr;
use serde_json::{Value as Json, json};

use self::evaluate::{Evaluation, Steps};
use self::parameters::Parameters;
use self::value::QueryError;
use super::Shared;
use super::server::{self, Body};
use super::world::World;
use breakeven_promql::{Limits, Regexes};

/// What is parsed: expressions of dashboards and of annotations, inside a `sum(...)`.
const LIMITS: Limits = Limits {
    max_bytes: 4 * breakeven_promql::LIMITS.max_bytes,
    max_nesting: 2 * breakeven_promql::LIMITS.max_nesting,
};

/// The version it calls itself: the one whose range and rate it computes.
const VERSION: &str = "3.5.0";

/// Answers a request below `/prometheus`.
pub(super) async fn handle(shared: &Shared, request: Request<Bytes>) -> Response<Body> {
    let path = request.uri().path();
    let path = path.strip_prefix("/prometheus").unwrap_or(path);
    let posts = matches!(
        path,
        "/api/v1/query" | "/api/v1/query_range" | "/api/v1/labels" | "/api/v1/series"
    );
    let method = request.method();
    if method != Method::GET && method != Method::HEAD && !(posts && method == Method::POST) {
        let mut response = server::answer(
            StatusCode::METHOD_NOT_ALLOWED,
            "text/plain",
            "Method Not Allowed\n",
        );
        let allowed = if posts {
            "GET, HEAD, POST"
        } else {
            "GET, HEAD"
        };
        response
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static(allowed));
        return response;
    }
    match path {
        "/-/ready" => plain("Prometheus Server is Ready.\n"),
        "/-/healthy" => plain("Prometheus Server is Healthy.\n"),
        _ => {
            let parameters = Parameters::from_request(&request);
            let now_ms = shared.clock.now().as_millisecond();
            match api(&shared.world, path, &parameters, now_ms) {
                Some(Ok(data)) => render::success(&data),
                Some(Err(failure)) => render::failure(&failure),
                None => server::answer(
                    StatusCode::NOT_FOUND,
                    "text/plain; charset=utf-8",
                    "404 page not found\n",
                ),
            }
        }
    }
}

/// An error as Prometheus gives it.
pub(super) fn error(status: StatusCode, error_type: &str, message: &str) -> Response<Body> {
    server::json(
        status,
        &json!({ "status": "error", "errorType": error_type, "error": message }),
    )
}

fn plain(text: &'static str) -> Response<Body> {
    server::answer(StatusCode::OK, "text/plain; charset=utf-8", text)
}

/// The data of an API path; `None` where there is no such path.
fn api(
    world: &World,
    path: &str,
    parameters: &Parameters,
    now_ms: i64,
) -> Option<Result<Json, QueryError>> {
    Some(match path.strip_prefix("/api/v1/")? {
        "query" => instant_query(world, parameters, now_ms),
        "query_range" => range_query(world, parameters, now_ms),
        "series" => series_query(world, parameters, now_ms),
        "labels" => label_values(world, parameters, now_ms, None),
        "status/buildinfo" => Ok(json!({
            "version": VERSION, "revision": "simulated", "branch": "HEAD", "buildUser": "breakeven",
            "buildDate": "", "goVersion": "",
        })),
        other => {
            let name = other.strip_prefix("label/")?.strip_suffix("/values")?;
            label_values(world, parameters, now_ms, Some(name))
        }
    })
}

fn instant_query(world: &World, parameters: &Parameters, now_ms: i64) -> Result<Json, QueryError> {
    let expression = expression(parameters)?;
    let at_ms = parameters.time(now_ms)?;
    let mut evaluation = Evaluation::new(world, Steps::instant(at_ms), now_ms);
    if let Expr::MatrixSelector(selector) = &expression {
        return evaluation
            .samples(selector)
            .map(|samples| render::samples(&samples));
    }
    evaluation
        .value(&expression)
        .map(|value| render::instant(value, at_ms))
}

fn range_query(world: &World, parameters: &Parameters, now_ms: i64) -> Result<Json, QueryError> {
    let expression = expression(parameters)?;
    let steps = parameters.steps()?;
    let value = Evaluation::new(world, steps, now_ms).value(&expression)?;
    render::range(value, steps)
}

fn series_query(world: &World, parameters: &Parameters, now_ms: i64) -> Result<Json, QueryError> {
    let selectors = selectors(parameters)?;
    if selectors.is_empty() {
        return Err(QueryError::BadData(
            "no match[] parameter provided".to_owned(),
        ));
    }
    let evaluation = Evaluation::new(world, Steps::instant(now_ms), now_ms);
    Ok(json!(evaluation.label_sets(&selectors)?))
}

/// The names of all labels, or the values of one.
fn label_values(
    world: &World,
    parameters: &Parameters,
    now_ms: i64,
    label: Option<&str>,
) -> Result<Json, QueryError> {
    let selectors = selectors(parameters)?;
    let evaluation = Evaluation::new(world, Steps::instant(now_ms), now_ms);
    let sets = if selectors.is_empty() {
        evaluation.all_label_sets()
    } else {
        evaluation.label_sets(&selectors)?
    };
    let found: BTreeSet<&String> = match label {
        Some(label) => sets.iter().filter_map(|labels| labels.get(label)).collect(),
        None => sets.iter().flat_map(|labels| labels.keys()).collect(),
    };
    Ok(json!(found))
}

fn expression(parameters: &Parameters) -> Result<Expr, QueryError> {
    parse("query", parameters.get("query").unwrap_or_default())
}

fn selectors(parameters: &Parameters) -> Result<Vec<Expr>, QueryError> {
    parameters
        .all("match[]")
        .map(|text| parse("match[]", text))
        .collect()
}

fn parse(name: &str, text: &str) -> Result<Expr, QueryError> {
    breakeven_promql::parse(text, LIMITS, Regexes::Compile).map_err(|error| {
        QueryError::BadData(format!("invalid parameter {name:?}: parse error: {error}"))
    })
}

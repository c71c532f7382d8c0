//! Series in the shape of each program, with the labels that its documentation names.

use std::fmt::Write;

use super::history::{Process, Sample, Workload};

/// The metrics of a program: what counts, the sum of latencies, how many were measured, and seconds in the unit of the sum.
struct Metrics {
    requests: &'static str,
    sum: &'static str,
    measured: &'static str,
    units_of_a_second: f64,
}

/// All series of all presets, in the format that `promtool tsdb create-blocks-from openmetrics` reads.
pub(crate) fn openmetrics(workloads: &[Workload]) -> String {
    let mut text = String::new();
    for workload in workloads {
        for (number, process) in workload.processes.iter().enumerate() {
            let samples = workload.scraped(process);
            for (metrics, labels) in shapes(workload, process, number) {
                write(&mut text, &metrics, &labels, workload.latency, &samples);
            }
            haproxy(&mut text, workload, number, &samples);
            for labels in decoys(workload, process) {
                for &(at, count) in &samples {
                    line(&mut text, &labels, at, count as f64);
                }
            }
            if workload.name == "api" {
                let info = target_info(workload, process);
                for &(at, _) in &samples {
                    line(&mut text, &info, at, 1.0);
                }
            }
        }
    }
    text.push_str("# EOF\n");
    text
}

fn line(text: &mut String, series: &str, at_ms: i64, value: f64) {
    let (second, milli) = (at_ms / 1_000, at_ms % 1_000);
    writeln!(text, "{series} {value} {second}.{milli:03}").unwrap();
}

/// A count falls apart into two series of the program, one for each way in which a request ends.
fn write(
    text: &mut String,
    metrics: &Metrics,
    labels: &[String; 2],
    latency: f64,
    samples: &[Sample],
) {
    for &(at, count) in samples {
        let failed = count / 50;
        for (labels, count) in labels.iter().zip([count - failed, failed]) {
            let count = count as f64;
            let sum = count * latency * metrics.units_of_a_second;
            line(
                text,
                &format!("{}{{{labels}}}", metrics.requests),
                at,
                count,
            );
            line(text, &format!("{}{{{labels}}}", metrics.sum), at, sum);
            if metrics.measured != metrics.requests {
                line(
                    text,
                    &format!("{}{{{labels}}}", metrics.measured),
                    at,
                    count,
                );
            }
        }
    }
}

/// The series of a process for each program, once for each way in which a request ends.
#[expect(clippy::too_many_lines, reason = "a table")]
fn shapes(workload: &Workload, process: &Process, number: usize) -> Vec<(Metrics, [String; 2])> {
    let (name, pod) = (workload.name, &process.pod);
    let address = format!(
        "10.0.{}.{}",
        name.len(),
        pod.bytes().map(usize::from).sum::<usize>() % 250
    );
    let target = |job: &str, port: u16| {
        format!(r#"namespace="shop",pod="{pod}",job="{job}",instance="{address}:{port}""#)
    };
    let both = |shape: &dyn Fn(&str) -> String| [shape("200"), shape("503")];
    let ends = |shape: &dyn Fn(&str, &str) -> String| {
        [shape("OK", "success"), shape("Unavailable", "failure")]
    };
    // A gateway counts for the pods behind it; here one instance for each process, so that its counters restart as well.
    let gateway = |job: &str, namespace: &str| {
        format!(
            r#"namespace="{namespace}",pod="{job}-{number}",job="{job}",instance="10.1.{number}.7:10254""#
        )
    };
    let seconds = |requests, sum, measured| Metrics {
        requests,
        sum,
        measured,
        units_of_a_second: 1.0,
    };
    let millis = |requests, sum, measured| Metrics {
        units_of_a_second: 1_000.0,
        ..seconds(requests, sum, measured)
    };
    let istio = both(&|code| {
        let reporter = if name == "queue" {
            "waypoint"
        } else {
            "destination"
        };
        format!(
            r#"reporter="{reporter}",source_workload="gateway",source_workload_namespace="istio-system",destination_workload="{name}",destination_workload_namespace="shop",destination_service="{name}.shop.svc.cluster.local",destination_service_name="{name}",destination_service_namespace="shop",request_protocol="http",response_code="{code}",response_flags="-",connection_security_policy="mutual_tls",{}"#,
            target("kubernetes-pods", 15_020)
        )
    });
    let linkerd = both(&|code| {
        format!(
            r#"direction="inbound",target_addr="{address}:8080",target_port="8080",tls="true",client_id="default.shop.serviceaccount.identity.linkerd.cluster.local",srv_kind="default",srv_name="all-unauthenticated",srv_port="8080",route_kind="default",route_name="default",authz_kind="default",authz_name="all-unauthenticated",status_code="{code}",{}"#,
            target("linkerd-proxy", 4_191)
        )
    });
    let hubble = both(&|code| {
        // The clients of one workload alone are seen.
        let reporter = if name == "queue" { "client" } else { "server" };
        format!(
            r#"method="GET",protocol="HTTP/1.1",status="{code}",reporter="{reporter}",source_namespace="shop",source_workload="gateway",destination_namespace="shop",destination_workload="{name}",job="hubble",instance="{address}:9965""#
        )
    });
    let telemetry = |metric: &str, code: &str| {
        let resource = match name {
            "web" => format!(
                r#"k8s_namespace_name="shop",k8s_deployment_name="web",k8s_pod_name="{pod}",job="shop/web",instance="{pod}""#
            ),
            // As pushed by OTLP: who it is stands in target_info.
            "api" => format!(r#"job="shop/api",instance="{pod}""#),
            _ => target("kubernetes-pods", 9_464),
        };
        format!("{metric}=\"{code}\",{resource}")
    };
    let otel = both(&|code| {
        let route = r#"http_request_method="GET",http_route="/checkout",url_scheme="http",network_protocol_version="1.1""#;
        format!("{route},{}", telemetry("http_response_status_code", code))
    });
    let sqs = both(&|code| {
        let queue = r#"messaging_system="aws_sqs",messaging_operation_name="receive",messaging_destination_name="orders""#;
        format!("{queue},{}", telemetry("error_type", code))
    });
    let http = both(&|code| {
        format!(
            r#"code="{code}",method="get",{}"#,
            target("kubernetes-pods", 8_080)
        )
    });
    let grpc = ends(&|code, _| {
        format!(
            r#"grpc_code="{code}",grpc_method="Pay",grpc_service="shop.Checkout",grpc_type="unary",{}"#,
            target("kubernetes-pods", 8_080)
        )
    });
    let kafka = ends(&|_, result| {
        format!(
            r#"client_id="consumer-{name}-1",kafka_version="3.9.0",spring_id="factory.consumer-{name}-1",topic="orders-{result}",{}"#,
            target("kubernetes-pods", 8_080)
        )
    });
    let nginx = both(&|code| {
        let controller =
            r#"controller_class="k8s.io/ingress-nginx",controller_namespace="ingress-nginx""#;
        format!(
            r#"{controller},controller_pod="ingress-nginx-controller-{number}",ingress="shop",exported_namespace="shop",exported_service="{name}",host="shop.example.com",path="/",method="GET",status="{code}",service="ingress-nginx-controller-metrics",{}"#,
            gateway("ingress-nginx-controller", "ingress-nginx")
        )
    });
    let traefik = both(&|code| {
        let provider = if name == "queue" {
            "kubernetescrd"
        } else {
            "kubernetes"
        };
        format!(
            r#"service="shop-{name}-http@{provider}",code="{code}",method="GET",protocol="http",{}"#,
            gateway("traefik", "traefik")
        )
    });
    let rule = usize::from(name == "api");
    let route = if name == "queue" { "events" } else { "entry" };
    let envoy = both(&|code| {
        format!(
            r#"envoy_cluster_name="httproute/shop/{route}/rule/{rule}",envoy_response_code="{code}",{}"#,
            gateway("envoy", "envoy-gateway-system")
        )
    });
    let counted = "http_server_request_duration_seconds_count";
    vec![
        (
            millis(
                "istio_requests_total",
                "istio_request_duration_milliseconds_sum",
                "istio_request_duration_milliseconds_count",
            ),
            istio,
        ),
        (
            millis(
                "request_total",
                "response_latency_ms_sum",
                "response_latency_ms_count",
            ),
            linkerd,
        ),
        (
            seconds(
                "hubble_http_requests_total",
                "hubble_http_request_duration_seconds_sum",
                "hubble_http_request_duration_seconds_count",
            ),
            hubble,
        ),
        (
            seconds(counted, "http_server_request_duration_seconds_sum", counted),
            otel,
        ),
        (
            seconds(
                "http_requests_total",
                "http_request_duration_seconds_sum",
                "http_request_duration_seconds_count",
            ),
            http,
        ),
        (
            seconds(
                "grpc_server_handled_total",
                "grpc_server_handling_seconds_sum",
                "grpc_server_handling_seconds_count",
            ),
            grpc,
        ),
        (
            seconds(
                "nginx_ingress_controller_requests",
                "nginx_ingress_controller_request_duration_seconds_sum",
                "nginx_ingress_controller_request_duration_seconds_count",
            ),
            nginx,
        ),
        (
            seconds(
                "traefik_service_requests_total",
                "traefik_service_request_duration_seconds_sum",
                "traefik_service_request_duration_seconds_count",
            ),
            traefik,
        ),
        (
            millis(
                "envoy_cluster_upstream_rq_total",
                "envoy_cluster_upstream_rq_time_sum",
                "envoy_cluster_upstream_rq_time_count",
            ),
            envoy,
        ),
        (
            seconds(
                "kafka_consumer_fetch_manager_records_consumed_total",
                "spring_kafka_listener_seconds_sum",
                "spring_kafka_listener_seconds_count",
            ),
            kafka,
        ),
        (
            seconds(
                "messaging_client_consumed_messages_total",
                "messaging_process_duration_seconds_sum",
                "messaging_process_duration_seconds_count",
            ),
            sqs,
        ),
    ]
}

/// HAProxy counts the responses of a backend by code, and shows the mean latency of all of them.
fn haproxy(text: &mut String, workload: &Workload, number: usize, samples: &[Sample]) {
    let name = workload.name;
    // As HAProxy Ingress names a backend, and as the controller of HAProxy Technologies does.
    let backend = if name == "queue" {
        format!("shop_svc_{name}_http")
    } else {
        format!("shop_{name}_8080")
    };
    let labels = format!(
        r#"proxy="{backend}",namespace="haproxy",pod="haproxy-{number}",job="haproxy",instance="10.1.{number}.8:1024""#
    );
    for &(at, count) in samples {
        let failed = count / 50;
        for (code, count) in [("2xx", count - failed), ("5xx", failed)] {
            let series =
                format!(r#"haproxy_backend_http_responses_total{{code="{code}",{labels}}}"#);
            line(text, &series, at, count as f64);
        }
        let series = format!("haproxy_backend_total_time_average_seconds{{{labels}}}");
        line(text, &series, at, workload.latency);
    }
}

/// Series that say something else: whoever counts them too, counts wrong.
fn decoys(workload: &Workload, process: &Process) -> Vec<String> {
    let (name, pod) = (workload.name, &process.pod);
    let target = format!(r#"namespace="shop",pod="{pod}",job="x",instance="{pod}:1""#);
    vec![
        // The client's side of the same requests.
        format!(
            r#"istio_requests_total{{reporter="source",destination_workload="{name}",destination_workload_namespace="shop",response_code="200",{target}}}"#
        ),
        format!(r#"request_total{{direction="outbound",dst_deployment="{name}",{target}}}"#),
        // Probes of the kubelet, and scrapes of the proxy.
        format!(
            r#"request_total{{direction="inbound",srv_port="8080",route_name="probe",{target}}}"#
        ),
        format!(
            r#"request_total{{direction="inbound",srv_port="4191",route_name="default",{target}}}"#
        ),
        // The default backends of nginx and HAProxy, Traefik's own dashboard, Envoy's connection to its control plane.
        format!(r#"haproxy_backend_http_responses_total{{proxy="_error404",code="4xx",{target}}}"#),
        format!(
            r#"nginx_ingress_controller_requests{{status="404",ingress="",service="ingress-nginx-controller-metrics",{target}}}"#
        ),
        format!(r#"traefik_service_requests_total{{service="dashboard@internal",{target}}}"#),
        format!(r#"envoy_cluster_upstream_rq_total{{envoy_cluster_name="xds_cluster",{target}}}"#),
        // Messages of another system.
        format!(
            r#"messaging_client_consumed_messages_total{{messaging_system="rabbitmq",{target}}}"#
        ),
    ]
}

fn target_info(workload: &Workload, process: &Process) -> String {
    let (name, pod) = (workload.name, &process.pod);
    format!(
        r#"target_info{{job="shop/{name}",instance="{pod}",k8s_namespace_name="shop",k8s_pod_name="{pod}",k8s_node_name="n",host_arch="amd64"}}"#
    )
}

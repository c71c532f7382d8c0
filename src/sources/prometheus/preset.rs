//! The metrics that well-known programs expose, as data: what counts requests, what measures them, and whose they are.
//!
//! Each row has its line of the table in `docs/requests.md`, with the page of its project that names the metrics and labels.

#[cfg(test)]
mod docs;

use super::latency_unit::LatencyUnit;
use super::target_labels::TargetLabels;

/// What a program exposes.
#[derive(Debug)]
pub(super) struct Row {
    /// Requests within the window.
    pub(super) requests: &'static str,
    /// The sum of their latencies, how many were measured, and in which unit.
    pub(super) latency: Option<(&'static str, &'static str, LatencyUnit)>,
    /// Whose they are.
    pub(super) ways: &'static [TargetLabels],
    /// Its line in the documentation.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "a test writes it into the documentation")
    )]
    docs: Docs,
}

/// The cells of a preset in the table of `docs/requests.md`.
#[derive(Debug)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "a test writes it into the documentation")
)]
struct Docs {
    requests: &'static str,
    latency: &'static str,
    target: &'static str,
    source: &'static str,
}

macro_rules! presets {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $row:ident;)*) => {
        /// Queries for the metrics that a well-known program exposes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Preset {
            $($(#[$doc])* $name,)*
        }

        impl Preset {
            /// All of them, in the order in which they are looked for: where each pod counts what it served before where
            /// only what comes in from outside is counted.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As the configuration names it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            pub(super) const fn row(self) -> &'static Row {
                match self {
                    $(Self::$name => &$row,)*
                }
            }
        }
    };
}

presets! {
    /// Istio's standard metrics.
    Istio = "istio", ISTIO;
    /// Linkerd's proxies.
    Linkerd = "linkerd", LINKERD;
    /// Cilium's Hubble, with its `httpV2` metrics and labels of workloads.
    Hubble = "hubble", HUBBLE;
    /// OpenTelemetry's semantic conventions for HTTP servers.
    OpenTelemetry = "opentelemetry", OPEN_TELEMETRY;
    /// `http_requests_total`, as most client libraries' examples have it.
    Http = "http", HTTP;
    /// gRPC servers with the interceptors of grpc-ecosystem.
    Grpc = "grpc", GRPC;
    /// ingress-nginx.
    IngressNginx = "ingress_nginx", INGRESS_NGINX;
    /// Traefik.
    Traefik = "traefik", TRAEFIK;
    /// HAProxy Ingress and the HAProxy Kubernetes Ingress Controller.
    HaproxyIngress = "haproxy_ingress", HAPROXY_INGRESS;
    /// Envoy Gateway.
    EnvoyGateway = "envoy_gateway", ENVOY_GATEWAY;
    /// Consumers of Kafka: a message is a request.
    Kafka = "kafka", KAFKA;
    /// Consumers of SQS: a message is a request.
    Sqs = "sqs", SQS;
}

/// Where the target labels of a scrape say which pod it was.
const BY_POD: &[TargetLabels] = &[TargetLabels::Pod {
    namespace: "namespace",
    name: "pod",
}];

/// What the server's sidecar counts, or else the waypoint before it.
/// <https://istio.io/latest/docs/reference/config/metrics/>
static ISTIO: Row = Row {
    requests: istio!("istio_requests_total"),
    latency: Some((
        istio!("istio_request_duration_milliseconds_sum"),
        istio!("istio_request_duration_milliseconds_count"),
        LatencyUnit::Milliseconds,
    )),
    ways: &[TargetLabels::Workload {
        namespace: "destination_workload_namespace",
        name: "destination_workload",
        kind: "",
    }],
    docs: Docs {
        requests: r#"`istio_requests_total` with `reporter="destination"`; for workloads without, `reporter="waypoint"`"#,
        latency: "`istio_request_duration_milliseconds`",
        target: "`destination_workload`, `destination_workload_namespace`",
        source: "[Istio standard metrics](https://istio.io/latest/docs/reference/config/metrics/)",
    },
};

/// What the proxy of the server counts, less the probes of the kubelet and scrapes of the proxy itself.
/// <https://linkerd.io/2/reference/proxy-metrics/>
static LINKERD: Row = Row {
    requests: linkerd!("request_total"),
    latency: Some((
        linkerd!("response_latency_ms_sum"),
        linkerd!("response_latency_ms_count"),
        LatencyUnit::Milliseconds,
    )),
    ways: BY_POD,
    docs: Docs {
        requests: r#"`request_total` with `direction="inbound"`, without the kubelet's probes (`route_name="probe"`) and the proxy's own port 4191"#,
        latency: "`response_latency_ms`",
        target: "`namespace`, `pod` of the scrape, as linkerd-viz sets them",
        source: "[Linkerd proxy metrics](https://linkerd.io/2/reference/proxy-metrics/)",
    },
};

/// What is seen at the server, or else at the client. Only `httpV2` has a status and names the server in both metrics.
/// <https://docs.cilium.io/en/stable/observability/metrics/>
static HUBBLE: Row = Row {
    requests: hubble!("hubble_http_requests_total", "status!=\"\""),
    latency: Some((
        hubble!("hubble_http_request_duration_seconds_sum", "method!=\"\""),
        hubble!("hubble_http_request_duration_seconds_count", "method!=\"\""),
        LatencyUnit::Seconds,
    )),
    ways: &[TargetLabels::Workload {
        namespace: "destination_namespace",
        name: "destination_workload",
        kind: "destination_workload_kind",
    }],
    docs: Docs {
        requests: r#"`hubble_http_requests_total` with `reporter="server"`; for workloads without, any other"#,
        latency: "`hubble_http_request_duration_seconds`",
        target: "`destination_workload`, `destination_namespace`",
        source: "[Cilium metrics](https://docs.cilium.io/en/stable/observability/metrics/)",
    },
};

/// <https://opentelemetry.io/docs/specs/semconv/http/http-metrics/>, resource attributes as
/// <https://prometheus.io/docs/guides/opentelemetry/> promotes them or joins them from `target_info`.
static OPEN_TELEMETRY: Row = Row {
    requests: open_telemetry!("http_server_request_duration_seconds_count", ""),
    latency: Some((
        open_telemetry!("http_server_request_duration_seconds_sum", ""),
        open_telemetry!("http_server_request_duration_seconds_count", ""),
        LatencyUnit::Seconds,
    )),
    ways: OPEN_TELEMETRY_WAYS,
    docs: Docs {
        requests: "`http_server_request_duration_seconds_count`",
        latency: "the same histogram",
        target: "`k8s_namespace_name` with `k8s_deployment_name` (or `statefulset`, `daemonset`, `cronjob`) or `k8s_pod_name`, on the series or in `target_info`; else `namespace`, `pod` of the scrape",
        source: "[HTTP metrics](https://opentelemetry.io/docs/specs/semconv/http/http-metrics/), [resource attributes](https://opentelemetry.io/docs/specs/semconv/resource/k8s/), [in Prometheus](https://prometheus.io/docs/guides/opentelemetry/)",
    },
};

/// <https://opentelemetry.io/docs/specs/semconv/resource/k8s/>
const OPEN_TELEMETRY_WAYS: &[TargetLabels] = &[
    controller("k8s_deployment_name", "Deployment"),
    controller("k8s_statefulset_name", "StatefulSet"),
    controller("k8s_daemonset_name", "DaemonSet"),
    controller("k8s_cronjob_name", "CronJob"),
    TargetLabels::Pod {
        namespace: "k8s_namespace_name",
        name: "k8s_pod_name",
    },
    TargetLabels::Pod {
        namespace: "namespace",
        name: "pod",
    },
];

const fn controller(name: &'static str, kind: &'static str) -> TargetLabels {
    TargetLabels::Controller {
        namespace: "k8s_namespace_name",
        name,
        kind,
    }
}

/// <https://prometheus.io/docs/practices/naming/>
static HTTP: Row = Row {
    requests: by_pod!("http_requests_total", ""),
    latency: Some((
        by_pod!("http_request_duration_seconds_sum", ""),
        by_pod!("http_request_duration_seconds_count", ""),
        LatencyUnit::Seconds,
    )),
    ways: BY_POD,
    docs: Docs {
        requests: "`http_requests_total`",
        latency: "`http_request_duration_seconds`",
        target: "`namespace`, `pod` of the scrape",
        source: "[naming in Prometheus](https://prometheus.io/docs/practices/naming/)",
    },
};

/// <https://github.com/grpc-ecosystem/go-grpc-middleware/tree/main/providers/prometheus>
static GRPC: Row = Row {
    requests: by_pod!("grpc_server_handled_total", ""),
    latency: Some((
        by_pod!("grpc_server_handling_seconds_sum", ""),
        by_pod!("grpc_server_handling_seconds_count", ""),
        LatencyUnit::Seconds,
    )),
    ways: BY_POD,
    docs: Docs {
        requests: "`grpc_server_handled_total`",
        latency: "`grpc_server_handling_seconds`",
        target: "`namespace`, `pod` of the scrape",
        source: "[go-grpc-middleware](https://github.com/grpc-ecosystem/go-grpc-middleware/tree/main/providers/prometheus)",
    },
};

/// The labels of the controller are renamed to `exported_…` where the scrape has labels of the same name.
/// <https://kubernetes.github.io/ingress-nginx/user-guide/monitoring/>
static INGRESS_NGINX: Row = Row {
    requests: ingress_nginx!("nginx_ingress_controller_requests"),
    latency: Some((
        ingress_nginx!("nginx_ingress_controller_request_duration_seconds_sum"),
        ingress_nginx!("nginx_ingress_controller_request_duration_seconds_count"),
        LatencyUnit::Seconds,
    )),
    ways: &[
        TargetLabels::Service {
            namespace: "exported_namespace",
            name: "exported_service",
        },
        TargetLabels::Service {
            namespace: "exported_namespace",
            name: "service",
        },
        TargetLabels::Service {
            namespace: "namespace",
            name: "service",
        },
    ],
    docs: Docs {
        requests: "`nginx_ingress_controller_requests` of an ingress",
        latency: "`nginx_ingress_controller_request_duration_seconds`",
        target: "the Service in `exported_namespace`/`namespace` and `exported_service`/`service`",
        source: "[ingress-nginx monitoring](https://kubernetes.github.io/ingress-nginx/user-guide/monitoring/)",
    },
};

/// <https://doc.traefik.io/traefik/observability/metrics/overview/>
static TRAEFIK: Row = Row {
    requests: traefik!("traefik_service_requests_total"),
    latency: Some((
        traefik!("traefik_service_request_duration_seconds_sum"),
        traefik!("traefik_service_request_duration_seconds_count"),
        LatencyUnit::Seconds,
    )),
    ways: &[
        TargetLabels::TraefikService("exported_service"),
        TargetLabels::TraefikService("service"),
    ],
    docs: Docs {
        requests: "`traefik_service_requests_total`",
        latency: "`traefik_service_request_duration_seconds`",
        target: "the Service and port in `service`: `namespace-service-port@kubernetes`",
        source: "[Traefik metrics](https://doc.traefik.io/traefik/observability/metrics/overview/)",
    },
};

/// HAProxy has no sum of latencies, but the mean over the last 1,024 requests of a backend.
static HAPROXY_INGRESS: Row = Row {
    requests: haproxy_ingress!(),
    latency: Some((
        haproxy_ingress!("haproxy_backend_total_time_average_seconds"),
        haproxy_ingress!(),
        LatencyUnit::Seconds,
    )),
    ways: &[TargetLabels::HaproxyBackend("proxy")],
    docs: Docs {
        requests: "`haproxy_backend_http_responses_total`",
        latency: "`haproxy_backend_total_time_average_seconds`, weighted by the requests of each HAProxy",
        target: "the Service in `proxy`: `namespace_service_port` or `namespace_svc_service_port`",
        source: "[exporter of HAProxy](https://github.com/haproxy/haproxy/blob/master/addons/promex/README), [HAProxy Ingress](https://haproxy-ingress.github.io/docs/examples/metrics/)",
    },
};

/// <https://gateway.envoyproxy.io/docs/tasks/observability/proxy-metric/>
static ENVOY_GATEWAY: Row = Row {
    requests: envoy_gateway!("envoy_cluster_upstream_rq_total"),
    latency: Some((
        envoy_gateway!("envoy_cluster_upstream_rq_time_sum"),
        envoy_gateway!("envoy_cluster_upstream_rq_time_count"),
        LatencyUnit::Milliseconds,
    )),
    ways: &[TargetLabels::EnvoyCluster("envoy_cluster_name")],
    docs: Docs {
        requests: "`envoy_cluster_upstream_rq_total` of routes",
        latency: "`envoy_cluster_upstream_rq_time`",
        target: "the rule of the HTTPRoute in `envoy_cluster_name`: `httproute/namespace/name/rule/0`",
        source: "[Envoy Gateway proxy metrics](https://gateway.envoyproxy.io/docs/tasks/observability/proxy-metric/)",
    },
};

/// The Kafka client's `records-consumed-total` by way of Micrometer, and the time of Spring's listeners.
/// <https://docs.micrometer.io/micrometer/reference/reference/kafka.html>,
/// <https://docs.spring.io/spring-kafka/reference/kafka/micrometer.html>
static KAFKA: Row = Row {
    requests: by_pod!("kafka_consumer_fetch_manager_records_consumed_total", ""),
    latency: Some((
        by_pod!("spring_kafka_listener_seconds_sum", ""),
        by_pod!("spring_kafka_listener_seconds_count", ""),
        LatencyUnit::Seconds,
    )),
    ways: BY_POD,
    docs: Docs {
        requests: "`kafka_consumer_fetch_manager_records_consumed_total`, a message being a request",
        latency: "`spring_kafka_listener_seconds`",
        target: "`namespace`, `pod` of the scrape",
        source: "[Micrometer for Kafka](https://docs.micrometer.io/micrometer/reference/reference/kafka.html), [Spring for Kafka](https://docs.spring.io/spring-kafka/reference/kafka/micrometer.html)",
    },
};

/// <https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/>
static SQS: Row = Row {
    requests: open_telemetry!(
        "messaging_client_consumed_messages_total",
        "messaging_system=\"aws_sqs\","
    ),
    latency: Some((
        open_telemetry!(
            "messaging_process_duration_seconds_sum",
            "messaging_system=\"aws_sqs\","
        ),
        open_telemetry!(
            "messaging_process_duration_seconds_count",
            "messaging_system=\"aws_sqs\","
        ),
        LatencyUnit::Seconds,
    )),
    ways: OPEN_TELEMETRY_WAYS,
    docs: Docs {
        requests: r#"`messaging_client_consumed_messages_total` with `messaging_system="aws_sqs"`, a message being a request"#,
        latency: "`messaging_process_duration_seconds`",
        target: "as `opentelemetry`",
        source: "[messaging metrics](https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/)",
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_that_a_way_reads_is_one_that_the_query_keeps() {
        for preset in Preset::ALL {
            let row = preset.row();
            let latency = row.latency.iter().flat_map(|(sum, count, _)| [*sum, count]);
            for query in latency.chain([row.requests]) {
                for by in query.split("sum by (").skip(1) {
                    let kept: Vec<&str> = by.split(')').next().unwrap().split(", ").collect();
                    let read = row.ways.iter().flat_map(TargetLabels::labels);
                    for label in read.filter(|label| !label.is_empty()) {
                        assert!(
                            kept.contains(&label),
                            "{}: {label}: {query}",
                            preset.as_str()
                        );
                    }
                }
            }
        }
    }
}

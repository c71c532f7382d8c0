//! The shapes of the presets' queries: all queries of one program differ in the metric alone.

/// Of each pod that was scraped.
macro_rules! by_pod {
    ($metric:literal, $of:literal) => {
        concat!(
            "sum by (namespace, pod) (increase(",
            $metric,
            "{",
            $of,
            "pod!=\"\"}[$window]))"
        )
    };
}

macro_rules! istio {
    ($metric:literal) => {
        concat!(
            "sum by (destination_workload_namespace, destination_workload) (increase(",
            $metric,
            "{reporter=\"destination\"}[$window])) or ",
            "sum by (destination_workload_namespace, destination_workload) (increase(",
            $metric,
            "{reporter=\"waypoint\"}[$window]))"
        )
    };
}

macro_rules! linkerd {
    ($metric:literal) => {
        by_pod!(
            $metric,
            "direction=\"inbound\", route_name!=\"probe\", srv_port!=\"4191\", "
        )
    };
}

macro_rules! hubble {
    ($metric:literal, $of:literal) => {
        concat!(
            "sum by (destination_namespace, destination_workload, destination_workload_kind) (increase(",
            $metric,
            "{",
            $of,
            ", reporter=\"server\"}[$window])) or ",
            "sum by (destination_namespace, destination_workload, destination_workload_kind) (increase(",
            $metric,
            "{",
            $of,
            ", reporter!=\"server\"}[$window]))"
        )
    };
}

/// The attributes of the resource are labels of the series, or the labels of the scrape say which pod it was, or
/// `target_info` has the attributes.
macro_rules! open_telemetry {
    ($metric:literal, $of:literal) => {
        concat!(
            "sum by (k8s_namespace_name, k8s_deployment_name, k8s_statefulset_name, k8s_daemonset_name, ",
            "k8s_cronjob_name, k8s_pod_name, namespace, pod) (",
            "increase(",
            $metric,
            "{",
            $of,
            "k8s_namespace_name!=\"\"}[$window]) or ",
            "increase(",
            $metric,
            "{",
            $of,
            "k8s_namespace_name=\"\", pod!=\"\"}[$window]) or ",
            "increase(",
            $metric,
            "{",
            $of,
            "k8s_namespace_name=\"\", pod=\"\"}[$window]) * on (job, instance) group_left (",
            "k8s_namespace_name, k8s_deployment_name, k8s_statefulset_name, k8s_daemonset_name, k8s_cronjob_name, ",
            "k8s_pod_name) topk by (job, instance) (1, max_over_time(target_info{k8s_namespace_name!=\"\"}[$window])))"
        )
    };
}

macro_rules! ingress_nginx {
    ($metric:literal) => {
        concat!(
            "sum by (exported_namespace, exported_service, namespace, service) (increase(",
            $metric,
            "{ingress!=\"\"}[$window]))"
        )
    };
}

macro_rules! traefik {
    ($metric:literal) => {
        concat!(
            "sum by (exported_service, service) (increase(",
            $metric,
            "[$window]))"
        )
    };
}

/// Requests of each backend; with the name of a gauge of means, the sum of the values behind the means.
macro_rules! haproxy_ingress {
    () => {
        "sum by (proxy) (increase(haproxy_backend_http_responses_total[$window]))"
    };
    ($mean:literal) => {
        concat!(
            "sum by (proxy) (sum without (code) (increase(haproxy_backend_http_responses_total[$window])) * ",
            "avg_over_time(",
            $mean,
            "[$window]))"
        )
    };
}

macro_rules! envoy_gateway {
    ($metric:literal) => {
        concat!(
            "sum by (envoy_cluster_name) (increase(",
            $metric,
            "{envoy_cluster_name=~\"httproute/.+\"}[$window]))"
        )
    };
}

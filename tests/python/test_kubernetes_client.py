"""Lists and watches a simulated cluster (the demo world) with the Kubernetes client from PyPI.

KUBERNETES_URL is the address of its API server.
"""

import os

from kubernetes import client, watch

WORKLOAD_PODS = 44  # of the demo world, without those of its CronJob
NODES = 6


def main(url: str) -> None:
    configuration = client.Configuration()
    configuration.host = url
    client.Configuration.set_default(configuration)
    core, apps, batch = client.CoreV1Api(), client.AppsV1Api(), client.BatchV1Api()

    pods = core.list_pod_for_all_namespaces()
    steady = [pod for pod in pods.items if not pod.metadata.name.startswith("sales-report")]
    assert len(steady) == WORKLOAD_PODS, len(steady)
    for pod in steady:
        assert pod.status.phase == "Running", pod.metadata.name
        assert pod.spec.node_name and pod.status.pod_ip and pod.metadata.uid, pod.metadata.name
        assert pod.metadata.owner_references[0].controller is True, pod.metadata.name
        assert pod.metadata.managed_fields, pod.metadata.name
    admin = next(pod for pod in steady if pod.metadata.name.startswith("admin-"))
    assert not admin.spec.containers[0].resources.requests
    assert admin.status.qos_class == "BestEffort"

    names, token = [], None
    while True:
        chunk = core.list_pod_for_all_namespaces(limit=7, _continue=token)
        names += [pod.metadata.uid for pod in chunk.items]
        token = chunk.metadata._continue
        if not token:
            break
    assert sorted(names) == sorted(pod.metadata.uid for pod in pods.items)

    nodes = core.list_node().items
    assert len(nodes) == NODES
    types = {node.metadata.labels.get("node.kubernetes.io/instance-type") for node in nodes}
    assert types == {"m5.large", "m6i.xlarge", "c5.xlarge", "m7g.large", None}, types
    for node in nodes:
        assert node.spec.provider_id.startswith("aws:///us-east-1"), node.metadata.name
        assert node.status.capacity["cpu"] and node.status.allocatable["memory"]
        assert any(c.type == "Ready" and c.status == "True" for c in node.status.conditions)

    deployments = {d.metadata.name: d for d in apps.list_namespaced_deployment("shop").items}
    assert deployments["checkout"].status.ready_replicas == 3
    cron_jobs = batch.list_cron_job_for_all_namespaces().items
    assert [c.metadata.name for c in cron_jobs] == ["sales-report"]
    try:
        core.read_namespaced_pod("gone", "shop")
        raise AssertionError("a pod that is not there was read")
    except client.ApiException as error:
        assert error.status == 404 and '"NotFound"' in error.body, error

    for listed, expected in ((core.list_node, NODES), (core.list_pod_for_all_namespaces, len(pods.items))):
        seen = []
        for event in watch.Watch().stream(listed, timeout_seconds=1):
            assert event["type"] == "ADDED", event["type"]
            seen.append(event["object"].metadata.name)
        assert len(seen) == expected, (len(seen), expected)

    custom = client.CustomObjectsApi()
    usage = custom.list_cluster_custom_object("metrics.k8s.io", "v1beta1", "nodes")
    assert len(usage["items"]) == NODES
    assert all(item["usage"]["cpu"].endswith("n") for item in usage["items"])
    assert client.VersionApi().get_code().major == "1"
    print("ok")


if __name__ == "__main__":
    main(os.environ["KUBERNETES_URL"])

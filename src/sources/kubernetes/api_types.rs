//! The objects of the Kubernetes API, with the fields that are in use and no others.
//!
//! Everything else (managed fields, volumes, conditions, most annotations) is skipped while it is read, so it
//! never costs memory.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::amounts::Amounts;
use super::limited;

/// What every object has.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meta {
    #[serde(deserialize_with = "limited::name")]
    pub(super) name: String,
    #[serde(default, deserialize_with = "limited::label")]
    pub(super) namespace: String,
    #[serde(deserialize_with = "limited::value")]
    pub(super) uid: String,
    #[serde(default, deserialize_with = "limited::value")]
    pub(super) resource_version: String,
    pub(super) creation_timestamp: Option<Timestamp>,
    #[serde(default, deserialize_with = "limited::labels")]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) annotations: Annotations,
    #[serde(default, deserialize_with = "limited::list")]
    pub(super) owner_references: Vec<OwnerReference>,
}

impl Meta {
    /// The owner that controls the object: there is at most one.
    pub(super) fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references
            .iter()
            .find(|owner| owner.controller == Some(true))
    }
}

/// The annotations in use.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Annotations {
    /// What Fargate provisioned for a pod, such as `0.25vCPU 0.5GB`.
    #[serde(rename = "CapacityProvisioned")]
    pub(super) capacity_provisioned: Option<String>,
    /// What provided a volume.
    #[serde(rename = "pv.kubernetes.io/provisioned-by")]
    pub(super) provisioned_by: Option<String>,
    #[serde(rename = "prometheus.io/scrape")]
    pub(super) scrape: Option<String>,
    #[serde(rename = "prometheus.io/port")]
    pub(super) scrape_port: Option<String>,
    #[serde(rename = "prometheus.io/path")]
    pub(super) scrape_path: Option<String>,
    #[serde(rename = "prometheus.io/scheme")]
    pub(super) scrape_scheme: Option<String>,
    #[serde(rename = "breakeven.dev/requests-query")]
    pub(super) requests_query: Option<String>,
    #[serde(rename = "breakeven.dev/unit")]
    pub(super) unit: Option<String>,
    #[serde(rename = "breakeven.dev/lambda-function")]
    pub(super) lambda_function: Option<String>,
    #[serde(rename = "breakeven.dev/exclude")]
    pub(super) exclude: Option<String>,
    #[serde(rename = "breakeven.dev/latency-objective")]
    pub(super) latency_objective: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OwnerReference {
    #[serde(default, deserialize_with = "limited::key")]
    pub(super) api_version: String,
    #[serde(deserialize_with = "limited::name")]
    pub(super) kind: String,
    #[serde(deserialize_with = "limited::name")]
    pub(super) name: String,
    #[serde(deserialize_with = "limited::value")]
    pub(super) uid: String,
    pub(super) controller: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct PodObject {
    pub(super) metadata: Meta,
    pub(super) spec: PodSpec,
    #[serde(default)]
    pub(super) status: PodStatus,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodSpec {
    #[serde(default, deserialize_with = "limited::name")]
    pub(super) node_name: String,
    #[serde(default, deserialize_with = "limited::list")]
    pub(super) containers: Vec<ContainerSpec>,
    #[serde(default, deserialize_with = "limited::list")]
    pub(super) init_containers: Vec<ContainerSpec>,
    #[serde(default)]
    pub(super) overhead: Amounts,
    #[serde(default)]
    pub(super) host_network: bool,
    #[serde(default, deserialize_with = "limited::list")]
    pub(super) volumes: Vec<VolumeSpec>,
    /// Devices by dynamic resource allocation.
    #[serde(default)]
    pub(super) resource_claims: Vec<IgnoredAny>,
    /// Requests of the pod as a whole (Kubernetes 1.32 and later).
    #[serde(default)]
    pub(super) resources: Requirements,
}

/// A volume of a pod; all kinds but claims are left unread.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VolumeSpec {
    #[serde(default, deserialize_with = "limited::label")]
    pub(super) name: String,
    pub(super) persistent_volume_claim: Option<ClaimSource>,
    /// A claim that is made for the pod and goes with it.
    pub(super) ephemeral: Option<IgnoredAny>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClaimSource {
    #[serde(default, deserialize_with = "limited::name")]
    pub(super) claim_name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct PodStatus {
    #[serde(default, deserialize_with = "limited::value")]
    pub(super) phase: String,
    #[serde(rename = "podIP", default, deserialize_with = "limited::value")]
    pub(super) pod_ip: String,
    #[serde(rename = "startTime")]
    pub(super) start_time: Option<Timestamp>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContainerSpec {
    #[serde(deserialize_with = "limited::label")]
    pub(super) name: String,
    #[serde(default)]
    pub(super) resources: Requirements,
    #[serde(default, deserialize_with = "limited::value")]
    pub(super) restart_policy: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Requirements {
    #[serde(default)]
    pub(super) requests: Amounts,
    #[serde(default)]
    pub(super) limits: Amounts,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct NodeObject {
    pub(super) metadata: Meta,
    #[serde(default)]
    pub(super) spec: NodeSpec,
    #[serde(default)]
    pub(super) status: NodeStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct NodeSpec {
    /// Whose machine it is, and which: `aws:///us-east-1a/i-0123`.
    #[serde(rename = "providerID", default, deserialize_with = "limited::id")]
    pub(super) provider_id: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct NodeStatus {
    #[serde(default)]
    pub(super) capacity: Amounts,
    #[serde(default)]
    pub(super) allocatable: Amounts,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct VolumeObject {
    pub(super) metadata: Meta,
    pub(super) spec: PersistentVolumeSpec,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PersistentVolumeSpec {
    #[serde(default)]
    pub(super) capacity: VolumeCapacity,
    #[serde(default, deserialize_with = "limited::name")]
    pub(super) storage_class_name: String,
    pub(super) claim_ref: Option<ClaimRef>,
    pub(super) csi: Option<CsiSource>,
    pub(super) aws_elastic_block_store: Option<IgnoredAny>,
    /// A part of a node's own disks.
    pub(super) local: Option<IgnoredAny>,
    pub(super) host_path: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) node_affinity: VolumeAffinity,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct VolumeCapacity {
    #[serde(default, deserialize_with = "limited::quantity")]
    pub(super) storage: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ClaimRef {
    #[serde(default, deserialize_with = "limited::label")]
    pub(super) namespace: String,
    #[serde(default, deserialize_with = "limited::name")]
    pub(super) name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct CsiSource {
    #[serde(deserialize_with = "limited::name")]
    pub(super) driver: String,
}

/// From which nodes a volume can be reached.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct VolumeAffinity {
    #[serde(default)]
    pub(super) required: NodeSelector,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeSelector {
    #[serde(default, deserialize_with = "limited::list")]
    pub(super) node_selector_terms: Vec<NodeSelectorTerm>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeSelectorTerm {
    #[serde(default, deserialize_with = "limited::list")]
    pub(super) match_expressions: Vec<MatchExpression>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct MatchExpression {
    #[serde(deserialize_with = "limited::key")]
    pub(super) key: String,
    #[serde(default, deserialize_with = "limited::list")]
    pub(super) values: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct StorageClassObject {
    pub(super) metadata: Meta,
    #[serde(default, deserialize_with = "limited::parameters")]
    pub(super) parameters: BTreeMap<String, String>,
}

/// An object of which only the metadata is asked for.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct MetaObject {
    pub(super) metadata: Meta,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ServiceObject {
    pub(super) metadata: Meta,
    #[serde(default)]
    pub(super) spec: ServiceSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct ServiceSpec {
    /// The labels of its pods; a Service without selects none.
    #[serde(default, deserialize_with = "limited::labels")]
    pub(super) selector: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "limited::list")]
    pub(super) ports: Vec<ServicePort>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ServicePort {
    #[serde(default, deserialize_with = "limited::label")]
    pub(super) name: String,
    pub(super) port: u16,
}

/// An `HTTPRoute` of the Gateway API.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RouteObject {
    pub(super) metadata: Meta,
    #[serde(default)]
    pub(super) spec: RouteSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct RouteSpec {
    #[serde(default, deserialize_with = "limited::list")]
    pub(super) rules: Vec<RouteRuleSpec>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RouteRuleSpec {
    #[serde(default, deserialize_with = "limited::list")]
    pub(super) backend_refs: Vec<BackendRef>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct BackendRef {
    /// A Service where it says nothing.
    #[serde(default, deserialize_with = "limited::optional_name")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "limited::name")]
    pub(super) name: String,
    /// That of the route where it says nothing.
    #[serde(default, deserialize_with = "limited::optional_name")]
    pub(super) namespace: Option<String>,
    /// 1 where it says nothing.
    pub(super) weight: Option<u32>,
}

/// A `TargetGroupBinding` of the AWS Load Balancer Controller, which makes one for each Service behind an Ingress too.
/// <https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/targetgroupbinding/spec/>
#[derive(Clone, Debug, Deserialize)]
pub(super) struct BindingObject {
    pub(super) metadata: Meta,
    pub(super) spec: BindingSpec,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BindingSpec {
    pub(super) service_ref: ServiceRef,
    /// The controller fills it in where the object names the target group otherwise.
    #[serde(default, rename = "targetGroupARN", deserialize_with = "limited::id")]
    pub(super) target_group_arn: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ServiceRef {
    #[serde(deserialize_with = "limited::name")]
    pub(super) name: String,
}

/// A `HorizontalPodAutoscaler` of `autoscaling/v2`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ScalerObject {
    pub(super) metadata: Meta,
    pub(super) spec: ScalerSpec,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScalerSpec {
    pub(super) scale_target_ref: ScaleTarget,
    /// 1 where it says nothing.
    pub(super) min_replicas: Option<u32>,
    pub(super) max_replicas: u32,
    #[serde(default, deserialize_with = "limited::list")]
    pub(super) metrics: Vec<ScalerMetric>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ScaleTarget {
    #[serde(deserialize_with = "limited::name")]
    pub(super) kind: String,
    #[serde(deserialize_with = "limited::name")]
    pub(super) name: String,
}

/// What it goes by; all kinds but resources are left unread.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ScalerMetric {
    pub(super) resource: Option<ScalerResource>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ScalerResource {
    #[serde(deserialize_with = "limited::name")]
    pub(super) name: String,
    pub(super) target: ScalerTarget,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScalerTarget {
    /// In percent of the request.
    pub(super) average_utilization: Option<u32>,
}

/// An object that can be watched.
pub(super) trait Watched {
    fn meta(&self) -> &Meta;
}

impl Watched for PodObject {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Watched for NodeObject {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Watched for VolumeObject {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Watched for StorageClassObject {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Watched for MetaObject {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Watched for ScalerObject {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Watched for ServiceObject {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Watched for RouteObject {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Watched for BindingObject {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// One page of a list without its objects, which are read one by one.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::sources) struct Page {
    pub(in crate::sources) kind: String,
    #[serde(default)]
    pub(in crate::sources) metadata: PageMeta,
    /// What was in the list and is no object.
    #[serde(deserialize_with = "null_is_empty")]
    pub(super) items: Vec<IgnoredAny>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sources) struct PageMeta {
    #[serde(default)]
    pub(in crate::sources) resource_version: String,
    #[serde(default, rename = "continue")]
    pub(in crate::sources) continue_token: String,
}

/// Go writes an empty list as null; a list that is missing is an error.
fn null_is_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_may_be_null_but_not_missing() {
        let null: Page = serde_json::from_str(r#"{"kind": "PodList", "items": null}"#).unwrap();
        assert!(null.items.is_empty());
        let missing = serde_json::from_str::<Page>(r#"{"kind": "Status"}"#);
        assert!(
            missing
                .unwrap_err()
                .to_string()
                .starts_with("missing field `items`")
        );
    }
}

//! The resources that the API server has.

/// A type of resource.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ResourceType {
    /// The API group; empty for the core group.
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) plural: &'static str,
    pub(super) singular: &'static str,
    pub(super) kind: &'static str,
    pub(super) namespaced: bool,
    pub(super) short_names: &'static [&'static str],
    /// Whether `kubectl get all` shows it.
    pub(super) in_all: bool,
}

impl ResourceType {
    /// `v1`, `apps/v1`.
    pub(super) fn api_version(&self) -> String {
        api_version(self.group, self.version)
    }

    /// `pods`, `deployments.apps`: as error messages name it.
    pub(super) fn qualified(&self) -> String {
        match self.group {
            "" => self.plural.to_owned(),
            group => format!("{}.{group}", self.plural),
        }
    }
}

/// `v1`, `apps/v1`.
pub(super) fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

/// The resource with the path segments, if there is one.
pub(super) fn by_path(group: &str, version: &str, plural: &str) -> Option<&'static ResourceType> {
    let fits = |r: &&&ResourceType| r.group == group && r.version == version && r.plural == plural;
    RESOURCES.iter().find(fits).copied()
}

/// The resource of objects with this kind, if there is one.
pub(super) fn by_kind(api_version: &str, kind: &str) -> Option<&'static ResourceType> {
    let fits = |r: &&&ResourceType| r.kind == kind && r.api_version() == api_version;
    RESOURCES.iter().find(fits).copied()
}

/// What binds the target groups of load balancers to Services.
pub(super) static TARGET_GROUP_BINDINGS: ResourceType = ResourceType {
    group: "elbv2.k8s.aws",
    version: "v1beta1",
    plural: "targetgroupbindings",
    singular: "targetgroupbinding",
    kind: "TargetGroupBinding",
    namespaced: true,
    short_names: &[],
    in_all: false,
};

static AUTOSCALERS: ResourceType = ResourceType {
    group: "autoscaling",
    version: "v2",
    plural: "horizontalpodautoscalers",
    singular: "horizontalpodautoscaler",
    kind: "HorizontalPodAutoscaler",
    namespaced: true,
    short_names: &["hpa"],
    in_all: true,
};

macro_rules! resources {
    ($($name:ident: $group:literal $plural:literal $singular:literal $kind:literal
       $namespaced:literal $short:expr, $in_all:literal;)*) => {
        $(pub(super) static $name: ResourceType = ResourceType {
            group: $group,
            version: "v1",
            plural: $plural,
            singular: $singular,
            kind: $kind,
            namespaced: $namespaced,
            short_names: &$short,
            in_all: $in_all,
        };)*
        /// All of them.
        pub(super) static RESOURCES: &[&ResourceType] = &[$(&$name,)* &AUTOSCALERS, &TARGET_GROUP_BINDINGS];
    };
}

resources! {
    EVENTS: "" "events" "event" "Event" true ["ev"], false;
    NAMESPACES: "" "namespaces" "namespace" "Namespace" false ["ns"], false;
    NODES: "" "nodes" "node" "Node" false ["no"], false;
    PERSISTENT_VOLUME_CLAIMS: "" "persistentvolumeclaims" "persistentvolumeclaim" "PersistentVolumeClaim" true ["pvc"], false;
    PERSISTENT_VOLUMES: "" "persistentvolumes" "persistentvolume" "PersistentVolume" false ["pv"], false;
    PODS: "" "pods" "pod" "Pod" true ["po"], true;
    SERVICES: "" "services" "service" "Service" true ["svc"], true;
    DAEMON_SETS: "apps" "daemonsets" "daemonset" "DaemonSet" true ["ds"], true;
    DEPLOYMENTS: "apps" "deployments" "deployment" "Deployment" true ["deploy"], true;
    REPLICA_SETS: "apps" "replicasets" "replicaset" "ReplicaSet" true ["rs"], true;
    STATEFUL_SETS: "apps" "statefulsets" "statefulset" "StatefulSet" true ["sts"], true;
    CRON_JOBS: "batch" "cronjobs" "cronjob" "CronJob" true ["cj"], true;
    JOBS: "batch" "jobs" "job" "Job" true [], true;
    HTTP_ROUTES: "gateway.networking.k8s.io" "httproutes" "httproute" "HTTPRoute" true [], false;
    STORAGE_CLASSES: "storage.k8s.io" "storageclasses" "storageclass" "StorageClass" false ["sc"], false;
}

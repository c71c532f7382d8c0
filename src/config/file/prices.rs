//! What nodes, volumes, the cluster and Lambda cost, as it stands in the file.

use std::collections::BTreeMap;

use crate::schema::settings;
use breakeven_model::inventory::CapacityType;
use breakeven_model::pricing::DiscountKind;

settings! {
    /// What nodes cost, and what the cluster costs besides.
    pub struct Prices {
        /// Prices of nodes, each with `selector` (node, instance_type, capacity_type, pool, region, zone, labels; all that is
        /// named must match) and `usd_per_hour`, or `usd_per_core_hour` and `usd_per_gib_hour`. The first that matches is
        /// the whole price of a node.
        pub nodes: Vec<NodePrice> = Vec::new(),
        /// A file with more of them, after those above: comma-separated, its columns the keys of `selector` but labels, and
        /// the prices. It is read with this file.
        pub file: Option<String> = None,
        /// What machines cost that belong to no known cloud and have no price above.
        pub on_premises: OnPremises = OnPremises::default(),
        /// Discounts on on-demand prices, each with `kind` (savings_plan or negotiated), `families` (such as m5 or fargate; all
        /// where there is none) and `ratio`, the part that is not paid. The first that is for a family holds.
        pub discounts: Vec<Discount> = Vec::new(),
        /// Prices of persistent volumes, each with `selector` (volume, storage_class, driver; all that is named must match) and
        /// `usd_per_gib_month`. The first that matches holds; others have the list price of Amazon EBS, where they are of it.
        pub volumes: Vec<VolumePrice> = Vec::new(),
        /// What Amazon EKS charges besides the machines.
        pub eks: Eks = Eks::default(),
        /// Prices on demand from the AWS Price List, for the instance types of the nodes. Asked only where AWS is.
        pub price_list: PriceList = PriceList::default(),
        /// Prices of spare capacity from EC2, for the instance types of the spot nodes. Asked only where AWS is.
        pub spot: Spot = Spot::default(),
        /// Prices of the nodes' machines on demand and of spare capacity from Azure's retail prices, for clusters of AKS.
        pub azure_retail: AzureRetail = AzureRetail::default(),
        /// Fixed costs of the cluster, each with `name` and `usd_per_hour` or `usd_per_month`: load balancers, NAT gateways,
        /// support. The control plane of EKS is included by itself; an entry that is named like it replaces its list price.
        pub fixed: Vec<FixedCost> = Vec::new(),
        /// What each machine costs besides its price, each with `name` and `usd_per_hour` or `usd_per_month`: agents, licences, log
        /// shipping.
        pub fixed_per_node: Vec<FixedCost> = Vec::new(),
        /// What Lambda costs, against its list prices.
        pub lambda: LambdaPrices = LambdaPrices::default(),
        /// What the people cost who keep the cluster running, as far as it is to be counted. A fixed cost like the others.
        pub labour_usd_per_month: f64 = 0.0,
    }
}

settings! {
    /// What Lambda costs, against its list prices.
    pub struct LambdaPrices {
        /// The discount on duration, such as 0.12 of a Compute Savings Plan. It does not touch the fee for requests.
        pub duration_discount_ratio: f64 = 0.0,
        /// GB-s that others in the organisation use each month, in each region and on each processor: they fill the first tiers.
        pub other_gb_seconds_per_month: f64 = 0.0,
        /// Prices of parts of a function's cost in regions where AWS lists none.
        pub unlisted: UnlistedPrices = UnlistedPrices::default(),
    }
}

settings! {
    /// Prices of parts of a function's cost in regions where AWS lists none.
    pub struct UnlistedPrices {
        /// Snapshot of SnapStart in the cache, per GB-second of function memory.
        pub snapstart_cache_usd_per_gb_second: Option<f64> = None,
        /// Restore of SnapStart, per GB of function memory.
        pub snapstart_restore_usd_per_gb: Option<f64> = None,
        /// A million requests through API Gateway or a load balancer.
        pub front_door_usd_per_million: Option<f64> = None,
    }
}

settings! {
    /// The price of some nodes.
    pub struct NodePrice {
        /// Which nodes.
        pub selector: NodeSelector = NodeSelector::default(),
        /// What each of them costs.
        pub usd_per_hour: Option<f64> = None,
        /// What each core of them costs, in place of the whole.
        pub usd_per_core_hour: Option<f64> = None,
        /// What each GiB of their memory costs, in place of the whole.
        pub usd_per_gib_hour: Option<f64> = None,
    }
}

settings! {
    /// What machines cost that belong to no known cloud.
    pub struct OnPremises {
        /// Each core.
        pub usd_per_core_hour: Option<f64> = None,
        /// Each GiB of memory.
        pub usd_per_gib_hour: Option<f64> = None,
    }
}

settings! {
    /// The price of some persistent volumes.
    pub struct VolumePrice {
        /// Which volumes.
        pub selector: VolumeSelector = VolumeSelector::default(),
        /// What each GiB that was provisioned costs.
        pub usd_per_gib_month: Option<f64> = None,
    }
}

settings! {
    /// Some persistent volumes: all that is named must match.
    pub struct VolumeSelector {
        /// The name of one volume.
        pub volume: Option<String> = None,
        /// The storage class.
        pub storage_class: Option<String> = None,
        /// What provides them, such as ebs.csi.aws.com.
        pub driver: Option<String> = None,
    }
}

settings! {
    /// A discount on on-demand prices.
    pub struct Discount {
        /// Who gives it: savings_plan or negotiated.
        pub kind: DiscountKind = DiscountKind::SavingsPlan,
        /// For which families; all where there is none.
        pub families: Vec<String> = Vec::new(),
        /// The part of the price that is not paid.
        pub ratio: f64 = 0.0,
    }
}

settings! {
    /// What Amazon EKS charges besides the machines.
    pub struct Eks {
        /// The control plane; null: the list price of the version that the API server runs, and nothing where that is not
        /// one of EKS. 0: nothing.
        pub control_plane_usd_per_hour: Option<f64> = None,
        /// What Auto Mode charges for a machine, as a part of its on-demand price. 0: nothing.
        pub auto_mode_fee_ratio: f64 = 0.12,
    }
}

settings! {
    /// Prices on demand from the AWS Price List.
    pub struct PriceList {
        /// Whether they are asked for.
        pub enabled: bool = true,
        /// How long an answer holds.
        pub refresh_seconds: f64 = 86_400.0,
        /// A directory in which answers are kept over a restart; null: nowhere.
        pub cache_directory: Option<String> = None,
        /// How long a poll may take.
        pub timeout_seconds: f64 = 60.0,
    }
}

settings! {
    /// Prices of spare capacity from EC2.
    pub struct Spot {
        /// Whether they are asked for.
        pub enabled: bool = true,
        /// How long an answer holds.
        pub refresh_seconds: f64 = 3_600.0,
        /// How long a poll may take.
        pub timeout_seconds: f64 = 60.0,
    }
}

settings! {
    /// Prices from Azure's retail prices, which are public: no credentials are needed.
    pub struct AzureRetail {
        /// Whether they are asked for.
        pub enabled: bool = false,
        /// The address, where it is to be reached by another.
        pub base_url: String = "https://prices.azure.com/api/retail/prices".to_owned(),
        /// How long an answer holds.
        pub refresh_seconds: f64 = 86_400.0,
        /// A directory in which answers are kept over a restart; null: nowhere.
        pub cache_directory: Option<String> = None,
        /// How long a poll may take.
        pub timeout_seconds: f64 = 60.0,
    }
}

settings! {
    /// Which nodes.
    pub struct NodeSelector {
        /// The name.
        pub node: Option<String> = None,
        /// The instance type.
        pub instance_type: Option<String> = None,
        /// How it is paid for: on-demand, spot or fargate.
        pub capacity_type: Option<CapacityType> = None,
        /// The pool: node group, Karpenter NodePool, node pool of GKE or AKS.
        pub pool: Option<String> = None,
        /// The region.
        pub region: Option<String> = None,
        /// The zone.
        pub zone: Option<String> = None,
        /// Labels.
        pub labels: BTreeMap<String, String> = BTreeMap::new(),
    }
}

settings! {
    /// Something that the cluster, or each of its machines, costs besides the price of the machines.
    pub struct FixedCost {
        /// What it is.
        pub name: String = String::new(),
        /// What it costs each hour.
        pub usd_per_hour: Option<f64> = None,
        /// What it costs each month.
        pub usd_per_month: Option<f64> = None,
    }
}

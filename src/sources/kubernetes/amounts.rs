//! Quantities by resource, as Kubernetes writes them.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::limited::Quantity;

/// Vendors whose resources are all accelerators: GPUs, parts of them under any name, and the like.
const ACCELERATOR_VENDORS: [&str; 5] = [
    "nvidia.com",
    "amd.com",
    "gpu.intel.com",
    "habana.ai",
    "furiosa.ai",
];

/// Quantities by resource; of resources that are not listed here only whether one is an accelerator.
#[derive(Clone, Debug, Default)]
pub(super) struct Amounts {
    pub(super) cpu: Option<String>,
    pub(super) memory: Option<String>,
    pub(super) ephemeral_storage: Option<String>,
    pub(super) nvidia_gpu: Option<String>,
    pub(super) amd_gpu: Option<String>,
    /// Whether there is any of an accelerator: a GPU, a part of one, AWS Neuron, Gaudi and so on.
    pub(super) has_accelerator: bool,
}

/// Whether the name of an extended resource, such as `nvidia.com/mig-1g.10gb`, is that of an accelerator.
fn is_accelerator(resource: &str) -> bool {
    let Some((vendor, name)) = resource.split_once('/') else {
        return false;
    };
    let known = |domain: &&str| {
        let rest = vendor.strip_suffix(domain);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let name = name.to_ascii_lowercase();
    let mut words = name.split(['-', '.', '_']);
    ACCELERATOR_VENDORS.iter().any(known)
        || ["gpu", "neuron", "gaudi"]
            .iter()
            .any(|word| name.contains(word))
        || words.any(|word| matches!(word, "tpu" | "npu" | "fpga"))
}

impl<'de> Deserialize<'de> for Amounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AmountsVisitor)
    }
}

struct AmountsVisitor;

impl<'de> Visitor<'de> for AmountsVisitor {
    type Value = Amounts;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("quantities by resource")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Amounts, A::Error> {
        let mut amounts = Amounts::default();
        while let Some(resource) = map.next_key::<String>()? {
            let field = match resource.as_str() {
                "cpu" => &mut amounts.cpu,
                "memory" => &mut amounts.memory,
                "ephemeral-storage" => &mut amounts.ephemeral_storage,
                "nvidia.com/gpu" => &mut amounts.nvidia_gpu,
                "amd.com/gpu" => &mut amounts.amd_gpu,
                other if is_accelerator(other) => {
                    let Quantity(quantity) = map.next_value()?;
                    amounts.has_accelerator |= quantity.is_some_and(|quantity| quantity != "0");
                    continue;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let Quantity(quantity) = map.next_value()?;
            *field = quantity;
        }
        let gpus = [&amounts.nvidia_gpu, &amounts.amd_gpu];
        let has_gpu = gpus.into_iter().flatten().any(|quantity| quantity != "0");
        amounts.has_accelerator |= has_gpu;
        Ok(amounts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accelerators_are_known_by_many_names() {
        for (resources, expected) in [
            ("{}", false),
            (
                r#"{"cpu": "4", "memory": "8Gi", "ephemeral-storage": "1Gi"}"#,
                false,
            ),
            (r#"{"nvidia.com/gpu": "1"}"#, true),
            (r#"{"nvidia.com/gpu": "0"}"#, false),
            (r#"{"nvidia.com/mig-1g.10gb": "2"}"#, true),
            (r#"{"nvidia.com/gpu.shared": "4"}"#, true),
            (r#"{"amd.com/gpu": "1"}"#, true),
            (r#"{"aws.amazon.com/neuron": "1"}"#, true),
            (r#"{"aws.amazon.com/neuroncore": "2"}"#, true),
            (r#"{"habana.ai/gaudi": "8"}"#, true),
            (r#"{"gpu.intel.com/i915": "1"}"#, true),
            (r#"{"google.com/tpu": "4"}"#, true),
            (r#"{"aliyun.com/gpu-mem": "3"}"#, true),
            (r#"{"notnvidia.com/port": "1"}"#, false),
            (r#"{"devices.example.com/input": "1"}"#, false),
            (r#"{"vpc.amazonaws.com/pod-eni": "1"}"#, false),
            (r#"{"hugepages-2Mi": "64Mi"}"#, false),
        ] {
            let amounts: Amounts = serde_json::from_str(resources).unwrap();
            assert_eq!(amounts.has_accelerator, expected, "{resources}");
        }
    }

    #[test]
    fn listed_resources_are_read_and_others_ignored() {
        let text = r#"{"cpu": "250m", "memory": null, "example.com/x": "1", "amd.com/gpu": "2"}"#;
        let amounts: Amounts = serde_json::from_str(text).unwrap();
        assert_eq!(amounts.cpu.as_deref(), Some("250m"));
        assert_eq!(amounts.memory, None);
        assert_eq!(amounts.amd_gpu.as_deref(), Some("2"));
        assert!(serde_json::from_str::<Amounts>(r#"{"cpu": 1}"#).is_err());
    }
}

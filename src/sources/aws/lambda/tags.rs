//! Labels made of the tags of functions.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::convert::function_name;
use crate::sources::aws::Tagged;
use breakeven_model::inventory::Function;

/// Labels, by the name of the function.
pub(super) type LabelsOf = BTreeMap<Arc<str>, BTreeMap<Arc<str>, Arc<str>>>;

/// The labels of all functions: `wanted` has the tag of each.
pub(super) fn labels(resources: &[Tagged], wanted: &BTreeMap<String, String>) -> LabelsOf {
    let named = resources.iter().filter_map(|resource| {
        let name = Arc::from(function_name(&resource.arn)?);
        let labels = wanted.iter().filter_map(|(label, key)| {
            let value = resource.tags.get(key).filter(|value| !value.is_empty())?;
            Some((Arc::from(label.as_str()), Arc::from(value.as_str())))
        });
        Some((name, labels.collect()))
    });
    named.collect()
}

/// Puts the labels to the functions.
pub(super) fn assign(labels: &LabelsOf, functions: &mut [Function]) {
    for function in functions {
        if let Some(labels) = labels.get(&function.id.name) {
            function.labels.clone_from(labels);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tags_that_are_wanted_become_labels() {
        let resource = |arn: &str, tags: &[(&str, &str)]| Tagged {
            arn: arn.to_owned(),
            tags: tags
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
        };
        let resources = [
            resource(
                "arn:aws:lambda:r:1:function:f",
                &[("Team", "shop"), ("Cost", ""), ("x", "y")],
            ),
            resource("arn:aws:lambda:r:1:function:g", &[]),
            resource("odd", &[]),
        ];
        let wanted = [("team", "Team"), ("cost_centre", "Cost")];
        let wanted = wanted.map(|(label, tag)| (label.to_owned(), tag.to_owned()));
        let labels = labels(&resources, &wanted.into());
        assert_eq!(labels.len(), 2);
        assert_eq!(
            labels["f"],
            BTreeMap::from([("team".into(), "shop".into())])
        );
        assert!(labels["g"].is_empty());
    }
}

//! ListMetrics.

use super::series::{self, Listed};
use crate::aws::error::AwsError;
use crate::aws::pagination::{Position, page};
use crate::aws::scope::AccountRegion;
use crate::aws::value::{Document, optional, structure, text};

/// Metrics of one answer (ListMetrics: "Up to 500 results are returned for any one call").
const PAGE: usize = 500;

/// What a caller wants listed.
#[derive(Debug)]
struct Filter<'d> {
    namespace: Option<&'d str>,
    name: Option<&'d str>,
    /// Dimensions that a metric must have, with the value or with any.
    dimensions: Vec<(&'d str, Option<&'d str>)>,
    /// Whether metrics of linked accounts are listed too.
    linked: bool,
    /// Only metrics of this account.
    owner: Option<&'d str>,
}

/// Answers a request; `RecentlyActive` is ignored.
pub(super) fn respond(place: AccountRegion<'_>, input: &Document) -> Result<Document, AwsError> {
    let filter = Filter::parse(input)?;
    let described = format!("{filter:?}");
    let from = match optional(input, "NextToken", "", Document::as_text)? {
        None => Position::default(),
        Some(token) => Position::from_token(token, &described)?,
    };
    let found: Vec<_> = filter
        .accounts(place)
        .flat_map(|place| {
            series::all(place)
                .into_iter()
                .map(move |listed| (place, listed))
        })
        .filter(|(_, listed)| filter.admits(listed))
        .collect();
    let (slices, next) = page(found.len(), |_| 1, from, PAGE);
    let (listed, owners) = slices
        .into_iter()
        .map(|slice| {
            let (place, listed) = &found[slice.result];
            let dimensions = listed.dimensions.iter();
            let dimensions = dimensions
                .map(|(name, value)| {
                    structure([
                        ("Name", text(name.as_str())),
                        ("Value", text(value.as_str())),
                    ])
                })
                .collect();
            let metric = structure([
                ("Namespace", text(listed.namespace)),
                ("MetricName", text(listed.name)),
                ("Dimensions", Document::List(dimensions)),
            ]);
            (metric, text(place.account))
        })
        .unzip();
    let mut answer = vec![("Metrics".to_owned(), Document::List(listed))];
    if filter.linked {
        answer.push(("OwningAccounts".to_owned(), Document::List(owners)));
    }
    if let Some(next) = next {
        answer.push(("NextToken".to_owned(), text(next.to_token(&described))));
    }
    Ok(Document::Map(answer))
}

impl<'d> Filter<'d> {
    fn parse(input: &'d Document) -> Result<Self, AwsError> {
        let dimensions = optional(input, "Dimensions", "", Document::as_list)?.unwrap_or(&[]);
        Ok(Self {
            namespace: optional(input, "Namespace", "", Document::as_text)?,
            name: optional(input, "MetricName", "", Document::as_text)?,
            dimensions: dimensions
                .iter()
                .map(|dimension| {
                    let place = "Dimensions.";
                    let name = optional(dimension, "Name", place, Document::as_text)?.ok_or_else(
                        || AwsError::validation("The parameter Dimensions.Name is required."),
                    )?;
                    Ok((
                        name,
                        optional(dimension, "Value", place, Document::as_text)?,
                    ))
                })
                .collect::<Result<_, AwsError>>()?,
            linked: optional(input, "IncludeLinkedAccounts", "", Document::as_bool)?
                .unwrap_or(false),
            owner: optional(input, "OwningAccount", "", Document::as_text)?,
        })
    }

    /// The accounts whose metrics are listed.
    fn accounts<'w>(&self, caller: AccountRegion<'w>) -> impl Iterator<Item = AccountRegion<'w>> {
        let (own, with_linked) = (caller.account, self.linked);
        let accounts = caller.world.spec.accounts.iter();
        let linked = accounts
            .filter(move |account| with_linked && account.id != own)
            .filter_map(move |account| caller.observed(&account.id));
        std::iter::once(caller)
            .chain(linked)
            .filter(|place| self.owner.is_none_or(|owner| owner == place.account))
    }

    fn admits(&self, listed: &Listed) -> bool {
        self.namespace
            .is_none_or(|namespace| namespace == listed.namespace)
            && self.name.is_none_or(|wanted| wanted == listed.name)
            && self.dimensions.iter().all(|(wanted, value)| {
                let mut dimensions = listed.dimensions.iter();
                dimensions
                    .any(|(name, found)| name == wanted && value.is_none_or(|value| value == found))
            })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::world::World;

    fn world(functions: usize) -> World {
        let functions: String = (0..functions)
            .map(|i| {
                format!(
                    "{{name: f{i}, memory_mib: 128, duration_ms: 1, traffic: {{pattern: steady, \
                     requests_per_second: 1}}}},"
                )
            })
            .collect();
        World::from_yaml(&format!("{{name: w, functions: [{functions}]}}")).unwrap()
    }

    fn list(world: &World, input: &serde_json::Value) -> serde_json::Value {
        let input = Document::from_json(input.to_string().as_bytes()).unwrap();
        serde_json::from_slice(
            &respond(AccountRegion::home(world), &input)
                .unwrap()
                .to_json(),
        )
        .unwrap()
    }

    #[test]
    fn filters_narrow_the_list() {
        let world = world(3);
        for (input, expected) in [
            (json!({}), 3 * 5 * 2 + 5),
            (json!({"Namespace": "AWS/EC2"}), 0),
            (
                json!({"Namespace": "AWS/Lambda", "MetricName": "Errors"}),
                3 * 2 + 1,
            ),
            (
                json!({"Dimensions": [{"Name": "FunctionName", "Value": "f1"}]}),
                5 * 2,
            ),
            (json!({"Dimensions": [{"Name": "Resource"}]}), 3 * 5),
            (
                json!({"MetricName": "Errors", "Dimensions": [{"Name": "Resource", "Value": "f9"}]}),
                0,
            ),
        ] {
            let found = list(&world, &input)["Metrics"].as_array().unwrap().len();
            assert_eq!(found, expected, "{input}");
        }
    }

    #[test]
    fn a_long_list_comes_in_pages_of_500_without_a_gap() {
        let world = world(120);
        let (mut all, mut sizes, mut input) = (Vec::new(), Vec::new(), json!({}));
        loop {
            let part = list(&world, &input);
            let metrics = part["Metrics"].as_array().unwrap();
            sizes.push(metrics.len());
            all.extend(metrics.iter().map(ToString::to_string));
            input["NextToken"] = part["NextToken"].clone();
            if part["NextToken"].is_null() {
                break;
            }
        }
        assert_eq!(sizes, [500, 500, 205]);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 1_205);
    }
}

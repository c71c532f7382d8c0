//! Label and field selectors.

use serde_json::Value;

/// What an object must be to be selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<(&'static str, bool, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    /// The label is there and has one of the values.
    In(String, Vec<String>),
    /// The label is absent or has none of the values.
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// The fields that can be selected by, each with its place in the object. The last two are for pods only.
const FIELDS: [(&str, &str); 4] = [
    ("metadata.name", "/metadata/name"),
    ("metadata.namespace", "/metadata/namespace"),
    ("spec.nodeName", "/spec/nodeName"),
    ("status.phase", "/status/phase"),
];

impl Selector {
    /// Reads the query's `labelSelector` and `fieldSelector` for objects of the given kind.
    ///
    /// # Errors
    /// The message of the API server's 400.
    pub(super) fn parse(kind: &str, labels: &str, fields: &str) -> Result<Self, String> {
        let labels = split(labels).map(requirement).collect::<Result<_, _>>()?;
        let fields = split(fields)
            .map(|text| field(kind, text))
            .collect::<Result<_, _>>()?;
        Ok(Self { labels, fields })
    }

    /// Whether the object is selected.
    pub(super) fn selects(&self, object: &Value) -> bool {
        let label = |name: &String| {
            object
                .pointer("/metadata/labels")
                .and_then(|labels| labels.get(name)?.as_str())
        };
        let has =
            |name, values: &[String]| label(name).is_some_and(|l| values.iter().any(|v| v == l));
        let labels = self.labels.iter().all(|requirement| match requirement {
            Requirement::In(name, values) => has(name, values),
            Requirement::NotIn(name, values) => !has(name, values),
            Requirement::Exists(name) => label(name).is_some(),
            Requirement::Absent(name) => label(name).is_none(),
        });
        labels
            && self.fields.iter().all(|(place, equal, value)| {
                let found = object
                    .pointer(place)
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                (found == value) == *equal
            })
    }
}

/// The parts between commas that are not within parentheses.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    let parts = text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty())
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let owned = |text: &str| text.trim().to_owned();
    if let Some((name, rest)) = text.split_once(" notin ") {
        return Ok(Requirement::NotIn(owned(name), values(rest)?));
    }
    if let Some((name, rest)) = text.split_once(" in ") {
        return Ok(Requirement::In(owned(name), values(rest)?));
    }
    if let Some((name, value)) = text.split_once("!=") {
        return Ok(Requirement::NotIn(owned(name), vec![owned(value)]));
    }
    if let Some((name, value)) = text.split_once('=') {
        return Ok(Requirement::In(
            owned(name),
            vec![owned(value.trim_start_matches('='))],
        ));
    }
    let name = text.trim_start_matches('!').trim();
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || "()<>".contains(c)) {
        return Err(format!("unable to parse requirement: found {text:?}"));
    }
    Ok(if text.starts_with('!') {
        Requirement::Absent(owned(name))
    } else {
        Requirement::Exists(owned(name))
    })
}

fn values(text: &str) -> Result<Vec<String>, String> {
    let inner = text
        .trim()
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'));
    let inner = inner.ok_or_else(|| format!("unable to parse requirement: found {text:?}"))?;
    Ok(inner
        .split(',')
        .map(|value| value.trim().to_owned())
        .collect())
}

fn field(kind: &str, text: &str) -> Result<(&'static str, bool, String), String> {
    let (name, value, equal) = match text.split_once("!=") {
        Some((name, value)) => (name, value, false),
        None => {
            let (name, value) = text
                .split_once('=')
                .ok_or_else(|| format!("invalid selector: {text:?}; can't understand {text:?}"))?;
            (name, value.trim_start_matches('='), true)
        }
    };
    let known = if kind == "Pod" {
        &FIELDS[..]
    } else {
        &FIELDS[..2]
    };
    let place = known
        .iter()
        .find(|(known, _)| *known == name.trim())
        .map(|(_, place)| *place);
    let place = place.ok_or_else(|| format!("field label not supported: {}", name.trim()))?;
    Ok((place, equal, value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn selects(labels: &str, fields: &str) -> bool {
        let pod = json!({
            "metadata": { "name": "a", "namespace": "n", "labels": { "app": "web", "tier": "front" } },
            "spec": { "nodeName": "one" },
            "status": { "phase": "Running" },
        });
        Selector::parse("Pod", labels, fields)
            .unwrap()
            .selects(&pod)
    }

    #[test]
    fn selectors_select_as_the_api_server_does() {
        let cases = [
            ("", "", true),
            ("app=web", "", true),
            ("app==web,tier!=back", "", true),
            ("app in (web, api),tier notin (back)", "", true),
            ("app notin (web)", "", false),
            ("tier,!gone", "", true),
            ("!tier", "", false),
            ("gone!=x", "", true),
            ("gone=x", "", false),
            ("", "spec.nodeName=one,status.phase!=Succeeded", true),
            ("", "metadata.name=b", false),
            ("app=web", "metadata.namespace==n", true),
        ];
        for (labels, fields, expected) in cases {
            assert_eq!(selects(labels, fields), expected, "{labels:?} {fields:?}");
        }
    }

    #[test]
    fn a_field_that_cannot_be_selected_by_is_an_error() {
        let error = Selector::parse("Node", "", "spec.nodeName=a").unwrap_err();
        assert_eq!(error, "field label not supported: spec.nodeName");
        assert!(Selector::parse("Pod", "a in web", "").is_err());
        assert!(Selector::parse("Pod", "a > 3", "").is_err());
    }
}

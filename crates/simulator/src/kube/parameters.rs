//! The query parameters of lists and watches.

use super::super::query_string;
use super::selector::Selector;

/// The parameters of a list or a watch.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters {
    pub(super) selector: Selector,
    pub(super) limit: Option<usize>,
    pub(super) continue_token: Option<String>,
    pub(super) resource_version: Option<String>,
    pub(super) resource_version_match: Option<String>,
    pub(super) watch: bool,
    pub(super) bookmarks: bool,
    pub(super) timeout_seconds: Option<u64>,
    pub(super) send_initial_events: bool,
    /// `includeObject` of tables.
    pub(super) include_object: Option<String>,
}

impl Parameters {
    /// Reads the query for objects of the given kind.
    ///
    /// # Errors
    /// The message of the API server's 400.
    pub(super) fn parse(kind: &str, query: &str) -> Result<Self, String> {
        let mut parameters = Self::default();
        let (mut labels, mut fields) = (String::new(), String::new());
        for (name, value) in query_string::parameters(query) {
            match name.as_str() {
                "labelSelector" => labels = value,
                "fieldSelector" => fields = value,
                "limit" => parameters.limit = number(&name, &value)?.filter(|limit| *limit > 0),
                "continue" => parameters.continue_token = text(value),
                "resourceVersion" => parameters.resource_version = text(value),
                "resourceVersionMatch" => parameters.resource_version_match = text(value),
                "watch" => parameters.watch = truth(&value),
                "allowWatchBookmarks" => parameters.bookmarks = truth(&value),
                "timeoutSeconds" => {
                    parameters.timeout_seconds =
                        number(&name, &value)?.map(|seconds| seconds as u64);
                }
                "sendInitialEvents" => parameters.send_initial_events = truth(&value),
                "includeObject" => parameters.include_object = text(value),
                _ => {}
            }
        }
        parameters.selector = Selector::parse(kind, &labels, &fields)?;
        Ok(parameters)
    }
}

fn text(value: String) -> Option<String> {
    Some(value).filter(|value| !value.is_empty())
}

/// As the API server reads booleans: all but these are true.
pub(super) fn truth(value: &str) -> bool {
    !matches!(value.to_ascii_lowercase().as_str(), "" | "0" | "false")
}

fn number(name: &str, value: &str) -> Result<Option<usize>, String> {
    if value.is_empty() {
        return Ok(None);
    }
    value
        .parse()
        .map(Some)
        .map_err(|_| format!("{name} is {value:?}, which is no whole number"))
}

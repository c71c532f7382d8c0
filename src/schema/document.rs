//! The text of a file.

use serde_json::Value;
use serde_saphyr::{NonFiniteFloatPolicy, UserMessageFormatter};

use super::{ConfigError, ConfigPath, Setting};

/// Reads the text of a file, YAML or JSON. What is wrong in it is added to `mistakes`, and has its default; an empty
/// file is the default.
///
/// # Errors
/// Where it is no YAML at all.
pub(crate) fn read<T: Setting + Default>(
    text: &str,
    config_errors: &mut Vec<ConfigError>,
) -> Result<T, ConfigError> {
    let options = serde_saphyr::options! {
        // "NaN is not a number" then stands at the place of the key, and is never taken for nothing.
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
    };
    match serde_saphyr::from_str_with_options::<Option<Value>>(text, options) {
        Ok(value) => {
            let value = value.unwrap_or_default();
            Ok(T::read(&value, &ConfigPath::top(), config_errors).unwrap_or_default())
        }
        Err(error) => {
            let place = error.location().map_or_else(
                || "the file".to_owned(),
                |at| format!("line {}, column {}", at.line(), at.column()),
            );
            // The location stands in front already.
            let what = error
                .without_snippet()
                .render_with_formatter(&UserMessageFormatter);
            let what = what.split(" at line ").next().unwrap_or_default();
            Err(ConfigError::new(place, format!("is not YAML: {what}")))
        }
    }
}

/// All mistakes, those of reading first. A key that could not be read has its default by now; what is said of that
/// is not said.
pub(crate) fn together(read: Vec<ConfigError>, meant: Vec<ConfigError>) -> Vec<ConfigError> {
    let unread: Vec<String> = read
        .iter()
        .map(|config_error| config_error.place.clone())
        .collect();
    let meant = meant
        .into_iter()
        .filter(|config_error| !unread.contains(&config_error.place));
    read.into_iter().chain(meant).collect()
}

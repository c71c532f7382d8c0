//! The configuration: one YAML file, every setting with a default and a sentence.
//!
//! A file is read in two steps. [`raw`] takes in keys and values and finds every one that is unknown or of the wrong
//! kind; [`resolved`] checks what the values mean and makes the settings of each part of the program of them. Both
//! report all errors at once, each with its place in the file.

mod page;
mod range;
pub mod raw;
pub mod resolved;
mod setting;

pub use resolved::Config;
pub use setting::ConfigError;

use std::path::Path;

use serde_saphyr::UserMessageFormatter;

use raw::RawConfig;
use setting::{Place, Setting};

/// What is wrong with a configuration, all of it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", all(.0))]
pub struct ConfigErrors(pub Vec<ConfigError>);

fn all(errors: &[ConfigError]) -> String {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Reads and checks a configuration file.
///
/// # Errors
/// Everything that is wrong with it: that it cannot be read, is not YAML, has unknown keys, or values that
/// cannot be meant.
pub fn load(path: &Path) -> Result<(RawConfig, Config), ConfigErrors> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let what = format!("cannot be read: {error}");
        ConfigErrors(vec![ConfigError::new(path.display(), what)])
    })?;
    parse(&text)
}

/// Reads and checks the text of a configuration file. An empty one is the default.
///
/// # Errors
/// As [`load`].
pub fn parse(text: &str) -> Result<(RawConfig, Config), ConfigErrors> {
    let mut errors = Vec::new();
    let value = match serde_saphyr::from_str::<Option<serde_json::Value>>(text) {
        Ok(value) => value.unwrap_or_default(),
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
            return Err(ConfigErrors(vec![ConfigError::new(
                place,
                format!("is not YAML: {what}"),
            )]));
        }
    };
    let raw = RawConfig::read(&value, &Place::top(), &mut errors).unwrap_or_default();
    match resolved::resolve(&raw) {
        Ok(config) if errors.is_empty() => Ok((raw, config)),
        Ok(_) => Err(ConfigErrors(errors)),
        Err(more) => {
            // A key that could not be read has its default by now; it is not said twice.
            let unread: Vec<String> = errors.iter().map(|error| error.place.clone()).collect();
            errors.extend(
                more.into_iter()
                    .filter(|error| !unread.contains(&error.place)),
            );
            Err(ConfigErrors(errors))
        }
    }
}

/// The default file, with a sentence for every setting.
#[must_use]
pub fn default_file() -> String {
    page::with_sentences(&RawConfig::default().tree())
}

/// A configuration as a file, without the sentences.
#[must_use]
pub fn show(raw: &RawConfig) -> String {
    page::plain(&raw.tree())
}

#[cfg(test)]
mod tests;

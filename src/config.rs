//! The configuration: one YAML file, every setting with a default and a sentence.
//!
//! A file is read in two steps. [`mod@file`] takes in keys and values and finds every one that is unknown or of the wrong
//! kind; [`validated`] checks what the values mean and makes the settings of each part of the program of them. Both
//! report all errors at once, each with its place in the file.

pub mod file;
mod range;
pub mod validated;

pub use validated::Config;

use std::path::Path;

use crate::schema::{self, ConfigError, ConfigErrors, Setting as _};
use file::RawConfig;

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
    let mut config_errors = Vec::new();
    let raw: RawConfig = schema::read(text, &mut config_errors)
        .map_err(|config_error| ConfigErrors(vec![config_error]))?;
    match validated::resolve(&raw) {
        Ok(config) if config_errors.is_empty() => Ok((raw, config)),
        Ok(_) => Err(ConfigErrors(config_errors)),
        Err(more) => Err(ConfigErrors(schema::together(config_errors, more))),
    }
}

/// The default file, with a sentence for every setting.
#[must_use]
pub fn default_file() -> String {
    schema::with_sentences(&RawConfig::default().tree())
}

/// The JSON Schema of the file.
#[must_use]
pub fn schema() -> String {
    let schema = schema::json_schema::document::<RawConfig>("breakeven configuration");
    format!("{schema:#}\n")
}

/// A configuration as a file, without the sentences.
#[must_use]
pub fn show(raw: &RawConfig) -> String {
    schema::plain_page(&raw.tree())
}

#[cfg(test)]
mod tests;

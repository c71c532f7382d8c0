//! `breakeven config`: the default file, the JSON Schema, and the file that is in force.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Failure, print};
use crate::config;

#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    what: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// The default file, with a sentence for every setting.
    Default,
    /// The JSON Schema of the file, for editors and for validation without breakeven.
    Schema,
    /// All settings that are in force with a file.
    Show {
        /// The configuration file; without one the defaults.
        #[arg(long = "config.file", value_name = "FILE")]
        config_file: Option<PathBuf>,
    },
}

pub(super) fn run(args: &ConfigArgs) -> Result<(), Failure> {
    match &args.what {
        ConfigCommand::Default => print(config::default_file().trim_end()),
        ConfigCommand::Schema => print(config::schema().trim_end()),
        ConfigCommand::Show { config_file: None } => {
            print(config::show(&config::parse("")?.0).trim_end())
        }
        ConfigCommand::Show {
            config_file: Some(file),
        } => print(config::show(&config::load(file)?.0).trim_end()),
    }
    Ok(())
}

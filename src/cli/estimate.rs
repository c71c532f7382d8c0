//! `breakeven estimate`: what a scenario typed by hand costs on both platforms, and where they cost the same.

mod chart;
mod format;
mod json;
mod svg;
mod table;
mod terminal;

use std::io::{IsTerminal as _, Read as _, stdin, stdout};
use std::path::{Path, PathBuf};

use clap::Args;
use terminal_size::{Width, terminal_size};

use super::output::Output;
use super::{Failure, UsageError, print};
use crate::estimate;
use breakeven_model::estimate::estimate;
use chart::Chart;
use terminal::Style;

#[derive(Debug, Args)]
pub(super) struct EstimateArgs {
    /// The scenario (YAML or JSON, see docs/estimate.md); `-` reads standard input.
    #[arg(value_name = "FILE")]
    scenario: PathBuf,
    /// How the answer is written.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: Output,
    /// Draw both costs over the traffic into this file.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

/// The width of what is no terminal, or does not say.
const WIDTH: u16 = 80;

pub(super) fn run(args: &EstimateArgs) -> Result<(), Failure> {
    let name = args.scenario.display();
    let text = read(&args.scenario)
        .map_err(|error| UsageError(format!("the scenario {name} cannot be read: {error}")))?;
    let scenario = estimate::parse(&text).map_err(|config_errors| {
        UsageError(format!("the scenario {name} is wrong:\n{config_errors}"))
    })?;
    let estimate = estimate(&scenario);
    let picture = Chart::from_estimate(&estimate);
    if let Some(file) = &args.plot {
        let picture = picture.as_ref().ok_or_else(|| {
            UsageError("--plot has nothing to draw: it needs `lambda` and `kubernetes`, and something that costs".to_owned())
        })?;
        std::fs::write(file, svg::draw(picture))
            .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    match args.output {
        Output::Json => print(serde_json::to_string_pretty(&json::to_json(&estimate))?),
        Output::Text => {
            print(table::render(&scenario, &estimate));
            let (width, style) = style();
            if let Some(drawn) = picture.and_then(|picture| terminal::draw(&picture, width, style))
            {
                print(format!("\n{drawn}"));
            }
        }
    }
    Ok(())
}

fn read(file: &Path) -> std::io::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        stdin().lock().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(file)
}

/// How wide a picture may be, and how it is drawn: with fine dots on a terminal, with letters elsewhere.
fn style() -> (usize, Style) {
    if !stdout().is_terminal() {
        return (WIDTH.into(), Style::Letters);
    }
    let width = terminal_size().map_or(WIDTH, |(Width(width), _)| width);
    let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    (width.into(), Style::Dots { colours })
}

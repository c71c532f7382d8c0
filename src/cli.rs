//! The command line: one file for each subcommand.
//!
//! What enters: arguments and files. What leaves: a running agent, or text on the standard output and an exit code.

mod check;
mod config;
#[cfg(feature = "simulator")]
mod demo;
mod estimate;
mod explain;
mod logging;
mod output;
mod run;
#[cfg(feature = "simulator")]
mod simulate;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};
use tokio::runtime::Builder;

use logging::{Level, LogArgs};
use output::print;

/// What one request costs on Kubernetes and on AWS Lambda, live and for every workload, and where the answer flips.
///
/// Without a command it runs the agent: it watches the cluster and the account that the environment gives it
/// access to, and serves metrics, a page and health.
#[derive(Debug, Parser)]
#[command(name = "breakeven", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// As without a command.
    #[command(flatten)]
    run: run::RunArgs,
    #[command(flatten)]
    log: LogArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the agent (the default).
    Run(run::RunArgs),
    #[cfg(feature = "simulator")]
    /// Run a simulated cloud and an agent that watches it, in one process.
    Demo(demo::DemoArgs),
    #[cfg(feature = "simulator")]
    /// Run a simulated cloud alone, for any client of Kubernetes, AWS or Prometheus.
    Simulate(simulate::SimulateArgs),
    /// Check the configuration and ask each source once; say what is missing and how to grant it.
    Check(check::CheckArgs),
    /// Estimate what a scenario costs on both platforms, and where they cost the same.
    Estimate(estimate::EstimateArgs),
    /// Explain the numbers of one workload or function of a running agent: inputs, prices, formulas, results.
    Explain(explain::ExplainArgs),
    /// Show the configuration.
    Config(config::ConfigArgs),
}

/// How long the end of the program waits for threads that block. A file operation on a hung disk never returns.
const EXIT_DEADLINE: Duration = Duration::from_secs(1);

/// Why a command failed.
pub type Failure = Box<dyn Error + Send + Sync>;

/// What was asked for cannot be meant: the exit code is 2, as for a wrong argument.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UsageError(String);

/// Runs a command to its end.
///
/// # Errors
/// What kept it from doing what it was asked.
pub fn run(cli: Cli) -> Result<(), Failure> {
    if cli.command.is_some() && cli.run != run::RunArgs::as_without_flags() {
        let rule = "flags of the agent and of a command stand after the command, not before it";
        Cli::command()
            .error(ErrorKind::ArgumentConflict, rule)
            .exit();
    }
    match &cli.command {
        Some(Command::Config(args)) => return config::run(args),
        Some(Command::Estimate(args)) => return estimate::run(args),
        _ => {}
    }
    let answers_once = matches!(cli.command, Some(Command::Check(_) | Command::Explain(_)));
    cli.log.start(if answers_once {
        Level::Error
    } else {
        Level::Info
    });
    let runtime = Builder::new_multi_thread()
        .worker_threads(worker_threads())
        .enable_all()
        .build()?;
    let result = runtime.block_on(async {
        match cli.command {
            None => run::run(cli.run).await,
            Some(Command::Run(args)) => run::run(args).await,
            #[cfg(feature = "simulator")]
            Some(Command::Demo(args)) => demo::run(args).await,
            #[cfg(feature = "simulator")]
            Some(Command::Simulate(args)) => simulate::run(args).await,
            Some(Command::Check(args)) => check::run(args).await,
            Some(Command::Explain(args)) => explain::run(args).await,
            Some(Command::Config(args)) => config::run(&args),
            Some(Command::Estimate(args)) => estimate::run(&args),
        }
    });
    runtime.shutdown_timeout(EXIT_DEADLINE);
    result
}

/// One for each processor, and at least two: while a source decodes a long response, health is still answered.
fn worker_threads() -> usize {
    std::thread::available_parallelism().map_or(2, |count| count.get().max(2))
}

/// Says on standard error why a command failed, with the causes, on one line as far as they are.
#[must_use]
pub fn fail(failure: &Failure) -> ExitCode {
    let mut line = format!("breakeven: {failure}");
    let mut cause = failure.source();
    while let Some(next) = cause {
        line.push_str(": ");
        line.push_str(&next.to_string());
        cause = next.source();
    }
    output::print_error(&line);
    if failure.is::<UsageError>() {
        ExitCode::from(2)
    } else {
        ExitCode::FAILURE
    }
}

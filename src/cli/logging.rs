//! Log lines, on standard error.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use tracing::Metadata;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::sources::{redact, redact_tokens};

/// What is logged, and how.
#[derive(Debug, Args)]
pub(super) struct LogArgs {
    /// The least level that is logged: info while an agent runs, error for commands that answer once.
    #[arg(long = "log.level", value_name = "LEVEL", global = true)]
    level: Option<Level>,
    /// How a log line is written.
    #[arg(
        long = "log.format",
        value_name = "FORMAT",
        default_value = "logfmt",
        global = true
    )]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// key=value pairs.
    Logfmt,
    /// One JSON object a line.
    Json,
}

impl Level {
    const fn filter(self) -> LevelFilter {
        match self {
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

/// Libraries that warn of what a source reports itself, each attempt and each watch that ends.
const TALKATIVE: [(&str, LevelFilter); 4] = [
    ("aws_config", LevelFilter::ERROR),
    ("aws_smithy_runtime", LevelFilter::ERROR),
    ("aws_runtime", LevelFilter::ERROR),
    // It reports each request that fails as an error: several lines per second while an API server is down.
    ("kube_client", LevelFilter::OFF),
];

impl LogArgs {
    /// Starts logging. Libraries are heard from their warnings on, and at trace all they say.
    pub(super) fn start(&self, usual: Level) {
        let level = self.level.unwrap_or(usual).filter();
        let libraries = if level == LevelFilter::TRACE {
            level
        } else {
            level.min(LevelFilter::WARN)
        };
        let mut filter = Targets::new()
            .with_default(libraries)
            .with_target("breakeven", level);
        if level < LevelFilter::TRACE {
            filter = filter.with_targets(TALKATIVE);
        }
        let lines = match self.format {
            Format::Logfmt => tracing_logfmt::builder()
                .layer()
                .with_writer(Writers(io::stderr))
                .boxed(),
            Format::Json => fmt::layer()
                .with_writer(Writers(io::stderr))
                .json()
                .flatten_event(true)
                .boxed(),
        };
        // A second start, as in tests, leaves the first in place.
        let _ = tracing_subscriber::registry()
            .with(lines.with_filter(filter))
            .try_init();
    }
}

/// The field of an event with errors of the configuration. They name settings such as `headers.Authorization` before a colon,
/// and never the value of a secret.
const CONFIG_ERRORS: &str = "errors";

/// Makes the streams for log lines.
struct Writers<F>(F);

impl<'a, W: Write, F: Fn() -> W> MakeWriter<'a> for Writers<F> {
    type Writer = Redacted<W>;

    fn make_writer(&'a self) -> Self::Writer {
        Redacted {
            stream: (self.0)(),
            named_values: true,
        }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Self::Writer {
        Redacted {
            named_values: event.fields().field(CONFIG_ERRORS).is_none(),
            ..self.make_writer()
        }
    }
}

/// A stream that receives whole lines, and writes them without what has the form of a secret.
struct Redacted<W> {
    stream: W,
    /// Whether the word after a name such as `Authorization:` is a secret.
    named_values: bool,
}

impl<W: Write> Write for Redacted<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let redacted = if self.named_values {
            redact(&text)
        } else {
            redact_tokens(&text)
        };
        self.stream.write_all(redacted.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What an event writes.
    fn logged(event: impl FnOnce()) -> String {
        let lines = Lines::default();
        let stream = lines.clone();
        let layer = tracing_logfmt::builder()
            .layer()
            .with_writer(Writers(move || stream.clone()));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), event);
        let lines = lines.0.lock().unwrap();
        String::from_utf8(lines.clone()).unwrap()
    }

    #[test]
    fn an_error_of_the_configuration_stays_readable() {
        let errors = "requests.prometheus.headers.Authorization: the value has a line break";
        let line = logged(|| tracing::error!(errors, "configuration refused"));
        assert!(line.contains(errors), "{line}");
    }

    #[test]
    fn a_secret_is_not_logged_in_any_event() {
        let header = "Authorization: opaque-credentials-of-a-client";
        let line = logged(|| tracing::warn!(error = header, "source failed"));
        assert!(!line.contains("opaque-credentials"), "{line}");
        let bearer = "a: Bearer abcdef.ghijkl.mnopqr0123456789";
        let line = logged(|| tracing::error!(errors = bearer, "configuration refused"));
        assert!(!line.contains("abcdef"), "{line}");
    }
}

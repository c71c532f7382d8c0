//! Lambda functions, and the minutes they ran.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::units::{MemoryMib, Ratio, Requests, Seconds, Window};

/// The length of a minute.
const MINUTE: Seconds = match Seconds::from_seconds(60.0) {
    Ok(minute) => minute,
    Err(_) => Seconds::ZERO,
};

/// A function, unique over accounts and regions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionId {
    /// The AWS account that owns it.
    pub account_id: Arc<str>,
    /// The region it runs in.
    pub region: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl fmt::Display for FunctionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}/{}/{}",
            self.account_id, self.region, self.name
        )
    }
}

/// The processor that a function runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Architecture {
    /// Intel and AMD.
    X86_64,
    /// Graviton.
    Arm64,
}

impl Architecture {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Arm64];

    /// As Lambda writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

/// The configuration of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Which one.
    pub id: FunctionId,
    /// Its memory setting.
    pub memory: MemoryMib,
    /// Its processor.
    pub architecture: Architecture,
    /// Its runtime, such as `python3.13`; absent for container images.
    pub runtime: Option<Arc<str>>,
    /// The longest that one invocation may take.
    pub timeout: Seconds,
    /// Its `/tmp`, in MiB; 512 are free.
    pub ephemeral_storage_mib: u32,
}

/// All functions of one account and region.
#[derive(Clone, Debug)]
pub struct Functions {
    /// When they were listed.
    pub at: Timestamp,
    /// The account.
    pub account_id: Arc<str>,
    /// The region.
    pub region: Arc<str>,
    /// The functions.
    pub functions: Vec<Arc<Function>>,
    /// How many environments the account may run at once in the region, where it is known.
    pub concurrency_limit: Option<u32>,
}

/// One minute of one function. A minute without invocations has no record, once its window is closed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FunctionMinute {
    /// Minutes since 1970.
    pub minute: i64,
    /// Invocations that are billed: failed ones are, throttled ones are not.
    pub invocations: Requests,
    /// The sum of their durations, INIT not included.
    pub duration: Seconds,
    /// Invocations that failed.
    pub errors: Requests,
    /// Invocations that were turned away.
    pub throttles: Requests,
    /// The most environments that ran at once, where it is known.
    pub concurrency_peak: Option<u32>,
}

impl FunctionMinute {
    /// The requests in work at once, in the mean over the minute. Formula (Little): `Σ duration / 60 s`.
    #[must_use]
    pub fn concurrency(&self) -> Ratio {
        self.duration.over(MINUTE).unwrap_or_default()
    }

    /// The most environments that ran at once; the mean rounded up where it is not known.
    #[must_use]
    pub fn peak(&self) -> u32 {
        self.concurrency_peak.unwrap_or_else(|| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a cast from a float saturates, and a ratio is not negative"
            )]
            let peak = self.concurrency().ceil().get() as u32;
            peak
        })
    }
}

/// Minutes of functions, each function over a window of its own.
#[derive(Clone, Debug)]
pub struct FunctionMinutes {
    /// What was read of each function; one may be there more than once.
    pub functions: Vec<FunctionBatch>,
}

/// What is known of the minutes of one function in a window: all of them, as of now.
///
/// Lambda reports an invocation in the minute in which it began, when it ends. So a minute is provisional for as long as
/// an invocation may take, and a later batch may overlap an earlier one: what it says of a minute stands in place of what
/// was said before.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionBatch {
    /// Which function.
    pub id: FunctionId,
    /// The whole minutes that were read.
    pub window: Window,
    /// The minutes in which anything is known to have happened, in order of time. In the window's others nothing did, as
    /// far as is known.
    pub minutes: Vec<FunctionMinute>,
}

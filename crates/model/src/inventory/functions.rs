//! Lambda functions, and the minutes they ran.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{EventSource, Insights};
use crate::units::{MemoryMib, Ratio, Requests, Seconds, Window};

/// The length of a minute.
const MINUTE: Seconds = match Seconds::from_seconds(60.0) {
    Ok(minute) => minute,
    Err(_) => Seconds::ZERO,
};

/// The timeout of a function that asks for no other.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>
const DEFAULT_TIMEOUT: Seconds = match Seconds::from_seconds(3.0) {
    Ok(timeout) => timeout,
    Err(_) => Seconds::ZERO,
};

/// The `/tmp` of a function that asks for no more, in MiB.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_EphemeralStorage.html>
const DEFAULT_EPHEMERAL_STORAGE_MIB: u32 = 512;

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

impl Serialize for FunctionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("FunctionId", 3)?;
        fields.serialize_field("account_id", &*self.account_id)?;
        fields.serialize_field("region", &*self.region)?;
        fields.serialize_field("name", &*self.name)?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for FunctionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            account_id: String,
            region: String,
            name: String,
        }
        let fields = Fields::deserialize(deserializer)?;
        Ok(Self {
            account_id: fields.account_id.into(),
            region: fields.region.into(),
            name: fields.name.into(),
        })
    }
}

/// The processor that a function runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// Whether it is a container image.
    pub is_image: bool,
    /// Whether its versions start from snapshots.
    pub snap_start: bool,
    /// The capacity provider on whose instances it runs; absent for one that is charged by the GB-second.
    pub capacity_provider: Option<Arc<str>>,
    /// How many environments are set aside for it, and are the most that it may have; absent where none are, or that is
    /// not known.
    pub reserved_concurrency: Option<u32>,
    /// What is kept ready for it; absent where that is not known.
    pub provisioned: Option<Vec<ProvisionedConcurrency>>,
    /// What Lambda polls for it; absent where that is not known.
    pub event_sources: Option<BTreeSet<EventSource>>,
    /// Whether it has a function URL; absent where that is not known.
    pub has_url: Option<bool>,
    /// What Lambda Insights measured of it lately; absent where it is not switched on, or not read.
    pub insights: Option<Insights>,
    /// The labels that are made of its tags, by name.
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
}

/// Environments of a version or an alias that are kept ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionedConcurrency {
    /// The version or alias.
    pub qualifier: Arc<str>,
    /// How many are paid for.
    pub concurrency: u32,
}

impl Function {
    /// A function with what each one has, and as AWS makes it where nothing else is asked for.
    #[must_use]
    pub fn plain(id: FunctionId, memory: MemoryMib, architecture: Architecture) -> Self {
        Self {
            id,
            memory,
            architecture,
            runtime: None,
            timeout: DEFAULT_TIMEOUT,
            ephemeral_storage_mib: DEFAULT_EPHEMERAL_STORAGE_MIB,
            is_image: false,
            snap_start: false,
            capacity_provider: None,
            reserved_concurrency: None,
            provisioned: None,
            event_sources: None,
            has_url: None,
            insights: None,
            labels: BTreeMap::new(),
        }
    }

    /// How many environments are kept ready, as far as that is known.
    #[must_use]
    pub fn provisioned_concurrency(&self) -> u32 {
        let all = self.provisioned.iter().flatten();
        all.map(|one| one.concurrency).sum()
    }

    /// The share of its invocations that met a cold start, where that was measured. What is kept ready is initialised too, and not for
    /// an invocation, and what starts from a snapshot is restored and not initialised: of such functions the measure says
    /// nothing.
    #[must_use]
    pub fn cold_share(&self) -> Option<Ratio> {
        let says = self.provisioned_concurrency() == 0 && !self.snap_start;
        let measured = self.insights.filter(|_| says);
        measured.and_then(|insights| insights.cold_share())
    }

    /// The time that what is kept ready can have worked in a minute. More than that ran elsewhere.
    ///
    /// Formula: `min(Σ duration, environments · 60 s)`.
    ///
    /// ```
    /// use breakeven_model::inventory::{Architecture, Function, FunctionId, FunctionMinute, ProvisionedConcurrency};
    /// use breakeven_model::units::{MemoryMib, Requests, Seconds};
    ///
    /// let id = FunctionId { account_id: "123456789012".into(), region: "us-east-1".into(), name: "api".into() };
    /// let live = ProvisionedConcurrency { qualifier: "live".into(), concurrency: 5 };
    /// let function = Function {
    ///     provisioned: Some(vec![live]),
    ///     ..Function::plain(id, MemoryMib::MIN, Architecture::Arm64)
    /// };
    /// let minute = |seconds| FunctionMinute {
    ///     minute: 0,
    ///     invocations: Requests::ONE,
    ///     duration: Seconds::from_seconds(seconds).unwrap(),
    ///     errors: Requests::ZERO,
    ///     throttles: Requests::ZERO,
    ///     concurrency_peak: None,
    /// };
    /// let worked = [120.0, 480.0].map(|seconds| function.ready_time(&minute(seconds)).seconds());
    /// assert_eq!(worked, [120.0, 300.0]);
    /// ```
    #[must_use]
    pub fn ready_time(&self, minute: &FunctionMinute) -> Seconds {
        let environments =
            Ratio::from_factor(self.provisioned_concurrency().into()).unwrap_or_default();
        minute.duration.min(MINUTE * environments)
    }

    /// The most environments that ran at once in a minute besides those that are kept ready. On managed instances there are
    /// none that are started for a request.
    #[must_use]
    pub fn peak_beyond_provisioned(&self, minute: &FunctionMinute) -> u32 {
        if self.capacity_provider.is_some() {
            return 0;
        }
        minute.peak().saturating_sub(self.provisioned_concurrency())
    }
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

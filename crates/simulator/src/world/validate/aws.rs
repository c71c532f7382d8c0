//! What a world file must keep of AWS: accounts, functions, how late their metrics are, the bill.

use std::collections::BTreeSet;

use super::{Found, traffic};
use crate::world::ingestion_delay::IngestionDelaySpec;
use crate::world::schema::{FunctionSpec, WorldSpec};

/// Lambda's limits, from "Lambda quotas" in the AWS documentation.
const FUNCTION_MEMORY_MIB: std::ops::RangeInclusive<u32> = 128..=10_240;
const FUNCTION_STORAGE_MIB: std::ops::RangeInclusive<u32> = 512..=10_240;
const FUNCTION_TIMEOUT_S: std::ops::RangeInclusive<u32> = 1..=900;
/// Whatever makes a point late, three hours are more than anybody should wait for it.
const LATE_MINUTES: u32 = 180;
/// An assumed role lasts at most twelve hours; here it may be as short as a test wants it.
const SESSION_SECONDS: std::ops::RangeInclusive<u32> = 1..=43_200;
/// Shares may miss their sum by what floating point loses.
const SHARE_ROUNDING: f64 = 1e-9;

pub(super) fn bill_and_ingestion_delay(world: &WorldSpec, found: &mut Found) {
    if let Some(bill) = &world.bill {
        found.share("bill.discount", bill.discount);
        found.share("bill.savings_plan_coverage", bill.savings_plan_coverage);
        found.share("bill.savings_plan_discount", bill.savings_plan_discount);
    }
    if let Some(late) = &world.ingestion_delay {
        ingestion_delay(late, "lateness", found);
    }
}

pub(super) fn accounts(world: &WorldSpec, found: &mut Found) {
    if let Some(seconds) = world.session_seconds {
        found.within("session_seconds", seconds, &SESSION_SECONDS);
    }
    let mut ids = BTreeSet::from([&world.account_id]);
    for (i, account) in world.accounts.iter().enumerate() {
        let place = format!("accounts[{i}]");
        let id = format!("{place}.id");
        found.account(&id, &account.id);
        if !ids.insert(&account.id) {
            let what = format!(
                "{:?} is there twice, or is the world's own account_id",
                account.id
            );
            found.add(&id, what);
        }
        if account.role.is_empty() || account.role.contains('/') {
            let what = format!(
                "is {:?}; give the role's name without its path",
                account.role
            );
            found.add(&format!("{place}.role"), what);
        }
        if let Some(seconds) = account.session_seconds {
            let place = format!("{place}.session_seconds");
            found.within(&place, seconds, &SESSION_SECONDS);
        }
    }
}

pub(super) fn functions(world: &WorldSpec, found: &mut Found) {
    let mut names = BTreeSet::new();
    for (i, function) in world.functions.iter().enumerate() {
        let place = format!("functions[{i}]");
        let FunctionSpec {
            name,
            memory_mib,
            timeout_s,
            duration_ms,
            ..
        } = function;
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
            let what = format!("is {name:?}; 1 to 64 letters, digits, hyphens and underscores");
            found.add(&format!("{place}.name"), what);
        }
        let account = function.account_id.as_ref().unwrap_or(&world.account_id);
        let region = function.region.as_ref().unwrap_or(&world.region);
        if !names.insert((account, region, name)) {
            found.add(&format!("{place}.name"), format!("{name:?} is there twice"));
        }
        let mut accounts = world.accounts.iter().map(|account| &account.id);
        if *account != world.account_id && !accounts.any(|id| id == account) {
            let what = format!("{account:?} is not listed in accounts; add it there");
            found.add(&format!("{place}.account_id"), what);
        }
        if region.is_empty() {
            found.add(
                &format!("{place}.region"),
                "is empty; name a region or leave it out",
            );
        }
        found.within(
            &format!("{place}.memory_mib"),
            *memory_mib,
            &FUNCTION_MEMORY_MIB,
        );
        found.within(
            &format!("{place}.timeout_s"),
            *timeout_s,
            &FUNCTION_TIMEOUT_S,
        );
        found.positive(&format!("{place}.duration_ms"), *duration_ms);
        if *duration_ms > f64::from(*timeout_s) * 1_000.0 {
            let what = format!("is {duration_ms}, more than timeout_s ({timeout_s}) allows");
            found.add(&format!("{place}.duration_ms"), what);
        }
        found.share(&format!("{place}.error_ratio"), function.error_ratio);
        found.share(&format!("{place}.throttle_ratio"), function.throttle_ratio);
        traffic(&function.traffic, &format!("{place}.traffic"), found);
        facts(function, &place, found);
        if let Some(late) = &function.ingestion_delay {
            ingestion_delay(late, &format!("{place}.lateness"), found);
        }
    }
}

/// What a function has beside its traffic.
fn facts(function: &FunctionSpec, place: &str, found: &mut Found) {
    let at = |key: &str| format!("{place}.{key}");
    found.within(
        &at("ephemeral_storage_mib"),
        function.ephemeral_storage_mib,
        &FUNCTION_STORAGE_MIB,
    );
    for (key, value) in [
        ("init_ms", function.init_ms),
        ("memory_used_mib", function.memory_used_mib),
        ("cpu_ms", function.cpu_ms),
    ] {
        if let Some(value) = value {
            found.positive(&at(key), value);
        }
    }
    let mut qualifiers = BTreeSet::new();
    for (i, provisioned) in function.provisioned.iter().enumerate() {
        let at = |key: &str| format!("{place}.provisioned[{i}].{key}");
        let qualifier = &provisioned.qualifier;
        if qualifier.is_empty() || !qualifiers.insert(qualifier) {
            let what = format!("is {qualifier:?}; give each its own version or alias");
            found.add(&at("qualifier"), what);
        }
        if provisioned.concurrency == 0 {
            found.add(&at("concurrency"), "is 0; it must be at least 1");
        }
        found.share(&at("share"), provisioned.share);
    }
    let shares: f64 = function.provisioned.iter().map(|one| one.share).sum();
    if shares > 1.0 + SHARE_ROUNDING {
        let what = format!("has shares of {shares} together; they must be at most 1");
        found.add(&at("provisioned"), what);
    }
    for (i, source) in function.event_sources.iter().enumerate() {
        if !source.starts_with("arn:aws:") {
            let what = format!("is {source:?}; it must be an ARN");
            found.add(&format!("{place}.event_sources[{i}]"), what);
        }
    }
}

fn ingestion_delay(late: &IngestionDelaySpec, place: &str, found: &mut Found) {
    let at = |key: &str| format!("{place}.{key}");
    found.within(
        &at("delay_seconds"),
        late.delay_seconds,
        &(0..=LATE_MINUTES * 60),
    );
    found.share(&at("late_share"), late.late_share);
    found.within(&at("late_minutes"), late.late_minutes, &(0..=LATE_MINUTES));
    found.share(&at("missing_share"), late.missing_share);
    found.within(
        &at("missing_minutes"),
        late.missing_minutes,
        &(0..=LATE_MINUTES),
    );
    found.share(&at("repeated_share"), late.repeated_share);
}

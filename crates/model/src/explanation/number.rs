//! Numbers for a reader.

use crate::units::{Ratio, Requests, Seconds, Usd, UsdDelta, UsdPerRequest};

/// Digits that are shown of a small number.
const SIGNIFICANT: usize = 4;

/// A number with as many decimals as four digits of it need, and at least `least`.
fn decimals(value: f64, least: usize) -> String {
    let digits = SIGNIFICANT - 1;
    // With four digits 0.09999999 is 0.1.
    let scientific = format!("{value:.digits$e}");
    let zeros = scientific.split_once("e-");
    let zeros = zeros.and_then(|(_, zeros)| zeros.parse::<usize>().ok());
    let places = zeros.map_or(least, |zeros| least.max(digits + zeros));
    format!("{value:.places$}")
}

/// An amount of money.
pub(super) fn usd(amount: Usd) -> String {
    format!("${}", decimals(amount.usd(), 2))
}

/// A signed amount of money.
pub(super) fn signed(amount: UsdDelta) -> String {
    let sign = if amount.usd() < 0.0 { "-" } else { "" };
    format!("{sign}${}", decimals(amount.usd().abs(), 2))
}

/// The price of a request, for a million of them.
pub(super) fn per_million(price: UsdPerRequest) -> String {
    format!("${} for a million", decimals(price.each() * 1e6, 2))
}

/// Any other price.
pub(super) fn price(value: f64, unit: &str) -> String {
    format!("${} {unit}", decimals(value, 2))
}

/// A share.
pub(super) fn percent(ratio: Ratio) -> String {
    format!("{} %", decimals(ratio.get() * 100.0, 1))
}

/// A factor.
pub(super) fn factor(ratio: Ratio) -> String {
    decimals(ratio.get(), 2)
}

/// A count, its thousands apart.
pub(super) fn count(requests: Requests) -> String {
    let whole = format!("{:.0}", requests.requests());
    let mut text = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time that something was watched: in hours, or in seconds where it was short.
pub(super) fn hours(time: Seconds) -> String {
    if time.seconds() < 360.0 {
        format!("{} s", decimals(time.seconds(), 1))
    } else {
        format!("{} h", decimals(time.seconds() / 3_600.0, 2))
    }
}

/// A short time, in milliseconds.
pub(super) fn millis(time: Seconds) -> String {
    format!("{} ms", decimals(time.millis(), 1))
}

/// A plain number.
pub(super) fn plain(value: f64) -> String {
    decimals(value, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_money_keeps_four_digits_and_large_money_its_cents() {
        let shown = |value| usd(Usd::from_usd(value).unwrap());
        assert_eq!(shown(0.0), "$0.00");
        assert_eq!(shown(0.000_012_345_6), "$0.00001235");
        assert_eq!(shown(0.5), "$0.5000");
        assert_eq!(shown(0.099_999_99), "$0.1000");
        assert_eq!(shown(1_234.567), "$1234.57");
    }

    #[test]
    fn counts_have_their_thousands_apart() {
        let shown = |value| count(Requests::from_requests(value).unwrap());
        assert_eq!(shown(0.0), "0");
        assert_eq!(shown(999.4), "999");
        assert_eq!(shown(58_776_679.0), "58,776,679");
        assert_eq!(shown(123_456.0), "123,456");
    }
}

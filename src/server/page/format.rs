//! Numbers for readers.

use jiff::Timestamp;

use breakeven_model::units::{Ratio, Seconds};

/// Shown for what is not known.
pub(super) const UNKNOWN: &str = "–";

/// Dollars: cents where it is dollars, three digits where it is less.
pub(super) fn money(usd: f64) -> String {
    let sign = if usd < 0.0 { "−" } else { "" };
    let amount = usd.abs();
    if amount >= 0.995 {
        let cents = format!("{amount:.2}");
        let (dollars, cents) = cents.split_once('.').unwrap_or((&cents, "00"));
        return match amount >= 9_999.5 {
            true => format!("{sign}${}", grouped(&format!("{amount:.0}"))),
            false => format!("{sign}${}.{cents}", grouped(dollars)),
        };
    }
    if amount < 1e-9 {
        return "$0".to_owned();
    }
    let mut digits = 2;
    let mut shown = amount;
    while shown < 0.0995 && digits < 12 {
        shown *= 10.0;
        digits += 1;
    }
    format!("{sign}${amount:.digits$}")
}

/// Dollars with a sign on both sides of zero.
pub(super) fn signed_money(usd: f64) -> String {
    let text = money(usd);
    if usd > 0.0 && text != "$0" {
        format!("+{text}")
    } else {
        text
    }
}

/// A share of the whole.
pub(super) fn percent(ratio: Ratio) -> String {
    let percent = ratio.get() * 100.0;
    if percent < 10.0 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

/// How long ago it was, in the one unit that says it best.
pub(super) fn age(then: Timestamp, now: Timestamp) -> String {
    Seconds::between(then, now).in_words()
}

fn grouped(digits: &str) -> String {
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_shown_with_the_digits_that_matter() {
        for (usd, text) in [
            (0.0, "$0"),
            (60.736, "$60.74"),
            (1_234.5, "$1,234.50"),
            (12_345.6, "$12,346"),
            (1_234_567.0, "$1,234,567"),
            (1.0, "$1.00"),
            (0.999, "$1.00"),
            (0.5, "$0.50"),
            (0.0123, "$0.012"),
            (0.00056, "$0.00056"),
            (-4.0, "−$4.00"),
        ] {
            assert_eq!(money(usd), text);
        }
        assert_eq!(signed_money(3.5), "+$3.50");
        assert_eq!(signed_money(0.0), "$0");
    }

    #[test]
    fn an_age_has_one_unit() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        for (seconds, text) in [
            (-5, "0 s"),
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7_200, "2 h"),
            (172_800, "2 days"),
        ] {
            assert_eq!(
                age(Timestamp::from_second(1_000_000 - seconds).unwrap(), now),
                text
            );
        }
    }
}

//! Numbers as people write them.

/// Dollars: cents, or three digits where it is less than ten cents.
pub(super) fn money(usd: f64) -> String {
    if usd == 0.0 || usd >= 0.1 {
        return grouped(&format!("{usd:.2}"));
    }
    let mut digits = 2;
    let mut shown = usd * 100.0;
    while shown < 100.0 && digits < 15 {
        shown *= 10.0;
        digits += 1;
    }
    format!("{usd:.digits$}")
}

/// A whole count.
pub(super) fn count(value: f64) -> String {
    grouped(&format!("{value:.0}"))
}

/// A round number on an axis: `1`, `10k`, `100M`.
pub(super) fn short(value: f64) -> String {
    for (unit, name) in [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")] {
        if value >= unit {
            return format!("{}{name}", value / unit);
        }
    }
    format!("{value}")
}

fn grouped(number: &str) -> String {
    let (whole, rest) = number
        .find('.')
        .map_or((number, ""), |at| number.split_at(at));
    let mut out = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_has_the_digits_that_matter() {
        for (usd, text) in [
            (0.0, "0.00"),
            (60.736, "60.74"),
            (148_240.2, "148,240.20"),
            (0.187, "0.19"),
            (0.077_868, "0.0779"),
            (0.000_001_234, "0.00000123"),
        ] {
            assert_eq!(money(usd), text);
        }
    }

    #[test]
    fn an_axis_has_short_numbers() {
        let texts = [0.01, 1.0, 1e3, 1e5, 1e6, 1e10].map(short);
        assert_eq!(texts, ["0.01", "1", "1k", "100k", "1M", "10B"]);
        assert_eq!(count(58_776_679.3), "58,776,679");
    }
}

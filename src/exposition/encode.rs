//! From families to bytes. What both formats share is here: numbers, and the escaping of label values.

pub(super) mod openmetrics;
pub(super) mod text;

#[cfg(test)]
pub(super) mod abnf;

use std::fmt::Write;

use super::escape::escape;
use super::series::Sample;

/// Integers up to here are written without an exponent: they are exact, and readable.
const LARGEST_PLAIN_INTEGER: f64 = 1e18;

/// Writes a finite number: the shortest digits that read back as the same number.
pub(super) fn write_number(value: f64, out: &mut String) {
    let magnitude = value.abs();
    let plain = if value.fract() == 0.0 {
        magnitude < LARGEST_PLAIN_INTEGER
    } else {
        magnitude >= 1e-4
    };
    // Negative zero is zero. Writing to a string cannot fail.
    let _ = if plain {
        write!(out, "{}", value + 0.0)
    } else {
        write!(out, "{value:e}")
    };
}

/// Writes the line that says what a family means. In the text format a quote is only a quote; in
/// OpenMetrics the help is an escaped string like a label's value.
fn write_help(family: &str, help: &str, escape_quotes: bool, out: &mut String) {
    out.extend(["# HELP ", family, " "]);
    escape(help, escape_quotes, out);
    out.push('\n');
}

/// Writes one series, as both formats have it.
fn write_sample(name: &str, sample: &Sample, out: &mut String) {
    out.push_str(name);
    let labels = sample.labels.as_str();
    if !labels.is_empty() {
        out.push('{');
        out.push_str(labels);
        out.push('}');
    }
    out.push(' ');
    write_number(sample.value, out);
    out.push('\n');
}

/// About how many bytes the series take.
fn size_hint(samples: usize) -> usize {
    samples * 200
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(value: f64) -> String {
        let mut out = String::new();
        write_number(value, &mut out);
        out
    }

    #[test]
    fn numbers_are_short_and_integers_are_plain() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-3.0, "-3"),
            (1_760_000_000.0, "1760000000"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (1e21, "1e21"),
            (0.1, "0.1"),
            (60.736, "60.736"),
            (1_760_000_000.125, "1760000000.125"),
            (0.00000021, "2.1e-7"),
            (-0.00012, "-0.00012"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (f64::MAX, "1.7976931348623157e308"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn the_formats_escape_a_help_text_each_in_its_own_way() {
        let help = |escape_quotes| {
            let mut out = String::new();
            write_help("a", "one \"quoted\"\nback\\slash", escape_quotes, &mut out);
            out
        };
        assert_eq!(help(false), "# HELP a one \"quoted\"\\nback\\\\slash\n");
        assert_eq!(help(true), "# HELP a one \\\"quoted\\\"\\nback\\\\slash\n");
    }

    proptest! {
        #[test]
        fn any_help_text_is_read_back_as_it_was(help in any::<String>()) {
            let mut out = String::from("# TYPE a gauge\n");
            write_help("a", &help, true, &mut out);
            out.push_str("a 1\n# EOF\n");
            let families = abnf::read(&out).map_err(TestCaseError::fail)?;
            prop_assert_eq!(families[0].help.as_deref(), Some(help.as_str()));
        }

        #[test]
        fn a_number_reads_back_as_the_same_number(value in any::<f64>()) {
            prop_assume!(value.is_finite());
            prop_assert_eq!(number(value).parse::<f64>().unwrap(), value);
        }
    }
}

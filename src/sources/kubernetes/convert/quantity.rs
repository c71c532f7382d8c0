//! Quantities as Kubernetes writes them: `250m`, `1Gi`, `1e3`, `128974848`.
//!
//! The grammar is that of `k8s.io/apimachinery/pkg/api/resource`: a signed decimal number, then nothing, a binary
//! suffix (`Ki` to `Ei`), a decimal one (`n`, `u`, `m`, `k`, `M` to `E`) or an exponent.

use breakeven_model::units::{Cores, Gib};

/// A text that is no quantity, or not one that this resource can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is {text:?}, which is not {expected}")]
pub(in crate::sources) struct QuantityParseError {
    text: String,
    expected: &'static str,
}

/// A number of processors.
pub(in crate::sources) fn cores(text: &str) -> Result<Cores, QuantityParseError> {
    number(text)
        .and_then(|value| Cores::from_cores(value).ok())
        .ok_or_else(|| bad(text, "a quantity of processors such as 250m or 2"))
}

/// An amount of memory; Kubernetes counts bytes.
pub(in crate::sources) fn memory(text: &str) -> Result<Gib, QuantityParseError> {
    number(text)
        .and_then(|value| Gib::from_bytes(value).ok())
        .ok_or_else(|| bad(text, "a quantity of memory such as 512Mi or 1G"))
}

/// A number of whole devices.
pub(in crate::sources) fn count(text: &str) -> Result<u32, QuantityParseError> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and within the range"
    )]
    number(text)
        .filter(|value| value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(value))
        .map(|value| value as u32)
        .ok_or_else(|| bad(text, "a whole number such as 1"))
}

fn bad(text: &str, expected: &'static str) -> QuantityParseError {
    QuantityParseError {
        text: text.to_owned(),
        expected,
    }
}

fn number(text: &str) -> Option<f64> {
    let digits = text
        .find(|character: char| !(character.is_ascii_digit() || "+-.".contains(character)))
        .unwrap_or(text.len());
    let (mantissa, suffix) = text.split_at(digits);
    let value: f64 = mantissa.parse().ok()?;
    // Small units divide: 1/1000 is exact where 0.001 is not.
    Some(match suffix {
        "" => value,
        "n" => value / 1e9,
        "u" => value / 1e6,
        "m" => value / 1e3,
        "k" => value * 1e3,
        "M" => value * 1e6,
        "G" => value * 1e9,
        "T" => value * 1e12,
        "P" => value * 1e15,
        "E" => value * 1e18,
        "Ki" => value * 1_024.0,
        "Mi" => value * 1_024.0 * 1_024.0,
        "Gi" => value * 1_024.0 * 1_024.0 * 1_024.0,
        "Ti" => value * 1_024.0 * 1_024.0 * 1_024.0 * 1_024.0,
        "Pi" => value * 1_024.0 * 1_024.0 * 1_024.0 * 1_024.0 * 1_024.0,
        "Ei" => value * 1_024.0 * 1_024.0 * 1_024.0 * 1_024.0 * 1_024.0 * 1_024.0,
        _ if suffix.starts_with(['e', 'E']) => text.parse().ok()?,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_kubernetes_writes_is_read() {
        for (text, value) in [
            ("0", 0.0),
            ("2", 2.0),
            ("+2", 2.0),
            ("0.5", 0.5),
            (".5", 0.5),
            ("5.", 5.0),
            ("250m", 0.25),
            ("70m", 0.07),
            ("1500u", 0.0015),
            ("12345678n", 0.012_345_678),
            ("1e3", 1_000.0),
            ("1E3", 1_000.0),
            ("1e+3", 1_000.0),
            ("25e-2", 0.25),
            ("128974848", 128_974_848.0),
            ("1k", 1_000.0),
            ("100M", 100_000_000.0),
            ("1G", 1e9),
            ("1T", 1e12),
            ("1P", 1e15),
            ("1E", 1e18),
            ("1500Ki", 1_536_000.0),
            ("1Mi", 1_048_576.0),
            ("1Gi", 1_073_741_824.0),
            ("1.5Gi", 1_610_612_736.0),
            ("1Ti", 1_099_511_627_776.0),
            ("1Pi", 1_125_899_906_842_624.0),
            ("1Ei", 1_152_921_504_606_846_976.0),
        ] {
            assert_eq!(number(text), Some(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_an_error_that_quotes_it() {
        for text in [
            "", "abc", "m", "Gi", "1.2.3", "1-2", "1 Gi", "1gi", "1KI", "1K", "e3", "1e", "1e3m",
            "inf", "NaN", "0x10", "١",
        ] {
            assert_eq!(number(text), None, "{text:?}");
        }
        assert_eq!(
            cores("abc").unwrap_err().to_string(),
            "is \"abc\", which is not a quantity of processors such as 250m or 2"
        );
    }

    #[test]
    fn a_quantity_that_its_resource_cannot_have_is_an_error() {
        assert!(cores("-1").is_err());
        assert!(memory("-1Gi").is_err());
        assert!(memory("1e999").is_err());
        assert!(count("-1").is_err());
        assert!(count("500m").is_err());
        assert!(count("1E").is_err());
    }

    #[test]
    fn each_resource_has_its_unit() {
        assert_eq!(cores("250m").unwrap(), Cores::from_cores(0.25).unwrap());
        assert_eq!(memory("512Mi").unwrap(), Gib::from_mib(512.0).unwrap());
        assert_eq!(count("8").unwrap(), 8);
    }
}

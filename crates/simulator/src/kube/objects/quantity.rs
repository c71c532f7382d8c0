//! Quantities as Kubernetes writes them.

/// Cores: `2`, `250m`, `1500u` or nanocores, the coarsest that is exact.
pub(in super::super) fn cores(cores: f64) -> String {
    let nano = (cores * 1e9).round() as u64;
    for (unit, suffix) in [(1_000_000_000, ""), (1_000_000, "m"), (1_000, "u")] {
        if nano.is_multiple_of(unit) {
            return format!("{}{suffix}", nano / unit);
        }
    }
    format!("{nano}n")
}

/// Cores in nanocores, as the metrics server writes them.
pub(in super::super) fn nanocores(cores: f64) -> String {
    format!("{}n", (cores * 1e9).round() as u64)
}

/// MiB: `256Mi`, or bytes where that is not exact.
pub(in super::super) fn mebibytes(mebibytes: f64) -> String {
    let bytes = bytes(mebibytes);
    for (unit, suffix) in [(1 << 20, "Mi"), (1 << 10, "Ki")] {
        if bytes.is_multiple_of(unit) {
            return format!("{}{suffix}", bytes / unit);
        }
    }
    bytes.to_string()
}

/// MiB in KiB, as kubelets and the metrics server write them.
pub(in super::super) fn kibibytes(mebibytes: f64) -> String {
    format!("{}Ki", bytes(mebibytes) >> 10)
}

fn bytes(mebibytes: f64) -> u64 {
    (mebibytes * f64::from(1 << 20)).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_take_the_coarsest_exact_unit() {
        assert_eq!(cores(2.0), "2");
        assert_eq!(cores(0.25), "250m");
        assert_eq!(cores(0.0015), "1500u");
        assert_eq!(cores(0.000_000_001), "1n");
        assert_eq!(mebibytes(256.0), "256Mi");
        assert_eq!(mebibytes(0.5), "512Ki");
        assert_eq!(kibibytes(8192.0), "8388608Ki");
        assert_eq!(nanocores(0.8), "800000000n");
    }
}

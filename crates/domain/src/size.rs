//! Sizes in bytes. "GB" in the product means GiB: 50 GB = 53 687 091 200 bytes.

pub const MIB: u64 = 1 << 20;
pub const GIB: u64 = 1 << 30;

/// The smallest volume; ext4 with a journal needs some space itself.
pub const VOLUME_MIN_BYTES: u64 = 64 * MIB;

/// Rounds up to 1 MiB, the granularity of volume sizes.
pub fn round_up_to_mib(bytes: u64) -> Option<u64> {
    bytes.checked_next_multiple_of(MIB)
}

/// The size in whole GB, rounded up, as in the API's `size_gb`.
pub fn ceil_gb(bytes: u64) -> u64 {
    bytes.div_ceil(GIB)
}

/// Parses a size as typed by a person: `50` and `50GB` are GiB, `500MB` MiB, `1.5G`, `2TiB`, `1048576B`. Units are powers of
/// 1024 in every spelling. Returns bytes.
pub fn parse_human(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits_end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits_end);
    let bad = || format!("{text:?} is not a size; write for example 50, 50GB or 500MB");
    let unit_bytes: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "g" | "gb" | "gib" => GIB,
        "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => MIB,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return Err(bad()),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.is_empty() || fraction.len() > 6 || fraction.contains('.') {
        return Err(bad());
    }
    let whole: u64 = whole.parse().map_err(|_| bad())?;
    let scale = 10_u64.pow(fraction.len() as u32);
    let fraction: u64 = fraction.parse().map_err(|_| bad())?;
    let fraction_bytes = u128::from(fraction) * u128::from(unit_bytes) / u128::from(scale);
    let bytes = u128::from(whole) * u128::from(unit_bytes) + fraction_bytes;
    match u64::try_from(bytes) {
        Ok(0) => Err("a size must be more than 0".into()),
        Ok(bytes) => Ok(bytes),
        Err(_) => Err(format!("{text:?} is too large")),
    }
}

/// Formats a size for people: `50GB`, `512MB`, `1.5GB`; the inverse of [`parse_human`] for whole units.
pub fn human(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..MIB => (1 << 10, "KB"),
        MIB..GIB => (MIB, "MB"),
        _ => (GIB, "GB"),
    };
    if bytes.is_multiple_of(unit) {
        format!("{}{name}", bytes / unit)
    } else {
        format!("{:.1}{name}", bytes as f64 / unit as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_people_type_them() {
        for (text, bytes) in [
            ("50", 50 * GIB),
            ("50GB", 53_687_091_200),
            ("500MB", 500 * MIB),
            (" 1.5 gib ", GIB + GIB / 2),
            ("2T", 2 << 40),
            ("65536b", 65536),
        ] {
            assert_eq!(parse_human(text), Ok(bytes), "{text}");
        }
        for bad in [
            "",
            "GB",
            "-1",
            "1.",
            "1..5",
            ".5",
            "50XB",
            "0",
            "0.0",
            "99999999999999999999",
            "99999999999TB",
            "1e3",
        ] {
            assert!(parse_human(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn shown_sizes_read_back() {
        for bytes in [64 * MIB, 500 * MIB, GIB, 50 * GIB, 500 * GIB] {
            assert_eq!(parse_human(&human(bytes)), Ok(bytes));
        }
        assert_eq!(human(GIB + GIB / 2), "1.5GB");
    }

    #[test]
    fn gb_is_rounded_up() {
        assert_eq!(ceil_gb(64 * MIB), 1);
        assert_eq!(ceil_gb(50 * GIB), 50);
        assert_eq!(ceil_gb(50 * GIB + 1), 51);
        assert_eq!(round_up_to_mib(u64::MAX), None);
    }
}

//! Checks of single values, which need no other object. All problems of a body are collected, so that one answer names them
//! all.

use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use miosa_api::word::{Word, Words};
use miosa_control::{AskedSize, HooksChange};
use miosa_domain::limits::Limits;
use miosa_domain::name::checked_name;
use miosa_domain::schedule::Schedule;
use miosa_domain::size::{GIB, human};
use miosa_domain::{name, retention};
use serde_json::{Map, Value};

use super::ApiError;

const METADATA_MAX_BYTES: usize = 64 << 10;
/// Longest text of fields that only carry somebody else's id.
const LABEL_MAX_CHARS: usize = 255;
/// The kernel's limit for one argument or variable of a program, less the ending NUL.
pub(super) const ARGUMENT_MAX_BYTES: usize = (128 << 10) - 1;
const ENV_MAX_BYTES: usize = 512 << 10;
const PATH_MAX_BYTES: usize = 4095;
const HOOK_MAX_BYTES: usize = 4096;
const HOOK_TIMEOUT_MAX_SECONDS: u32 = 600;
const TTL_SECONDS: std::ops::RangeInclusive<i64> = 60..=365 * 24 * 60 * 60;

/// What is wrong with a body, by field.
#[derive(Debug, Default)]
pub(super) struct Problems(BTreeMap<String, Vec<String>>);

impl Problems {
    pub(super) fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0.entry(field.to_owned()).or_default().push(message.into());
    }

    /// The value of a field that was given and is good.
    pub(super) fn check<T, U>(
        &mut self,
        field: &str,
        given: Option<T>,
        check: impl FnOnce(T) -> Result<U, String>,
    ) -> Option<U> {
        match check(given?) {
            Ok(value) => Some(value),
            Err(message) => {
                self.add(field, message);
                None
            }
        }
    }

    /// The same for an empty text that means "absent".
    pub(super) fn check_text<U>(
        &mut self,
        field: &str,
        given: Option<String>,
        check: impl FnOnce(&str) -> Result<U, String>,
    ) -> Option<U> {
        self.check(field, given.filter(|text| !text.is_empty()), |text| check(&text))
    }

    /// The same for a word.
    pub(super) fn check_word<T: Words>(&mut self, field: &str, given: Option<Word<T>>) -> Option<T> {
        self.check(field, given.filter(|word| !word.as_str().is_empty()), word)
    }

    pub(super) fn none(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(ApiError::invalid_fields(self.0)) }
    }
}

/// The checks themselves answer a text that continues a sentence beginning with the field's name.
pub(super) fn name(raw: String) -> Result<String, String> {
    checked_name(&raw)
}

pub(super) fn id<T: FromStr>(raw: &str) -> Result<T, String> {
    raw.parse().map_err(|_| "must be a UUID".into())
}

/// A word of `T`.
pub(super) fn word<T: Words>(raw: Word<T>) -> Result<T, String> {
    let one_of = if T::VARIANTS.len() > 1 { "one of " } else { "" };
    raw.known().ok_or_else(|| format!("must be {one_of}{}", T::list()))
}

pub(super) fn one_of(raw: &str, allowed: &[&str]) -> Result<(), String> {
    if allowed.contains(&raw) {
        return Ok(());
    }
    let one_of = if allowed.len() > 1 { "one of " } else { "" };
    Err(format!("must be {one_of}{}", allowed.join(", ")))
}

pub(super) fn slug(raw: &str) -> Result<String, String> {
    match name::slug(raw, "") {
        same if same == raw => Ok(same),
        _ => Err("must be made of small letters, digits and single hyphens".into()),
    }
}

pub(super) fn label(raw: &str) -> Result<String, String> {
    if raw.chars().count() > LABEL_MAX_CHARS {
        return Err(format!("must be at most {LABEL_MAX_CHARS} characters"));
    }
    if raw.chars().any(char::is_control) {
        return Err("must not contain control characters".into());
    }
    Ok(raw.to_owned())
}

/// Values that are not texts are kept as their JSON text.
pub(super) fn metadata(raw: Map<String, Value>) -> Result<BTreeMap<String, String>, String> {
    let texts = raw.into_iter().map(|(key, value)| match value {
        Value::String(text) => (key, text),
        other => (key, other.to_string()),
    });
    let metadata: BTreeMap<_, _> = texts.collect();
    let bytes: usize = metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > METADATA_MAX_BYTES {
        return Err(format!("must be at most {}", human(METADATA_MAX_BYTES as u64)));
    }
    Ok(metadata)
}

pub(super) fn env(raw: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, String> {
    for (key, value) in &raw {
        if key.is_empty() || key.contains(['=', '\0']) {
            return Err(format!(
                "has a name that no variable can have: {:?}",
                key.chars().take(64).collect::<String>()
            ));
        }
        if value.contains('\0') {
            return Err("must not contain NUL characters".into());
        }
        if key.len() + value.len() >= ARGUMENT_MAX_BYTES {
            return Err(format!("has a variable longer than {ARGUMENT_MAX_BYTES} bytes"));
        }
    }
    let bytes: usize = raw.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > ENV_MAX_BYTES {
        return Err(format!("must be at most {}", human(ENV_MAX_BYTES as u64)));
    }
    Ok(raw)
}

/// One argument of a program.
pub(super) fn argument(raw: String) -> Result<String, String> {
    if raw.contains('\0') {
        return Err("must not contain NUL characters".into());
    }
    if raw.len() > ARGUMENT_MAX_BYTES {
        return Err(format!("must be at most {ARGUMENT_MAX_BYTES} bytes"));
    }
    Ok(raw)
}

pub(super) fn folder(raw: &str) -> Result<String, String> {
    if !raw.starts_with('/') || raw.contains('\0') || raw.len() > PATH_MAX_BYTES {
        return Err("must be an absolute path".into());
    }
    Ok(raw.to_owned())
}

/// Five cron fields or a word like `@daily`; nothing for no schedule.
pub(super) fn schedule(raw: &str) -> Result<Option<Schedule>, String> {
    match raw.trim() {
        "" => Ok(None),
        text => Schedule::parse(text).map(Some),
    }
}

pub(super) fn retention_days(raw: i64) -> Result<u32, String> {
    let days = u32::try_from(raw).ok().filter(|days| (1..=retention::MAX_DAYS).contains(days));
    days.ok_or_else(|| format!("must be between 1 and {}", retention::MAX_DAYS))
}

/// The commands around a snapshot, as three fields of a body name them.
pub(super) fn hooks(
    problems: &mut Problems,
    before: Option<String>,
    after: Option<String>,
    timeout_seconds: Option<i64>,
) -> HooksChange {
    HooksChange {
        before: problems.check("before_snapshot", before, hook),
        after: problems.check("after_snapshot", after, hook),
        timeout_seconds: problems.check("hook_timeout_seconds", timeout_seconds, hook_timeout),
    }
}

/// A command, or nothing for none.
fn hook(raw: String) -> Result<Option<String>, String> {
    if raw.contains('\0') {
        return Err("must not contain NUL characters".into());
    }
    if raw.len() > HOOK_MAX_BYTES {
        return Err(format!("must be at most {HOOK_MAX_BYTES} bytes; put a longer one into a script"));
    }
    Ok(Some(raw).filter(|command| !command.trim().is_empty()))
}

fn hook_timeout(raw: i64) -> Result<u32, String> {
    let seconds = u32::try_from(raw).ok().filter(|seconds| (1..=HOOK_TIMEOUT_MAX_SECONDS).contains(seconds));
    seconds.ok_or_else(|| format!("must be between 1 and {HOOK_TIMEOUT_MAX_SECONDS} seconds"))
}

/// When something ends that lives for `ttl` from `now` on: `3d`, `12h`, `30m`, `90s`, or a number of seconds.
pub(super) fn expiry(ttl: Value, now: Timestamp) -> Result<Timestamp, String> {
    let seconds = match &ttl {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => ttl_seconds(text.trim()),
        _ => None,
    };
    let seconds = seconds.ok_or("must be a time like 3d, 12h, 30m or 90s, or a whole number of seconds")?;
    if !TTL_SECONDS.contains(&seconds) {
        return Err("must be between 60 seconds and 365 days".into());
    }
    Ok(now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX))
}

fn ttl_seconds(text: &str) -> Option<i64> {
    let (number, unit_seconds) = match text.char_indices().last()? {
        (at, 'd') => (&text[..at], 24 * 60 * 60),
        (at, 'h') => (&text[..at], 60 * 60),
        (at, 'm') => (&text[..at], 60),
        (at, 's') => (&text[..at], 1),
        _ => (text, 1),
    };
    // A sign is no digit.
    let digits = Some(number).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse::<i64>().ok()?.checked_mul(unit_seconds)
}

/// The size in bytes that `size_gb` and `size_bytes` ask for; `None` when neither was given.
pub(super) fn size(
    problems: &mut Problems,
    limits: &Limits,
    size_gb: Option<i64>,
    size_bytes: Option<i64>,
) -> Option<u64> {
    let in_range = |bytes: Option<u64>| limits.volume_size(bytes.unwrap_or(0));
    let from_gb = problems
        .check("size_gb", size_gb, |gb| in_range(u64::try_from(gb).ok().map(|gb| gb.saturating_mul(GIB))));
    let from_bytes = problems.check("size_bytes", size_bytes, |bytes| in_range(u64::try_from(bytes).ok()));
    if let (Some(a), Some(b)) = (from_gb, from_bytes)
        && a != b
    {
        problems.add("size_bytes", "differs from size_gb; give one of them");
    }
    from_gb.or(from_bytes)
}

/// The same, with the field that was given.
pub(super) fn asked_size(
    problems: &mut Problems,
    limits: &Limits,
    size_gb: Option<i64>,
    size_bytes: Option<i64>,
) -> Option<AskedSize> {
    let field = if size_gb.is_some() { "size_gb" } else { "size_bytes" };
    size(problems, limits, size_gb, size_bytes).map(|bytes| AskedSize { bytes, field })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (gb, bytes, answer) in [
            (None, None, Ok(None)),
            (Some(50), None, Ok(Some(50 * GIB))),
            (None, Some(53_687_091_200), Ok(Some(50 * GIB))),
            (Some(50), Some(53_687_091_200), Ok(Some(50 * GIB))),
            (Some(50), Some(53_687_091_199), Ok(Some(50 * GIB))),
            (Some(50), Some(1 << 30), Err("size_bytes")),
            (Some(500), None, Ok(Some(500 * GIB))),
            (Some(501), None, Err("size_gb")),
            (Some(0), None, Err("size_gb")),
            (Some(-1), None, Err("size_gb")),
            (Some(i64::MAX), None, Err("size_gb")),
            (Some(i64::MIN), None, Err("size_gb")),
            (None, Some(1 << 20), Err("size_bytes")),
            (None, Some(64 << 20), Ok(Some(64 << 20))),
            (None, Some(i64::MAX), Err("size_bytes")),
        ] {
            let mut problems = Problems::default();
            let size = size(&mut problems, &Limits::default(), gb, bytes);
            match answer {
                Ok(expected) => {
                    assert_eq!(size, expected, "{gb:?} {bytes:?}");
                    assert!(problems.none().is_ok(), "{gb:?} {bytes:?}");
                }
                Err(field) => assert!(problems.0.contains_key(field), "{gb:?} {bytes:?}: {problems:?}"),
            }
        }
    }

    #[test]
    fn times_to_live() {
        for (ttl, seconds) in [
            (serde_json::json!("3d"), Some(259_200)),
            (serde_json::json!(" 12h "), Some(43_200)),
            (serde_json::json!("30m"), Some(1800)),
            (serde_json::json!("90s"), Some(90)),
            (serde_json::json!("90"), Some(90)),
            (serde_json::json!(60), Some(60)),
            (serde_json::json!("365d"), Some(31_536_000)),
            (serde_json::json!("366d"), None),
            (serde_json::json!(59), None),
            (serde_json::json!(90.5), None),
            (serde_json::json!(-90), None),
            (serde_json::json!("-3d"), None),
            (serde_json::json!("+3d"), None),
            (serde_json::json!("3 d"), None),
            (serde_json::json!("d"), None),
            (serde_json::json!(""), None),
            (serde_json::json!("3w"), None),
            (serde_json::json!("3\u{e9}"), None),
            (serde_json::json!("9223372036854775807d"), None),
            (serde_json::json!(true), None),
            (serde_json::json!(null), None),
        ] {
            let end = expiry(ttl.clone(), Timestamp::UNIX_EPOCH).ok();
            assert_eq!(end.map(Timestamp::as_second), seconds, "{ttl}");
        }
    }

    #[test]
    fn hooks_are_commands_or_nothing() {
        assert_eq!(hook("sync".into()), Ok(Some("sync".into())));
        assert_eq!(hook(" ".into()), Ok(None));
        assert!(hook("x".repeat(HOOK_MAX_BYTES)).is_ok());
        assert!(hook("x".repeat(HOOK_MAX_BYTES + 1)).is_err() && hook("a\0b".into()).is_err());
        for (seconds, good) in
            [(0, false), (1, true), (600, true), (601, false), (-1, false), (i64::MAX, false)]
        {
            assert_eq!(hook_timeout(seconds).is_ok(), good, "{seconds}");
        }
    }

    #[test]
    fn metadata_keeps_other_values_as_json() {
        let Value::Object(raw) = serde_json::json!({"a": "b", "n": 1, "o": {"x": null}}) else {
            unreachable!()
        };
        let metadata = metadata(raw).unwrap();
        assert_eq!(
            (metadata["a"].as_str(), metadata["n"].as_str(), metadata["o"].as_str()),
            ("b", "1", r#"{"x":null}"#)
        );
    }

    #[test]
    fn variables_that_no_program_can_have() {
        for (key, value, good) in [
            ("A", "b", true),
            ("A", "", true),
            ("", "b", false),
            ("A=B", "c", false),
            ("A\0", "b", false),
            ("A", "\0", false),
        ] {
            assert_eq!(env(BTreeMap::from([(key.into(), value.into())])).is_ok(), good, "{key:?}={value:?}");
        }
    }
}

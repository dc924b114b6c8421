//! Names of volumes and computers. They need not be unique and never become part of a path.

/// Longest name, in characters.
pub const NAME_MAX_CHARS: usize = 255;

/// Trims `raw` and checks it: 1 to 255 characters, none of them a control character.
pub fn checked_name(raw: &str) -> Result<String, String> {
    let name = raw.trim();
    if name.is_empty() {
        return Err("must not be empty".into());
    }
    if name.chars().count() > NAME_MAX_CHARS {
        return Err(format!("must be at most {NAME_MAX_CHARS} characters"));
    }
    if name.chars().any(char::is_control) {
        return Err("must not contain control characters".into());
    }
    Ok(name.to_owned())
}

/// Converts a name to a path component or host name: lower-case letters, digits and single hyphens, at most 63 bytes;
/// `fallback` if nothing remains.
pub fn slug(name: &str, fallback: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= 63 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { fallback.to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_checked() {
        assert_eq!(checked_name("  model weights ").unwrap(), "model weights");
        for bad in ["", "   ", "a\u{0}b", "a\nb", &"x".repeat(256)] {
            assert!(checked_name(bad).is_err(), "{bad:?} was accepted");
        }
        assert!(checked_name(&"é".repeat(255)).is_ok(), "the limit counts characters");
    }

    #[test]
    fn slugs_are_safe_path_components() {
        assert_eq!(slug("Model Weights (v2)", "volume"), "model-weights-v2");
        assert_eq!(slug("../../etc", "volume"), "etc");
        assert_eq!(slug("日本", "volume"), "volume");
        assert!(slug(&"a-".repeat(100), "volume").len() <= 63);
    }
}

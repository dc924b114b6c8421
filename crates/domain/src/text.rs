//! Text from outside (command lines, paths, program output), bounded before it is stored or sent.

/// Cuts `text` down to at most `max_bytes`, on a character boundary, and marks the cut with an ellipsis.
///
/// `max_bytes` must leave room for the ellipsis (3 bytes).
pub fn shorten(text: impl Into<String>, max_bytes: usize) -> String {
    const ELLIPSIS: char = '…';
    let mut text = text.into();
    if text.len() > max_bytes {
        let end =
            (0..=max_bytes.saturating_sub(ELLIPSIS.len_utf8())).rev().find(|&at| text.is_char_boundary(at));
        text.truncate(end.unwrap_or_default());
        text.push(ELLIPSIS);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_is_kept_and_long_text_is_cut_between_characters() {
        assert_eq!(shorten("abcdef", 6), "abcdef");
        assert_eq!(shorten("abcdefg", 6), "abc…");
        assert_eq!(shorten("", 3), "");
        // `é` takes two bytes: three bytes of room end in the middle of the second one.
        assert_eq!(shorten("éééé", 6), "é…");
        for max_bytes in 3..40 {
            let text = shorten("日本語のテキスト", max_bytes);
            assert!(text.len() <= max_bytes, "{max_bytes}: {text}");
        }
    }
}

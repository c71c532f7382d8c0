//! Escaping of help and of label values.

/// Writes a label's value: backslash, quote and line feed escaped, as both formats have it.
pub(super) fn escape_label_value(value: &str, out: &mut String) {
    escape(value, true, out);
}

/// Writes text with a backslash and a line feed escaped, and a quote if `quotes`.
pub(super) fn escape(text: &str, quotes: bool, out: &mut String) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            c => out.push(c),
        }
    }
}

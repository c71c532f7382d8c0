//! Writing HTML so that nothing foreign can become markup.

/// A page that is being written.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup. It is part of the program: only text that is written in its source is taken.
    pub(super) fn markup(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text, wherever it comes from, between tags or inside a quoted attribute.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
        self
    }

    /// The page as it is.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_never_becomes_markup() {
        for (text, written) in [
            ("checkout", "checkout"),
            (
                "<script>alert(1)</script>",
                "&lt;script&gt;alert(1)&lt;/script&gt;",
            ),
            (r#"" onload="x"#, "&quot; onload=&quot;x"),
            ("' & '", "&#39; &amp; &#39;"),
            ("&lt;", "&amp;lt;"),
            ("größer → 日本", "größer → 日本"),
        ] {
            let mut html = Html::default();
            html.text(text);
            assert_eq!(html.finish(), written);
        }
    }
}

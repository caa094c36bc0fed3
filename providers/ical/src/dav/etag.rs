//! Entity tags (RFC 9110 §8.8.3), as servers write them.
//!
//! A tag must be a quoted string, equal in header and property. Compressing proxies add `W/`, while the server knows the strong
//! tag only; some servers omit the quotes in the property, or everywhere. So tags are compared without either, shown to the host
//! in one form, and sent back as the server wrote them, because some servers compare the text.

/// An entity tag, without the mark of a weak one.
#[derive(Clone, Debug)]
pub(crate) struct Etag {
    written: String,
}

impl Etag {
    /// Reads a tag from a header, a property or the host.
    pub(crate) fn read(text: &str) -> Option<Etag> {
        let text = text.trim();
        let strong = text.strip_prefix("W/").or_else(|| text.strip_prefix("w/")).unwrap_or(text);
        (!strong.is_empty()).then(|| Etag { written: strong.to_owned() })
    }

    /// Whether it is marked as weak: then the stored event may differ from the one sent.
    pub(crate) fn is_weak(text: &str) -> bool {
        matches!(text.trim().get(..2), Some("W/" | "w/"))
    }

    /// For a precondition.
    pub(crate) fn written(&self) -> &str {
        &self.written
    }

    /// For the host.
    pub(crate) fn shown(&self) -> String {
        format!("\"{}\"", self.bare())
    }

    fn bare(&self) -> &str {
        self.written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&self.written)
    }
}

impl PartialEq for Etag {
    fn eq(&self, other: &Etag) -> bool {
        self.bare() == other.bare()
    }
}

impl Eq for Etag {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ways_to_write_a_tag_are_one_tag() {
        let tags = ["\"7-a\"", "W/\"7-a\"", "w/\"7-a\"", "7-a", " \"7-a\" "].map(|text| Etag::read(text).expect(text));
        for tag in &tags {
            assert_eq!((tag, tag.shown().as_str()), (&tags[0], "\"7-a\""));
        }
        assert_eq!(tags[3].written(), "7-a", "the server's own form goes back to it");
        assert_ne!(Etag::read("\"7-a"), Etag::read("7-a"));
        assert_eq!((Etag::read(" "), Etag::read("W/")), (None, None));
        assert!(Etag::is_weak("W/\"1\"") && !Etag::is_weak("\"W/\"") && !Etag::is_weak(""));
    }
}

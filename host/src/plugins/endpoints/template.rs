//! An address with parts that are filled in later: `https://{cloud}/{tenant}/token`.
//!
//! The address is split before anything is filled in, so a value never decides where a part of the address ends. A part is the
//! whole host name, a whole segment of the path, or the whole value of a query parameter, and [`EndpointTemplate::fill`] checks
//! each value for its place. Rejected: replacing text in the address, with which a value may contain a slash or a host name.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::str::FromStr;

/// The longest value of a part.
const MAX_VALUE: usize = 200;

/// What is encoded in the value of a query parameter: everything but unreserved characters (RFC 3986 §2.3).
const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An https address, some of whose parts have names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointTemplate(Vec<Piece>);

/// A part of the address that is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The name between the braces.
    pub name: String,
    /// Where it is.
    pub place: Place,
}

/// Where a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The whole host name.
    Host,
    /// A whole segment of the path.
    Segment,
    /// The whole value of a query parameter.
    QueryValue,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Part(Part),
}

/// The text is not an [`EndpointTemplate`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{address}` {why}")]
pub struct EndpointTemplateError {
    address: String,
    why: &'static str,
}

/// Why a template was not filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// A part has no value.
    #[error("`{0}` has no value")]
    Missing(String),
    /// The value does not fit the place.
    #[error("the value of `{0}` does not fit into an address")]
    Unfit(String),
}

impl FromStr for EndpointTemplate {
    type Err = EndpointTemplateError;

    fn from_str(address: &str) -> Result<Self, EndpointTemplateError> {
        let error = |why| EndpointTemplateError { address: address.to_owned(), why };
        let rest = address.strip_prefix("https://").ok_or_else(|| error("does not begin with https://"))?;
        if rest.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(error("contains a space, a control character or a backslash"));
        }
        let (rest, fragment) = split_before(rest, '#');
        let (rest, query) = split_before(rest, '?');
        let (host, path) = split_before(rest, '/');
        if host.is_empty() {
            return Err(error("has no host name"));
        }
        let mut pieces = Pieces(vec![Piece::Text("https://".to_owned())]);
        pieces.push(host, Place::Host).map_err(error)?;
        for (number, segment) in path.split('/').enumerate() {
            if number > 0 {
                pieces.text("/");
            }
            if is_dots(segment) {
                return Err(error("has a segment `.` or `..`"));
            }
            pieces.push(segment, Place::Segment).map_err(error)?;
        }
        for (number, parameter) in query.split('&').enumerate() {
            if number > 0 {
                pieces.text("&");
            }
            match parameter.split_once('=') {
                Some((name, value)) => {
                    pieces.push_text(&format!("{name}=")).map_err(error)?;
                    pieces.push(value, Place::QueryValue).map_err(error)?;
                }
                None => pieces.push_text(parameter).map_err(error)?,
            }
        }
        pieces.push_text(fragment).map_err(error)?;
        Ok(Self(pieces.0))
    }
}

impl EndpointTemplate {
    /// The parts, in their order.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Part(part) => Some(part),
            Piece::Text(_) => None,
        })
    }

    /// The address with the values that `value` gives for names.
    ///
    /// # Errors
    /// If a value is missing, or does not fit its place.
    pub fn fill<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> Result<String, FillError> {
        let mut address = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => address += text,
                Piece::Part(Part { name, place }) => {
                    let value = value(name).ok_or_else(|| FillError::Missing(name.clone()))?;
                    let unfit = || FillError::Unfit(name.clone());
                    match place {
                        Place::Host if is_host_name(value) => address += value,
                        Place::Segment if is_segment(value) => address += value,
                        Place::QueryValue => address.extend(utf8_percent_encode(value, QUERY_VALUE)),
                        Place::Host | Place::Segment => return Err(unfit()),
                    }
                }
            }
        }
        Ok(address)
    }
}

/// Whether the text is one plain segment of a path: characters that need no encoding there (RFC 3986 §3.3), and not `.` or
/// `..`.
#[must_use]
pub(super) fn is_segment(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@".contains(c);
    (1..=MAX_VALUE).contains(&text.len()) && text.chars().all(is_plain) && !is_dots(text)
}

/// Whether the text is a host name of several labels in lower case, and not an IP address.
#[must_use]
pub(super) fn is_host_name(text: &str) -> bool {
    let labels: Vec<_> = text.split('.').collect();
    let is_label = |label: &&str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // Parsers of URLs take a last label that begins with a digit for an IP address.
    let is_top = |label: &&str| label.starts_with(|c: char| c.is_ascii_lowercase());
    text.len() <= MAX_VALUE && labels.len() >= 2 && labels.iter().all(is_label) && labels.last().is_some_and(is_top)
}

/// Whether a URL's parser takes the segment for `.` or `..`.
fn is_dots(segment: &str) -> bool {
    matches!(&*segment.to_ascii_lowercase().replace("%2e", "."), "." | "..")
}

/// The text before the first `separator`, and the rest with it.
fn split_before(text: &str, separator: char) -> (&str, &str) {
    text.split_at(text.find(separator).unwrap_or(text.len()))
}

/// The pieces so far.
struct Pieces(Vec<Piece>);

impl Pieces {
    /// Adds a text that may be a part.
    fn push(&mut self, text: &str, place: Place) -> Result<(), &'static str> {
        match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) if !name.is_empty() && !name.contains(['{', '}']) => {
                self.0.push(Piece::Part(Part { name: name.to_owned(), place }));
                Ok(())
            }
            _ => self.push_text(text),
        }
    }

    /// Adds a text that must not have parts.
    fn push_text(&mut self, text: &str) -> Result<(), &'static str> {
        if text.contains(['{', '}']) {
            return Err(
                "has braces that are not the whole host name, a whole segment of the path or a whole value of the query",
            );
        }
        self.text(text);
        Ok(())
    }

    fn text(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(Piece::Text(last)) => *last += text,
            _ => self.0.push(Piece::Text(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use url::Url;

    fn template(text: &str) -> EndpointTemplate {
        text.parse().unwrap()
    }

    #[test]
    fn parts_are_whole_and_everything_else_stays_as_it_is() {
        let text = "https://login.example/a%20b//token?x=1&y#z";
        assert_eq!(template(text).fill(|_| None), Ok(text.to_owned()));
        let all = template("https://{cloud}/v2/{tenant}/approve?client={client}&flag#x");
        let parts: Vec<_> = all.parts().map(|part| (&*part.name, part.place)).collect();
        assert_eq!(parts, [("cloud", Place::Host), ("tenant", Place::Segment), ("client", Place::QueryValue)]);
        for wrong in [
            "http://a.example/",
            "https:///token",
            "https://a.{cloud}/",
            "https://{cloud}:444/",
            "https://ann@{cloud}/",
            "https://a.example/u-{tenant}/",
            "https://a.example/{tenant}.json",
            "https://a.example/{}/",
            "https://a.example/{a}{b}/",
            "https://a.example/?{name}=1",
            "https://a.example/?a=b{c}",
            "https://a.example/#{tenant}",
            "https://a.example/{tenant}/../x",
            "https://a.example/{tenant}/%2E%2e/x",
            "https://a.example/a\\{tenant}/",
            "https://a.example/{tenant/",
        ] {
            assert!(wrong.parse::<EndpointTemplate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_value_that_is_missing_or_unfit_is_named() {
        let one = template("https://{cloud}/{tenant}/token");
        let fill = |cloud: Option<&'static str>, tenant: Option<&'static str>| {
            one.fill(|name| if name == "cloud" { cloud } else { tenant })
        };
        assert_eq!(fill(Some("a.example"), Some("t-1")), Ok("https://a.example/t-1/token".into()));
        assert_eq!(fill(Some("a.example"), None), Err(FillError::Missing("tenant".into())));
        for cloud in
            ["a", "A.example", "a.example:1", "a.example/x", "x@a.example", "1.2.3.4", "a.e.1", "-a.example", "[::1]"]
        {
            assert_eq!(fill(Some(cloud), Some("t")), Err(FillError::Unfit("cloud".into())), "{cloud}");
        }
        for tenant in ["", ".", "..", "%2e%2e", "a/b", "a\\b", "a?b", "a#b", "a b", "a\tb", "ü", "{x}"] {
            assert_eq!(fill(Some("a.example"), Some(tenant)), Err(FillError::Unfit("tenant".into())), "{tenant}");
        }
    }

    proptest! {
        /// Whatever the values are, each stays in its place: the address has the parts of the template and no other.
        #[test]
        fn no_value_leaves_its_place(cloud in any::<String>(), tenant in any::<String>(), state in any::<String>()) {
            let one = template("https://{cloud}/a/{tenant}/token?state={state}&b=c");
            let values = BTreeMap::from([("cloud", cloud.clone()), ("tenant", tenant.clone()), ("state", state.clone())]);
            if let Ok(address) = one.fill(|name| values.get(name).map(String::as_str)) {
                let url = Url::parse(&address).unwrap();
                prop_assert_eq!(url.as_str(), &*address);
                prop_assert_eq!((url.scheme(), url.host_str(), url.port()), ("https", Some(&*cloud), None));
                prop_assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
                let segments: Vec<_> = url.path_segments().unwrap().collect();
                prop_assert_eq!(segments, ["a", &*tenant, "token"]);
                let query: Vec<_> = url.query_pairs().collect();
                prop_assert_eq!(query, [("state".into(), state.into()), ("b".into(), "c".into())]);
            }
        }

        /// The same with values that do fit, so that the property above is not about errors only.
        #[test]
        fn plain_values_are_filled_in(
            cloud in "[a-z][a-z0-9]{0,20}(\\.[a-z0-9]{1,10}){0,3}\\.[a-z]{2,8}",
            tenant in "[A-Za-z0-9._~!$&'()*+,;=:@-]{1,60}",
            state in any::<String>(),
        ) {
            prop_assume!(!is_dots(&tenant));
            let one = template("https://{cloud}/a/{tenant}/token?state={state}");
            let values = BTreeMap::from([("cloud", cloud.clone()), ("tenant", tenant.clone()), ("state", state.clone())]);
            let url = Url::parse(&one.fill(|name| values.get(name).map(String::as_str)).unwrap()).unwrap();
            prop_assert_eq!(url.host_str(), Some(&*cloud));
            prop_assert_eq!(url.path_segments().unwrap().nth(1), Some(&*tenant));
            prop_assert_eq!(url.query_pairs().next().unwrap().1, state);
        }
    }
}

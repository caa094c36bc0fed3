//! Addresses that depend on the mailbox for which a call is made.
//!
//! Threat: one credential of an organisation opens all of its mailboxes, and a call for one of them asks for another.
//! Decision: the operator's grant names the addresses below which the calls of a sign-in stay, with the path segment
//! `{subject}` for the connection's mailbox. Segments are compared after decoding, so that no spelling of a mailbox passes for
//! another, and a segment that could hold a slash is refused: a service might decode it and climb out of the mailbox.
//! Rejected: checking the text of the address, which has many spellings.

use percent_encoding::percent_decode_str;
use std::{fmt, str::FromStr};
use url::Url;

/// The segment that stands for the mailbox, as the parser of URLs writes `{subject}`.
const SUBJECT: &str = "%7Bsubject%7D";

/// An HTTP address without a query, some of whose path segments may be `{subject}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressTemplate(Url);

/// The text is not an [`AddressTemplate`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an address like https://api.example.org/users/{{subject}}/: without user name, query and fragment, and with no other \
     braces"
)]
pub struct TemplateError(String);

impl FromStr for AddressTemplate {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let error = || TemplateError(text.to_owned());
        let url: Url = text.parse().map_err(|_| error())?;
        let bare = url.username().is_empty() && url.password().is_none();
        let is_address =
            matches!(url.scheme(), "https" | "http") && bare && url.query().is_none() && url.fragment().is_none();
        let is_known = |segment: &str| segment == SUBJECT || !(segment.contains("%7B") || segment.contains("%7D"));
        if is_address && url.path_segments().is_some_and(|mut segments| segments.all(is_known)) {
            Ok(Self(url))
        } else {
            Err(error())
        }
    }
}

impl fmt::Display for AddressTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.as_str().replace(SUBJECT, "{subject}"))
    }
}

impl AddressTemplate {
    /// Whether a segment stands for the mailbox.
    #[must_use]
    pub fn names_subject(&self) -> bool {
        self.segments().any(|segment| segment == SUBJECT)
    }

    /// Whether the template ends with a slash, so that there are addresses below it.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.0.path().ends_with('/')
    }

    /// The same address without the mailbox, for checks of its origin.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.0
    }

    /// Whether it is this address, for this mailbox.
    #[must_use]
    pub fn is(&self, url: &Url, subject: Option<&str>) -> bool {
        let Some(mut actual) = url.path_segments().filter(|_| self.0.origin() == url.origin()) else { return false };
        self.segments().all(|segment| actual.next().is_some_and(|actual| fits(segment, actual, subject)))
            && actual.next().is_none()
    }

    /// Whether the address is below this one, for this mailbox.
    #[must_use]
    pub fn is_above(&self, url: &Url, subject: Option<&str>) -> bool {
        let Some(mut actual) = url.path_segments().filter(|_| self.0.origin() == url.origin()) else { return false };
        // The last segment of a folder is empty.
        let mut folder = self.segments().filter(|segment| !segment.is_empty());
        folder.all(|segment| actual.next().is_some_and(|actual| fits(segment, actual, subject)))
            && actual.clone().next().is_some_and(|next| !next.is_empty())
            && actual.all(holds_no_slash)
    }

    fn segments(&self) -> std::str::Split<'_, char> {
        self.0.path_segments().unwrap_or_else(|| "".split('/'))
    }
}

fn fits(segment: &str, actual: &str, subject: Option<&str>) -> bool {
    match (segment, subject) {
        (SUBJECT, Some(subject)) => {
            !subject.is_empty() && percent_decode_str(actual).decode_utf8().is_ok_and(|actual| actual == subject)
        }
        (SUBJECT, None) => false,
        _ => segment == actual,
    }
}

/// Whether no decoding, however often it is repeated, makes a slash of the segment.
fn holds_no_slash(segment: &str) -> bool {
    let lower = segment.to_ascii_lowercase();
    !["%2f", "%5c", "%25"].iter().any(|code| lower.contains(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Option<&str> = Some("ann@example.com");

    fn template(text: &str) -> AddressTemplate {
        text.parse().unwrap()
    }

    #[test]
    fn only_addresses_with_whole_segments_are_templates() {
        for text in [
            "ftp://a.example/{subject}/",
            "https://ann@a.example/",
            "https://a.example/?user={subject}",
            "https://a.example/#x",
            "https://a.example/u-{subject}/",
            "https://a.example/{other}/",
            "a.example/{subject}",
        ] {
            assert!(text.parse::<AddressTemplate>().is_err(), "{text}");
        }
        let text = "https://a.example/users/{subject}/";
        assert_eq!(template(text).to_string(), text);
        assert!(template(text).names_subject() && template(text).is_folder());
        assert!(!template("https://a.example/freeBusy").names_subject());
    }

    #[test]
    fn an_address_stays_below_its_own_mailbox() {
        let users = template("https://a.example/v1/users/{subject}/");
        for (below, url) in [
            (true, "https://a.example/v1/users/ann@example.com/events"),
            (true, "https://a.example/v1/users/ann%40example.com/events/AAMk-_=?$top=5"),
            (true, "https://a.example/v1/users/bob/../ann@example.com/events"),
            (false, "https://a.example/v1/users/ann@example.com"),
            (false, "https://a.example/v1/users/ann@example.com/"),
            (false, "https://a.example/v1/users/ann@example.com//"),
            (false, "https://a.example/v1/users/bob@example.com/events"),
            (false, "https://a.example/v1/users/Ann@example.com/events"),
            (false, "https://a.example/v1/users/ann@example.com/../bob@example.com/events"),
            (false, "https://a.example/v1/users/ann@example.com/%2e%2e/bob@example.com/events"),
            (false, "https://a.example/v1/users/ann@example.com/..%2Fbob@example.com/events"),
            (false, "https://a.example/v1/users/ann@example.com/..%5cbob@example.com/events"),
            (false, "https://a.example/v1/users/ann@example.com/..%252Fbob@example.com/events"),
            (false, "https://a.example/v1/users/ann@example.com%2F..%2Fbob@example.com/events"),
            (false, "https://a.example/v1/$batch"),
            (false, "https://b.example/v1/users/ann@example.com/events"),
            (false, "https://a.example:444/v1/users/ann@example.com/events"),
        ] {
            assert_eq!(users.is_above(&url.parse().unwrap(), ANN), below, "{url}");
        }
        let own = "https://a.example/v1/users/ann@example.com/events".parse().unwrap();
        assert!(!users.is_above(&own, None));
    }

    #[test]
    fn an_address_is_compared_whole() {
        let (fixed, own) =
            (template("https://a.example/freeBusy"), template("https://a.example/u/{subject}/getSchedule"));
        let url = |text: &str| -> Url { text.parse().unwrap() };
        assert!(fixed.is(&url("https://a.example/freeBusy?a"), None));
        assert!(!fixed.is(&url("https://a.example/freeBusy/"), None));
        assert!(own.is(&url("https://a.example/u/ann%40example.com/getSchedule"), ANN));
        assert!(!own.is(&url("https://a.example/u/bob@example.com/getSchedule"), ANN));
        assert!(!own.is(&url("https://a.example/u/ann@example.com/getSchedule/x"), ANN));
        assert!(!own.is(&url("https://a.example/u/%7Bsubject%7D/getSchedule"), ANN));
    }
}

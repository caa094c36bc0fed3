//! Where a reader of changes stands, as bytes for the host to keep.
//!
//! Bytes that are not ours, of another layout or of another calendar, are no cursor: Google would take the token of one
//! calendar for another's and answer with something.

use chronus_sdk::lines::{self, Writer};

/// The layout. A cursor of another one is expired.
const FORMAT: &str = "1";

/// The most bytes that the host keeps.
const MAX_BYTES: usize = 1 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) calendar: String,
    pub(super) source: Source,
    /// The page that is next, if the last one was not the end.
    pub(super) page: Option<String>,
}

/// What is being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The events between two times, as they were first asked for.
    Listing { from: String, to: String },
    /// What is new since a sync token.
    Sync(String),
}

const VERSION: char = 'v';
const CALENDAR: char = 'k';
const FROM: char = 'f';
const TO: char = 't';
const SYNC: char = 's';
const PAGE: char = 'p';

impl Cursor {
    /// Reads a cursor of this calendar.
    pub(super) fn read(bytes: &[u8], calendar: &str) -> Option<Cursor> {
        let mut entries = lines::read(bytes)?.peekable();
        let right =
            entries.next()? == (VERSION, FORMAT.to_owned()) && entries.next()? == (CALENDAR, calendar.to_owned());
        let source = match entries.next().filter(|_| right)? {
            (SYNC, token) => Source::Sync(token),
            (FROM, from) => Source::Listing { from, to: entries.next_if(|(key, _)| *key == TO)?.1 },
            _ => return None,
        };
        let page = entries.next_if(|(key, _)| *key == PAGE).map(|(_, token)| token);
        // A listing that has no next page has become a sync token.
        let whole = entries.next().is_none() && (page.is_some() || matches!(source, Source::Sync(_)));
        whole.then(|| Cursor { calendar: calendar.to_owned(), source, page })
    }

    /// The cursor as bytes. `None` if it is too long.
    pub(super) fn write(&self) -> Option<Vec<u8>> {
        let mut out = Writer::default();
        out.push(VERSION, FORMAT);
        out.push(CALENDAR, &self.calendar);
        match &self.source {
            Source::Listing { from, to } => {
                out.push(FROM, from);
                out.push(TO, to);
            }
            Source::Sync(token) => out.push(SYNC, token),
        }
        self.page.iter().for_each(|page| out.push(PAGE, page));
        Some(out.into_bytes()).filter(|bytes| bytes.len() <= MAX_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursors() -> [Cursor; 3] {
        let cursor = |source, page: Option<&str>| Cursor {
            calendar: "ann@example.com".into(),
            source,
            page: page.map(Into::into),
        };
        let listing = Source::Listing { from: "2026-03-01T00:00:00Z".into(), to: "2026-04-01T00:00:00Z".into() };
        [
            cursor(listing, Some("p\n1")),
            cursor(Source::Sync("CPDA=".into()), None),
            cursor(Source::Sync("CPDA=".into()), Some("p2")),
        ]
    }

    #[test]
    fn a_cursor_is_read_back_by_its_own_calendar_only() {
        for cursor in cursors() {
            let bytes = cursor.write().expect("it fits");
            assert_eq!(Cursor::read(&bytes, "other@example.com"), None);
            let text = String::from_utf8(bytes.clone()).expect("text");
            assert_eq!(Cursor::read(&bytes, "ann@example.com"), Some(cursor));
            for broken in [text.replacen("v1", "v2", 1), format!("{text}z\n"), text[1..].to_owned()] {
                assert_eq!(Cursor::read(broken.as_bytes(), "ann@example.com"), None, "{broken}");
            }
        }
        for garbage in
            [&b""[..], b"{}", b"\xff", b"v1\n", &[0; 100], b"v1\nkann@example.com\n", b"v1\nkann@example.com\nfx\nty\n"]
        {
            assert_eq!(Cursor::read(garbage, "ann@example.com"), None);
        }
    }

    #[test]
    fn a_token_that_does_not_fit_is_no_cursor() {
        let cursor = Cursor { calendar: "a".into(), source: Source::Sync("x".repeat(MAX_BYTES)), page: None };
        assert_eq!(cursor.write(), None);
    }
}

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
    /// Whether the pages since the first one of a listing have not ended yet. The last page of Google's listing may be followed
    /// by series.
    pub(super) listing: bool,
    /// The series that are still to be given whole.
    pub(super) pending: Vec<Series>,
    /// The ids of the series that were given since the last look began, or are in `pending`. Empty between two looks.
    pub(super) given: Vec<String>,
}

/// A series of which something has changed, so that all of it is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Series {
    pub(super) id: String,
    /// Its UID, if the series is known to exist.
    pub(super) uid: Option<String>,
    /// The next page of its events.
    pub(super) page: Option<String>,
    /// The ids of its cancelled occurrences that were named. If the series does not exist, they are gone.
    pub(super) cancelled: Vec<String>,
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
const LISTING: char = 'l';
const GIVEN: char = 'g';
const SERIES: char = 'S';
const SERIES_UID: char = 'U';
const SERIES_PAGE: char = 'P';
const SERIES_CANCELLED: char = 'C';

impl Cursor {
    pub(super) fn new(calendar: &str, source: Source) -> Cursor {
        let listing = matches!(source, Source::Listing { .. });
        let calendar = calendar.to_owned();
        Cursor { calendar, source, page: None, listing, pending: Vec::new(), given: Vec::new() }
    }

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
        if page.is_none() && !matches!(source, Source::Sync(_)) {
            return None;
        }
        let listing = entries.next_if(|(key, _)| *key == LISTING).is_some();
        let mut cursor = Cursor { page, listing, ..Cursor::new(calendar, source) };
        for (key, value) in entries {
            match (key, cursor.pending.last_mut()) {
                (GIVEN, None) => cursor.given.push(value),
                (SERIES, _) => cursor.pending.push(Series { id: value, ..Series::default() }),
                (SERIES_UID, Some(series)) => series.uid = Some(value),
                (SERIES_PAGE, Some(series)) => series.page = Some(value),
                (SERIES_CANCELLED, Some(series)) => series.cancelled.push(value),
                _ => return None,
            }
        }
        Some(cursor)
    }

    /// Whether the next page follows at once.
    pub(super) fn has_more(&self) -> bool {
        self.page.is_some() || !self.pending.is_empty()
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
        if self.listing {
            out.push(LISTING, "");
        }
        self.given.iter().for_each(|id| out.push(GIVEN, id));
        for series in &self.pending {
            out.push(SERIES, &series.id);
            series.uid.iter().for_each(|uid| out.push(SERIES_UID, uid));
            series.page.iter().for_each(|page| out.push(SERIES_PAGE, page));
            series.cancelled.iter().for_each(|id| out.push(SERIES_CANCELLED, id));
        }
        Some(out.into_bytes()).filter(|bytes| bytes.len() <= MAX_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursors() -> [Cursor; 4] {
        let listing = Source::Listing { from: "2026-03-01T00:00:00Z".into(), to: "2026-04-01T00:00:00Z".into() };
        let cursor = |source| Cursor::new("ann@example.com", source);
        let sync = || cursor(Source::Sync("CPDA=".into()));
        let pending = vec![
            Series { id: "a".into(), uid: Some("a@google.com".into()), page: Some("p\n2".into()), cancelled: vec![] },
            Series { id: "b".into(), cancelled: vec!["b_1".into(), "b_2".into()], ..Series::default() },
        ];
        [
            Cursor { page: Some("p\n1".into()), ..cursor(listing) },
            sync(),
            Cursor { page: Some("p2".into()), ..sync() },
            Cursor { listing: true, pending, given: vec!["a".into(), "b".into(), "c".into()], ..sync() },
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
        let cursor = Cursor::new("a", Source::Sync("x".repeat(MAX_BYTES)));
        assert_eq!(cursor.write(), None);
    }
}

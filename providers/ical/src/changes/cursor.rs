//! Where a reader of changes stands, as bytes for the host to keep.
//!
//! The contract allows 1 MiB. What grows is the names that are still to be given and, for servers that cannot say what
//! changed, the names and entity tags that were there last time. When they do not fit, something is given up that can
//! be had again: the tags (then a change means a new listing), or the rest of a listing (then it is listed again from
//! the last name on). Bytes that are not ours, of another layout or of another calendar, are no cursor.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The layout. A cursor of another one is expired.
const FORMAT: u32 = 1;

/// The most bytes that the host keeps.
const MAX_BYTES: usize = 1 << 20;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    format: u32,
    /// The calendar's id: the same bytes mean nothing for another one.
    calendar: String,
    pub(super) source: Source,
    /// What is known to have changed and was not given yet, in this order.
    pub(super) pending: Vec<Pending>,
    /// Set from the call without a cursor on until the listing that it began has ended.
    pub(super) listing: Option<Listing>,
    /// The server has more to say before what it said is complete.
    pub(super) cut_short: bool,
}

/// How changes are found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Source {
    /// sync-collection (RFC 6578), from this token on.
    Sync(String),
    /// By comparing everything whenever the collection's tag changes.
    Compare(Seen),
}

/// What was there at the last look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// The collection's own tag, if the server has one.
    pub(super) ctag: Option<String>,
    /// Names with a hash of their entity tags. None if there were too many to be kept.
    pub(super) etags: Option<BTreeMap<String, u64>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Pending {
    #[serde(rename = "c")]
    Changed(String),
    #[serde(rename = "g")]
    Gone(String),
}

/// A listing under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listing {
    pub(super) start: i64,
    pub(super) end: i64,
    /// Names after this one are still to be listed again.
    pub(super) after: Option<String>,
}

impl Cursor {
    pub(super) fn new(calendar: &str, source: Source, listing: Option<Listing>) -> Cursor {
        Cursor { format: FORMAT, calendar: calendar.to_owned(), source, pending: Vec::new(), listing, cut_short: false }
    }

    /// Reads a cursor of this calendar.
    pub(super) fn read(bytes: &[u8], calendar: &str) -> Option<Cursor> {
        let cursor: Cursor = serde_json::from_slice(bytes).ok()?;
        (cursor.format == FORMAT && cursor.calendar == calendar).then_some(cursor)
    }

    /// Whether the next call has something to give at once.
    pub(super) fn has_more(&self) -> bool {
        let listing = self.listing.as_ref().is_some_and(|listing| listing.after.is_some());
        !self.pending.is_empty() || listing || self.cut_short
    }

    /// Writes it, giving up what does not fit. None if that is not enough.
    pub(super) fn write(mut self) -> Option<Vec<u8>> {
        loop {
            let bytes = serde_json::to_vec(&self).ok()?;
            if bytes.len() <= MAX_BYTES {
                return Some(bytes);
            }
            if !self.shrink() {
                return None;
            }
        }
    }

    fn shrink(&mut self) -> bool {
        if let Source::Compare(seen) = &mut self.source
            && seen.etags.take().is_some()
        {
            return true;
        }
        // Only a listing can be taken up again: its names are sorted and still there.
        let Some(listing) = &mut self.listing else { return false };
        self.pending.truncate(self.pending.len() / 2);
        match self.pending.last() {
            Some(Pending::Changed(last)) => {
                listing.after = Some(last.clone());
                true
            }
            _ => false,
        }
    }
}

/// FNV-1a, 64 bits: entity tags are long, and all that is asked of them is whether they are the same.
pub(super) fn hash(etag: &str) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    etag.bytes().fold(BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(names: usize) -> Cursor {
        let listing = Listing { start: 0, end: 1, after: None };
        let mut cursor = Cursor::new("/cal/", Source::Sync("token".into()), Some(listing));
        cursor.pending = (0..names).map(|n| Pending::Changed(format!("{n:060}.ics"))).collect();
        cursor
    }

    #[test]
    fn a_cursor_is_read_back_by_its_own_calendar_only() {
        let cursor = listing(3);
        let bytes = cursor.clone().write().expect("it fits");
        assert_eq!(Cursor::read(&bytes, "/cal/"), Some(cursor));
        assert_eq!(Cursor::read(&bytes, "/other/"), None);
        let text = String::from_utf8(bytes).expect("text").replace("\"format\":1", "\"format\":2");
        assert_eq!(Cursor::read(text.as_bytes(), "/cal/"), None);
        for garbage in [&b""[..], b"{}", b"\xff", b"[1]", &[0; 100]] {
            assert_eq!(Cursor::read(garbage, "/cal/"), None);
        }
    }

    #[test]
    fn a_long_listing_is_cut_and_taken_up_again() {
        let bytes = listing(50_000).write().expect("it fits");
        assert!(bytes.len() <= MAX_BYTES);
        let kept = Cursor::read(&bytes, "/cal/").expect("a cursor");
        let last = match kept.pending.last() {
            Some(Pending::Changed(last)) => last.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(kept.listing.expect("a listing").after, Some(last));
        assert!(kept.pending.len() > 5_000);
    }

    #[test]
    fn changes_that_do_not_fit_are_no_cursor() {
        let mut cursor = listing(50_000);
        cursor.listing = None;
        assert_eq!(cursor.write(), None);
    }

    #[test]
    fn tags_are_given_up_first() {
        let etags = (0..50_000).map(|n| (format!("{n:060}.ics"), hash("x"))).collect();
        let seen = Seen { ctag: Some("7".into()), etags: Some(etags) };
        let bytes = Cursor::new("/cal/", Source::Compare(seen), None).write().expect("it fits");
        let kept = Cursor::read(&bytes, "/cal/").expect("a cursor");
        assert_eq!(kept.source, Source::Compare(Seen { ctag: Some("7".into()), etags: None }));
    }
}

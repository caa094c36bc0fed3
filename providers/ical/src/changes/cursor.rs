//! The cursor of `changes`.
//!
//! The contract allows 1 MiB. A cursor grows by the names that are still to be returned and, for servers that cannot report
//! changes, by the names and entity tags of the last look. If they do not fit, something that can be fetched again is dropped:
//! the tags (then a change means a new listing), or the rest of a listing (then the listing continues from the last name).
//! Bytes of another layout, another calendar or another provider are not a cursor.

use chronus_sdk::lines::{self, Writer};

/// The layout. A cursor of another one is expired.
const FORMAT: &str = "1";

/// The most bytes of a cursor.
const MAX_BYTES: usize = 1 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The calendar's id. The cursor is not valid for another one.
    calendar: String,
    pub(super) source: Source,
    /// Known changes that were not returned yet, in order.
    pub(super) pending: Vec<Pending>,
    /// How many events of the first pending resource were returned: a series may not fit into a page.
    pub(super) returned: usize,
    /// The listing, while it lasts.
    pub(super) listing: Option<Listing>,
    /// The server cut its answer short and has more changes.
    pub(super) cut_short: bool,
}

/// The way to find changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// sync-collection (RFC 6578), from this token on.
    Sync(String),
    /// By comparing everything whenever the collection's tag changes.
    Compare(Snapshot),
}

/// The state at the last look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// The collection's own tag, if the server has one.
    pub(super) ctag: Option<String>,
    /// Sorted by name; `None` if there were too many.
    pub(super) names: Option<Vec<TaggedName>>,
}

/// An event by its name. Sorted by the name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TaggedName {
    pub(super) name: String,
    /// A hash of the event's entity tag.
    pub(super) tag: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pending {
    Changed(String),
    Gone(String),
}

/// A listing that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) start: i64,
    pub(super) end: i64,
    /// Names after this one are still to be listed again.
    pub(super) after: Option<String>,
}

impl Cursor {
    pub(super) fn new(calendar: &str, source: Source, listing: Option<Listing>) -> Cursor {
        Cursor { calendar: calendar.to_owned(), source, pending: Vec::new(), returned: 0, listing, cut_short: false }
    }

    /// Reads a cursor of this calendar.
    pub(super) fn read(bytes: &[u8], calendar: &str) -> Option<Cursor> {
        let mut entries = lines::read(bytes)?;
        let right = entries.next()? == ('v', FORMAT.to_owned()) && entries.next()? == ('k', calendar.to_owned());
        let source = match entries.next().filter(|_| right)? {
            ('s', token) => Source::Sync(token),
            ('t', ctag) => Source::Compare(Snapshot { ctag: (!ctag.is_empty()).then_some(ctag), names: None }),
            _ => return None,
        };
        let mut cursor = Cursor::new(calendar, source, None);
        for (key, value) in entries {
            cursor.entry(key, value)?;
        }
        Some(cursor)
    }

    fn entry(&mut self, key: char, value: String) -> Option<()> {
        match (key, &mut self.source, &mut self.listing) {
            ('n', Source::Compare(seen), _) => seen.names.get_or_insert_default().extend(named(&value)?),
            ('c', ..) => self.pending.push(Pending::Changed(value)),
            ('r', ..) => self.returned = value.parse().ok()?,
            ('g', ..) => self.pending.push(Pending::Gone(value)),
            ('l', _, listing) => {
                let (start, end) = value.split_once(' ')?;
                *listing = Some(Listing { start: start.parse().ok()?, end: end.parse().ok()?, after: None });
            }
            ('a', _, Some(listing)) => listing.after = Some(value),
            ('m', ..) => self.cut_short = true,
            _ => return None,
        }
        Some(())
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.push('v', FORMAT);
        out.push('k', &self.calendar);
        match &self.source {
            Source::Sync(token) => out.push('s', token),
            Source::Compare(seen) => {
                out.push('t', seen.ctag.as_deref().unwrap_or_default());
                if let Some(names) = &seen.names {
                    // An empty list is not the same as an unknown one.
                    out.push('n', "");
                    names.iter().for_each(|TaggedName { name, tag }| out.push('n', &format!("{tag:x} {name}")));
                }
            }
        }
        for pending in &self.pending {
            match pending {
                Pending::Changed(name) => out.push('c', name),
                Pending::Gone(name) => out.push('g', name),
            }
        }
        if self.returned > 0 {
            out.push('r', &self.returned.to_string());
        }
        if let Some(listing) = &self.listing {
            out.push('l', &format!("{} {}", listing.start, listing.end));
            listing.after.iter().for_each(|after| out.push('a', after));
        }
        if self.cut_short {
            out.push('m', "");
        }
        out.into_bytes()
    }

    /// Whether there is another page now.
    pub(super) fn has_more(&self) -> bool {
        let listing = self.listing.as_ref().is_some_and(|listing| listing.after.is_some());
        !self.pending.is_empty() || listing || self.cut_short
    }

    /// Writes the cursor without the parts that do not fit; `None` if it is still too long.
    pub(super) fn write(mut self) -> Option<Vec<u8>> {
        loop {
            let bytes = self.bytes();
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
            && seen.names.take().is_some()
        {
            return true;
        }
        // Only a listing can be continued: its names are sorted and still on the server.
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

/// A name with its tag; empty for an empty list.
fn named(value: &str) -> Option<Option<TaggedName>> {
    if value.is_empty() {
        return Some(None);
    }
    let (tag, name) = value.split_once(' ')?;
    Some(Some(TaggedName { name: name.to_owned(), tag: u64::from_str_radix(tag, 16).ok()? }))
}

/// A hash of an entity tag: tags are long and only compared.
pub(super) fn hash(etag: &str) -> u64 {
    chronus_sdk::hash::fnv64(etag)
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
        let text = String::from_utf8(bytes).expect("text");
        for broken in [text.replacen("v1", "v2", 1), format!("{text}z\n"), text[1..].to_owned()] {
            assert_eq!(Cursor::read(broken.as_bytes(), "/cal/"), None);
        }
        for garbage in [&b""[..], b"{}", b"\xff", b"v1\n", &[0; 100]] {
            assert_eq!(Cursor::read(garbage, "/cal/"), None);
        }
    }

    #[test]
    fn every_state_is_read_back() {
        let some = vec![
            TaggedName { name: "a.ics".to_owned(), tag: hash("1") },
            TaggedName { name: "b.ics".to_owned(), tag: 0 },
        ];
        for names in [None, Some(vec![]), Some(some)] {
            for ctag in [None, Some("x\ny".to_owned())] {
                let seen = Snapshot { ctag: ctag.clone(), names: names.clone() };
                let mut cursor = Cursor::new("/cal/", Source::Compare(seen), None);
                cursor.pending = vec![Pending::Gone("a.ics".into()), Pending::Changed("b.ics".into())];
                let bytes = cursor.clone().write().expect("it fits");
                assert_eq!(Cursor::read(&bytes, "/cal/"), Some(cursor));
            }
        }
        let mut cursor = Cursor::new("/cal/", Source::Sync("t".into()), None);
        cursor.cut_short = true;
        cursor.returned = 3;
        cursor.listing = Some(Listing { start: -5, end: 7, after: Some("z.ics".into()) });
        let bytes = cursor.clone().write().expect("it fits");
        assert_eq!(Cursor::read(&bytes, "/cal/"), Some(cursor));
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
        let names = (0..50_000).map(|n| TaggedName { name: format!("{n:060}.ics"), tag: hash("x") }).collect();
        let seen = Snapshot { ctag: Some("7".into()), names: Some(names) };
        let bytes = Cursor::new("/cal/", Source::Compare(seen), None).write().expect("it fits");
        let kept = Cursor::read(&bytes, "/cal/").expect("a cursor");
        assert_eq!(kept.source, Source::Compare(Snapshot { ctag: Some("7".into()), names: None }));
    }
}

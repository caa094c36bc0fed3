//! The rules of an embedded VTIMEZONE (RFC 5545 §3.6.5).
//!
//! Exchange sends zones called `Customized Time Zone`, which are known by their definition only. The STANDARD and DAYLIGHT parts
//! are expanded to a table of changes, and jiff reads the table as TZif (RFC 9636), so that the same well-tested code handles
//! gaps and folds for every zone.
//!
//! Rejected: own lookups in the table. They would be a second implementation of what is easy to get wrong.

use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;

use super::recur::{Rule, Until};
use super::sort::sort_by_times;
use super::value::{self, DateOrTime};
use super::{Component, wall};

/// The years for which changes are computed. Before, the first offset holds; afterwards, the last.
const FIRST_YEAR: i16 = 1900;
const LAST_YEAR: i16 = 2199;

/// The most changes of the clocks that one definition may have. Real ones have two a year.
const MAX_CHANGES: usize = 4096;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Change {
    /// Seconds since 1970-01-01T00:00:00Z.
    at: i64,
    before: i32,
    after: i32,
}

/// The rules, if the definition has at least one part that can be read and all its parts stay within bounds.
pub(super) fn rules(definition: &Component) -> Option<TimeZone> {
    let mut changes = Vec::new();
    for part in &definition.components {
        if part.name == "STANDARD" || part.name == "DAYLIGHT" {
            changes_of(part, &mut changes)?;
        }
    }
    sort_by_times(&mut changes, |change| (change.at, i64::from(change.before)));
    changes.dedup_by_key(|change| change.at);
    let first = changes.first()?.before;
    TimeZone::tzif("VTIMEZONE", &tzif(first, &changes)?).ok()
}

/// Adds the changes of one STANDARD or DAYLIGHT. `None` if the definition would be wrong without it.
fn changes_of(part: &Component, changes: &mut Vec<Change>) -> Option<()> {
    let offset = |name: &str| value::parse_utc_offset(&part.property(name)?.value).ok();
    let (before, after) = (offset("TZOFFSETFROM")?, offset("TZOFFSETTO")?);
    let start = value::date_or_time(part.property("DTSTART")?).ok()?.wall();
    let mut add = |local: DateTime| {
        let at = wall::seconds(local) - i64::from(before);
        changes.push(Change { at, before, after });
        (changes.len() <= MAX_CHANGES).then_some(())
    };
    add(start)?;
    let (from, before_year) = (date(FIRST_YEAR, 1, 1).at(0, 0, 0, 0), date(LAST_YEAR + 1, 1, 1).at(0, 0, 0, 0));
    for property in part.all("RRULE") {
        let rule = Rule::parse(&property.value).ok()?;
        for onset in rule.starts(start, from, before_year, true) {
            let ended = match rule.until {
                None => false,
                Some(Until::Date(last)) => onset.date() > last,
                Some(Until::Local(last)) => onset > last,
                Some(Until::Utc(last)) => wall::seconds(onset) - i64::from(before) > wall::seconds(last),
            };
            if ended {
                break;
            }
            add(onset)?;
        }
    }
    for property in part.all("RDATE") {
        for listed in value::list(property) {
            match listed.ok()?.start {
                DateOrTime::Utc(at) => add(wall::later(at, before.into())?)?,
                other => add(other.wall())?,
            }
        }
    }
    Some(())
}

/// Version 2, with an empty first block and an empty footer.
fn tzif(first: i32, changes: &[Change]) -> Option<Vec<u8>> {
    let mut offsets = vec![first];
    let mut table = Vec::with_capacity(changes.len());
    for change in changes {
        let index = match offsets.iter().position(|&offset| offset == change.after) {
            Some(index) => index,
            None => {
                offsets.push(change.after);
                offsets.len() - 1
            }
        };
        table.push((change.at, u8::try_from(index).ok()?));
    }
    let name = b"-00\0";
    let header = |data: &mut Vec<u8>, changes: usize, offsets: usize| {
        data.extend_from_slice(b"TZif2");
        data.extend_from_slice(&[0; 15 + 12]);
        for count in [changes, offsets, name.len()] {
            data.extend_from_slice(&u32::try_from(count).ok()?.to_be_bytes());
        }
        Some(())
    };
    let offset_record = |data: &mut Vec<u8>, offset: i32| {
        data.extend_from_slice(&offset.to_be_bytes());
        data.extend_from_slice(&[0, 0]);
    };
    let mut data = Vec::new();
    header(&mut data, 0, 1)?;
    offset_record(&mut data, 0);
    data.extend_from_slice(name);
    header(&mut data, table.len(), offsets.len())?;
    for (at, _) in &table {
        data.extend_from_slice(&at.to_be_bytes());
    }
    data.extend(table.iter().map(|&(_, index)| index));
    for &offset in &offsets {
        offset_record(&mut data, offset);
    }
    data.extend_from_slice(name);
    data.extend_from_slice(b"\n\n");
    Some(data)
}

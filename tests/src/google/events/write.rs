//! Stores a new version of an event: its number, its etag, and the notifications to channels of the calendar.

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use super::series::{self, is_series};
use super::{check, times};
use crate::google::state::{Body, State, StoredEvent, text};

/// Stores a version of an event in a calendar and returns the stored event.
pub(super) fn put(state: &mut State, calendar: &str, mut body: Body) -> Body {
    let changed = state.next();
    let now = state.now();
    body.insert("updated".into(), times::stamp(now).into());
    body.insert("etag".into(), format!("\"{}\"", 3_400_000_000_000_000 + changed).into());
    let id = text(&body, "id").to_owned();
    let Some(place) = state.calendars.get_mut(calendar) else { return body };
    let mut stored = StoredEvent { body: body.clone(), changed, ..StoredEvent::default() };
    if let Some(before) = place.events.remove(&id) {
        stored.gone = before.gone.clone();
        if is_series(&before.body) {
            // Occurrences that the series no longer has are removed, together with their exceptions.
            for (occurrence, original) in lost(&before.body, &body, &place.zone, now) {
                place.events.remove(&occurrence);
                stored.gone.insert(occurrence, (original, changed));
            }
            let present: BTreeSet<_> = ids(&body, &place.zone, now).into_iter().map(|(id, _)| id).collect();
            stored.gone.retain(|occurrence, _| !present.contains(occurrence));
        }
    }
    if stored.is_cancelled() && is_series(&body) {
        // With a cancelled series, all exceptions of its occurrences are cancelled.
        let exceptions = place.events.values_mut().filter(|other| text(&other.body, "recurringEventId") == id);
        for exception in exceptions.filter(|exception| !exception.is_cancelled()) {
            exception.changed = changed;
            for name in ["status", "etag", "updated"] {
                exception.body.insert(name.into(), body.get(name).cloned().unwrap_or_default());
            }
        }
    }
    place.events.insert(id, stored);
    state.channels.changed(calendar, now);
    body
}

/// The occurrences that a series no longer has, with their original starts.
fn lost(before: &Body, after: &Body, zone: &str, now: Timestamp) -> Vec<(String, Value)> {
    let same = |name: &str| before.get(name) == after.get(name);
    if same("start") && same("end") && same("recurrence") {
        return Vec::new();
    }
    let present: BTreeSet<_> = ids(after, zone, now).into_iter().map(|(id, _)| id).collect();
    ids(before, zone, now).into_iter().filter(|(id, _)| !present.contains(id)).collect()
}

fn ids(body: &Body, zone: &str, now: Timestamp) -> Vec<(String, Value)> {
    if !is_series(body) {
        return Vec::new();
    }
    let all = series::between(body, zone, Timestamp::MIN, series::horizon(now));
    let original = |body: &Body| body.get("originalStartTime").cloned().unwrap_or_default();
    all.into_iter().map(|one| (one.id, original(&one.body))).collect()
}

/// Whether the sequence number rises between two versions (RFC 5545 §3.8.7.4): it does with a new time, and does not with
/// a new title.
pub(super) fn is_significant(before: &Body, after: &Body) -> bool {
    let differs = |name: &str| before.get(name) != after.get(name);
    let ends = |body: &Body| text(body, "status") == "cancelled";
    differs("start") || differs("end") || differs("recurrence") || ends(before) != ends(after)
}

/// The first and last instant at which any occurrence of an event can be found.
pub(super) fn reach(calendar: &crate::google::state::Calendar, body: &Body) -> Option<(Timestamp, Timestamp)> {
    let (start, end) = check::span(calendar, body)?;
    // An event without length is in the window in which it starts.
    Some((start, if end == start { end.checked_add(1.second()).ok()? } else { end }))
}

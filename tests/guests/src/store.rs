//! What the two providers of the toy service share: `memory`, which also writes, and `reader`, which only reads.
//!
//! The service is `tests/src/store.rs`, which stores texts and knows nothing about calendars. The field `wrong` of a connection
//! names the planted error of the call.

use std::sync::OnceLock;

use chronus_sdk::clock;
use chronus_sdk::descriptions::*;
use chronus_sdk::icalendar::event::{self, Answer, Busy, Status, When};
use chronus_sdk::icalendar::{self, Component, Occurrence, Zone, Zones};
use chronus_sdk::values::{BusyKind, Connection, Interval, Window};
use jiff::Timestamp;

/// The origin of the store; tests map it to a server of their own.
pub const ORIGIN: &str = "https://memory.example";

/// The planted error. An instance lives for one call, so this is set once.
static WAY: OnceLock<String> = OnceLock::new();

/// Reads the planted error from the connection.
pub fn learn(connection: &Connection) {
    let way = connection.fields.iter().find(|(name, _)| name == "wrong");
    WAY.get_or_init(|| way.map(|(_, way)| way.clone()).unwrap_or_default());
}

/// The planted error; empty for none, and before [`learn`].
pub fn way() -> &'static str {
    WAY.get().map_or("", String::as_str)
}

/// A description with the store's sign-in and its origin.
pub fn description(id: &str, name: &str, limits: Limits) -> Description {
    let field = |name: &str, kind| FormField {
        name: name.into(),
        label: name.into(),
        kind,
        pattern: None,
        help: String::new(),
        preset: None,
    };
    // The planted error is empty for none of them.
    let wrong = field("wrong", FieldKind::Text);
    let fields = vec![field("user", FieldKind::Text), field("password", FieldKind::Secret), wrong];
    Description {
        sign_ins: vec![SignIn {
            id: "password".into(),
            label: "User and password".into(),
            method: Method::Form(Form { fields, help_link: None }),
            attach: Attach::Basic(AttachBasic { user_field: "user".into(), secret_field: "password".into() }),
            subject_paths: vec![],
        }],
        hosts: vec![ORIGIN.into()],
        limits,
        ..crate::description(id, name)
    }
}

/// The zone of the calendar's owner.
pub fn owner_zone(connection: &Connection) -> Zone {
    Zone::iana(&connection.zone).unwrap_or_else(Zone::utc)
}

/// The contract's kind.
pub fn kind(busy: Busy) -> BusyKind {
    match busy {
        Busy::Busy => BusyKind::Busy,
        Busy::Tentative => BusyKind::Tentative,
        Busy::OutOfOffice => BusyKind::OutOfOffice,
        Busy::WorkingElsewhere => BusyKind::WorkingElsewhere,
        Busy::Free => BusyKind::Free,
    }
}

/// The times that the events of a text take within the window, with the errors that `wrong` turns on.
pub fn intervals(c: &Connection, mut calendar: Component, window: Window, wrong: fn(&str) -> bool) -> Vec<Interval> {
    distort(&mut calendar, wrong);
    // Wider than the window by an instant: one of the planted errors concerns the edges.
    let at = |second: i64| Timestamp::from_second(second).unwrap_or_default();
    let wide = icalendar::Window { start: at(window.start - 1), end: at(window.end + 1) };
    let owner = if wrong("all-day-in-utc") { Zone::utc() } else { owner_zone(c) };
    let (occurrences, _) = icalendar::occurrences(&calendar, owner, wide);
    occurrences.iter().filter_map(|occurrence| interval(c, occurrence, window, wrong)).collect()
}

/// Planted errors about series.
fn distort(calendar: &mut Component, wrong: fn(&str) -> bool) {
    let zones = calendar.clone();
    let Some(vevent) = calendar.inner_mut("VEVENT").next() else { return };
    if wrong("exceptions-ignored") {
        vevent.remove("EXDATE");
    }
    if wrong("the-first-is-all") {
        vevent.remove("RRULE");
        vevent.remove("RDATE");
    }
    if wrong("fixed-offset") {
        let (fields, _) = event::read(vevent, &mut Zones::new(&zones, Zone::utc()));
        if let Some(When::Timed { start, end, .. }) = fields.when {
            event::set_when(vevent, &When::Timed { start, start_zone: Zone::utc(), end, end_zone: Zone::utc() });
        }
    }
}

fn interval(c: &Connection, occurrence: &Occurrence<'_>, window: Window, wrong: fn(&str) -> bool) -> Option<Interval> {
    let vevent = occurrence.event;
    let owner = c.address.as_deref().unwrap_or_default();
    let declined = event::answer(vevent, &[owner]) == Some(Answer::Declined) && !wrong("declined-is-busy");
    let cancelled = event::status(vevent) == Status::Cancelled && !wrong("cancelled-is-busy");
    let unknown = wrong("knows-no-future") && occurrence.start.as_second() > clock::now();
    if declined || cancelled || unknown {
        return None;
    }
    let (mut start, mut end) = (occurrence.start.as_second(), occurrence.end.as_second());
    if wrong("nothing-takes-a-minute") {
        end = end.max(start + 60);
    }
    let touches = (end == window.start || start == window.end) && wrong("edges-count");
    let inside = start < window.end && end > window.start;
    if inside && !wrong("not-clipped") {
        (start, end) = (start.max(window.start), end.min(window.end));
    }
    let organises = event::organiser(vevent).is_some_and(|organiser| organiser.address.eq_ignore_ascii_case(owner));
    let is_unanswered = event::answer(vevent, &[owner]) == Some(Answer::NeedsAction) && !organises;
    let kind = match kind(event::busy(vevent)) {
        BusyKind::Busy if is_unanswered && !wrong("unanswered-is-busy") => BusyKind::Unanswered,
        kind => kind,
    };
    ((inside || touches) && start < end).then(|| Interval {
        start,
        end,
        kind: if wrong("free-is-busy") && kind == BusyKind::Free { BusyKind::Busy } else { kind },
        all_day: occurrence.all_day(),
        client_key: None,
        uid: vevent.text("UID"),
    })
}

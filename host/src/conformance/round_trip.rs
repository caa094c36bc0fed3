//! Cases of `create/round-trip`: `create` and `get` return the content that was given.
//!
//! The texts are difficult for formats: characters beyond 16 bits, combining marks, right-to-left text, special characters of
//! iCalendar, XML, HTML and JSON, and lines that must be folded within a character. A backslash before a capital N is left
//! out: a library that servers use stores it as a line break (against RFC 5545 §3.3.11), which no provider can undo.

use super::{
    bench::{Bench, CreatedEvent, timed},
    clocks::{Change, ClockChange},
    content::{Content, Field, holds},
    expect::{CaseResult, equal, not_applicable},
};
use crate::calendar::{Attendee, BusyKind, Draft, Event, Role, Span, Status, ZonedTime};
use jiff::{
    SignedDuration,
    civil::{date, time},
};

super::list! {
    "create/round-trip:title-and-description" [Write] texts("Planning", "What to do next.");
    "create/round-trip:no-description" [Write] texts("Planning", "");
    "create/round-trip:newlines" [Write] texts("Lines", "one\ntwo\n\nfour after an empty one\n  five is indented");
    "create/round-trip:astral" [Write] texts("😀 𝔘𝔫𝔦", "𠜎 𝕏 🂡 beyond sixteen bits");
    "create/round-trip:combining" [Write] texts("Cafe\u{301}", "e\u{301} is not é, and a\u{323}\u{302} has two marks");
    "create/round-trip:right-to-left" [Write] texts("פגישה عاجل", "שלום (x) مرحبا \u{200f}1-2\u{200e} end");
    "create/round-trip:joined-emoji" [Write] texts("👩‍👩‍👧‍👦 🏳️‍🌈", "👍🏽 🇮🇹 joined and coloured");
    "create/round-trip:escapes" [Write] texts(r#"a\b;c,d:e"f'g\n"#, r#"C:\new\,\; "x";y,z:%0A%5C ^n ^^ \\ \"#);
    "create/round-trip:markup" [Write] texts("<b>&amp;</b> ]]>", "<!-- & --> &lt;p&gt; <![CDATA[x]]> </d:prop>");
    "create/round-trip:looks-like-a-format" [Write]
        texts("END:VEVENT", "END:VEVENT\nEND:VCALENDAR\nBEGIN:VCALENDAR\nX-A:b\n{\"a\":null}");
    "create/round-trip:spaces" [Write] texts("two  and  two", "one\n\ttab\ttab\n    four");
    "create/round-trip:long-line" [Write] long_line("0123456789");
    "create/round-trip:long-line-of-wide-characters" [Write] long_line("é€😀");
    "create/round-trip:location" [Write] location;
    "create/round-trip:url" [Write] url;
    "create/round-trip:utc" [Write] in_zone("UTC");
    "create/round-trip:zone" [Write] in_zone("Europe/Rome");
    "create/round-trip:zone-of-half-an-hour" [Write] in_zone("Asia/Kolkata");
    "create/round-trip:zone-of-three-parts" [Write] in_zone("America/Argentina/Buenos_Aires");
    "create/round-trip:two-zones" [Write] two_zones;
    "create/round-trip:hour-that-comes-twice" [Write] second_of_two;
    "create/round-trip:no-length" [Write] no_length;
    "create/round-trip:whole-day" [Write] whole_days((5, 14), (5, 15));
    "create/round-trip:whole-days" [Write] whole_days((2, 27), (3, 2));
    "create/round-trip:tentative" [Write] kind(BusyKind::Tentative);
    "create/round-trip:out-of-office" [Write] kind(BusyKind::OutOfOffice);
    "create/round-trip:working-elsewhere" [Write] kind(BusyKind::WorkingElsewhere);
    "create/round-trip:free" [Write] kind(BusyKind::Free);
    "create/round-trip:status-tentative" [Write] status_tentative;
    "create/round-trip:attendees" [Write] attendees;
    "create/round-trip:attendees-roles" [Write] roles;
    "create/round-trip:attendees-names" [Write] names;
    "create/round-trip:recurrence" [RecurringWrites] recurrence(&["RRULE:FREQ=DAILY;COUNT=3"]);
    "create/round-trip:recurrence-by-day" [RecurringWrites] recurrence(&["RRULE:FREQ=MONTHLY;INTERVAL=2;BYDAY=2TU"]);
    "create/round-trip:everything" [RecurringWrites] everything;
}

/// Creates an event, and compares these fields of the results of `create` and `get`.
async fn come_back(bench: &Bench, draft: &Draft, fields: &[Field]) -> CaseResult<Event> {
    let made = bench.make(draft).await?;
    compare(bench, draft, fields, &made).await
}

/// The same for an event that not every service can store.
async fn come_back_if_possible(bench: &Bench, draft: &Draft, fields: &[Field]) -> CaseResult<Event> {
    let made = bench.make_if_possible(draft).await?;
    compare(bench, draft, fields, &made).await
}

async fn compare(bench: &Bench, draft: &Draft, fields: &[Field], made: &CreatedEvent) -> CaseResult<Event> {
    let expected = Content::from(draft);
    holds("`create`", fields, &expected, &made.event)?;
    let event = bench.get(made).await?;
    holds("`get`", fields, &expected, &event)?;
    Ok(event)
}

async fn texts(bench: &Bench, title: &'static str, description: &'static str) -> CaseResult {
    let draft = Draft { title: title.into(), description: description.into(), ..bench.draft(10, 11) };
    come_back(bench, &draft, &[Field::Title, Field::Description]).await.map(drop)
}

async fn location(bench: &Bench) -> CaseResult {
    let draft = Draft { location: "Main hall; room 5, 2nd floor".into(), ..bench.draft(10, 11) };
    come_back(bench, &draft, &[Field::Location]).await.map(drop)
}

async fn url(bench: &Bench) -> CaseResult {
    let draft = Draft { url: "https://example.com/meetings/7?part=1,2&x=%20".into(), ..bench.draft(10, 11) };
    come_back_if_possible(bench, &draft, &[Field::Url]).await.map(drop)
}

/// More than 300 bytes without a space, from an odd offset, so that a fold falls within a character.
async fn long_line(bench: &Bench, piece: &'static str) -> CaseResult {
    let draft = Draft {
        title: format!("x{}", piece.repeat(40)),
        description: format!("xy{}\n{}", piece.repeat(150), piece.repeat(40)),
        ..bench.draft(10, 11)
    };
    come_back(bench, &draft, &[Field::Title, Field::Description]).await.map(drop)
}

async fn in_zone(bench: &Bench, zone: &'static str) -> CaseResult {
    let draft = Draft { when: timed(bench.hour(10), bench.hour(11), zone), ..bench.draft(10, 11) };
    come_back(bench, &draft, &[Field::When]).await.map(drop)
}

async fn two_zones(bench: &Bench) -> CaseResult {
    let when = Span::Timed {
        start: ZonedTime { at: bench.hour(10), zone: "Europe/Rome".into() },
        end: ZonedTime { at: bench.hour(19), zone: "America/New_York".into() },
    };
    come_back_if_possible(bench, &Draft { when, ..bench.draft(10, 19) }, &[Field::When]).await.map(drop)
}

/// The second half past two of the night in which the clocks go back. Not every format can express it in its time zone, so only
/// the instants are compared.
async fn second_of_two(bench: &Bench) -> CaseResult {
    let zone = "Europe/Rome";
    let Some(change) = Change::find(zone, bench.day.year(), ClockChange::Back) else {
        return not_applicable(format!("the clocks of {zone} do not go back in {}", bench.day.year()));
    };
    let first = change.at(0, time(2, 30, 0, 0));
    let (start, end) = (first + SignedDuration::from_mins(60), first + SignedDuration::from_mins(75));
    let made = bench.make(&Draft { when: timed(start, end, zone), ..bench.draft(10, 11) }).await?;
    let event = bench.get(&made).await?;
    let instants = |span: &Span| match span {
        Span::Timed { start, end } => Some((start.at, end.at)),
        Span::AllDay { .. } => None,
    };
    let what = "`get` returns the second of the two equal local times in the night in which the clocks go back";
    equal(what, &Some((start, end)), &instants(&event.when))
}

async fn no_length(bench: &Bench) -> CaseResult {
    come_back_if_possible(bench, &bench.draft(10, 10), &[Field::When]).await.map(drop)
}

async fn whole_days(bench: &Bench, start: (i8, i8), end: (i8, i8)) -> CaseResult {
    let day = |(month, day)| date(bench.day.year(), month, day);
    let draft = Draft { when: Span::AllDay { start: day(start), end: day(end) }, ..bench.draft(0, 24) };
    come_back(bench, &draft, &[Field::When]).await.map(drop)
}

async fn kind(bench: &Bench, kind: BusyKind) -> CaseResult {
    let draft = Draft { busy: kind, ..bench.draft(10, 11) };
    come_back_if_possible(bench, &draft, &[Field::Busy]).await.map(drop)
}

async fn status_tentative(bench: &Bench) -> CaseResult {
    let draft = Draft { status: Status::Tentative, ..bench.draft(10, 11) };
    come_back_if_possible(bench, &draft, &[Field::Status]).await.map(drop)
}

/// An attendee who has not answered yet.
pub(super) fn attendee(address: &str, name: Option<&str>, role: Role) -> Attendee {
    Attendee { role, ..Attendee::required(address.into(), name.map(Into::into)) }
}

async fn attendees(bench: &Bench) -> CaseResult {
    let list = vec![
        attendee("guest-1@example.com", Some("Guest One"), Role::Required),
        attendee("guest-2@example.com", None, Role::Optional),
    ];
    let draft = Draft { attendees: list, ..bench.draft(10, 11) };
    come_back_if_possible(bench, &draft, &[Field::Attendees]).await.map(drop)
}

async fn roles(bench: &Bench) -> CaseResult {
    let list = vec![
        attendee("chair@example.com", None, Role::Chair),
        attendee("required@example.com", None, Role::Required),
        attendee("optional@example.com", None, Role::Optional),
        attendee("informed@example.com", None, Role::NonParticipant),
    ];
    let draft = Draft { attendees: list, ..bench.draft(10, 11) };
    come_back_if_possible(bench, &draft, &[Field::Attendees]).await.map(drop)
}

async fn names(bench: &Bench) -> CaseResult {
    let list = vec![
        attendee("guest-1@example.com", Some("O'Neil, Ann; \"Annie\": x"), Role::Required),
        attendee("guest-2@example.com", Some("Zoë 😀 שרה"), Role::Required),
    ];
    let draft = Draft { attendees: list, ..bench.draft(10, 11) };
    come_back_if_possible(bench, &draft, &[Field::Attendees]).await.map(drop)
}

async fn recurrence(bench: &Bench, lines: &'static [&'static str]) -> CaseResult {
    let draft = Draft { recurrence: lines.iter().map(ToString::to_string).collect(), ..on_a_tuesday(bench) };
    come_back(bench, &draft, &[Field::When, Field::Recurrence]).await.map(drop)
}

/// The second Tuesday of the month of the bench's day.
fn on_a_tuesday(bench: &Bench) -> Draft {
    let day = bench.day.nth_weekday_of_month(2, jiff::civil::Weekday::Tuesday).unwrap_or(bench.day);
    let days = i64::from(bench.day.until(day).map_or(0, |span| span.get_days()));
    bench.draft(10 + 24 * days, 11 + 24 * days)
}

/// All fields at once, because they could affect each other.
async fn everything(bench: &Bench) -> CaseResult {
    let draft = Draft {
        title: "Everything".into(),
        description: "All of it".into(),
        location: "Room 5".into(),
        url: "https://example.com/everything".into(),
        when: timed(bench.hour(10), bench.hour(12), "Europe/Rome"),
        busy: BusyKind::Free,
        attendees: vec![attendee("guest-1@example.com", Some("Guest One"), Role::Required)],
        recurrence: vec!["RRULE:FREQ=WEEKLY;COUNT=2".into()],
        ..bench.draft(10, 12)
    };
    come_back_if_possible(bench, &draft, &Field::ALL).await.map(drop)
}

//! The read-only branch of the family of wrong providers: `memory` without writing, on the same store.
//!
//! Unchanged, it passes every case that concerns its level. The field `wrong` of its connection turns on one mistake, or all
//! mistakes of a provider that was never tested (`liar`). The store gives the texts of a calendar in pages.

#![expect(
    clippy::result_large_err,
    reason = "the contract's failure can hold an event; it is made once per failed call"
)]

use std::sync::OnceLock;

use chronus_sdk::failure::{invalid, unsupported};
use chronus_sdk::http::{self, Request, Response, encode};
use chronus_sdk::icalendar::event::{self, Answer, Busy, Status};
use chronus_sdk::icalendar::{self, Component, Occurrence, Zone};
use chronus_sdk::{Provider, clock, descriptions::*, failure, json, types::*};
use jiff::Timestamp;

/// The origin of the store; tests map it to a server of their own.
const ORIGIN: &str = "https://memory.example";

/// The only calendar that the provider shows.
const CALENDAR: &str = "home";

/// What the provider of the name `liar` does.
const LIAR: [&str; 12] = [
    "lost-password-is-free",
    "refusal-is-free",
    "absent-is-free",
    "precondition-is-free",
    "haste-is-free",
    "trouble-is-free",
    "garbage-is-free",
    "first-page-only",
    "not-clipped",
    "unsorted",
    "all-day-in-utc",
    "cancelled-is-busy",
];

/// The provider.
pub struct Reader;
chronus_sdk::provider!(Reader, read_only);

/// The planted mistake. An instance lives for one call, so this is set once.
static WAY: OnceLock<String> = OnceLock::new();

/// Whether this mistake is turned on.
fn wrong(way: &str) -> bool {
    WAY.get().is_some_and(|to_be| to_be == way || (to_be == "liar" && LIAR.contains(&way)))
}

/// Reads the planted mistake from the connection.
fn learn(connection: &Connection) {
    let way = connection.fields.iter().find(|(name, _)| name == "wrong");
    WAY.get_or_init(|| way.map(|(_, way)| way.clone()).unwrap_or_default());
}

impl Provider for Reader {
    fn describe() -> Description {
        let field = |name: &str, kind| FormField {
            name: name.into(),
            label: name.into(),
            kind,
            pattern: None,
            help: String::new(),
            preset: None,
        };
        let fields =
            vec![field("user", FieldKind::Text), field("password", FieldKind::Secret), field("wrong", FieldKind::Text)];
        Description {
            id: "reader".into(),
            name: "Reader".into(),
            version: "0.1.0".into(),
            state_format: 1,
            sign_ins: vec![SignIn {
                id: "password".into(),
                label: "User and password".into(),
                method: Method::Form(Form { fields, help_link: None }),
                attach: Attach::Basic(AttachBasic { user_field: "user".into(), secret_field: "password".into() }),
            }],
            hosts: vec![ORIGIN.into()],
            read_posts: vec![],
            limits: Limits {
                busy_window: 366 * 86_400,
                changes_window: 366 * 86_400,
                page_size: 1,
                get_many: 1,
                poll_floor: 60,
            },
        }
    }

    fn open(connection: &Connection) -> Result<Opened, Failure> {
        learn(connection);
        let answer = http::send(&Request::new("GET", format!("{ORIGIN}/account")))?;
        if !answer.is_success() {
            return Err(answer.failure());
        }
        json::read(&answer)?;
        Ok(Opened {
            address: connection.address.clone(),
            other_addresses: vec![],
            zone: None,
            calendars: vec![Calendar {
                id: CALENDAR.into(),
                name: CALENDAR.into(),
                role: CalendarRole::Owner,
                is_default: true,
                zone: None,
            }],
            abilities: Abilities::READ_BUSY,
            memo: None,
        })
    }

    fn busy(connection: &Connection, whose: &Whose, window: Window) -> Result<BusyAnswers, Failure> {
        learn(connection);
        if window.end <= window.start {
            return Err(invalid("window", "its end is not after its start"));
        }
        let Whose::Calendars(ids) = whose else { return Err(unsupported("the store tells of nobody else")) };
        let answer = |id: &String| BusyAnswer { calendar: id.clone(), outcome: of_calendar(connection, id, window) };
        Ok(BusyAnswers { calendars: ids.iter().map(answer).collect(), memo: None })
    }
}

fn of_calendar(connection: &Connection, calendar: &str, window: Window) -> Result<BusyTimes, Failure> {
    let mut times = BusyTimes { intervals: vec![], problems: vec![] };
    for text in texts(calendar)? {
        match icalendar::parse(text.data.as_bytes()) {
            Ok((parsed, _)) => of_event(connection, parsed, window, &mut times.intervals),
            Err(error) => times.problems.push(Problem { id: text.id, what: error.to_string() }),
        }
    }
    if wrong("cut-short") {
        times.intervals.truncate(6);
    }
    times.intervals.sort_by_key(|interval| (interval.start, interval.end));
    if wrong("unsorted") {
        times.intervals.reverse();
    }
    Ok(times)
}

/// A text of the store.
struct Text {
    id: String,
    data: String,
}

/// All texts of a calendar, page by page.
fn texts(calendar: &str) -> Result<Vec<Text>, Failure> {
    let mut all = Vec::new();
    for number in 0.. {
        let url = format!("{ORIGIN}/calendars/{}/pages/{number}", encode(calendar));
        let answer = match http::send(&Request::new("GET", url)) {
            Err(_) if wrong("trouble-is-free") => return Ok(vec![]),
            answer => answer?,
        };
        if !answer.is_success() {
            return if is_ignored(&answer) { Ok(vec![]) } else { Err(answer.failure()) };
        }
        let page = match json::read(&answer) {
            Err(_) if wrong("garbage-is-free") => return Ok(vec![]),
            page => page?,
        };
        let items = page["items"].as_array().ok_or_else(|| failure::temporary("the page holds no list of items"))?;
        let text = |name: &str, item: &json::Value| item[name].as_str().unwrap_or_default().to_owned();
        all.extend(items.iter().map(|item| Text { id: text("id", item), data: text("data", item) }));
        if page["more"] != true || wrong("first-page-only") {
            break;
        }
    }
    Ok(all)
}

/// Planted mistakes: an error of the service is taken for an empty calendar.
fn is_ignored(answer: &Response) -> bool {
    let way = match answer.status {
        401 => "lost-password-is-free",
        403 => "refusal-is-free",
        404 | 410 => "absent-is-free",
        412 => "precondition-is-free",
        429 => "haste-is-free",
        503 if answer.header("retry-after").is_some() => "haste-is-free",
        _ => "trouble-is-free",
    };
    wrong(way)
}

fn of_event(connection: &Connection, mut calendar: Component, window: Window, intervals: &mut Vec<Interval>) {
    if wrong("the-first-is-all")
        && let Some(vevent) = calendar.inner_mut("VEVENT").next()
    {
        vevent.remove("RRULE");
    }
    let own = || Zone::iana(&connection.zone).unwrap_or_else(Zone::utc);
    let owner = if wrong("all-day-in-utc") { Zone::utc() } else { own() };
    let at = |second: i64| Timestamp::from_second(second).unwrap_or_default();
    // Wider than the window by a second: one of the planted mistakes concerns the edges.
    let wide = icalendar::Window { start: at(window.start - 1), end: at(window.end + 1) };
    let (occurrences, _) = icalendar::occurrences(&calendar, owner, wide);
    intervals.extend(occurrences.iter().filter_map(|occurrence| interval(connection, occurrence, window)));
}

fn interval(connection: &Connection, occurrence: &Occurrence<'_>, window: Window) -> Option<Interval> {
    let vevent = occurrence.event;
    let owner = connection.address.as_deref().unwrap_or_default();
    let declined = event::answer(vevent, &[owner]) == Some(Answer::Declined);
    let cancelled = event::status(vevent) == Status::Cancelled && !wrong("cancelled-is-busy");
    let unknown = wrong("knows-no-future") && occurrence.start.as_second() > clock::now();
    if declined || cancelled || unknown {
        return None;
    }
    let (mut start, mut end) = (occurrence.start.as_second(), occurrence.end.as_second());
    let touches = (end == window.start || start == window.end) && wrong("edges-count");
    let inside = start < window.end && end > window.start;
    if inside && !wrong("not-clipped") {
        (start, end) = (start.max(window.start), end.min(window.end));
    }
    let kind = match event::busy(vevent) {
        Busy::Free if !wrong("free-is-busy") => BusyKind::Free,
        Busy::Tentative => BusyKind::Tentative,
        Busy::OutOfOffice => BusyKind::OutOfOffice,
        Busy::WorkingElsewhere => BusyKind::WorkingElsewhere,
        Busy::Busy | Busy::Free => BusyKind::Busy,
    };
    ((inside || touches) && start < end).then(|| Interval {
        start,
        end,
        kind,
        all_day: occurrence.all_day(),
        ours: None,
    })
}

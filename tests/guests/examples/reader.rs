//! The read-only branch of the family of wrong providers: `memory` without writing, on the same store.
//!
//! Unchanged, it passes every case that concerns its level. The field `wrong` of its connection turns on one mistake, or all
//! mistakes of a provider that was never tested (`liar`). The store gives the texts of a calendar in pages.

#![expect(
    clippy::result_large_err,
    reason = "the contract's failure can hold an event; it is made once per failed call"
)]

use chronus_sdk::failure::{invalid, unsupported};
use chronus_sdk::http::{self, Request, Response, encode};
use chronus_sdk::{Provider, descriptions::*, failure, icalendar, json, values::*};
use chronus_test_guests::account;
use chronus_test_guests::store::{self, ORIGIN};

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

/// Whether this mistake is turned on.
fn wrong(way: &str) -> bool {
    store::way() == way || (store::way() == "liar" && LIAR.contains(&way))
}

impl Provider for Reader {
    fn describe() -> Description {
        let limits = Limits {
            busy_window: 366 * 86_400,
            changes_window: 366 * 86_400,
            page_size: 1,
            get_many: 1,
            poll_floor: 60,
            concurrency: 1,
        };
        store::description("reader", "Reader", limits)
    }

    fn open(connection: &Connection) -> Result<AccountReply, Failure> {
        store::learn(connection);
        let answer = http::send(&Request::new("GET", format!("{ORIGIN}/account")))?;
        if !answer.is_success() {
            return Err(answer.failure());
        }
        json::read(&answer)?;
        let home = Calendar {
            id: CALENDAR.into(),
            name: CALENDAR.into(),
            role: CalendarRole::Owner,
            is_default: true,
            takes_meetings: false,
            zone: None,
        };
        let mut reply = account(vec![home]);
        reply.account.address.clone_from(&connection.address);
        Ok(reply)
    }

    fn busy(connection: &Connection, targets: &BusyTargets, window: Window) -> Result<BusyReply, Failure> {
        store::learn(connection);
        if window.end <= window.start {
            return Err(invalid("window", "its end is not after its start"));
        }
        let BusyTargets::Calendars(ids) = targets else {
            return Err(unsupported("the store has no times of other people"));
        };
        let answer = |id: &String| BusyAnswer { target: id.clone(), outcome: of_calendar(connection, id, window) };
        Ok(BusyReply { answers: ids.iter().map(answer).collect(), memo: None })
    }
}

fn of_calendar(connection: &Connection, calendar: &str, window: Window) -> Result<BusyTimes, Failure> {
    let mut times = BusyTimes { intervals: vec![], problems: vec![] };
    for text in texts(calendar)? {
        match icalendar::parse(text.data.as_bytes()) {
            Ok((parsed, _)) => times.intervals.extend(store::intervals(connection, parsed, window, wrong)),
            Err(error) => times.problems.push(Problem { id: text.id, what: error.to_string(), span: None }),
        }
    }
    if wrong("cut-short") {
        times.intervals.truncate(8);
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

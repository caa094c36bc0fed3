//! The smallest whole provider, for a service that does not exist: one calendar per account, read-only.
//!
//! The service answers `GET https://rota.example.com/v1/shifts?from=…&to=…` with the shifts that touch a time window. A
//! shift takes a time or a whole day:
//!
//! ```json
//! { "shifts": [{ "id": "7", "start": "2027-05-03T07:00:00Z", "end": "2027-05-03T09:00:00Z" }, { "id": "8", "day": "2027-05-04" }] }
//! ```
//!
//! `read` is pure: the tests below call it without a service. `tests/it/service/example.rs` runs the component.

#![expect(
    clippy::result_large_err,
    reason = "the contract's failure can hold an event; it is made once per failed call"
)]

use chronus_sdk::http::{self, Request, Response, encode};
use chronus_sdk::jiff::{ToSpan, civil::Date};
use chronus_sdk::json::{self, Value};
use chronus_sdk::{Provider, descriptions::*, failure, rfc3339, time, values::*};

/// The provider.
#[derive(Debug)]
pub struct Rota;
chronus_sdk::provider!(Rota, read_only);

/// The only calendar of each account.
const CALENDAR: &str = "shifts";

impl Provider for Rota {
    fn describe() -> Description {
        let key = FormField {
            name: "key".into(),
            label: "Key".into(),
            kind: FieldKind::Secret,
            pattern: None,
            help: "Your key from the rota's settings".into(),
            preset: None,
        };
        Description {
            id: "example".into(),
            name: "Rota".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            state_format: 1,
            sign_ins: vec![SignIn {
                id: "key".into(),
                label: "Rota key".into(),
                method: Method::Form(Form { fields: vec![key], help_link: None }),
                // The host adds the key to each request; the provider never sees it.
                attach: Attach::Header(AttachHeader { name: "authorization".into(), prefix: "Bearer ".into() }),
                subject_paths: vec![],
            }],
            hosts: vec!["https://rota.example.com".into()],
            read_only_posts: vec![],
            limits: Limits {
                busy_window: 366 * 86_400,
                changes_window: 366 * 86_400,
                page_size: 1,
                get_many: 1,
                poll_floor: 60,
                concurrency: 1,
            },
        }
    }

    fn open(connection: &Connection) -> Result<AccountReply, Failure> {
        // Whether the service accepts the key.
        shifts(connection, Window { start: 0, end: 1 })?;
        let account = Account {
            address: None,
            other_addresses: vec![],
            zone: None,
            // The host reads the calendars that the person owns, and no other.
            calendars: vec![Calendar {
                id: CALENDAR.into(),
                name: "Shifts".into(),
                role: CalendarRole::Owner,
                is_default: true,
                takes_meetings: false,
                zone: None,
            }],
            abilities: Abilities::READ_BUSY,
        };
        Ok(AccountReply { account, memo: None })
    }

    fn busy(connection: &Connection, targets: &BusyTargets, window: Window) -> Result<BusyReply, Failure> {
        if window.end <= window.start {
            return Err(failure::invalid("window", "its end is not after its start"));
        }
        let (BusyTargets::Calendars(ids) | BusyTargets::Addresses(ids)) = targets;
        let outcome = |id: &String| match targets {
            BusyTargets::Calendars(_) if id == CALENDAR => shifts(connection, window),
            BusyTargets::Calendars(_) => Err(failure::not_found("an account has one calendar, `shifts`")),
            BusyTargets::Addresses(_) => Err(failure::unsupported("a key opens one account")),
        };
        let answers = ids.iter().map(|id| BusyAnswer { target: id.clone(), outcome: outcome(id) }).collect();
        Ok(BusyReply { answers, memo: None })
    }
}

/// The times of an account's shifts within a window.
fn shifts(connection: &Connection, window: Window) -> Result<BusyTimes, Failure> {
    let instant = |at| rfc3339::write(at).ok_or_else(|| failure::invalid("window", "it is not in the years 0 to 9999"));
    let (from, to) = (encode(&instant(window.start)?), encode(&instant(window.end)?));
    let url = format!("https://rota.example.com/v1/shifts?from={from}&to={to}");
    read(&http::send(&Request::new("GET", url))?, connection, window)
}

/// What an answer means. What cannot be read is a failure or a problem: unknown is never free.
fn read(answer: &Response, connection: &Connection, window: Window) -> Result<BusyTimes, Failure> {
    if !answer.is_success() {
        return Err(answer.failure());
    }
    let answer = json::read(answer)?;
    let list = answer["shifts"].as_array().ok_or_else(|| failure::temporary("the answer holds no list of shifts"))?;
    let mut times = BusyTimes { intervals: vec![], problems: vec![] };
    for shift in list {
        match interval(shift, &connection.zone) {
            Some(whole) => {
                let (start, end) = (whole.start.max(window.start), whole.end.min(window.end));
                if start < end {
                    times.intervals.push(Interval { start, end, ..whole });
                }
            }
            None => times.problems.push(Problem {
                id: shift["id"].as_str().unwrap_or("?").into(),
                what: "it has neither a day nor a start before an end".into(),
                span: None,
            }),
        }
    }
    times.intervals.sort_by_key(|each| (each.start, each.end));
    Ok(times)
}

/// The time that a shift takes; `None` if it cannot be read.
fn interval(shift: &Value, zone: &str) -> Option<Interval> {
    let (start, end, all_day) = match shift["day"].as_str() {
        Some(day) => {
            let day: Date = day.parse().ok()?;
            (time::midnight(zone, day).ok()?, time::midnight(zone, day.checked_add(1.day()).ok()?).ok()?, true)
        }
        None => (rfc3339::parse(shift["start"].as_str()?)?, rfc3339::parse(shift["end"].as_str()?)?, false),
    };
    (start < end).then_some(Interval { start, end, kind: BusyKind::Busy, all_day, client_key: None, uid: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chronus_sdk::testing::connection;

    /// 2027-05-03 in Rome.
    const DAY: Window = Window { start: 1_809_295_200, end: 1_809_295_200 + 86_400 };

    fn read_body(status: u16, body: &str) -> Result<BusyTimes, Failure> {
        let answer = Response::new("https://rota.example.com/v1/shifts", status);
        read(&answer.with_body("application/json", body), &connection("key"), DAY)
    }

    #[test]
    fn shifts_are_cut_to_the_window_and_sorted() {
        let body = r#"{ "shifts": [
            { "id": "2", "start": "2027-05-03T20:00:00Z", "end": "2027-05-04T06:00:00Z" },
            { "id": "1", "day": "2027-05-03" },
            { "id": "0", "start": "2027-05-02T20:00:00Z", "end": "2027-05-02T22:00:00Z" }
        ] }"#;
        let times = read_body(200, body).unwrap();
        let seen: Vec<_> = times.intervals.iter().map(|each| (each.start, each.end, each.all_day)).collect();
        assert_eq!(seen, [(DAY.start, DAY.end, true), (DAY.end - 2 * 3600, DAY.end, false)]);
    }

    #[test]
    fn what_cannot_be_read_is_not_free() {
        assert_eq!(read_body(401, "").unwrap_err().remedy, Remedy::Reconnect);
        assert_eq!(read_body(200, "{}").unwrap_err().remedy, Remedy::Temporary);
        assert_eq!(read_body(200, r#"{ "shifts": ["#).unwrap_err().remedy, Remedy::Temporary);
        let times = read_body(200, r#"{ "shifts": [{ "id": "9", "start": "soon" }] }"#).unwrap();
        assert_eq!((times.intervals.len(), times.problems[0].id.as_str()), (0, "9"));
    }
}

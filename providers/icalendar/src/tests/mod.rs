//! Tests of the engine by its input and output.
//!
//! `cases` and `clocks` hold what existing libraries get wrong, one test each; `laws` holds what is true of every
//! input, by property tests. Times are compared as text, since a failing test should read like a calendar.

mod bounds;
mod cases;
mod clocks;
mod events;
mod laws;
mod lines;
mod moves;
mod rules;
mod values;
mod vtimezones;

use jiff::Timestamp;

use super::{Component, Problem, Window, Zone, occurrences, parse};

/// A calendar with these lines in it.
fn calendar(lines: &str) -> Component {
    let text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}\r\nEND:VCALENDAR\r\n", lines.trim().replace('\n', "\r\n"));
    let (calendar, problems) = parse(text.as_bytes()).unwrap();
    assert_eq!(problems, []);
    calendar
}

/// A VEVENT with these lines in it.
fn event(lines: &str) -> String {
    format!("BEGIN:VEVENT\nUID:one\n{}\nEND:VEVENT\n", lines.trim())
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn zone(name: &str) -> Zone {
    Zone::iana(name).unwrap()
}

/// From midnight to midnight UTC.
fn window(from: &str, to: &str) -> Window {
    Window { start: at(&format!("{from}T00:00:00Z")), end: at(&format!("{to}T00:00:00Z")) }
}

/// The occurrences of a calendar in 2026, owned in Berlin: `start/end` in UTC, with `days` after whole days.
fn in_2026(lines: &str) -> (Vec<String>, Vec<Problem>) {
    let calendar = calendar(lines);
    let (found, problems) = occurrences(&calendar, zone("Europe/Berlin"), window("2026-01-01", "2027-01-01"));
    let show = |start: Timestamp| start.strftime("%m-%dT%H:%M").to_string();
    let found = found.iter().map(|one| {
        let days = if one.all_day() { " days" } else { "" };
        format!("{}/{}{days}", show(one.start), show(one.end))
    });
    (found.collect(), problems)
}

/// As [`in_2026`], where no problem is expected.
fn fine_in_2026(lines: &str) -> Vec<String> {
    let (found, problems) = in_2026(lines);
    assert_eq!(problems, []);
    found
}

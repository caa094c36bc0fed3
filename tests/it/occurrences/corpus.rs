//! The calendars that are compared, and for which windows.

use anyhow::Context;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

use chronus_host::calendar::Window;
use chronus_tests::peers::{Peer, Python};

/// In which floating times and whole days are meant.
pub(super) const ZONE: &str = "Europe/Berlin";

/// The most windows of one length that one calendar is asked for, if `CHRONUS_WINDOWS` names no other number.
const USUAL: usize = 3;

/// With so many, every difference that is written down shows.
const ALL: usize = 12;

/// How many windows of one length there are at most, and whether these are enough for every known difference to show.
pub(super) fn most() -> anyhow::Result<(usize, bool)> {
    let most = match std::env::var("CHRONUS_WINDOWS") {
        Ok(number) => number.parse().with_context(|| format!("CHRONUS_WINDOWS is no number: {number}"))?,
        Err(_) => USUAL,
    };
    anyhow::ensure!(most >= 2, "CHRONUS_WINDOWS is at least 2");
    Ok((most, most >= ALL))
}

/// Every calendar of the two test suites, by package and file name.
pub(super) async fn read(reference: &Python) -> anyhow::Result<BTreeMap<String, String>> {
    let mut corpus = BTreeMap::new();
    for package in ["recurring_ical_events", "icalendar"] {
        let files = reference.run("corpus.py", &[package], &Value::Null).await?;
        let files: BTreeMap<String, String> = serde_json::from_value(files)?;
        corpus.extend(files.into_iter().map(|(file, text)| (format!("{package}/{file}"), text)));
    }
    Ok(corpus)
}

/// The request that both engines take: see `tests/peers/occurrences.py`.
pub(super) fn request(corpus: &BTreeMap<String, String>, windows: &BTreeMap<&str, Vec<Window>>) -> Value {
    let moments = |window: &Window| [window.start.to_string(), window.end.to_string()];
    let asked = |(file, windows): (&&str, &Vec<Window>)| {
        let windows: Vec<_> = windows.iter().map(moments).collect();
        ((*file).to_owned(), json!({ "text": corpus[*file], "windows": windows }))
    };
    json!({ "zone": ZONE, "calendars": windows.iter().map(asked).collect::<serde_json::Map<_, _>>() })
}

/// Whether there is anything in the text that takes time. What holds alarms or tasks alone has no busy times.
pub(super) fn has_events(text: &str) -> bool {
    text.lines().any(|line| line.trim_end() == "BEGIN:VEVENT")
}

/// Windows of 45 days, of a year and of three years around what happens in the calendar, and after it: what repeats
/// without end is seen there.
pub(super) fn windows(text: &str, most: usize) -> anyhow::Result<Vec<Window>> {
    let days = days(text);
    let years: BTreeSet<i16> = days.iter().flat_map(|day| [day.year(), day.year() + 1]).collect();
    let months: BTreeSet<Date> = days.iter().map(|day| day.first_of_month()).collect();
    let new_year = |year: &i16| jiff::civil::date(*year, 1, 1);
    let from = |start: Date, length: jiff::Span| {
        let instant = |day: Date| anyhow::Ok(day.in_tz(ZONE)?.timestamp());
        anyhow::Ok(Window { start: instant(start)?, end: instant(start.checked_add(length)?)? })
    };
    let mut windows = Vec::new();
    for month in spread(months.into_iter().collect(), most) {
        windows.push(from(month.checked_sub(10.days())?, 45.days())?);
    }
    for year in spread(years.iter().map(new_year).collect(), most) {
        windows.push(from(year, 1.year())?);
    }
    for year in spread(years.iter().step_by(2).map(new_year).collect(), most) {
        windows.push(from(year, 3.years())?);
    }
    Ok(windows)
}

/// At most so many of them, evenly, the first and the last among them.
fn spread<T: Copy>(all: Vec<T>, most: usize) -> Vec<T> {
    if all.len() <= most {
        return all;
    }
    (0..most).map(|index| all[index * (all.len() - 1) / (most - 1)]).collect()
}

/// The days that the times of the text name.
fn days(text: &str) -> BTreeSet<Date> {
    const TIMES: [&str; 6] = ["DTSTART", "DTEND", "RDATE", "RECURRENCE-ID", "RRULE", "EXDATE"];
    let lines = text.lines().filter(|line| TIMES.iter().any(|name| line.starts_with(name)));
    let named = lines.flat_map(|line| line.split([':', ',', '/', '='])).filter_map(|value| {
        let digits = value.get(..8).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        Date::strptime("%Y%m%d", digits).ok().filter(|day| (1971..2100).contains(&day.year()))
    });
    named.collect()
}

/// The calendar, cut as a client would store it: one resource for each UID, with the zones that it needs. Only lines
/// are looked at, so that what is odd in them reaches the server as it is.
pub(super) fn resources(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let (mut head, mut zones, mut events): (Vec<&str>, Vec<&str>, BTreeMap<String, Vec<&str>>) = Default::default();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at].trim_end();
        let Some(component) = line.strip_prefix("BEGIN:").filter(|name| *name != "VCALENDAR") else {
            if !line.is_empty() && !line.starts_with("END:") && !line.starts_with("BEGIN:") {
                head.push(line);
            }
            at += 1;
            continue;
        };
        // One of them closes a VTODO as if it were a VEVENT; the next component ends it as well.
        let ends = |line: &&str| line.trim_end() == format!("END:{component}");
        let next = |line: &&str| ["BEGIN:VEVENT", "BEGIN:VTODO"].contains(&line.trim_end());
        let rest = lines[at + 1..].iter();
        let length = rest.clone().position(ends).map_or(lines.len(), |end| end + 2);
        let length = rest.clone().position(next).map_or(length, |begin| length.min(begin + 1));
        let part = &lines[at..(at + length).min(lines.len())];
        match component {
            "VTIMEZONE" => zones.extend(part),
            "VEVENT" => {
                let uid = part.iter().find_map(|line| line.strip_prefix("UID")).unwrap_or("none");
                events.entry(uid.trim_end().to_owned()).or_default().extend(part);
            }
            _ => {}
        }
        at += length;
    }
    // What is an event and no calendar becomes one.
    for (name, line) in [("VERSION", "VERSION:2.0"), ("PRODID", "PRODID:-//chronus//tests//EN")] {
        if !head.iter().any(|present| present.starts_with(name)) {
            head.insert(0, line);
        }
    }
    let whole = |event: &Vec<&str>| {
        let parts = [&["BEGIN:VCALENDAR"][..], &head, &zones, event, &["END:VCALENDAR"]].concat();
        parts.iter().map(|line| format!("{}\r\n", line.trim_end())).collect()
    };
    events.values().map(whole).collect()
}

/// The peers that are needed.
pub(super) const PEERS: [Peer; 4] = [Peer::Radicale, Peer::Xandikos, Peer::Reference, Peer::IcalJs];

/// A moment as it is compared.
pub(super) fn shown(at: Timestamp) -> String {
    at.to_string()
}

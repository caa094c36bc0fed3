//! The busy times of the iCal provider are those of recurring-ical-events, over every calendar that it tests itself with.
//!
//! Each calendar is put on a real server, part by part as clients do, and the provider is asked through the sandbox for
//! the years in which something happens there. The server is Radicale; what Radicale does not take (its parser refuses
//! one resource or another of a quarter of them) goes to Xandikos. Where the answers differ, the difference is written down to the interval
//! in `tests/fixtures/occurrences.toml`, with the sentence of the RFC that decides it; a difference that is not there
//! fails the test, and so does one that is there no more.

use crate::harness;
use chronus_host::calendar::{BusyKind, Window};
use chronus_host::plugins::{Access, Failure, Plugin, contract::Whose};
use chronus_tests::peers::{Account, Peer, Python, Radicale, Xandikos, left_out};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const ZONE: &str = "Europe/Berlin";
const KNOWN: &str = include_str!("../fixtures/occurrences.toml");

/// Start, end (RFC 3339, UTC, cut to the window) and kind: `busy`, `tentative`, `free`.
type Taken = (String, String, String);

/// `tests/fixtures/occurrences.toml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    /// By file name.
    #[serde(default)]
    difference: BTreeMap<String, Difference>,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Difference {
    /// The sentence that decides, and for whom.
    because: String,
    /// So many of its resources neither server takes, so nobody can be asked about them.
    refused: usize,
    /// recurring-ical-events cannot read it.
    unread: bool,
    /// The server took it and cannot answer for it, and the provider says so: with this code.
    unanswered: String,
    /// What only recurring-ical-events says, as `start/end kind`.
    theirs: BTreeSet<String>,
    /// What only the provider says.
    ours: BTreeSet<String>,
}

/// A calendar, and whom to ask about it.
struct Asked<'a> {
    file: &'a str,
    /// A calendar's id, and the provider for the server where it is.
    places: Vec<(String, &'a (Plugin, Arc<Access>))>,
}

#[tokio::test]
async fn busy_times_are_those_of_recurring_ical_events() -> anyhow::Result<()> {
    if left_out(&[Peer::Radicale, Peer::Xandikos, Peer::Reference])? {
        return Ok(());
    }
    let known: Known = toml::from_str(KNOWN)?;
    let reference = Python::of(Peer::Reference).await?;
    let corpus = reference.run("corpus.py", &["recurring_ical_events"], &Value::Null).await?;
    let corpus: BTreeMap<String, String> = serde_json::from_value(corpus)?;
    assert!(corpus.len() >= 90, "the corpus has shrunk to {} calendars", corpus.len());

    let (radicale, xandikos) = (Radicale::start(&[("ann", "secret-of-ann")]).await?, Xandikos::start().await?);
    let strict = harness::ical(&radicale.account("ann")?, ZONE).await?;
    let lenient = harness::ical(&xandikos.account(), ZONE).await?;
    let mut found: BTreeMap<&str, Difference> = BTreeMap::new();
    let mut by_year: BTreeMap<i16, Vec<Asked>> = BTreeMap::new();
    let mut elsewhere = 0;
    for (number, (file, text)) in corpus.iter().enumerate() {
        let (mut left, mut places) = (resources(text), Vec::new());
        for (account, provider) in [(&radicale.account("ann")?, &strict), (&xandikos.account(), &lenient)] {
            if !left.is_empty() {
                let calendar = account.put_calendar(&format!("c{number}")).await?;
                left = put(account, &calendar, left).await;
                places.push((calendar, provider));
            }
        }
        elsewhere += usize::from(places.len() > 1);
        if !left.is_empty() {
            found.entry(file).or_default().refused = left.len();
        }
        for year in years(text) {
            by_year.entry(year).or_default().push(Asked { file, places: places.clone() });
        }
    }
    let mut windows = 0;
    for (year, calendars) in by_year {
        let start = |year| jiff::civil::date(year, 1, 1).in_tz(ZONE).map(|start| start.timestamp());
        let window = Window { start: start(year)?, end: start(year + 1)? };
        let texts: BTreeMap<&str, &str> =
            calendars.iter().map(|asked| (asked.file, corpus[asked.file].as_str())).collect();
        let (from, to) = (window.start.to_string(), window.end.to_string());
        let request = json!({ "zone": ZONE, "from": from, "to": to, "calendars": texts });
        let reference = reference.run("occurrences.py", &[], &request).await?;
        for Asked { file, places } in calendars {
            windows += 1;
            let Some(theirs) = reference[file]["occurrences"].as_array() else {
                found.entry(file).or_default().unread = true;
                continue;
            };
            let (theirs, mut ours) = (theirs_of(theirs, window), Vec::new());
            for (calendar, (plugin, access)) in places {
                match ours_of(plugin, access, &calendar, window).await? {
                    Ok(more) => ours.extend(more),
                    Err(failure) => found.entry(file).or_default().unanswered = failure.service_code,
                }
            }
            let (only_theirs, only_ours) = (beyond(&theirs, &ours), beyond(&ours, &theirs));
            if !(only_theirs.is_empty() && only_ours.is_empty()) {
                let difference = found.entry(file).or_default();
                difference.theirs.extend(only_theirs);
                difference.ours.extend(only_ours);
            }
        }
    }
    println!(
        "{} calendars, {elsewhere} of them on Xandikos, too; {windows} windows of a year; {} known differences",
        corpus.len(),
        known.difference.len()
    );
    assert!(windows >= corpus.len(), "only {windows} windows were compared");
    report(&found, &known.difference)
}

/// Puts resources into a calendar, and gives back those that the server does not take.
async fn put(account: &Account, calendar: &str, resources: Vec<String>) -> Vec<String> {
    let mut left = Vec::new();
    for (number, resource) in resources.into_iter().enumerate() {
        if account.put(&format!("{calendar}{number}.ics"), &resource).await.is_err() {
            left.push(resource);
        }
    }
    left
}

/// The calendar, cut as a client would store it: one resource for each UID, with the zones that it needs. Only lines are looked at, so that what is odd in them
/// reaches the server as it is.
fn resources(text: &str) -> Vec<String> {
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
    let whole = |event: &Vec<&str>| {
        let parts = [&["BEGIN:VCALENDAR"][..], &head, &zones, event, &["END:VCALENDAR"]].concat();
        parts.iter().map(|line| format!("{}\r\n", line.trim_end())).collect()
    };
    events.values().map(whole).collect()
}

/// The years in which the events of the text begin, end or stop repeating, and the one after each: what repeats without
/// end is seen there.
fn years(text: &str) -> BTreeSet<i16> {
    const TIMES: [&str; 6] = ["DTSTART", "DTEND", "RDATE", "RECURRENCE-ID", "RRULE", "EXDATE"];
    let lines = text.lines().filter(|line| TIMES.iter().any(|name| line.starts_with(name)));
    let named = lines.flat_map(|line| line.split([':', ',', '/', '='])).filter_map(|value| {
        let digits = value.get(..8).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits[..4].parse::<i16>().ok().filter(|year| (1971..2100).contains(year))
    });
    named.flat_map(|year| [year, year + 1]).collect()
}

/// What the first list has more often than the second.
fn beyond(these: &[Taken], those: &[Taken]) -> Vec<String> {
    let mut left = those.to_vec();
    let mut more = Vec::new();
    for taken in these {
        match left.iter().position(|other| other == taken) {
            Some(at) => drop(left.swap_remove(at)),
            None => more.push(format!("{}/{} {}", taken.0, taken.1, taken.2)),
        }
    }
    more
}

async fn ours_of(
    plugin: &Plugin,
    access: &Arc<Access>,
    id: &str,
    window: Window,
) -> anyhow::Result<Result<Vec<Taken>, Failure>> {
    let answers = plugin.busy(access, Whose::Calendars(vec![id.into()]), window).await?.value;
    let [answer] = answers.as_slice() else { anyhow::bail!("{} answers for one calendar", answers.len()) };
    let times = match &answer.outcome {
        Ok(times) => times,
        Err(failure) => return Ok(Err(failure.clone())),
    };
    let kind = |kind| match kind {
        BusyKind::Free => "free",
        BusyKind::Tentative => "tentative",
        _ => "busy",
    };
    Ok(Ok(times.intervals.iter().map(|i| (i.start.to_string(), i.end.to_string(), kind(i.kind).into())).collect()))
}

fn theirs_of(occurrences: &[Value], window: Window) -> Vec<Taken> {
    let (from, to) = (window.start.to_string(), window.end.to_string());
    let taken = |occurrence: &Value| {
        let text = |key: &str| occurrence[key].as_str().unwrap_or_default().to_owned();
        let (start, end) = (text("start").max(from.clone()), text("end").min(to.clone()));
        let kind = match text("status").as_str() {
            "CANCELLED" => return None,
            _ if occurrence["transparent"] == json!(true) => "free",
            "TENTATIVE" => "tentative",
            _ => "busy",
        };
        (start < end).then(|| (start, end, kind.to_owned()))
    };
    occurrences.iter().filter_map(taken).collect()
}

fn report(found: &BTreeMap<&str, Difference>, known: &BTreeMap<String, Difference>) -> anyhow::Result<()> {
    let mut wrong = String::new();
    let files: BTreeSet<&str> = found.keys().copied().chain(known.keys().map(String::as_str)).collect();
    for file in files {
        let empty = Difference::default();
        let (found, known) = (found.get(file).unwrap_or(&empty), known.get(file).unwrap_or(&empty));
        let same = (found.refused, found.unread, &found.unanswered, &found.theirs, &found.ours)
            == (known.refused, known.unread, &known.unanswered, &known.theirs, &known.ours);
        if !same {
            wrong.push_str(&format!("\n[difference.\"{file}\"]\n"));
            wrong.push_str(&format!("refused = {}\nunread = {}\n", found.refused, found.unread));
            wrong.push_str(&format!("unanswered = {:?}\n", found.unanswered));
            wrong.push_str(&format!("theirs = {:#?}\nours = {:#?}\n", found.theirs, found.ours));
        } else if known.because.is_empty() {
            wrong.push_str(&format!("\n{file} differs and nobody has written down because of what\n"));
        }
    }
    anyhow::ensure!(
        wrong.is_empty(),
        "differences are not those of tests/fixtures/occurrences.toml; found now:\n{wrong}"
    );
    Ok(())
}

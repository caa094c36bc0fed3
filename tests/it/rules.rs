//! What recurrence rules give is what python-dateutil gives: random rules with all parts that RFC 5545 allows together,
//! in zones of both hemispheres, bounded by COUNT, UNTIL or nothing.
//!
//! `CHRONUS_RULES` says how many, `SEED` which; a case that differs is printed with what repeats it. Combinations that
//! the table of §3.3.10 forbids are not made: what they mean is each engine's own affair.

use anyhow::Context;
use chronus_sdk::icalendar::{Window, Zone, occurrences, parse};
use chronus_tests::peers::{Peer, Python, left_out};
use chronus_tests::random::{Random, seed};
use jiff::civil::{DateTime, date};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// How many rules, if nobody says.
const USUAL: usize = 2000;

/// How many the other engine is asked for at once.
const BATCH: usize = 1000;

/// Their rules have not changed lately, so that tables of different years agree.
const ZONES: [&str; 11] = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/St_Johns",
    "America/Santiago",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Asia/Kolkata",
    "Africa/Johannesburg",
];

const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// See `tests/peers/rules.py`.
#[derive(Debug, Clone, Serialize)]
struct Case {
    rule: String,
    start: String,
    zone: &'static str,
    until: Option<i64>,
    from: i64,
    to: i64,
}

#[tokio::test]
async fn rules_give_what_another_engine_gives() -> anyhow::Result<()> {
    if left_out(&[Peer::Reference])? {
        return Ok(());
    }
    let wanted = match std::env::var("CHRONUS_RULES") {
        Ok(number) => number.parse().with_context(|| format!("CHRONUS_RULES is no number: {number}"))?,
        Err(_) => USUAL,
    };
    let seed = seed()?;
    let mut random = Random::new(seed);
    let python = Python::of(Peer::Reference).await?;
    let (mut given, mut silent) = (0, 0);
    for begin in (0..wanted).step_by(BATCH) {
        let cases: Vec<Case> = (begin..wanted.min(begin + BATCH)).map(|_| case(&mut random)).collect();
        let theirs = python.run("rules.py", &[], &serde_json::to_value(&cases)?).await?;
        let theirs: Vec<Vec<i64>> = serde_json::from_value(theirs)?;
        for (case, theirs) in cases.iter().zip(theirs) {
            let ours = ours(case)?;
            anyhow::ensure!(
                ours == theirs,
                "SEED={seed}: {case:?}\nours only: {:?}\ntheirs only: {:?}",
                shown(&ours, &theirs),
                shown(&theirs, &ours)
            );
            given += ours.len();
            silent += usize::from(ours.is_empty());
        }
    }
    println!("{wanted} rules gave {given} times, {silent} of them none; to repeat them: SEED={seed}");
    anyhow::ensure!(silent * 2 < wanted, "most rules gave nothing in their windows");
    Ok(())
}

/// What the first has and the second has not, up to ten of them.
fn shown(these: &[i64], those: &[i64]) -> Vec<String> {
    let more = these.iter().filter(|at| !those.contains(at)).take(10);
    more.map(|at| Timestamp::from_second(*at).map_or_else(|error| error.to_string(), |at| at.to_string())).collect()
}

fn ours(case: &Case) -> anyhow::Result<Vec<i64>> {
    let Case { rule, start, zone, until, from, to } = case;
    let basic = |text: &str| text.replace(['-', ':'], "");
    let until = match until {
        Some(until) => format!(";UNTIL={}", basic(&Timestamp::from_second(*until)?.to_string())),
        None => String::new(),
    };
    let start = if *zone == "UTC" {
        format!("DTSTART:{}Z", basic(start))
    } else {
        format!("DTSTART;TZID={zone}:{}", basic(start))
    };
    let text =
        format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u\n{start}\nRRULE:{rule}{until}\nEND:VEVENT\nEND:VCALENDAR\n");
    let (calendar, problems) = parse(text.as_bytes())?;
    let window = Window { start: Timestamp::from_second(*from)?, end: Timestamp::from_second(*to)? };
    let (found, more) = occurrences(&calendar, Zone::utc(), window);
    anyhow::ensure!(problems.is_empty() && more.is_empty(), "{text}: {problems:?} {more:?}");
    Ok(found.iter().map(|one| one.start.as_second()).collect())
}

fn case(random: &mut Random) -> Case {
    let zone = random.one_of(&ZONES);
    let start = start(random);
    let (frequency, length) = random.one_of(&[
        ("YEARLY", 24 * 3000_i64),
        ("YEARLY", 24 * 3000),
        ("MONTHLY", 24 * 1500),
        ("MONTHLY", 24 * 1500),
        ("WEEKLY", 24 * 500),
        ("WEEKLY", 24 * 500),
        ("DAILY", 24 * 400),
        ("DAILY", 24 * 400),
        ("HOURLY", 24 * 30),
        ("MINUTELY", 24),
        ("SECONDLY", 1),
    ]);
    let mut parts = vec![format!("FREQ={frequency}")];
    if random.below(2) == 0 {
        parts.push(format!("INTERVAL={}", 1 + random.below(5)));
    }
    limits(random, frequency, start, &mut parts);
    if frequency == "WEEKLY" && parts.iter().any(|part| part.starts_with("BYSETPOS")) {
        // The other engine takes the week of DTSTART to begin with DTSTART.
        parts.push(format!("WKST={}", weekday(start)));
    } else if random.below(3) == 0 {
        parts.push(format!("WKST={}", random.one_of(&DAYS)));
    }
    let counted = random.below(3) == 0;
    if counted {
        parts.push(format!("COUNT={}", 1 + random.below(40)));
    }
    let offset = |random: &mut Random, hours: i64| SignedDuration::from_mins(random.below(60 * hours as u64) as i64);
    let begin = in_zone(start, zone).saturating_add(offset(random, length));
    let from = begin.unwrap_or(Timestamp::MAX);
    let to = from.saturating_add(offset(random, length)).unwrap_or(Timestamp::MAX);
    let until = (!counted && random.below(2) == 0).then(|| {
        let until = in_zone(start, zone).saturating_add(offset(random, 2 * length));
        until.unwrap_or(Timestamp::MAX).as_second()
    });
    // A third of the windows begin with the series, where counts and limits show.
    let from = if random.below(3) == 0 { in_zone(start, zone).as_second() - 1 } else { from.as_second() };
    let start = start.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    Case { rule: parts.join(";"), start, zone, until, from, to: to.as_second().max(from + 1) }
}

/// Near the changes of the clocks more often than not.
fn start(random: &mut Random) -> DateTime {
    let year = 2010 + random.below(14) as i16;
    let (month, day) = random.one_of(&[(3, 8), (3, 29), (4, 5), (9, 6), (10, 4), (10, 25), (11, 1), (12, 28), (1, 1)]);
    let day = date(year, month, day).saturating_add(jiff::Span::new().days(random.below(9) as i64));
    let (hour, minute) = (random.below(24) as i8, random.one_of(&[0, 0, 15, 30, 59]));
    day.at(hour, minute, random.one_of(&[0, 0, 0, 7]), 0)
}

fn weekday(at: DateTime) -> &'static str {
    DAYS[at.weekday().to_monday_zero_offset() as usize]
}

fn in_zone(at: DateTime, zone: &str) -> Timestamp {
    at.in_tz(zone).map_or(Timestamp::UNIX_EPOCH, |at| at.timestamp())
}

/// The BY… parts that the frequency may have. What gives minutes or seconds keeps to days that pass, because the other
/// engine goes through all of those that do not.
fn limits(random: &mut Random, frequency: &str, start: DateTime, parts: &mut Vec<String>) {
    let before = parts.len();
    let (short, shortest) =
        (["HOURLY", "MINUTELY", "SECONDLY"].contains(&frequency), ["MINUTELY", "SECONDLY"].contains(&frequency));
    let own = |text: String| shortest.then_some(text);
    let mut list = |random: &mut Random,
                    name: &str,
                    own: Option<String>,
                    (chance, most): (u64, u64),
                    value: &dyn Fn(&mut Random) -> String| {
        if random.below(chance) == 0 {
            let values = (0..=random.below(most)).map(|_| value(random)).chain(own);
            parts.push(format!("{name}={}", values.collect::<Vec<_>>().join(",")));
            return true;
        }
        false
    };
    let signed = |random: &mut Random, most: u64| {
        let number = 1 + random.below(most);
        if random.below(3) == 0 { format!("-{number}") } else { number.to_string() }
    };
    let month = own(start.month().to_string());
    let by_month = list(random, "BYMONTH", month, (4, 4), &|random| (1 + random.below(12)).to_string());
    // The other engine is wrong about the last week of the year before (it takes that year's length for this one's).
    let by_week = frequency == "YEARLY" && list(random, "BYWEEKNO", None, (5, 3), &|random| signed(random, 51));
    if frequency == "YEARLY" || short {
        let day = own(start.day_of_year().to_string());
        list(random, "BYYEARDAY", day, (6, 4), &|random| signed(random, 366));
    }
    if frequency != "WEEKLY" {
        list(random, "BYMONTHDAY", own(start.day().to_string()), (4, 5), &|random| signed(random, 31));
    }
    // Which of them: in a month there are at most five, in a year as many as weeks.
    let most = match frequency {
        "MONTHLY" => 5,
        "YEARLY" if by_week => 0,
        "YEARLY" if by_month => 5,
        "YEARLY" => 50,
        _ => 0,
    };
    let weekday = own(DAYS[start.weekday().to_monday_zero_offset() as usize].to_owned());
    // With and without ordinals in one list is what the other engine does not know: it wants both. Nor that a week without
    // days means the weekday of DTSTART (RFC 5545 §3.3.10: what the rule does not say is "derived from DTSTART").
    let ordinals = most > 0 && random.below(2) == 0;
    list(random, "BYDAY", weekday, (if by_week { 1 } else { 2 }, 4), &|random| {
        let day = random.one_of(&DAYS);
        if ordinals { signed(random, most) + day } else { day.to_owned() }
    });
    list(random, "BYHOUR", None, (4, 3), &|random| random.below(24).to_string());
    list(random, "BYMINUTE", None, (4, 3), &|random| random.below(60).to_string());
    if frequency != "SECONDLY" {
        list(random, "BYSECOND", None, (8, 3), &|random| random.below(60).to_string());
    }
    // A second has one time, so that a second one is looked for in vain, and for long.
    if parts.len() > before && frequency != "SECONDLY" && random.below(4) == 0 {
        let position = format!("BYSETPOS={}", signed(random, 4));
        parts.push(position);
    }
}

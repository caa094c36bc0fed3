//! Prints the occurrences of a calendar file within a window, as a provider sees them.
//!
//! `cargo run -p chronus-icalendar --example occurrences -- calendar.ics Europe/Rome 2026-01-01 2027-01-01`
//!
//! The zone is the owner's: whole days are meant in it, and floating times. `from` and `to` are days in that zone or
//! instants such as `2026-01-01T00:00:00Z`. On standard output there is a JSON list of `[start, end, whole days?]`;
//! on standard error one line for each problem. It ends with 1 if there is no calendar in the file.

use std::process::ExitCode;

use chronus_icalendar::{Window, Zone, occurrences, parse};
use jiff::Timestamp;
use jiff::civil::{Date, Time};

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(json) => {
            println!("{json}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<String, String> {
    let [path, zone, from, to] = arguments else {
        return Err("usage: occurrences <calendar.ics> <zone> <from> <to>".to_owned());
    };
    let zone = Zone::iana(zone).ok_or_else(|| format!("{zone} is no IANA time zone"))?;
    let window = Window { start: instant(from, &zone)?, end: instant(to, &zone)? };
    let bytes = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
    let (calendar, problems) = parse(&bytes).map_err(|unreadable| format!("{path}: {unreadable}"))?;
    let (found, more) = occurrences(&calendar, zone, window);
    for problem in problems.iter().chain(&more) {
        eprintln!("{}: {}", problem.uid, problem.what);
    }
    let rows: Vec<String> =
        found.iter().map(|one| format!("[\"{}\",\"{}\",{}]", one.start, one.end, one.all_day())).collect();
    Ok(format!("[{}]", rows.join(",\n ")))
}

fn instant(text: &str, zone: &Zone) -> Result<Timestamp, String> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let day = text.parse::<Date>().map_err(|_| format!("{text} is neither a day nor an instant"))?;
    zone.instant(day.to_datetime(Time::midnight())).ok_or_else(|| format!("{text} is out of range"))
}

//! Calendars of many events, for benchmarks: of the kinds that people have, and always the same ones.
//!
//! Half are single, an eighth are whole days, and the rest repeat: every day, on three days of the week, on a day of the
//! month, without an end; with days left out and a meeting that was moved. All are in one year, in a zone of their own
//! with its rules, as clients write them.

use std::fmt::Write as _;

use chronus_host::calendar::Window;

/// The year of the events.
pub const YEAR: i16 = 2025;

/// The zone in which people are who have them.
pub const ZONE: &str = "Europe/Berlin";

const BEGIN: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//chronus//tests//EN\r\nCALSCALE:GREGORIAN\r\n";
const END: &str = "END:VCALENDAR\r\n";

const RULES: &str = "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:DAYLIGHT\r\nDTSTART:19810329T020000\r\n\
    RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nTZNAME:CEST\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n\
    END:DAYLIGHT\r\nBEGIN:STANDARD\r\nDTSTART:19961027T030000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\n\
    TZNAME:CET\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n";

/// A window that all of the events are in, and which begins before and ends after their year.
pub fn window() -> anyhow::Result<Window> {
    Ok(Window { start: "2024-06-01T00:00:00Z".parse()?, end: "2026-06-01T00:00:00Z".parse()? })
}

/// So many events, each as a resource of its own: its UID and its text.
pub fn resources(count: usize) -> impl Iterator<Item = (String, String)> {
    (0..count).map(|number| (uid(number), format!("{BEGIN}{RULES}{}{END}", event(number))))
}

/// The same events as one calendar.
pub fn calendar(count: usize) -> String {
    let mut text = format!("{BEGIN}{RULES}");
    text.extend((0..count).map(event));
    text + END
}

fn uid(number: usize) -> String {
    format!("{number:05}-9c1e4b@events.example")
}

fn event(number: usize) -> String {
    let (month, day, hour) = (number % 12 + 1, number / 12 % 28 + 1, number / 7 % 9 + 8);
    let date = format!("{YEAR}{month:02}{day:02}");
    let start = format!("DTSTART;TZID=Europe/Berlin:{date}T{hour:02}0000\r\n");
    let timed = format!("{start}DTEND;TZID=Europe/Berlin:{date}T{hour:02}4500\r\n");
    let first = format!("DTSTART;TZID=Europe/Berlin:{YEAR}01{day:02}T{hour:02}0000\r\nDURATION:PT45M\r\n");
    let (when, moved) = match number % 8 {
        0..=3 => (timed, None),
        4 => (format!("DTSTART;VALUE=DATE:{date}\r\n"), None),
        5 => {
            let out = format!("EXDATE;TZID=Europe/Berlin:{YEAR}0310T{hour:02}0000,{YEAR}0312T{hour:02}0000\r\n");
            let until = format!("{YEAR}1130T225959Z");
            (format!("{first}RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR;UNTIL={until}\r\n{out}"), None)
        }
        6 => (format!("{first}RRULE:FREQ=DAILY;COUNT=40\r\n"), None),
        _ if number % 16 == 7 => (format!("{first}RRULE:FREQ=MONTHLY;BYDAY=2TU\r\n"), Some(format!("{YEAR}0513"))),
        _ => (format!("{first}RRULE:FREQ=WEEKLY\r\n"), None),
    };
    let mut text = String::new();
    let mut component = |when: &str| {
        let _ = write!(
            text,
            "BEGIN:VEVENT\r\nUID:{}\r\nDTSTAMP:{YEAR}0101T080000Z\r\nCREATED:{YEAR}0101T080000Z\r\n\
             LAST-MODIFIED:{YEAR}0101T080000Z\r\nSEQUENCE:1\r\n{when}SUMMARY:Meeting number {number}\r\n\
             LOCATION:Room {}\\, second floor\r\nDESCRIPTION:What we talk about is written down here\\, as people do\\, \
             \r\n  over more than one line.\\n\\nAnd another paragraph.\r\nSTATUS:CONFIRMED\r\nTRANSP:{}\r\n\
             BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:Soon\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\nEND:VEVENT\r\n",
            uid(number),
            number % 40,
            if number % 10 == 9 { "TRANSPARENT" } else { "OPAQUE" },
        );
    };
    component(&when);
    if let Some(date) = moved {
        let id = format!("RECURRENCE-ID;TZID=Europe/Berlin:{date}T{hour:02}0000\r\n");
        component(&format!("{id}DTSTART;TZID=Europe/Berlin:{date}T{hour:02}3000\r\nDURATION:PT1H\r\n"));
    }
    text
}

//! What is true of every input.

use jiff::civil::{DateTime, date};
use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::zone;
use crate::line::{Parameter, Property, escape, split_list, unescape};
use crate::recur::{DayOf, Frequency, Rule, Until};
use crate::zone::Clock;
use crate::{Component, Window, Zones, event, group, occurrences, parse, vtimezone};

// ---- lines and components ---------------------------------------------------------------------------------------

fn name() -> impl Strategy<Value = String> {
    prop_oneof![select(vec!["SUMMARY", "DTSTART", "ATTENDEE", "X-A"]).prop_map(str::to_owned), "[A-Z][A-Z0-9-]{0,12}"]
        .prop_filter("a name of a property", |name| name != "BEGIN" && name != "END")
}

/// Text without the control characters that no line may hold.
fn text() -> impl Strategy<Value = String> {
    "[^\\p{Cc}]{0,200}|[ -~\n\t\u{e9}\u{1F600}]{0,200}"
}

fn property() -> impl Strategy<Value = Property> {
    let parameter = (name(), vec(text(), 1..3)).prop_map(|(name, values)| Parameter { name: name.into(), values });
    (name(), vec(parameter, 0..3), text()).prop_map(|(name, mut parameters, value)| {
        // Unquoted values are not trimmed; quoted values keep their spaces.
        parameters.dedup_by(|a, b| a.name == b.name);
        Property { parameters, ..Property::from_text(&name, &value) }
    })
}

fn component() -> impl Strategy<Value = Component> {
    let leaf = ("X-[A-Z]{1,8}", vec(property(), 0..5))
        .prop_map(|(name, properties)| Component { properties, ..Component::new(&name) });
    let inner =
        leaf.prop_recursive(3, 16, 4, |inner| {
            ("X-[A-Z]{1,8}", vec(property(), 0..3), vec(inner, 0..4)).prop_map(|(name, properties, components)| {
                Component { properties, components, ..Component::new(&name) }
            })
        });
    (vec(property(), 0..4), vec(inner, 0..4)).prop_map(|(properties, components)| Component {
        properties,
        components,
        ..Component::new("VCALENDAR")
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(calendar in component()) {
        let text = calendar.write();
        prop_assert!(text.split("\r\n").all(|line| line.len() <= 75));
        let (again, problems) = parse(text.as_bytes()).unwrap();
        prop_assert_eq!(problems, vec![]);
        prop_assert_eq!(again, calendar);
    }

    #[test]
    fn text_comes_back(text in text(), items in vec(text(), 1..4)) {
        prop_assert_eq!(unescape(&escape(&text)), text);
        let list = items.iter().map(|item| escape(item)).collect::<Vec<_>>().join(",");
        prop_assert_eq!(split_list(&list).map(unescape).collect::<Vec<_>>(), items);
    }

    #[test]
    fn reading_and_writing_comes_to_rest(lines in vec(line_like(), 0..30)) {
        let text = format!("BEGIN:VCALENDAR\n{}\nEND:VCALENDAR\n", lines.join("\n"));
        if let Ok((calendar, _)) = parse(text.as_bytes()) {
            let written = calendar.write();
            let (again, problems) = parse(written.as_bytes()).unwrap();
            prop_assert_eq!(&problems, &vec![], "{}", written);
            prop_assert_eq!(again.write(), written);
        }
    }
}

/// Lines that look like something, in every wrong order and with every part broken.
pub(super) fn line_like() -> impl Strategy<Value = String> {
    let time = prop_oneof![
        "(19|20|99)[0-9]{2}[01][0-9][0-3][0-9](T[0-2][0-9][0-5][0-9][0-5][0-9]Z?)?",
        "[0-9TZ/PHMSDW+,;:-]{0,24}",
    ];
    let zone =
        select(vec!["", ";TZID=Europe/Berlin", ";TZID=Mine", ";VALUE=DATE", ";TZID=\"a:b\"", ";RANGE=THISANDFUTURE"]);
    let named = select(vec![
        "DTSTART",
        "DTEND",
        "DURATION",
        "RDATE",
        "EXDATE",
        "RECURRENCE-ID",
        "DTSTAMP",
        "SEQUENCE",
        "TZOFFSETFROM",
        "TZOFFSETTO",
        "UID",
        "LAST-MODIFIED",
        "TRIGGER",
    ]);
    let rule = (
        select(vec!["SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY", "X"]),
        vec(
            (
                select(vec![
                    "INTERVAL",
                    "COUNT",
                    "UNTIL",
                    "BYSECOND",
                    "BYMINUTE",
                    "BYHOUR",
                    "BYDAY",
                    "BYMONTHDAY",
                    "BYYEARDAY",
                    "BYWEEKNO",
                    "BYMONTH",
                    "BYSETPOS",
                    "WKST",
                ]),
                prop_oneof!["-?[0-9]{1,3}(,-?[0-9]{1,2}){0,3}", "-?[0-9]?(MO|TU|SU)", "99991231T235959Z", "4294967295"],
            ),
            0..4,
        ),
    )
        .prop_map(|(frequency, parts)| {
            let parts: String = parts.iter().map(|(name, value)| format!(";{name}={value}")).collect();
            format!("RRULE:FREQ={frequency}{parts}")
        });
    prop_oneof![
        4 => (named, zone, time).prop_map(|(name, zone, time)| format!("{name}{zone}:{time}")),
        3 => rule,
        3 => (select(vec!["BEGIN", "END"]), select(vec!["VEVENT", "VTIMEZONE", "STANDARD", "DAYLIGHT", "VALARM", "VCALENDAR"]))
            .prop_map(|(edge, name)| format!("{edge}:{name}")),
        1 => "[ -~\\PC]{0,40}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Nothing panics, hangs or leaves its bounds, whatever the calendar.
    #[test]
    fn any_calendar_can_be_expanded(
        lines in vec(line_like(), 0..40),
        from in -20_000_000_000_i64..60_000_000_000,
        length in 0_i64..40_000_000,
    ) {
        let text = format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u\n{}\nEND:VEVENT\nEND:VCALENDAR\n", lines.join("\n"));
        let Ok((mut calendar, _)) = parse(text.as_bytes()) else { return Ok(()) };
        let start = Timestamp::from_second(from).unwrap();
        let window = Window { start, end: start.checked_add(SignedDuration::from_secs(length)).unwrap() };
        let (found, _) = occurrences(&calendar, zone("America/Santiago"), window);
        for one in &found {
            prop_assert!(one.start <= one.end);
            prop_assert!(window.meets(one.start, one.end));
        }
        let (found, _) = occurrences(&calendar, zone("UTC"), Window { start: Timestamp::MIN, end: Timestamp::MIN });
        prop_assert!(found.is_empty());
        let mut zones = Zones::new(&calendar, zone("Europe/Rome"));
        for vevent in calendar.inner("VEVENT") {
            event::read(vevent, &mut zones);
        }
        vtimezone::define_zones(&mut calendar);
    }

    #[test]
    fn any_bytes_can_be_read(bytes in vec(any::<u8>(), 0..400)) {
        let _ = parse(&bytes);
        let _ = parse(&[b"BEGIN:VCALENDAR\n".as_slice(), &bytes, b"\nEND:VCALENDAR\n"].concat());
    }
}

proptest! {
    /// A clock with a cache gives the same results as its zone, in every order of queries.
    #[test]
    fn a_clock_agrees_with_its_zone(
        name in select(vec!["Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "Pacific/Apia", "Asia/Kolkata"]),
        around in select(vec!["2011-12-30", "2026-03-29", "2026-10-25", "2026-04-05", "2026-10-04", "2026-09-06"]),
        minutes in vec(-4000_i64..4000, 1..60),
    ) {
        let zone = zone(name);
        let clock = Clock::new(&zone);
        let middle: DateTime = around.parse().unwrap();
        let far = middle.checked_add(SignedDuration::from_hours(24 * 60)).unwrap();
        for minutes in minutes {
            let wall = middle.checked_add(SignedDuration::from_mins(minutes)).unwrap();
            prop_assert_eq!(clock.instant(wall), zone.instant(wall), "{} in {}", wall, name);
            prop_assert_eq!(clock.instant(far), zone.instant(far));
        }
    }
}

// ---- rules --------------------------------------------------------------------------------------------------------

pub(super) fn day_of() -> impl Strategy<Value = DayOf> {
    use jiff::civil::Weekday::*;
    (select(vec![0, 0, 1, 2, -1, 5]), select(vec![Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday]))
        .prop_map(|(ordinal, weekday)| DayOf { ordinal, weekday })
}

pub(super) fn some<T: Clone + std::fmt::Debug + 'static>(values: Vec<T>, most: usize) -> impl Strategy<Value = Vec<T>> {
    prop_oneof![3 => Just(Vec::new()), 1 => subsequence(values, 1..=most)]
}

/// Rules without COUNT and UNTIL.
pub(super) fn rule() -> impl Strategy<Value = Rule> {
    use Frequency::*;
    let frequency = select(vec![Hourly, Daily, Daily, Weekly, Weekly, Monthly, Monthly, Yearly, Yearly]);
    let days = (
        prop_oneof![1 => Just(Vec::new()), 1 => vec(day_of(), 1..4)],
        some((-31..=31).filter(|day| *day != 0).collect(), 4),
        some(vec![1, 60, 100, 366, -1, -366], 3),
        some(vec![1, 20, 52, 53, -1, -53], 2),
        some((1..=12).collect(), 4),
    );
    let times = (some(vec![0, 9, 12, 23], 2), some(vec![0, 15, 59], 2));
    (frequency, 1_u32..6, days, times, some(vec![1, 2, -1, -2], 2), day_of()).prop_map(
        |(
            frequency,
            interval,
            (by_day, by_month_day, by_year_day, by_week, by_month),
            (by_hour, by_minute),
            by_position,
            week,
        )| {
            Rule {
                interval,
                by_day,
                by_month_day,
                by_year_day,
                by_week,
                by_month,
                by_hour,
                by_minute,
                by_position,
                week_start: week.weekday,
                ..Rule::new(frequency)
            }
        },
    )
}

pub(super) fn start() -> impl Strategy<Value = DateTime> {
    (2010_i16..2026, 1_i8..=12, 1_i8..=28, 0_i8..24, select(vec![0_i8, 15, 30]))
        .prop_map(|(year, month, day, hour, minute)| date(year, month, day).at(hour, minute, 0, 0))
}

pub(super) fn all(rule: &Rule, start: DateTime, from: DateTime, to: DateTime) -> Vec<DateTime> {
    let mut starts = rule.starts(start, from, to, true);
    let all: Vec<_> = starts.by_ref().collect();
    assert!(!starts.gave_up());
    all
}

proptest! {
    #[test]
    fn rules_are_written_as_they_are_read(rule in rule(), count in option::of(1_u32..9), until in option::of(start())) {
        for until in [None, until.map(Until::Utc), until.map(Until::Local), until.map(|at| Until::Date(at.date()))] {
            let rule = Rule { count, until, ..rule.clone() };
            prop_assert_eq!(Rule::parse(&rule.write()).unwrap(), rule);
        }
    }

    /// Jumping ahead to a window gives what walking there gives.
    #[test]
    fn a_window_is_a_part_of_the_whole(rule in rule(), start in start(), days in 0_i64..3000, length in 1_i64..700) {
        let end = date(2036, 1, 1).at(0, 0, 0, 0);
        let whole = all(&rule, start, start, end);
        prop_assert!(whole.is_sorted_by(|a, b| a < b), "sorted, without repetition");
        let from = start.checked_add(SignedDuration::from_hours(24 * days + 7)).unwrap();
        let to = from.checked_add(SignedDuration::from_hours(24 * length)).unwrap().min(end);
        let part: Vec<_> = whole.iter().copied().filter(|at| (from..to).contains(at)).collect();
        prop_assert_eq!(all(&rule, start, from, to), part);
    }

    /// COUNT gives the beginning of what the rule gives without it, wherever the window is.
    #[test]
    fn a_count_is_a_beginning(rule in rule(), start in start(), count in 1_u32..60, days in 0_i64..800) {
        let end = date(2036, 1, 1).at(0, 0, 0, 0);
        let whole = all(&rule, start, start, end);
        let counted = Rule { count: Some(count), ..rule };
        let missing = usize::from(whole.first() != Some(&start));
        let expected: Vec<_> = whole.into_iter().take(count as usize - missing).collect();
        prop_assert_eq!(&all(&counted, start, start, end), &expected);
        let from = start.checked_add(SignedDuration::from_hours(24 * days)).unwrap();
        let later: Vec<_> = expected.into_iter().filter(|at| *at >= from).collect();
        prop_assert_eq!(all(&counted, start, from, end), later);
    }

    /// Every time of a rule matches every part of the rule, checked against jiff's calendar.
    #[test]
    fn a_time_has_what_its_rule_asks_for(rule in rule(), start in start()) {
        for at in all(&rule, start, start, date(2030, 1, 1).at(0, 0, 0, 0)).into_iter().take(300) {
            let wanted = |list: &[i64], value: i64, length: i64| {
                list.is_empty() || list.iter().any(|&one| one == value || one == value - length - 1)
            };
            let wide = |list: &[i8]| list.iter().map(|&one| i64::from(one)).collect::<Vec<_>>();
            prop_assert!(rule.by_month.is_empty() || rule.by_month.contains(&(at.month() as u8)));
            prop_assert!(wanted(&wide(&rule.by_month_day), at.day().into(), at.date().days_in_month().into()));
            let year_days: Vec<i64> = rule.by_year_day.iter().map(|&one| one.into()).collect();
            prop_assert!(wanted(&year_days, at.day_of_year().into(), at.date().days_in_year().into()));
            prop_assert!(rule.by_day.is_empty() || rule.by_day.iter().any(|day| day.weekday == at.weekday()));
            prop_assert!(rule.by_hour.is_empty() || rule.by_hour.contains(&(at.hour() as u8)));
            prop_assert!(rule.by_minute.is_empty() || rule.by_minute.contains(&(at.minute() as u8)));
            if !rule.by_week.is_empty() && rule.week_start == jiff::civil::Weekday::Monday {
                let week = at.date().iso_week_date();
                prop_assert!(wanted(&wide(&rule.by_week), week.week().into(), week.weeks_in_year().into()));
            }
        }
    }
}

// ---- series -------------------------------------------------------------------------------------------------------

/// A calendar with one series in a zone, with exceptions of every kind.
pub(super) fn series() -> impl Strategy<Value = String> {
    let zone =
        select(vec!["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kolkata"]);
    let bound = prop_oneof![
        2 => Just(String::new()),
        1 => (1_u32..60).prop_map(|count| format!(";COUNT={count}")),
        1 => start().prop_map(|until| format!(";UNTIL={}Z", until.strftime("%Y%m%dT%H%M%S"))),
    ];
    let length = select(vec!["DURATION:PT1H", "DURATION:P1DT2H", "DURATION:P9D", "X-NO:1"]);
    let moved = (any::<bool>(), -90_i64..90, -10_i64..10);
    let other = (start(), start(), vec((0_i64..700, moved), 0..3), vec(0_i64..700, 0..3));
    (zone, rule(), start(), bound, length, other).prop_map(
        |(zone, rule, start, bound, length, (rdate, _, moved, without))| {
            let time = |at: DateTime| at.strftime("%Y%m%dT%H%M%S").to_string();
            let later =
                |days: i64, hours: i64| time(start.checked_add(SignedDuration::from_hours(24 * days + hours)).unwrap());
            let mut lines = vec![
                "BEGIN:VCALENDAR".to_owned(),
                "BEGIN:VEVENT\nUID:u".to_owned(),
                format!("DTSTART;TZID={zone}:{}", time(start)),
                length.to_owned(),
                format!("RRULE:{}{bound}", rule.write()),
                format!("RDATE;TZID={zone}:{}", time(rdate)),
            ];
            lines.extend(without.iter().map(|days| format!("EXDATE;TZID={zone}:{}", later(*days, 0))));
            lines.push("END:VEVENT".to_owned());
            for (days, (range, by_days, by_hours)) in moved {
                let range = if range { ";RANGE=THISANDFUTURE" } else { "" };
                lines.push(format!("BEGIN:VEVENT\nUID:u\nRECURRENCE-ID;TZID={zone}{range}:{}", later(days, 0)));
                lines.push(format!("DTSTART;TZID={zone}:{}\n{length}\nEND:VEVENT", later(days + by_days, by_hours)));
            }
            lines.push("END:VCALENDAR\n".to_owned());
            lines.join("\n")
        },
    )
}

/// Start, end and name of each occurrence.
fn shown(calendar: &Component, window: Window) -> Vec<(Timestamp, Timestamp, String)> {
    let (found, problems) = occurrences(calendar, zone("Europe/Rome"), window);
    assert_eq!(problems, []);
    found.iter().map(|one| (one.start, one.end, format!("{:?}", one.original))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A window shows the same occurrences as a larger one, and adjacent windows show each occurrence once.
    #[test]
    fn windows_agree(text in series(), from in 0_i64..5000, length in 1_i64..400) {
        let (calendar, _) = parse(text.as_bytes()).unwrap();
        let day = |number: i64| Timestamp::from_second(1_262_304_000 + number * 86_400 + 3600).unwrap();
        let large = Window { start: day(from - 500), end: day(from + length + 500) };
        let small = Window { start: day(from), end: day(from + length) };
        let whole = shown(&calendar, large);
        prop_assert!(whole.is_sorted_by_key(|(start, end, _)| (*start, *end)));
        let sort = |mut list: Vec<(Timestamp, Timestamp, String)>| { list.sort(); list };
        let part: Vec<_> = whole.iter().filter(|(start, end, _)| small.meets(*start, *end)).cloned().collect();
        prop_assert_eq!(sort(shown(&calendar, small)), sort(part));
        let middle = day(from + length / 2);
        let [left, right] = [Window { end: middle, ..small }, Window { start: middle, ..small }];
        let beginning = |window: Window, list: Vec<(Timestamp, Timestamp, String)>| {
            list.into_iter().filter(move |(start, _, _)| *start >= window.start).collect::<Vec<_>>()
        };
        let both = [beginning(left, shown(&calendar, left)), beginning(right, shown(&calendar, right))].concat();
        prop_assert_eq!(sort(both), sort(beginning(small, shown(&calendar, small))));
    }

    /// The times of a rule keep their local time of day, unless the clocks skip it; every occurrence has one id.
    #[test]
    fn the_wall_clock_is_kept(rule in rule(), start in start(), name in select(vec!["Europe/Berlin", "Australia/Sydney"])) {
        let text = format!(
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u\nDTSTART;TZID={name}:{}\nRRULE:{}\nEND:VEVENT\nEND:VCALENDAR\n",
            start.strftime("%Y%m%dT%H%M%S"), rule.write()
        );
        let (calendar, _) = parse(text.as_bytes()).unwrap();
        let window = Window {
            start: Timestamp::from_second(1_767_225_600).unwrap(),
            end: Timestamp::from_second(1_798_761_600).unwrap(),
        };
        let zone = zone(name);
        let expected = all(&rule, start, date(2025, 12, 1).at(0, 0, 0, 0), date(2027, 2, 1).at(0, 0, 0, 0));
        let mut instants: Vec<Timestamp> = expected.iter().filter_map(|wall| zone.instant(*wall)).collect();
        instants.retain(|at| window.meets(*at, *at));
        instants.sort();
        instants.dedup();
        let (found, _) = occurrences(&calendar, zone.clone(), window);
        let series = group(&calendar).0;
        prop_assert_eq!(series.len(), 1);
        let starts: Vec<Timestamp> = found.iter().map(|one| one.start).collect();
        let own = starts.iter().filter(|at| zone.local(**at) != start || instants.contains(at));
        prop_assert_eq!(own.copied().collect::<Vec<_>>(), instants);
        for one in &found {
            let wall = zone.local(one.start);
            let skipped = zone.instant(wall) == Some(one.start) && !expected.contains(&wall) && wall != start;
            prop_assert!(!skipped || expected.iter().any(|wall| zone.instant(*wall) == Some(one.start)));
        }
    }
}

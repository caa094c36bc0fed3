//! Recurrence rules: the examples of RFC 5545 §3.8.5.3, and what is easy to get wrong.

use jiff::civil::{DateTime, date};

use crate::recur::Rule;

/// The first `count` times of a rule, as `month-day` or with the hour and minute if they differ from the start.
fn first(count: usize, rule: &str, start: DateTime) -> Vec<String> {
    let end = date(9000, 1, 1).at(0, 0, 0, 0);
    let rule = Rule::parse(rule).unwrap();
    let mut starts = rule.starts(start, start, end, true);
    let show = |at: DateTime| match at.time() == start.time() {
        true => at.strftime("%Y-%m-%d").to_string(),
        false => at.strftime("%Y-%m-%d %H:%M").to_string(),
    };
    let shown = starts.by_ref().take(count).map(show).collect();
    assert!(!starts.gave_up());
    shown
}

/// 2 September 1997, a Tuesday, on which most examples of the RFC start.
fn tuesday() -> DateTime {
    date(1997, 9, 2).at(9, 0, 0, 0)
}

#[test]
fn daily_weekly_and_bounds() {
    assert_eq!(first(9, "FREQ=DAILY;COUNT=3", tuesday()), ["1997-09-02", "1997-09-03", "1997-09-04"]);
    assert_eq!(first(3, "FREQ=DAILY;INTERVAL=10", tuesday()), ["1997-09-02", "1997-09-12", "1997-09-22"]);
    assert_eq!(
        first(4, "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,TH", tuesday()),
        ["1997-09-02", "1997-09-04", "1997-09-16", "1997-09-18"]
    );
    // Two rules that differ in WKST alone.
    let start = date(1997, 8, 5).at(9, 0, 0, 0);
    assert_eq!(
        first(9, "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", start),
        ["1997-08-05", "1997-08-10", "1997-08-19", "1997-08-24"]
    );
    assert_eq!(
        first(9, "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", start),
        ["1997-08-05", "1997-08-17", "1997-08-19", "1997-08-31"]
    );
}

#[test]
fn monthly() {
    let friday = date(1997, 9, 5).at(9, 0, 0, 0);
    assert_eq!(first(3, "FREQ=MONTHLY;BYDAY=1FR", friday), ["1997-09-05", "1997-10-03", "1997-11-07"]);
    assert_eq!(
        first(4, "FREQ=MONTHLY;INTERVAL=2;BYDAY=1SU,-1SU", date(1997, 9, 7).at(9, 0, 0, 0)),
        ["1997-09-07", "1997-09-28", "1997-11-02", "1997-11-30"]
    );
    assert_eq!(
        first(3, "FREQ=MONTHLY;BYMONTHDAY=-3", date(1997, 9, 28).at(9, 0, 0, 0)),
        ["1997-09-28", "1997-10-29", "1997-11-28"]
    );
    assert_eq!(
        first(4, "FREQ=MONTHLY;BYMONTHDAY=1,-1", date(1997, 9, 30).at(9, 0, 0, 0)),
        ["1997-09-30", "1997-10-01", "1997-10-31", "1997-11-01"]
    );
    // Friday the 13th, which the start is not.
    assert_eq!(first(3, "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", tuesday()), ["1998-02-13", "1998-03-13", "1998-11-13"]);
    // The day is skipped where the month has none.
    assert_eq!(first(3, "FREQ=MONTHLY", date(2007, 1, 31).at(9, 0, 0, 0)), ["2007-01-31", "2007-03-31", "2007-05-31"]);
}

#[test]
fn yearly() {
    assert_eq!(
        first(4, "FREQ=YEARLY;BYMONTH=6,7", date(1997, 6, 10).at(9, 0, 0, 0)),
        ["1997-06-10", "1997-07-10", "1998-06-10", "1998-07-10"]
    );
    assert_eq!(
        first(4, "FREQ=YEARLY;INTERVAL=3;BYYEARDAY=1,100,200", date(1997, 1, 1).at(9, 0, 0, 0)),
        ["1997-01-01", "1997-04-10", "1997-07-19", "2000-01-01"]
    );
    assert_eq!(
        first(3, "FREQ=YEARLY;BYDAY=20MO", date(1997, 5, 19).at(9, 0, 0, 0)),
        ["1997-05-19", "1998-05-18", "1999-05-17"]
    );
    assert_eq!(
        first(3, "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", date(1997, 5, 12).at(9, 0, 0, 0)),
        ["1997-05-12", "1998-05-11", "1999-05-17"]
    );
    // Without BYDAY, the weekday is that of the start.
    assert_eq!(
        first(3, "FREQ=YEARLY;BYWEEKNO=20", date(1997, 5, 12).at(9, 0, 0, 0)),
        ["1997-05-12", "1998-05-11", "1999-05-17"]
    );
    assert_eq!(
        first(3, "FREQ=YEARLY;BYMONTH=3;BYDAY=TH", date(1997, 3, 13).at(9, 0, 0, 0)),
        ["1997-03-13", "1997-03-20", "1997-03-27"]
    );
    // Election day of the United States.
    assert_eq!(
        first(
            3,
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
            date(1996, 11, 5).at(9, 0, 0, 0)
        ),
        ["1996-11-05", "2000-11-07", "2004-11-02"]
    );
    assert_eq!(first(3, "FREQ=YEARLY", date(2024, 2, 29).at(9, 0, 0, 0)), ["2024-02-29", "2028-02-29", "2032-02-29"]);
}

#[test]
fn the_first_and_last_week_of_a_year() {
    // 29 December 2025 is in week 1 of 2026; 2026 has 53 weeks.
    let start = date(2025, 1, 1).at(9, 0, 0, 0);
    assert_eq!(first(3, "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO", start), ["2025-12-29", "2027-01-04", "2028-01-03"]);
    assert_eq!(first(2, "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO", start), ["2026-12-28", "2032-12-27"]);
    assert_eq!(first(2, "FREQ=YEARLY;BYWEEKNO=-1;BYDAY=MO", start), ["2025-12-22", "2026-12-28"]);
}

#[test]
fn positions() {
    assert_eq!(
        first(3, "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", date(1997, 9, 4).at(9, 0, 0, 0)),
        ["1997-09-04", "1997-10-07", "1997-11-06"]
    );
    assert_eq!(
        first(3, "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", date(1997, 9, 29).at(9, 0, 0, 0)),
        ["1997-09-29", "1997-10-30", "1997-11-27"]
    );
    // The set is that of the whole interval, also before the start: the first week has a Monday that counts.
    assert_eq!(first(2, "FREQ=WEEKLY;BYDAY=MO,TU,WE;BYSETPOS=1", tuesday()), ["1997-09-08", "1997-09-15"]);
}

#[test]
fn shorter_than_a_day() {
    assert_eq!(
        first(4, "FREQ=HOURLY;INTERVAL=3", tuesday()),
        ["1997-09-02", "1997-09-02 12:00", "1997-09-02 15:00", "1997-09-02 18:00"]
    );
    assert_eq!(
        first(3, "FREQ=MINUTELY;INTERVAL=90", tuesday()),
        ["1997-09-02", "1997-09-02 10:30", "1997-09-02 12:00"]
    );
    let daily = first(60, "FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40", tuesday());
    let minutely = first(60, "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16", tuesday());
    assert_eq!(daily, minutely);
    assert_eq!(
        first(3, "FREQ=SECONDLY;BYMONTH=1;BYDAY=SA;BYHOUR=8;BYMINUTE=5;BYSECOND=0", tuesday()),
        ["1998-01-03 08:05", "1998-01-10 08:05", "1998-01-17 08:05"]
    );
}

#[test]
fn a_start_that_the_rule_does_not_give_counts_as_the_first() {
    let rule = Rule::parse("FREQ=WEEKLY;BYDAY=MO;COUNT=3").unwrap();
    let end = date(1998, 1, 1).at(0, 0, 0, 0);
    assert_eq!(rule.starts(tuesday(), tuesday(), end, true).count(), 2);
    assert_eq!(rule.starts(tuesday(), tuesday(), end, false).count(), 3);
    let given = Rule::parse("FREQ=WEEKLY;BYDAY=TU;COUNT=3").unwrap();
    assert_eq!(given.starts(tuesday(), tuesday(), end, true).count(), 3);
}

#[test]
fn rules_that_never_match_end() {
    for rule in [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30;COUNT=4",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=SECONDLY;INTERVAL=86400;BYHOUR=3;COUNT=2",
        "FREQ=MINUTELY;INTERVAL=1440;BYMINUTE=7",
        "FREQ=YEARLY;BYDAY=53MO;BYMONTH=1",
        "FREQ=YEARLY;INTERVAL=4294967295",
    ] {
        let rule = Rule::parse(rule).unwrap();
        let mut starts = rule.starts(tuesday(), tuesday(), date(2030, 1, 1).at(0, 0, 0, 0), false);
        assert!(starts.by_ref().count() <= 1, "{rule:?}");
        assert!(!starts.gave_up(), "{rule:?}");
    }
}

#[test]
fn rules_that_take_too_long_say_so() {
    let rule = Rule::parse("FREQ=SECONDLY;COUNT=4000000000").unwrap();
    let (from, to) = (date(2026, 1, 1).at(0, 0, 0, 0), date(2027, 1, 1).at(0, 0, 0, 0));
    let mut starts = rule.starts(tuesday(), from, to, true);
    assert_eq!(starts.next(), None);
    assert!(starts.gave_up());
}

#[test]
fn decades_cost_no_steps() {
    let from = date(2026, 6, 1).at(0, 0, 0, 0);
    for rule in ["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO", "FREQ=HOURLY;INTERVAL=5", "FREQ=MONTHLY", "FREQ=YEARLY"] {
        let rule = Rule::parse(rule).unwrap();
        let mut starts = rule.starts(date(1900, 1, 1).at(9, 0, 0, 0), from, from.tomorrow().unwrap(), true);
        while starts.next().is_some() {}
        assert!(starts.steps() < 20, "{rule:?}: {}", starts.steps());
    }
}

#[test]
fn rules_are_read_leniently_in_form_and_strictly_in_value() {
    let rule = Rule::parse(" freq=weekly ;byday= mo,-1fr;;wkst=su; X-FOO=1;COUNT=-1;RSCALE=gregorian").unwrap();
    assert_eq!(rule.write(), "FREQ=WEEKLY;BYDAY=MO,-1FR;WKST=SU");
    let bad = [
        "",
        "INTERVAL=2",
        "FREQ=FORTNIGHTLY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;BYHOUR=24",
        "FREQ=DAILY;BYMONTHDAY=0",
        "FREQ=DAILY;BYMONTHDAY=32",
        "FREQ=DAILY;BYDAY=XX",
        "FREQ=DAILY;BYDAY=0MO",
        "FREQ=DAILY;BYDAY=é",
        "FREQ=DAILY;UNTIL=soon",
        "FREQ=DAILY;UNTL=20200101",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=MONTHLY;RSCALE=HEBREW",
        "FREQ=MONTHLY;SKIP=FORWARD",
        "FREQ",
        "FREQ=DAILY;BYMONTH=99999999999",
        "FREQ=DAILY;INTERVAL=99999999999",
        "FREQ=DAILY;BYSETPOS=367",
    ];
    for text in bad {
        assert!(Rule::parse(text).is_err(), "{text}");
    }
}

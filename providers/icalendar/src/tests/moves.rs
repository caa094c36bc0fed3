//! Rules that are moved to another start.

use jiff::SignedDuration;
use jiff::civil::{DateTime, date};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::laws::{all, day_of, rule, some, start};
use crate::recur::{DayOf, Frequency, Rule};

fn time(text: &str) -> DateTime {
    text.parse().unwrap()
}

/// The rule that a move gives.
fn moved(rule: &str, from: &str, to: &str) -> Option<String> {
    Some(Rule::parse(rule).unwrap().moved(time(from), time(to))?.write())
}

#[test]
fn rules_that_name_days_follow_their_start() {
    for (rule, from, to, expected) in [
        ("FREQ=WEEKLY;COUNT=5;BYDAY=WE", "2026-12-02", "2026-12-03", "FREQ=WEEKLY;COUNT=5;BYDAY=TH"),
        ("FREQ=WEEKLY;BYDAY=MO,SU", "2026-12-06", "2026-12-05", "FREQ=WEEKLY;BYDAY=SU,SA"),
        ("FREQ=WEEKLY;BYDAY=MO", "2026-11-30", "2026-12-14", "FREQ=WEEKLY;BYDAY=MO"),
        ("FREQ=WEEKLY", "2026-12-02", "2026-12-03", "FREQ=WEEKLY"),
        // In every other week, both days must stay in one week.
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE", "2026-11-30", "2026-12-02", "FREQ=WEEKLY;INTERVAL=2;BYDAY=WE,FR"),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU",
            "2026-11-30",
            "2026-12-01",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,MO;WKST=TU",
        ),
        ("FREQ=DAILY;BYDAY=MO,TU", "2026-11-30", "2026-12-01", "FREQ=DAILY;BYDAY=TU,WE"),
        ("FREQ=MONTHLY;BYDAY=MO", "2026-11-30", "2026-12-01", "FREQ=MONTHLY;BYDAY=TU"),
        ("FREQ=MONTHLY;BYDAY=2MO", "2026-12-14", "2026-12-21", "FREQ=MONTHLY;BYDAY=3MO"),
        ("FREQ=MONTHLY;BYDAY=-1MO", "2026-12-28", "2026-12-21", "FREQ=MONTHLY;BYDAY=-2MO"),
        ("FREQ=YEARLY;BYDAY=20MO", "2026-05-18", "2026-05-25", "FREQ=YEARLY;BYDAY=21MO"),
        ("FREQ=MONTHLY;BYMONTHDAY=15,-10", "2026-12-15", "2026-12-17", "FREQ=MONTHLY;BYMONTHDAY=17,-8"),
        ("FREQ=MONTHLY", "2026-12-15", "2026-12-28", "FREQ=MONTHLY"),
        (
            "FREQ=MONTHLY;BYMONTHDAY=29;BYMONTH=3,6",
            "2026-03-29",
            "2026-03-30",
            "FREQ=MONTHLY;BYMONTHDAY=30;BYMONTH=3,6",
        ),
        ("FREQ=YEARLY;BYMONTHDAY=30;BYMONTH=5", "2026-05-30", "2026-06-02", "FREQ=YEARLY;BYMONTHDAY=2;BYMONTH=6"),
        ("FREQ=YEARLY;BYMONTHDAY=31;BYMONTH=12", "2026-12-31", "2027-01-01", "FREQ=YEARLY;BYMONTHDAY=1;BYMONTH=1"),
        ("FREQ=YEARLY", "2026-12-31", "2027-01-01", "FREQ=YEARLY"),
        ("FREQ=YEARLY;BYYEARDAY=60,-60", "2026-03-01", "2026-03-02", "FREQ=YEARLY;BYYEARDAY=61,-59"),
    ] {
        let at = |day: &str| format!("{day}T09:00:00");
        assert_eq!(moved(rule, &at(from), &at(to)).as_deref(), Some(expected), "{rule} from {from} to {to}");
    }
}

#[test]
fn rules_that_name_times_follow_their_start() {
    let (nine, ten) = ("2026-12-02T09:00:00", "2026-12-02T10:15:00");
    for (rule, expected) in [
        ("FREQ=DAILY;BYMINUTE=0;BYHOUR=9", Some("FREQ=DAILY;BYMINUTE=15;BYHOUR=10")),
        ("FREQ=WEEKLY;BYHOUR=9;BYDAY=WE", Some("FREQ=WEEKLY;BYHOUR=10;BYDAY=WE")),
        ("FREQ=MONTHLY;BYDAY=1WE", Some("FREQ=MONTHLY;BYDAY=1WE")),
        ("FREQ=HOURLY", Some("FREQ=HOURLY")),
        ("FREQ=DAILY;BYHOUR=9,23", None),
        ("FREQ=DAILY;BYHOUR=8", None),
        ("FREQ=HOURLY;BYDAY=MO", None),
    ] {
        assert_eq!(moved(rule, nine, ten).as_deref(), expected, "{rule}");
        assert_eq!(moved(rule, nine, nine).as_deref(), Some(rule));
    }
}

#[test]
fn what_no_rule_can_say_is_refused() {
    for (rule, from, to) in [
        // The day after the second Monday is the third Tuesday if the month begins on a Tuesday.
        ("FREQ=MONTHLY;BYDAY=2MO", "2026-12-14", "2026-12-15"),
        // Not every month has a fifth Monday.
        ("FREQ=MONTHLY;BYDAY=4MO", "2026-12-28", "2027-01-04"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2026-12-31", "2027-01-01"),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "2026-11-13", "2026-11-14"),
        ("FREQ=MONTHLY;BYMONTHDAY=28", "2026-12-28", "2026-12-29"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-12-31", "2027-01-01"),
        ("FREQ=MONTHLY", "2026-12-31", "2027-01-01"),
        ("FREQ=MONTHLY", "2026-12-30", "2026-12-31"),
        ("FREQ=YEARLY", "2026-02-28", "2026-03-01"),
        ("FREQ=YEARLY", "2024-02-29", "2024-03-01"),
        ("FREQ=YEARLY", "2026-05-01", "2028-05-01"),
        ("FREQ=YEARLY;BYMONTH=5", "2010-02-16", "2010-03-01"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "2026-05-11", "2026-05-12"),
        ("FREQ=YEARLY;BYYEARDAY=365", "2026-12-31", "2027-01-01"),
        ("FREQ=DAILY;BYMONTH=1", "2026-01-01", "2026-01-02"),
        ("FREQ=WEEKLY;BYMONTH=1;BYDAY=MO", "2026-01-05", "2026-01-06"),
    ] {
        let at = |day: &str| format!("{day}T09:00:00");
        assert_eq!(moved(rule, &at(from), &at(to)), None, "{rule} from {from} to {to}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// A moved rule gives the times of the old one, each moved as far.
    #[test]
    fn a_moved_rule_gives_the_moved_times(
        rule in prop_oneof![1 => rule(), 3 => plain_rule()],
        start in start(),
        count in option::of(1_u32..30),
        days in prop_oneof![-40_i64..40, (-9_i64..9).prop_map(|weeks| 7 * weeks), -400_i64..400],
        time in option::of((0_i8..24, select(vec![0_i8, 15, 30]))),
    ) {
        let rule = Rule { count, ..rule };
        let later = |at: DateTime, days: i64| at.checked_add(SignedDuration::from_hours(24 * days)).unwrap();
        let to = later(start, days);
        let to = time.map_or(to, |(hour, minute)| to.date().at(hour, minute, 0, 0));
        let Some(moved) = rule.moved(start, to) else { return Ok(()) };
        let by = start.duration_until(to);
        let end = date(2048, 1, 1).at(0, 0, 0, 0);
        let expected: Vec<_> = all(&rule, start, start, end).iter().map(|at| at.checked_add(by).unwrap()).collect();
        let found = all(&moved, to, to, end.checked_add(by).unwrap());
        prop_assert_eq!(found, expected, "{} from {} to {}", rule.write(), start, to);
    }
}

/// Rules as calendars offer them: with one part about days, or with a date.
fn plain_rule() -> impl Strategy<Value = Rule> {
    use Frequency::*;
    let weekdays = vec(day_of(), 1..4).prop_map(|days| Rule {
        by_day: days.into_iter().map(|day| DayOf { ordinal: 0, ..day }).collect(),
        ..Rule::new(Weekly)
    });
    let third = |day: DayOf| DayOf { ordinal: if day.ordinal == 0 { 3 } else { day.ordinal }, ..day };
    let ordinals = (vec(day_of(), 1..3), select(vec![Monthly, Yearly])).prop_map(move |(days, frequency)| Rule {
        by_day: days.into_iter().map(third).collect(),
        ..Rule::new(frequency)
    });
    let dates = (vec(-31_i8..=31, 0..3), some((1..=12).collect(), 3), select(vec![Monthly, Yearly])).prop_map(
        |(days, by_month, frequency)| Rule {
            by_month_day: days.into_iter().filter(|day| *day != 0).collect(),
            by_month,
            ..Rule::new(frequency)
        },
    );
    let year_days = vec(1_i16..366, 1..3).prop_map(|by_year_day| Rule { by_year_day, ..Rule::new(Yearly) });
    let bare = select(vec![Daily, Weekly, Monthly, Yearly]).prop_map(Rule::new);
    let positions = prop_oneof![3 => Just(Vec::new()), 1 => Just(vec![-1]), 1 => Just(vec![1, 2])];
    (prop_oneof![3 => weekdays, 2 => ordinals, 3 => dates, 1 => year_days, 1 => bare], 1_u32..4, positions, day_of())
        .prop_map(|(rule, interval, by_position, week)| Rule {
            interval,
            by_position,
            week_start: week.weekday,
            ..rule
        })
}

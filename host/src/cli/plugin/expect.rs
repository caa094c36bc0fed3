//! `[expect]` of a target: the events that the tester put into the account by hand.
//!
//! Decision: each error names the field, with the number of the interval, and shows a valid value.

use crate::{
    calendar::{BusyKind, Window},
    conformance::{EventForm, Expectation, ExpectedEvent, ExpectedInterval, ExpectedSpan},
};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;

/// The table as it is in the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectTable {
    from: String,
    to: String,
    calendar: Option<String>,
    #[serde(default)]
    without: Vec<EventForm>,
    intervals: Vec<IntervalTable>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct IntervalTable {
    start: String,
    end: String,
    #[serde(default)]
    all_day: bool,
    #[serde(default = "busy")]
    kind: BusyKind,
    #[serde(default)]
    event: ExpectedEvent,
}

const fn busy() -> BusyKind {
    BusyKind::Busy
}

impl ExpectTable {
    /// Checks the values. The error is a sentence that begins with the field.
    pub(super) fn check(&self) -> Result<Expectation, String> {
        let window = Window { start: instant("expect.from", &self.from)?, end: instant("expect.to", &self.to)? };
        if window.end <= window.start {
            return Err("expect.to: it is not after `from`; name a later instant".into());
        }
        if self.intervals.is_empty() {
            return Err("expect.intervals: it is empty; add [[expect.intervals]] with the time of an event".into());
        }
        let numbered = (1..).zip(&self.intervals);
        let intervals = numbered.map(|(number, one)| one.check(number, window)).collect::<Result<_, _>>()?;
        Ok(Expectation { window, calendar: self.calendar.clone(), intervals, without: self.without.clone() })
    }
}

impl IntervalTable {
    fn check(&self, number: usize, window: Window) -> Result<ExpectedInterval, String> {
        let field = |name: &str| format!("expect.intervals {number}, {name}");
        let (start, end) = (field("start"), field("end"));
        let (span, is_ordered, is_inside) = if self.all_day {
            let (start, end) = (date(&start, &self.start)?, date(&end, &self.end)?);
            // The zone of the connection decides when a day begins: up to 14 hours before, or 12 after, the day in UTC.
            let midnight = |day: Date| day.to_zoned(TimeZone::UTC).map(|at| at.timestamp()).unwrap_or_default();
            let earliest = midnight(start).saturating_sub(SignedDuration::from_hours(14)).unwrap_or_default();
            let latest = midnight(end).saturating_add(SignedDuration::from_hours(12)).unwrap_or_default();
            let is_inside = window.start <= earliest && latest <= window.end;
            (ExpectedSpan::WholeDays { start, end }, start < end, is_inside)
        } else {
            let (start, end) = (instant(&start, &self.start)?, instant(&end, &self.end)?);
            (ExpectedSpan::Timed { start, end }, start < end, window.start <= start && end <= window.end)
        };
        if !is_ordered {
            let hint = if self.all_day { "the day after the last one" } else { "a later instant" };
            return Err(format!("{end}: it is not after `start`; name {hint}"));
        }
        if !is_inside {
            return Err(format!(
                "{start}: the interval is not between `from` and `to`, in every time zone if it takes whole days; name a longer window"
            ));
        }
        Ok(ExpectedInterval { span, kind: self.kind, event: self.event })
    }
}

fn instant(field: &str, text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        format!("{field}: `{text}` is not an instant; use, for example, \"2027-05-03T09:00:00Z\" (whole days need `all-day = true`)")
    })
}

fn date(field: &str, text: &str) -> Result<Date, String> {
    // jiff also reads the date of a longer text.
    let date = (text.len() == 10).then(|| text.parse().ok()).flatten();
    date.ok_or_else(|| {
        format!("{field}: `{text}` is not a date; use, for example, \"2027-05-03\", because of `all-day`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Expectation, String> {
        toml::from_str::<ExpectTable>(text).map_err(|error| error.message().to_owned())?.check()
    }

    const WINDOW: &str = "from = \"2027-05-03T00:00:00Z\"\nto = \"2027-05-10T00:00:00Z\"\n";

    #[test]
    fn the_example_of_the_documentation_is_read() {
        let intervals = r#"
            [[intervals]]
            start = "2027-05-03T07:00:00Z"
            end = "2027-05-03T09:00:00Z"
            [[intervals]]
            start = "2027-05-04"
            end = "2027-05-05"
            all-day = true
            [[intervals]]
            start = "2027-05-05T09:00:00+02:00"
            end = "2027-05-05T10:00:00+02:00"
            kind = "out-of-office"
            event = "series"
        "#;
        let expect = check(&format!("{WINDOW}calendar = \"shifts\"\nwithout = [\"free\"]\n{intervals}")).unwrap();
        assert_eq!(expect.without, [EventForm::Free]);
        assert_eq!(expect.calendar.as_deref(), Some("shifts"));
        let spans: Vec<_> = expect.intervals.iter().map(|one| (one.kind, one.event)).collect();
        assert_eq!(
            spans,
            [
                (BusyKind::Busy, ExpectedEvent::Single),
                (BusyKind::Busy, ExpectedEvent::Single),
                (BusyKind::OutOfOffice, ExpectedEvent::Series)
            ]
        );
        let days = ExpectedSpan::WholeDays { start: jiff::civil::date(2027, 5, 4), end: jiff::civil::date(2027, 5, 5) };
        assert_eq!(expect.intervals[1].span, days);
    }

    #[test]
    fn an_error_names_the_field() {
        let one = |lines: &str| format!("{WINDOW}[[intervals]]\n{lines}");
        for (text, part) in [
            ("from = \"soon\"\nto = \"later\"\nintervals = []".to_owned(), "expect.from: `soon` is not an instant"),
            (format!("{WINDOW}intervals = []"), "expect.intervals: it is empty"),
            (
                "from = \"2027-05-10T00:00:00Z\"\nto = \"2027-05-03T00:00:00Z\"\nintervals = []".to_owned(),
                "expect.to: it is not after `from`",
            ),
            (
                one("start = \"2027-05-03\"\nend = \"2027-05-04\""),
                "expect.intervals 1, start: `2027-05-03` is not an instant",
            ),
            (
                one("start = \"2027-05-03T07:00:00Z\"\nend = \"2027-05-04\"\nall-day = true"),
                "expect.intervals 1, start: `2027-05-03T07:00:00Z` is not a date",
            ),
            (
                one("start = \"2027-05-04\"\nend = \"2027-05-04\"\nall-day = true"),
                "expect.intervals 1, end: it is not after `start`; name the day after the last one",
            ),
            (
                one("start = \"2027-06-03T07:00:00Z\"\nend = \"2027-06-03T08:00:00Z\""),
                "expect.intervals 1, start: the interval is not between `from` and `to`",
            ),
            (one("start = \"a\"\nend = \"b\"\nkind = \"bussy\""), "unknown variant `bussy`, expected one of `busy`"),
            (one("start = \"a\"\nend = \"b\"\nallday = true"), "unknown field `allday`"),
            (one("start = \"a\""), "missing field `end`"),
            (
                format!("{WINDOW}without = [\"sets\"]\nintervals = []"),
                "unknown variant `sets`, expected one of `series`",
            ),
        ] {
            let error = check(&text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}

//! The distance by which a series moves, in local time.

use chronus_sdk::failure::unsupported;
use chronus_sdk::icalendar::recur::Rule;
use chronus_sdk::icalendar::value::{self, DateOrTime, ListedDate};
use chronus_sdk::icalendar::{Property, Zone};
use chronus_sdk::values::{DaySpan, Failure, Moment, Span, TimedSpan, ZonedTime};
use jiff::civil::{DateTime, Time};
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::times;

/// A move of a series from one time to another.
pub(crate) struct Shift {
    /// The zones in which the starts are meant; `None` for whole days.
    from: Option<Zone>,
    to: Option<(Zone, String)>,
    old: DateTime,
    distance: SignedDuration,
}

impl Shift {
    /// The move between the times of a series; `None` if one of them is no time.
    pub(crate) fn between(old: &Span, new: &Span) -> Option<Shift> {
        let (from, to) = (zone(old), zone(new));
        let (start, end) = (wall(&start(old), from.as_ref())?, wall(&start(new), to.as_ref())?);
        let to = match (to, new) {
            (Some(zone), Span::Timed(span)) => Some((zone, span.start.zone.clone())),
            _ => None,
        };
        Some(Shift { from, to, old: start, distance: start.duration_until(end) })
    }

    /// Whether the starts of occurrences change.
    pub(crate) fn moves(&self) -> bool {
        !self.distance.is_zero() || self.from.is_some() != self.to.is_some()
    }

    /// The new start of an occurrence.
    pub(crate) fn start(&self, old: &Moment) -> Option<Moment> {
        self.moment(wall(old, self.from.as_ref())?.checked_add(self.distance).ok()?)
    }

    fn moment(&self, wall: DateTime) -> Option<Moment> {
        Some(match &self.to {
            Some((zone, name)) => Moment::Timed(ZonedTime { at: zone.instant(wall)?.as_second(), zone: name.clone() }),
            None => Moment::AllDay(times::of_civil(wall.date())),
        })
    }

    /// The time of an occurrence that the moved series starts here.
    pub(crate) fn span_at(&self, series: &Span, start: &Moment) -> Option<Span> {
        Some(match (series, start) {
            (Span::Timed(series), Moment::Timed(start)) => {
                let end = ZonedTime { at: start.at + (series.end.at - series.start.at), zone: series.end.zone.clone() };
                Span::Timed(TimedSpan { start: start.clone(), end })
            }
            (Span::AllDay(series), Moment::AllDay(start)) => {
                let days = times::to_civil(series.start)?.until(times::to_civil(series.end)?).ok()?.get_days();
                let end = times::to_civil(*start)?.checked_add(days.days()).ok()?;
                Span::AllDay(DaySpan { start: *start, end: times::of_civil(end) })
            }
            _ => return None,
        })
    }

    /// The lines of the moved series: its exclusions, its additions, the days that its rule names and the end of the rule move
    /// with it. A line that cannot be read stays.
    ///
    /// # Errors
    /// `unsupported`, if no rule moves every occurrence by the same distance.
    pub(crate) fn lines(&self, lines: &[String]) -> Result<Vec<String>, Failure> {
        let moved = |line: &String| {
            let line = self.rule(line)?.unwrap_or_else(|| line.clone());
            Ok(self.line(&line).unwrap_or(line))
        };
        lines.iter().map(moved).collect()
    }

    /// A rule that names other days, if it has to.
    fn rule(&self, line: &str) -> Result<Option<String>, Failure> {
        let rule = property(line).filter(|line| line.name == "RRULE").and_then(|line| Rule::parse(&line.value).ok());
        let Some(rule) = rule else { return Ok(None) };
        let new = self.old.checked_add(self.distance).ok();
        let moved = new.and_then(|new| rule.moved(self.old, new)).ok_or_else(|| {
            unsupported("no rule moves every occurrence by the same distance; send the new rule with the new time")
        })?;
        Ok((moved != rule).then(|| format!("RRULE:{}", moved.write())))
    }

    fn line(&self, line: &str) -> Option<String> {
        let (head, text) = line.split_once(':')?;
        let name = head.split(';').next()?.to_ascii_uppercase();
        match name.as_str() {
            "RRULE" => {
                let part = |part: &str| match part.split_once('=') {
                    Some((name, until)) if name.eq_ignore_ascii_case("UNTIL") => {
                        let moved = self.value(value::date_or_time(&Property::new("UNTIL", until)).ok()?)?;
                        Some(format!("UNTIL={moved}"))
                    }
                    _ => None,
                };
                let parts: Vec<String> =
                    text.split(';').map(|text| part(text).unwrap_or_else(|| text.to_owned())).collect();
                Some(format!("{head}:{}", parts.join(";")))
            }
            "EXDATE" | "RDATE" => {
                let property = property(line)?;
                let moved: Option<Vec<String>> = value::list(&property)
                    .map(|listed| match listed {
                        Ok(ListedDate { start, end: None }) => self.value(start),
                        _ => None,
                    })
                    .collect();
                let form = if self.to.is_none() { ";VALUE=DATE" } else { "" };
                Some(format!("{name}{form}:{}", moved?.join(",")))
            }
            _ => None,
        }
    }

    /// A start as it is written in a line: an instant, or a day.
    fn value(&self, listed: DateOrTime<'_>) -> Option<String> {
        let local = |instant: Timestamp| match &self.from {
            Some(zone) => zone.local(instant),
            None => Zone::utc().local(instant),
        };
        let wall = match listed {
            DateOrTime::Date(day) => day.to_datetime(self.old.time()),
            DateOrTime::Floating(at) => at,
            DateOrTime::Utc(at) => local(Zone::utc().instant(at)?),
            DateOrTime::Local(at, name) => match Zone::named(name) {
                Some(zone) => local(zone.instant(at)?),
                None => at,
            },
        };
        times::compact(&self.moment(wall.checked_add(self.distance).ok()?)?)
    }
}

/// A content line with its parameters.
pub(crate) fn property(line: &str) -> Option<Property> {
    let (head, values) = line.split_once(':')?;
    let mut parts = head.split(';');
    let mut property = Property::new(&parts.next()?.to_ascii_uppercase(), values);
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        property.set_parameter(&name.to_ascii_uppercase(), value.trim_matches('"'));
    }
    Some(property)
}

fn start(span: &Span) -> Moment {
    match span {
        Span::Timed(span) => Moment::Timed(span.start.clone()),
        Span::AllDay(span) => Moment::AllDay(span.start),
    }
}

fn zone(span: &Span) -> Option<Zone> {
    match span {
        Span::Timed(span) => Some(Zone::named(&span.start.zone).unwrap_or_else(Zone::utc)),
        Span::AllDay(_) => None,
    }
}

fn wall(start: &Moment, zone: Option<&Zone>) -> Option<DateTime> {
    match (start, zone) {
        (Moment::Timed(start), Some(zone)) => Some(zone.local(Timestamp::from_second(start.at).ok()?)),
        (Moment::Timed(start), None) => Some(Zone::utc().local(Timestamp::from_second(start.at).ok()?)),
        (Moment::AllDay(day), _) => Some(times::to_civil(*day)?.to_datetime(Time::midnight())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chronus_sdk::values::{Date, Remedy};

    fn timed(text: &str, zone: &str) -> Span {
        let start = text.parse::<Timestamp>().expect("a time").as_second();
        let at = |at| ZonedTime { at, zone: zone.to_owned() };
        Span::Timed(TimedSpan { start: at(start), end: at(start + 3600) })
    }

    #[test]
    fn occurrences_keep_their_distance_in_local_time() {
        let rome = "Europe/Rome";
        let shift =
            Shift::between(&timed("2026-03-23T08:00:00Z", rome), &timed("2026-03-24T09:00:00Z", rome)).expect("a move");
        // The clocks go forward on the 29th.
        let at = |text: &str| {
            Moment::Timed(ZonedTime { at: text.parse::<Timestamp>().expect("a time").as_second(), zone: rome.into() })
        };
        assert_eq!(shift.start(&at("2026-03-28T08:00:00Z")), Some(at("2026-03-29T08:00:00Z")));
        let lines = [
            "RRULE:FREQ=DAILY;UNTIL=20260330T070000Z",
            "EXDATE;TZID=Europe/Rome:20260328T090000,20260329T090000",
            "RDATE:nonsense",
            "X-OWN:1",
        ];
        let moved = [
            "RRULE:FREQ=DAILY;UNTIL=20260331T080000Z",
            "EXDATE:20260329T080000Z,20260330T080000Z",
            "RDATE:nonsense",
            "X-OWN:1",
        ];
        assert_eq!(shift.lines(&lines.map(str::to_owned)), Ok(moved.map(str::to_owned).to_vec()));
    }

    /// The only line of a moved series.
    fn lines(shift: &Shift, line: &str) -> Result<String, Failure> {
        Ok(shift.lines(&[line.to_owned()])?.concat())
    }

    #[test]
    fn days_that_a_rule_names_move_along_or_the_move_is_refused() {
        let at = |day: &str| timed(&format!("2026-12-{day}T09:00:00Z"), "Europe/Rome");
        let shift = Shift::between(&at("14"), &at("15")).expect("a move");
        let weekly = lines(&shift, "RRULE:FREQ=WEEKLY;UNTIL=20261228T090000Z;BYDAY=MO");
        let moved = weekly.expect("every Tuesday");
        let mut parts: Vec<&str> = moved.trim_start_matches("RRULE:").split(';').collect();
        parts.sort_unstable();
        assert_eq!(parts, ["BYDAY=TU", "FREQ=WEEKLY", "UNTIL=20261229T090000Z"]);
        let refused = lines(&shift, "RRULE:FREQ=MONTHLY;BYDAY=2MO").expect_err("not always the second Tuesday");
        assert_eq!(refused.remedy, Remedy::Unsupported);
    }

    #[test]
    fn times_become_days_and_days_become_times() {
        let day = |day| Date { year: 2026, month: 3, day };
        let days = Span::AllDay(DaySpan { start: day(2), end: day(4) });
        let hour = timed("2026-03-03T08:00:00Z", "Europe/Rome");
        let at = Moment::Timed(ZonedTime { at: 1_772_697_600, zone: "Europe/Rome".into() });
        let shift = Shift::between(&days, &hour).expect("a move");
        assert_eq!(shift.start(&Moment::AllDay(day(4))), Some(at.clone()));
        assert_eq!(lines(&shift, "EXDATE;VALUE=DATE:20260304"), Ok("EXDATE:20260305T080000Z".to_owned()));
        let shift = Shift::between(&hour, &days).expect("a move");
        assert_eq!(shift.start(&at), Some(Moment::AllDay(day(4))));
        let expected = Span::AllDay(DaySpan { start: day(4), end: Date { day: 6, ..day(4) } });
        assert_eq!(shift.span_at(&days, &Moment::AllDay(day(4))), Some(expected));
        assert_eq!(lines(&shift, "EXDATE:20260305T080000Z"), Ok("EXDATE;VALUE=DATE:20260304".to_owned()));
    }
}

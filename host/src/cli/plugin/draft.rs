//! The content of an event: from arguments or a file to a draft or a patch.
//!
//! Threat: an event at the wrong time. Decision: a time is an instant with its offset, a wall-clock time in a named zone,
//! or a day; start and end have the same form; where clocks skip or repeat a time, RFC 5545 §3.3.5 decides. Content from
//! a file passes the same checks. Rejected: the zone of this machine, which is not the zone of the calendar's owner.

use crate::calendar::{Attendee, BusyKind, Draft, Patch, Span, Status, ZonedTime};
use crate::cli::{input, output::CliError};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::{Timestamp, civil, tz::TimeZone};
use serde::de::DeserializeOwned;
use std::{io, path::PathBuf};

const LARGEST: u64 = 4 << 20;

/// The content of an event.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Content {
    /// A JSON file with the event, or with the fields to change; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "title", "description", "location", "url", "start", "end", "zone", "busy", "status", "attendee", "recurrence",
    ])]
    file: Option<PathBuf>,
    /// The title, on one line
    #[arg(long)]
    title: Option<String>,
    /// The description, in plain text
    #[arg(long)]
    description: Option<String>,
    /// The location, in plain text
    #[arg(long)]
    location: Option<String>,
    /// A URL that belongs to the event
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The start: `2026-03-29T09:00` in --zone, `2026-03-29T09:00:00+02:00`, or `2026-03-29` for an all-day event
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    start: Option<When>,
    /// The end (exclusive), in the same format as --start [default for all-day events: the next day]
    #[arg(long, value_name = "WHEN", value_parser = When::parse, requires = "start")]
    end: Option<When>,
    /// The IANA time zone of --start and --end [default: the zone of the target]
    #[arg(long, value_name = "ZONE", requires = "start")]
    zone: Option<String>,
    /// How the event appears in the owner's busy times
    #[arg(long, value_parser = named::<BusyKind>(&["busy", "tentative", "out-of-office", "working-elsewhere", "free"]))]
    busy: Option<BusyKind>,
    /// The status of the event
    #[arg(long, value_parser = named::<Status>(&["confirmed", "tentative", "cancelled"]))]
    status: Option<Status>,
    /// The email address of an attendee; can be repeated
    #[arg(long, value_name = "ADDRESS")]
    attendee: Vec<String>,
    /// A recurrence line such as `RRULE:FREQ=WEEKLY;COUNT=10`; can be repeated
    #[arg(long, value_name = "LINE")]
    recurrence: Vec<String>,
}

/// The value of `--start` and `--end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Instant(Timestamp),
    Local(civil::DateTime),
    Day(civil::Date),
}

impl When {
    fn parse(text: &str) -> Result<Self, String> {
        let day = || (text.len() == 10).then(|| text.parse().ok().map(Self::Day)).flatten();
        let instant = || input::instant(text).ok().map(Self::Instant);
        // A time with an offset was parsed as an instant above; zones are given with --zone.
        let local = || (!text.contains(['[', 'Z', 'z'])).then(|| text.parse().ok().map(Self::Local)).flatten();
        day().or_else(instant).or_else(local).ok_or_else(|| {
            "use 2026-03-29T09:00 (in --zone), 2026-03-29T09:00:00+02:00, or 2026-03-29 for all day".to_owned()
        })
    }
}

/// Parses a value of one of our enumerations by its JSON name.
pub(super) fn named<T: DeserializeOwned + Clone + Send + Sync + 'static>(
    names: &'static [&'static str],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(names).try_map(|name| serde_json::from_value(serde_json::Value::String(name)))
}

impl Content {
    /// The event to create. `zone` is the zone of the target.
    pub(super) fn draft(self, uid: Option<String>, zone: &str) -> Result<Draft, CliError> {
        let draft = match &self.file {
            Some(_) => {
                let mut draft: Draft = self.json("a draft", &uid)?;
                draft.uid = uid.unwrap_or(draft.uid);
                draft
            }
            None => Draft {
                uid: uid.map_or_else(unique, Ok)?,
                title: self
                    .title
                    .clone()
                    .ok_or_else(|| wrong("--title is missing; give it, or a whole draft with --file"))?,
                when: self
                    .span(zone)?
                    .ok_or_else(|| wrong("--start is missing; give it, or a whole draft with --file"))?,
                description: self.description.unwrap_or_default(),
                location: self.location.unwrap_or_default(),
                url: self.url.unwrap_or_default(),
                organiser: None,
                busy: self.busy.unwrap_or(BusyKind::Busy),
                status: self.status.unwrap_or_default(),
                attendees: self.attendee.into_iter().map(invited).collect(),
                recurrence: self.recurrence,
            },
        };
        if draft.uid.is_empty() || draft.uid.chars().any(char::is_control) {
            return Err(wrong("the UID is empty or has a control character; give another with --uid"));
        }
        check(Some(&draft.when), &draft.attendees, &draft.recurrence)?;
        Ok(draft)
    }

    /// The changes to an event. `zone` is the zone of the target.
    pub(super) fn patch(self, zone: &str) -> Result<Patch, CliError> {
        let patch = match &self.file {
            Some(_) => self.json("a patch", &None)?,
            None => Patch {
                when: self.span(zone)?,
                title: self.title,
                description: self.description,
                location: self.location,
                url: self.url,
                answers: vec![],
                busy: self.busy,
                status: self.status,
                attendees: some(self.attendee).map(|list| list.into_iter().map(invited).collect()),
                recurrence: some(self.recurrence),
            },
        };
        if patch == Patch::default() {
            return Err(wrong(
                "the patch changes nothing; give --title, --start and --end, or another field, or --file",
            ));
        }
        let lists = (patch.attendees.as_deref().unwrap_or_default(), patch.recurrence.as_deref().unwrap_or_default());
        check(patch.when.as_ref(), lists.0, lists.1)?;
        Ok(patch)
    }

    fn json<T: DeserializeOwned>(&self, what: &str, uid: &Option<String>) -> Result<T, CliError> {
        let Some(path) = &self.file else { return Err(wrong("--file is missing")) };
        let text = if path.as_os_str() == "-" {
            let bytes = input::up_to(io::stdin().lock(), LARGEST);
            bytes.map_err(|failed| wrong(format!("cannot read standard input: {failed}")))?
        } else {
            input::read(path, "the event", LARGEST)?
        };
        let place = if path.as_os_str() == "-" { "standard input".into() } else { path.display().to_string() };
        let error = |failed: serde_json::Error| wrong(format!("{place} is not {what}: {failed}"));
        let mut value: serde_json::Value = serde_json::from_slice(&text).map_err(error)?;
        if let (Some(uid), Some(object)) = (uid, value.as_object_mut()) {
            object.insert("uid".into(), uid.clone().into());
        }
        serde_json::from_value(value).map_err(error)
    }

    fn span(&self, target_zone: &str) -> Result<Option<Span>, CliError> {
        let Some(start) = self.start else { return Ok(None) };
        let name = self.zone.as_deref().unwrap_or(target_zone);
        let zone = known_zone(name)?;
        let mixed = || wrong("--start and --end are of different kinds; give two times, or two days");
        match (start, self.end) {
            (When::Day(start), None) => {
                let end = start
                    .tomorrow()
                    .map_err(|_| wrong("--start is the last day of the calendar; give an earlier day"))?;
                Ok(Some(Span::AllDay { start, end }))
            }
            (When::Day(start), Some(When::Day(end))) => Ok(Some(Span::AllDay { start, end })),
            (When::Day(_), Some(_)) | (_, Some(When::Day(_))) => Err(mixed()),
            (_, None) => Err(wrong("--end is missing; an event with a start time needs one")),
            (start, Some(end)) => {
                let timed = |at| ZonedTime { at, zone: name.to_owned() };
                let (start, end) = (instant_of(start, &zone)?, instant_of(end, &zone)?);
                Ok(Some(Span::Timed { start: timed(start), end: timed(end) }))
            }
        }
    }
}

fn instant_of(when: When, zone: &TimeZone) -> Result<Timestamp, CliError> {
    let error = |_| wrong("a time is outside the calendar; give a year up to 9999");
    match when {
        When::Instant(at) => Ok(at),
        // "Compatible" is the rule of RFC 5545 §3.3.5.
        When::Local(time) => zone.to_ambiguous_zoned(time).compatible().map(|zoned| zoned.timestamp()).map_err(error),
        When::Day(day) => zone.to_zoned(day.at(0, 0, 0, 0)).map(|zoned| zoned.timestamp()).map_err(error),
    }
}

fn known_zone(name: &str) -> Result<TimeZone, CliError> {
    TimeZone::get(name)
        .map_err(|_| wrong(format!("`{name}` is not an IANA time zone name; use, for example, `Europe/Rome` or `UTC`")))
}

fn invited(address: String) -> Attendee {
    Attendee::required(address, None)
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

/// Checks what the contract promises to a provider.
fn check(when: Option<&Span>, attendees: &[Attendee], recurrence: &[String]) -> Result<(), CliError> {
    match when {
        Some(Span::Timed { start, end }) => {
            known_zone(&start.zone)?;
            known_zone(&end.zone)?;
            if end.at < start.at {
                return Err(wrong(format!(
                    "the event ends at {}, before its start at {}; use a later --end",
                    end.at, start.at
                )));
            }
        }
        Some(Span::AllDay { start, end }) if end <= start => {
            return Err(wrong(format!(
                "the event ends on {end}, which is not after its start; the end of an all-day event is the day after the last"
            )));
        }
        Some(Span::AllDay { .. }) | None => {}
    }
    let is_address = |text: &str| {
        let whole = text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
        whole && !text.contains(|c: char| c.is_whitespace() || c.is_control())
    };
    if let Some(bad) = attendees.iter().find(|attendee| !is_address(&attendee.address)) {
        return Err(wrong(format!(
            "attendee `{}` is not an email address; use, for example, ann@example.org",
            bad.address
        )));
    }
    let is_line = |line: &str| {
        let name = line.split([':', ';']).next().unwrap_or_default();
        matches!(name, "RRULE" | "RDATE" | "EXDATE") && line.contains(':') && !line.contains(char::is_control)
    };
    if let Some(bad) = recurrence.iter().find(|line| !is_line(line)) {
        return Err(wrong(format!(
            "recurrence `{bad}` is not a line such as `RRULE:FREQ=WEEKLY;COUNT=10`; correct it"
        )));
    }
    Ok(())
}

/// A name that nothing else has, fit for a UID (RFC 7986 §5.3).
pub(super) fn unique() -> Result<String, CliError> {
    let both = getrandom::u64().and_then(|high| Ok((high, getrandom::u64()?)));
    let (high, low) =
        both.map_err(|error| CliError::machine("random", format!("random numbers are unavailable: {error}")))?;
    Ok(format!("{high:016x}{low:016x}"))
}

fn wrong(what: impl Into<String>) -> CliError {
    CliError::input("event", what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(start: &str, end: Option<&str>) -> Content {
        Content {
            title: Some("Lunch".into()),
            start: Some(When::parse(start).unwrap()),
            end: end.map(|end| When::parse(end).unwrap()),
            ..Content::default()
        }
    }

    fn instants(start: &str, end: &str) -> (String, String) {
        match content(start, Some(end)).draft(Some("u".into()), "Europe/Rome").unwrap().when {
            Span::Timed { start, end } => (start.at.to_string(), end.at.to_string()),
            Span::AllDay { start, end } => (start.to_string(), end.to_string()),
        }
    }

    #[test]
    fn a_time_is_an_instant_a_wall_clock_time_or_a_day() {
        let summer = ("2026-07-01T07:00:00Z".to_owned(), "2026-07-01T08:00:00Z".to_owned());
        assert_eq!(instants("2026-07-01T09:00", "2026-07-01T10:00"), summer);
        assert_eq!(instants("2026-07-01T09:00:00+02:00", "2026-07-01T08:00:00Z"), summer);
        assert_eq!(instants("2026-07-01", "2026-07-03"), ("2026-07-01".into(), "2026-07-03".into()));
        for text in ["", "9:00", "2026-13-01", "2026-07-01T25:00", "2026-07-01T09:00[Europe/Rome]", "tomorrow"] {
            assert!(When::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn where_clocks_jump_rfc_5545_decides() {
        let (skipped, repeated) = instants("2026-03-29T02:30", "2026-10-25T02:30");
        assert_eq!((skipped.as_str(), repeated.as_str()), ("2026-03-29T01:30:00Z", "2026-10-25T00:30:00Z"));
    }

    #[test]
    fn a_day_alone_is_a_whole_day() {
        let draft = content("2026-02-28", None).draft(None, "UTC").unwrap();
        assert_eq!(draft.when, Span::AllDay { start: civil::date(2026, 2, 28), end: civil::date(2026, 3, 1) });
        assert_eq!(draft.uid.len(), 32);
    }

    #[test]
    fn an_impossible_event_is_refused() {
        let rome = "Europe/Rome";
        let cases: [(&str, Content); 7] = [
            ("different kinds", content("2026-07-01", Some("2026-07-01T09:00"))),
            ("before its start", content("2026-07-01T09:00", Some("2026-07-01T08:00"))),
            ("the day after the last", content("2026-07-01", Some("2026-07-01"))),
            ("--end is missing", content("2026-07-01T09:00", None)),
            ("--title is missing", Content { title: None, ..content("2026-07-01", None) }),
            ("not an email address", Content { attendee: vec!["ann".into()], ..content("2026-07-01", None) }),
            ("not a line such as", Content { recurrence: vec!["FREQ=DAILY".into()], ..content("2026-07-01", None) }),
        ];
        for (part, content) in cases {
            let error = format!("{:?}", content.draft(None, rome).unwrap_err());
            assert!(error.contains(part), "{part}: {error}");
        }
        let error = format!("{:?}", content("2026-07-01", None).draft(None, "Rome").unwrap_err());
        assert!(error.contains("not an IANA time zone"), "{error}");
        assert!(format!("{:?}", Content::default().patch(rome).unwrap_err()).contains("changes nothing"));
    }

    #[test]
    fn a_patch_has_only_the_given_fields() {
        let patch = Content { title: Some("Tea".into()), ..Content::default() }.patch("UTC").unwrap();
        assert_eq!(patch, Patch { title: Some("Tea".into()), ..Patch::default() });
    }
}

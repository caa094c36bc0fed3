//! A provider in as many versions as a test needs: good ones, ones whose `open`, `busy` or writes are wrong, and ones that
//! return more than anybody can use. A test makes another version by overwriting one text inside the component, as with
//! `asking`. There is no service: an event is what the call says.

use chronus_sdk::{ChangesPage, EventRef, OccurrenceRef, Provider, TwoWay, Write, descriptions::*, failure, values::*};
use chronus_test_guests::{account, description};

/// Words `key=value`, filled up with spaces.
static WORDS: [u8; 200] = *b"VERSION version=1.0.0 open=right busy=right write=right                                                                                                                                                 ";

/// Whether a word has this value.
fn is(key: &str, value: &str) -> bool {
    word(key) == value
}

/// The value of a key.
fn word(key: &str) -> &'static str {
    chronus_test_guests::word(&WORDS, key)
}

/// The number of a key, or this one if there is none.
fn number<T: std::str::FromStr>(key: &str, otherwise: T) -> T {
    word(key).parse().unwrap_or(otherwise)
}

/// The provider.
pub struct Versions;
chronus_sdk::provider!(Versions, two_way);

impl Provider for Versions {
    fn describe() -> Description {
        Description {
            version: word("version").into(),
            limits: Limits {
                busy_window: number("window", 366 * 86_400),
                changes_window: 86_400,
                page_size: 1,
                get_many: 1,
                poll_floor: 60,
                concurrency: 1,
            },
            ..description("versions", "Versions")
        }
    }

    fn open(_: &Connection) -> Result<AccountReply, Failure> {
        let home = Calendar {
            id: "home".into(),
            name: "Home".into(),
            role: CalendarRole::Owner,
            is_default: true,
            takes_meetings: true,
            zone: None,
        };
        let calendars = if is("open", "wrong") { vec![] } else { vec![home] };
        let abilities = Abilities::READ_BUSY | Abilities::WRITE;
        Ok(AccountReply { account: Account { abilities, ..account(calendars).account }, memo: None })
    }

    fn busy(_: &Connection, targets: &BusyTargets, window: Window) -> Result<BusyReply, Failure> {
        let (BusyTargets::Calendars(ids) | BusyTargets::Addresses(ids)) = targets;
        let interval = |end| Interval {
            start: window.start,
            end,
            kind: BusyKind::Busy,
            all_day: false,
            client_key: None,
            uid: None,
        };
        let intervals = match word("busy") {
            // The worst mistake: booked time is shown as free.
            "wrong" => vec![],
            // The whole window, again and again: the host must join each with the next window's.
            "crowded" => vec![interval(window.end); number("intervals", 0)],
            _ => vec![interval(window.start + 3600)],
        };
        let answer = |calendar: &String| BusyAnswer {
            target: calendar.clone(),
            outcome: Ok(BusyTimes { intervals: intervals.clone(), problems: vec![] }),
        };
        Ok(BusyReply { answers: ids.iter().map(answer).collect(), memo: None })
    }
}

impl TwoWay for Versions {
    fn create(_: &Connection, _: &str, draft: &Draft, write: Write<'_>) -> Result<EventReply, Failure> {
        if is("write", "wrong") {
            return Err(failure::invalid("event", "the service answered with status 400"));
        }
        let event = Event {
            id: write.key.to_owned(),
            uid: draft.uid.clone(),
            etag: Some("1".into()),
            series_id: None,
            original_start: None,
            title: draft.title.clone(),
            description: draft.description.clone(),
            when: draft.when.clone(),
            busy: draft.busy,
            status: draft.status,
            organiser: None,
            attendees: draft.attendees.clone(),
            recurrence: draft.recurrence.clone(),
            client_key: Some(write.key.to_owned()),
            location: draft.location.clone(),
            url: draft.url.clone(),
            private: false,
            sequence: None,
            unsent: false,
            updated: None,
        };
        Ok(EventReply { event, memo: None })
    }

    fn get(_: &Connection, _: EventRef<'_>) -> Result<EventReply, Failure> {
        Err(failure::not_found("there is no service"))
    }

    fn get_many(_: &Connection, _: &str, _: &[String]) -> Result<EventsReply, Failure> {
        Ok(EventsReply { events: vec![], memo: None })
    }

    fn find(_: &Connection, _: &str) -> Result<FindReply, Failure> {
        Ok(FindReply { events: vec![], memo: None })
    }

    fn occurrence(_: &Connection, _: OccurrenceRef<'_>) -> Result<EventReply, Failure> {
        Err(failure::not_found("there is no service"))
    }

    fn update(_: &Connection, _: EventRef<'_>, _: &Patch, _: Write<'_>) -> Result<EventReply, Failure> {
        Err(failure::not_found("there is no service"))
    }

    fn cancel(_: &Connection, _: EventRef<'_>, _: Write<'_>) -> Result<WriteReply, Failure> {
        Ok(WriteReply { memo: None })
    }

    fn respond(_: &Connection, _: EventRef<'_>, _: Rsvp, _: Write<'_>) -> Result<EventReply, Failure> {
        Err(failure::not_found("there is no service"))
    }

    fn changes(_: &Connection, _: &str, _: ChangesPage<'_>) -> Result<ChangesReply, Failure> {
        Err(failure::temporary("there is no service"))
    }
}

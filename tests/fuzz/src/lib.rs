//! What is true of every calendar, and of every answer of a CalDAV server, whatever bytes they are.
//!
//! Threat: a crash, a loop or a wrong result that no test thought of. Decision: libFuzzer looks for it, ten minutes for
//! each function here in `.ci/long`; the inputs that it found to go different ways are in `corpus/`, and each run of the
//! tests goes those ways again. What was once a finding stays there.
//!
//! Rejected: a target for each parser alone. Answers are given to the provider's own calls, through its own HTTP, so
//! that what stands behind a parser is tried with what the parser lets through.

#![expect(
    clippy::result_large_err,
    reason = "the contract's failure can hold an event; it is made once per failed call"
)]

use chronus_ical::Ical;
use chronus_sdk::http::{Response, native};
use chronus_sdk::icalendar::{self, Component, Zone, Zones, event, vtimezone};
use chronus_sdk::values::{BusyTargets, Connection, Window};
use chronus_sdk::{ChangesPage, Provider, TwoWay};
use jiff::Timestamp;

/// In seconds since 1970: January 2026, when every zone of the corpus has both of its offsets around it.
const WINDOW: Window = Window { start: 1_767_225_600, end: 1_769_904_000 };

/// Reads a calendar, writes it, expands it and takes its events apart.
///
/// # Panics
/// If what must be true of every calendar is not true of this one.
pub fn icalendar(input: &[u8]) {
    let Ok((calendar, _)) = icalendar::parse(input) else { return };
    comes_to_rest(&calendar);
    // One where the clocks change on the hour, one where they do by half an hour and the other way round.
    for zone in ["Europe/Berlin", "Australia/Lord_Howe"] {
        let owner = Zone::iana(zone).expect("the zone is one of the database's");
        let second = |at| Timestamp::from_second(at).expect("the window is in this millennium");
        let window = icalendar::Window { start: second(WINDOW.start), end: second(WINDOW.end) };
        let (found, _) = icalendar::occurrences(&calendar, owner, window);
        for one in &found {
            assert!(one.start <= one.end && window.meets(one.start, one.end), "{}..{} is outside", one.start, one.end);
        }
    }
    let mut zones = Zones::new(&calendar, Zone::utc());
    for vevent in calendar.inner("VEVENT") {
        event::read(vevent, &mut zones);
    }
    let mut defined = calendar.clone();
    vtimezone::define_zones(&mut defined);
    comes_to_rest(&defined);
}

/// What is written is read as what it was, without a problem, and is written the same.
fn comes_to_rest(calendar: &Component) {
    let written = calendar.write();
    let (again, problems) = icalendar::parse(written.as_bytes()).expect("what was written is a calendar");
    assert_eq!(problems, [], "{written}");
    assert_eq!(again.write(), written);
}

/// The most requests of one call.
const MOST_REQUESTS: usize = 100;

/// The most that the host lets a page have, and no more than is asked for.
const PAGE: u32 = 50;

/// Gives this to the provider as the answer to everything that it asks a server: when it opens an account, and when it
/// looks for busy times, changes and events in one that was opened.
///
/// # Panics
/// If the provider crashes, does not come to an end, or says what it must not say.
pub fn multistatus(input: &[u8]) {
    if let Ok(opened) = answered(input, || Ical::open(&connection())) {
        assert!(
            opened.account.calendars.iter().filter(|calendar| calendar.is_default).count() <= 1,
            "two are the default"
        );
    }
    let known = answered(SERVER.as_bytes(), || Ical::open(&connection())).expect("the server is one");
    let connection = || Connection { memo: known.memo.clone(), ..connection() };
    let calendar = || known.account.calendars.first().expect("the server has a calendar").id.clone();

    if let Ok(answers) =
        answered(input, || Ical::busy(&connection(), &BusyTargets::Calendars(vec![calendar()]), WINDOW))
    {
        for times in answers.answers.into_iter().filter_map(|answer| answer.outcome.ok()) {
            for one in &times.intervals {
                assert!(
                    WINDOW.start <= one.start && one.start < one.end && one.end <= WINDOW.end,
                    "{one:?} is outside"
                );
            }
        }
    }
    let page = |cursor: Option<&[u8]>| {
        let page = ChangesPage { cursor, window: WINDOW, max: PAGE };
        answered(input, || Ical::changes(&connection(), &calendar(), page))
    };
    if let Ok(first) = page(None) {
        assert!(first.items.len() <= PAGE as usize, "{} items are on a page", first.items.len());
        if let Ok(second) = page(Some(&first.next)) {
            assert!(second.items.len() <= PAGE as usize, "{} items are on a second page", second.items.len());
        }
    }
    let ids = vec!["a.ics".to_owned(), "b.ics".to_owned()];
    if let Ok(fetched) = answered(input, || Ical::get_many(&connection(), &calendar(), &ids)) {
        assert_eq!(fetched.events.len(), 2, "each id has its answer");
    }
}

/// Answers each request of the call with these bytes.
fn answered<R>(bytes: &[u8], call: impl FnOnce() -> R) -> R {
    let (body, mut requests) = (bytes.to_vec(), 0);
    let answer = move |request: &chronus_sdk::http::Request| {
        requests += 1;
        assert!(requests <= MOST_REQUESTS, "a call does not stop asking");
        Ok(Response::new(&request.url, 207).with_body("application/xml; charset=utf-8", body.clone()))
    };
    native::answering(answer, call)
}

fn connection() -> Connection {
    Connection {
        sign_in: "caldav".into(),
        server: Some("https://dav.example".into()),
        subject: None,
        address: Some("ann@example.com".into()),
        zone: "Europe/Berlin".into(),
        fields: vec![("username".into(), "ann".into())],
        memo: None,
    }
}

/// A server that answers whatever it is asked with all there is.
const SERVER: &str = include_str!("../corpus/multistatus/server");

#[cfg(test)]
mod tests {
    use std::path::Path;

    fn replay(name: &str, holds: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let mut inputs = 0;
        for file in std::fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            println!("{}", path.display());
            holds(&std::fs::read(&path).unwrap());
            inputs += 1;
        }
        assert!(inputs > 10, "there is a corpus in {}", folder.display());
    }

    #[test]
    fn of_every_calendar_of_the_corpus_it_is_true() {
        replay("icalendar", super::icalendar);
    }

    #[test]
    fn of_every_answer_of_the_corpus_it_is_true() {
        replay("multistatus", super::multistatus);
    }
}

//! Busy times.
//!
//! Free/busy says that a time is taken and not by what: a declined invitation, a day out of office and a meeting of the host
//! look the same. So a connection's own calendars are read event by event if its scopes allow that ([`events`]). Free/busy
//! ([`free_busy`]) is for connections with no other scope, and for other people.

mod events;
pub(crate) mod free_busy;

use chronus_sdk::failure::{failure, invalid, not_found, unsupported};
use chronus_sdk::icalendar;
use chronus_sdk::values::{BusyAnswer, BusyReply, BusyTargets, BusyTimes, Connection, Failure, Remedy, Window};

use crate::describe::BUSY_WINDOW;
use crate::scopes::{self, Rights};

type Outcome = Result<BusyTimes, Failure>;

/// `busy.query`
pub(crate) fn busy(connection: &Connection, targets: &BusyTargets, window: Window) -> Result<BusyReply, Failure> {
    if window.end <= window.start {
        return Err(invalid("window", "the window's end is not after its start"));
    }
    if u64::try_from(window.end.saturating_sub(window.start)).is_ok_and(|length| length > BUSY_WINDOW) {
        return Err(failure(Remedy::WindowTooLarge(BUSY_WINDOW), "", "the window is longer than the provider takes"));
    }
    let rights = Rights::of(connection);
    let (asked, outcomes) = match targets {
        BusyTargets::Calendars(ids) => (ids, of_calendars(connection, &rights, ids, window)?),
        BusyTargets::Addresses(addresses) => (addresses, of_others(&rights, addresses, window)),
    };
    let pair = |(target, outcome): (&String, Outcome)| {
        let outcome = outcome.map(|mut times| {
            icalendar::sort_by_times(&mut times.intervals, |each| (each.start, each.end));
            times
        });
        BusyAnswer { target: target.clone(), outcome }
    };
    Ok(BusyReply { answers: asked.iter().zip(outcomes).map(pair).collect(), memo: None })
}

fn of_calendars(
    connection: &Connection,
    rights: &Rights,
    ids: &[String],
    window: Window,
) -> Result<Vec<Outcome>, Failure> {
    if let Some(person) = &rights.shared {
        // The account sees everybody who shares with it; this connection is for one of them.
        let one = |id: &String| match id.eq_ignore_ascii_case(person) {
            true => free_busy::ask(std::slice::from_ref(id), window).pop().unwrap_or_else(|| Err(nobody())),
            false => Err(nobody()),
        };
        return Ok(ids.iter().map(one).collect());
    }
    if rights.read_events {
        return events::ask(connection, ids, window);
    }
    Ok(if rights.free_busy { free_busy::ask(ids, window) } else { all(ids, &scopes::missing(scopes::FREE_BUSY)) })
}

fn of_others(rights: &Rights, addresses: &[String], window: Window) -> Vec<Outcome> {
    if rights.shared.is_some() {
        return all(addresses, &unsupported("a connection by a shared account reads the free/busy of one person"));
    }
    match rights.free_busy {
        true => free_busy::ask(addresses, window),
        false => all(addresses, &unsupported("other people's times need the scope calendar.freebusy")),
    }
}

fn nobody() -> Failure {
    not_found("this connection is for another calendar")
}

fn all(asked: &[String], failure: &Failure) -> Vec<Outcome> {
    asked.iter().map(|_| Err(failure.clone())).collect()
}

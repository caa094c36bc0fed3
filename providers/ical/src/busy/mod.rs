//! Busy times, by the cheapest correct way.
//!
//! One request fetches the events that touch the window, and the engine expands them, in the same way for every server
//! ([`events`]). The server's own free/busy lacks the owner's answers, the host's keys, the zone of whole days and out of
//! office, and its expansion is longer than the series. `README.md` has figures. For a calendar that shows free/busy only,
//! that is used ([`free_busy`]), and the memo records it, so that it takes one request too.

mod events;
mod free_busy;

use chronus_sdk::failure::{invalid, unsupported};
use chronus_sdk::icalendar;
use chronus_sdk::values::{BusyAnswer, BusyReply, BusyTargets, BusyTimes, Connection, Failure, Remedy, Window};

use crate::dav::Trouble;
use crate::session::{self, Session};

/// `busy.query`
pub(crate) fn busy(connection: &Connection, targets: &BusyTargets, window: Window) -> Result<BusyReply, Failure> {
    if window.end <= window.start {
        return Err(invalid("window", "the window's end is not after its start"));
    }
    let ids = match targets {
        BusyTargets::Calendars(ids) => ids,
        BusyTargets::Addresses(addresses) => {
            let refused = |address: &String| BusyAnswer {
                target: address.clone(),
                outcome: Err(unsupported("CalDAV servers show other people's times only within one server")),
            };
            return Ok(BusyReply { answers: addresses.iter().map(refused).collect(), memo: None });
        }
    };
    let (answers, memo) = session::run(connection, |session| {
        let mut answers = Vec::with_capacity(ids.len());
        for id in ids {
            let outcome = match of_calendar(session, id, window) {
                Ok(times) => Ok(times),
                // Unless discovery ran in this call, the account may have moved.
                Err(trouble) if trouble.perhaps_moved && !session.fresh => return Err(trouble),
                Err(trouble) => Err(*trouble.failure),
            };
            answers.push(BusyAnswer { target: id.clone(), outcome });
        }
        Ok(answers)
    })?;
    Ok(BusyReply { answers, memo })
}

fn of_calendar(session: &Session<'_>, id: &str, window: Window) -> Result<BusyTimes, Trouble> {
    let calendar = session.calendar(id)?;
    let mut times = if session.learned().free_busy_only.iter().any(|known| known == id) {
        match free_busy::ask(&calendar, window) {
            // The owner may have more permissions now.
            Err(trouble) if is_refusal(&trouble) => {
                session.learn(|learned| learned.free_busy_only.retain(|known| known != id));
                events::ask(session, &calendar, window)?
            }
            asked => asked?,
        }
    } else {
        match events::ask(session, &calendar, window) {
            // By RFC 3744 §7.1.1 the reason is a missing permission. A bare 403 may have other reasons.
            Err(refused) if refused.failure.service_code.ends_with("need-privileges") => {
                let times = free_busy::ask(&calendar, window).map_err(|_| refused)?;
                session.learn(|learned| learned.free_busy_only.push(id.to_owned()));
                times
            }
            asked => asked?,
        }
    };
    icalendar::sort_by_times(&mut times.intervals, |each| (each.start, each.end));
    Ok(times)
}

/// Whether the server refuses this kind of request, and not just now.
fn is_refusal(trouble: &Trouble) -> bool {
    !matches!(trouble.failure.remedy, Remedy::Temporary | Remedy::SlowDown(_) | Remedy::Reconnect)
}

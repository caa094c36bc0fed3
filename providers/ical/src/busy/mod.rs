//! When the owner is free, in the cheapest way that is right.
//!
//! The events that touch the window are fetched and expanded by the sdk's engine, which is the same for every server
//! ([`events`]). That is one request, and it is right: a server's own free/busy does not know who declined, which
//! meeting is ours, in which zone a whole day is meant, or what is out of office; and its expansion is longer than the
//! series that it stands for. `README.md` has the figures. A calendar of which the owner may see nothing else is asked
//! for its free/busy ([`free_busy`]), and that is remembered, so that it costs one request as well.

mod events;
mod free_busy;

use chronus_sdk::failure::{invalid, unsupported};
use chronus_sdk::icalendar;
use chronus_sdk::types::{BusyAnswer, BusyAnswers, BusyTimes, Connection, Failure, Remedy, Whose, Window};

use crate::dav::Trouble;
use crate::session::{self, Session};

/// Answers for each calendar.
pub(crate) fn busy(connection: &Connection, whose: Whose, window: Window) -> Result<BusyAnswers, Failure> {
    if window.end <= window.start {
        return Err(invalid("window", "the window's end is not after its start"));
    }
    let ids = match whose {
        Whose::Calendars(ids) => ids,
        Whose::Addresses(addresses) => {
            let refused = |calendar| BusyAnswer {
                calendar,
                outcome: Err(unsupported("CalDAV servers tell of other people only within one server")),
            };
            return Ok(BusyAnswers { calendars: addresses.into_iter().map(refused).collect(), memo: None });
        }
    };
    let (calendars, memo) = session::run(connection, |session| {
        let mut answers = Vec::with_capacity(ids.len());
        for id in &ids {
            let outcome = match of_calendar(session, id, window) {
                Ok(times) => Ok(times),
                // Found out anew, the account may be elsewhere; found out just now, it is not.
                Err(trouble) if trouble.perhaps_moved && !session.fresh => return Err(trouble),
                Err(trouble) => Err(*trouble.failure),
            };
            answers.push(BusyAnswer { calendar: id.clone(), outcome });
        }
        Ok(answers)
    })?;
    Ok(BusyAnswers { calendars, memo })
}

fn of_calendar(session: &Session<'_>, id: &str, window: Window) -> Result<BusyTimes, Trouble> {
    let calendar = session.calendar(id)?;
    let mut times = if session.learned().free_busy_only.iter().any(|known| known == id) {
        match free_busy::ask(&calendar, window) {
            // The owner may have been given more rights since.
            Err(trouble) if is_refusal(&trouble) => {
                session.learn(|learned| learned.free_busy_only.retain(|known| known != id));
                events::ask(session, &calendar, window)?
            }
            asked => asked?,
        }
    } else {
        match events::ask(session, &calendar, window) {
            // By RFC 3744 §7.1.1 it says that this is about rights. A bare 403 may be anything, and free/busy knows less.
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

/// Whether a server means "not in this way" rather than "not now".
fn is_refusal(trouble: &Trouble) -> bool {
    !matches!(trouble.failure.remedy, Remedy::Temporary | Remedy::SlowDown(_) | Remedy::Reconnect)
}

//! Tries a new version of a provider with live connections, before it is in use.
//!
//! Threat: a version that is signed, admitted and describes itself well, and reads calendars wrongly: from the moment at which
//! it is added, booked time is shown as free to everybody. Decision: the version in use and the new one are asked the same
//! about a few live connections: open the account, and the busy times of the next days. Where the version in use answers, the
//! new one must give the same calendars, no less abilities and the same busy times. If not, both are asked once more, because
//! a calendar may have changed between the two. Nothing is stored, and nothing is written to a calendar. An operator can
//! accept other answers, because they may be what was mended. Rejected: trying writes, which reach people.

use super::{
    access::CalendarAccess,
    connection::Connection,
    store::{self, StoredConnection},
    tokens::renewal,
};
use crate::{
    calendar::{Interval, Window},
    ids::ConnectionId,
    plugins::{
        Access, CallError, Plugin,
        contract::{Account, BusyTargets},
        registry::{Provider, RegistryError},
    },
};
use jiff::SignedDuration;
use std::{collections::BTreeMap, sync::Arc};

/// The most connections that are asked about.
const MAX_CONNECTIONS: u32 = 3;

/// The length of the window of busy times.
const WINDOW: SignedDuration = SignedDuration::from_hours(24 * 7);

/// What the try showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SmokeReport {
    /// The connections for which both versions were asked.
    pub tried: usize,
    /// Where the new version answers differently.
    pub differences: Vec<SmokeDifference>,
}

/// A connection for which the new version answers differently. Holds nothing of the calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmokeDifference {
    /// The connection.
    pub connection: ConnectionId,
    /// The difference.
    pub what: String,
}

/// Asks the version in use and a new one about a few connections.
///
/// # Errors
/// If the database fails.
pub async fn try_version(calendars: &CalendarAccess, new: &Provider) -> Result<SmokeReport, RegistryError> {
    let mut report = SmokeReport::default();
    let present = match calendars.registry.load_provider(&new.id).await {
        Ok(present) => present,
        Err(error) if error.database().is_some() => return Err(error),
        // There is nothing to compare with.
        Err(_) => return Ok(report),
    };
    let listed = calendars.db.read(async |tx| store::recently_opened(tx, &new.id, MAX_CONNECTIONS).await).await?;
    for StoredConnection { connection, .. } in listed {
        // This also refreshes a token that has expired.
        let Ok(session) = calendars.open_session(connection.organisation, connection.person).await else { continue };
        let (organisation, person) = (connection.organisation, connection.person);
        let stored = calendars.db.read(async |tx| store::of_person(tx, organisation, person).await).await?;
        let Some(stored) = stored else { continue };
        if session.plugin().inspection().sha256 != present.plugin.inspection().sha256 {
            continue;
        }
        let what = match calendars.with_stored_credential(&stored, new) {
            Ok(access) => {
                let access = match stored.connection.token {
                    Some(_) => access.with_renewal(renewal(calendars, &stored.connection)),
                    None => access,
                };
                let both = [(session.plugin(), &session.access), (&new.plugin, &access)];
                match compare(calendars, &stored.connection, both).await {
                    Ok(what) => what,
                    // The version in use does not answer either.
                    Err(_) => continue,
                }
            }
            Err(error) => Some(format!("the stored sign-in does not fit: {error}")),
        };
        report.tried += 1;
        report.differences.extend(what.map(|what| SmokeDifference { connection: stored.connection.id, what }));
    }
    Ok(report)
}

/// The answers of a version about one connection.
struct Answers {
    account: Account,
    /// For each calendar its busy intervals in order; `None` if it was not answered for.
    busy: BTreeMap<String, Option<Vec<Interval>>>,
}

/// How the answers of the second version differ from those of the first; `None` if they do not.
///
/// # Errors
/// If the first version does not answer.
async fn compare(
    calendars: &CalendarAccess,
    connection: &Connection,
    both: [(&Plugin, &Arc<Access>); 2],
) -> Result<Option<String>, CallError> {
    let start = calendars.now();
    let window = Window { start, end: start.checked_add(WINDOW).unwrap_or(start) };
    let [(present, access), (new, new_access)] = both;
    let mut found = None;
    for _ in 0..2 {
        let before = ask(present, access, connection, window).await?;
        found = match ask(new, new_access, connection, window).await {
            Ok(after) => difference(&before, &after),
            Err(error) => Some(format!("the version in use answers, and the new one does not: {error}")),
        };
        if found.is_none() {
            break;
        }
    }
    Ok(found)
}

async fn ask(
    plugin: &Plugin,
    access: &Arc<Access>,
    connection: &Connection,
    window: Window,
) -> Result<Answers, CallError> {
    let account = plugin.open(access).await?.value;
    let mut busy = BTreeMap::new();
    let own = connection.own();
    if !own.is_empty() {
        for answer in plugin.busy(access, BusyTargets::Calendars(own), window).await?.value {
            let intervals = answer.outcome.ok().map(|times| {
                let mut intervals = times.intervals;
                intervals.sort_by_key(|interval| (interval.start, interval.end));
                intervals
            });
            busy.insert(answer.target, intervals);
        }
    }
    Ok(Answers { account, busy })
}

/// The first difference, in words that hold nothing of the calendar. Pure.
fn difference(before: &Answers, after: &Answers) -> Option<String> {
    for calendar in &before.account.calendars {
        let Some(same) = after.account.calendars.iter().find(|same| same.id == calendar.id) else {
            return Some("`open` does not list a calendar that the version in use lists".to_owned());
        };
        if (same.role, same.is_default) != (calendar.role, calendar.is_default) {
            return Some("`open` gives a calendar another role, or another default calendar".to_owned());
        }
    }
    let (had, has) = (&before.account.abilities, &after.account.abilities);
    let lost = [
        ("read-busy", had.read_busy && !has.read_busy),
        ("write", had.write && !has.write),
        ("report-changes", had.report_changes && !has.report_changes),
        ("push", had.push && !has.push),
        ("sends-invitations", had.sends_invitations && !has.sends_invitations),
    ];
    if let Some((name, _)) = lost.iter().find(|(_, lost)| *lost) {
        return Some(format!("`open` lacks the ability {name}"));
    }
    for (calendar, intervals) in &before.busy {
        let Some(intervals) = intervals else { continue };
        match after.busy.get(calendar) {
            Some(Some(same)) if same == intervals => {}
            Some(Some(other)) => {
                let (one, other) = (intervals.len(), other.len());
                return Some(format!("`busy` gives other times: {other} intervals in place of {one}"));
            }
            _ => return Some("`busy` does not answer for a calendar".to_owned()),
        }
    }
    None
}

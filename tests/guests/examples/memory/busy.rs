//! When the owner is busy.

use chronus_sdk::failure::{invalid, temporary, unsupported};
use chronus_sdk::values::*;
use chronus_test_guests::store;

use crate::service::{self, StoredEvent};
use crate::{record, wrong};

pub(crate) fn busy(c: &Connection, targets: &BusyTargets, window: Window) -> Result<BusyReply, Failure> {
    if window.end <= window.start && !wrong("backwards-is-free") {
        return Err(invalid("window", "its end is not after its start"));
    }
    let BusyTargets::Calendars(ids) = targets else {
        return Err(unsupported("the store has no times of other people"));
    };
    let mut ids = ids.clone();
    if ids.is_empty() && wrong("nothing-is-invalid") {
        return Err(invalid("targets", "no calendar is asked for"));
    }
    if wrong("answers-in-its-own-order") {
        ids.sort();
    }
    let mut answers = Vec::new();
    for calendar in ids {
        let mut outcome = of_calendar(c, &calendar, window);
        if wrong("drops-unknown-calendars") && outcome.is_err() {
            continue;
        }
        if wrong("failure-is-free") && outcome.is_err() {
            outcome = Ok(BusyTimes { intervals: vec![], problems: vec![] });
        }
        answers.push(BusyAnswer { target: calendar, outcome });
    }
    Ok(BusyReply { answers, memo: None })
}

fn of_calendar(c: &Connection, calendar: &str, window: Window) -> Result<BusyTimes, Failure> {
    let mut times = BusyTimes { intervals: vec![], problems: vec![] };
    for stored in service::list(calendar)? {
        match record::parse(&stored) {
            Ok(parsed) => {
                let key = record::key(&parsed);
                let told = |one: Interval| Interval {
                    client_key: if wrong("busy-keys-are-uids") { one.uid.clone() } else { key.clone() },
                    uid: if wrong("busy-uids-are-keys") { key.clone() } else { one.uid },
                    ..one
                };
                times.intervals.extend(store::intervals(c, parsed, window, wrong).into_iter().map(told));
            }
            Err(failure) if wrong("one-bad-event-is-all") => return Err(temporary(failure.detail)),
            Err(failure) => times.problems.push(Problem { id: id(&stored), what: failure.detail, span: None }),
        }
    }
    if wrong("always-free") {
        times.intervals.clear();
    }
    if !wrong("unsorted") {
        times.intervals.sort_by_key(|interval| (interval.start, interval.end));
    }
    Ok(times)
}

fn id(stored: &StoredEvent) -> String {
    if wrong("bad-events-are-nameless") { String::new() } else { stored.id.clone() }
}

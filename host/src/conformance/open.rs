//! Cases of `account.open`: the account, its calendars and abilities.

use super::{
    bench::Bench,
    caller::Caller,
    expect::{CaseResult, CaseStop, describe_error, ensure, equal, failed, fails, not_applicable, ok},
};
use crate::{
    calendar::Window,
    plugins::{
        Level,
        contract::{Abilities, Calendar},
        egress::Credential,
    },
};
use std::collections::BTreeSet;

super::list! {
    "open/calendars" [Open] calendars;
    "open/default" [Open] default;
    "open/meetings" [Open] meetings;
    "open/abilities" [Open] abilities;
    "open/stable" [Open] stable;
    "open/reconnect" [Open] reconnect;
}

async fn calendars(bench: &Bench) -> CaseResult {
    let account = bench.account()?;
    ensure(!account.calendars.is_empty(), "an account with calendars", || "`open` returns no calendars".into())?;
    let ids: BTreeSet<&str> = account.calendars.iter().map(|calendar| calendar.id.as_str()).collect();
    ensure(ids.len() == account.calendars.len(), "each calendar has its own id", || format!("{ids:?}"))?;
    let Abilities { read_busy, report_changes, .. } = account.abilities;
    let window = bench.hours(0, 24);
    for Calendar { id, .. } in &account.calendars {
        if read_busy {
            let answers = ok("`query` accepts the ids of `open`", bench.caller.busy(&[id], window).await)?;
            for answer in answers {
                match answer.outcome {
                    Err(failure) if is_about_the_id(failure.remedy.code()) => {
                        failed(format!("`query` accepts the calendar `{id}`"), failure.to_string())?;
                    }
                    _ => {}
                }
            }
        }
        if report_changes {
            accepted_by_changes(bench, id, window).await?;
        }
    }
    Ok(())
}

async fn accepted_by_changes(bench: &Bench, id: &str, window: Window) -> CaseResult {
    let first = bench.caller.changes(id, None, window, bench.limits().page_size).await;
    match first {
        Err(error) if is_about_the_id(error.code()) => {
            failed(format!("`page` accepts the calendar `{id}`"), describe_error(&error))
        }
        _ => Ok(()),
    }
}

fn is_about_the_id(code: &str) -> bool {
    ["not-found", "gone", "invalid"].contains(&code)
}

async fn default(bench: &Bench) -> CaseResult {
    let calendars = &bench.account()?.calendars;
    let defaults: Vec<&Calendar> = calendars.iter().filter(|calendar| calendar.is_default).collect();
    let writable = calendars.iter().any(|calendar| calendar.role.writes());
    let actual = || format!("{defaults:?} of {calendars:?}");
    if writable {
        ensure(defaults.len() == 1, "exactly one calendar is the default, because a calendar can be written", actual)?;
    }
    ensure(defaults.iter().all(|calendar| calendar.role.writes()), "the default calendar can be written", actual)
}

async fn meetings(bench: &Bench) -> CaseResult {
    for calendar in bench.account()?.calendars.iter().filter(|calendar| calendar.takes_meetings) {
        let what = format!("`{}`, which takes meetings, is a calendar that can be written", calendar.id);
        ensure(calendar.role.writes(), &what, || format!("{:?}", calendar.role))?;
    }
    Ok(())
}

async fn abilities(bench: &Bench) -> CaseResult {
    let abilities = bench.account()?.abilities;
    let Abilities { write, report_changes, push, recurring_writes, .. } = abilities;
    let level = bench.caller.plugin.inspection().level;
    let too_much: Vec<&str> = [
        (write, "`write`", Level::TwoWay),
        (recurring_writes, "`recurring-writes`", Level::TwoWay),
        (report_changes, "`report-changes`", Level::TwoWay),
        (push, "`push`", Level::TwoWayPush),
    ]
    .into_iter()
    .filter(|(claimed, _, needed)| *claimed && level < *needed)
    .map(|(_, name, _)| name)
    .collect();
    ensure(too_much.is_empty(), "the component exports the functions of every ability that it claims", || {
        format!("the component has the level {level:?} and claims {}", too_much.join(", "))
    })
}

async fn stable(bench: &Bench) -> CaseResult {
    let again = ok("`open` succeeds again", bench.caller.open().await)?;
    let sorted = |calendars: &[Calendar]| {
        let mut calendars = calendars.to_vec();
        calendars.sort_by(|a, b| a.id.cmp(&b.id));
        calendars
    };
    equal("`open` returns the same calendars again", &sorted(&bench.account()?.calendars), &sorted(&again.calendars))
}

async fn reconnect(bench: &Bench) -> CaseResult {
    let stranger = stranger(bench).await?;
    let failure = fails("`open` with a wrong credential", stranger.open().await, &["reconnect"])?;
    ensure(!failure.detail.trim().is_empty(), "the detail names the kind of credential that the service wants", || {
        "the detail is empty".into()
    })
}

/// A caller with a wrong credential. Not applicable if the service does not check credentials.
pub(super) async fn stranger(bench: &Bench) -> CaseResult<Caller> {
    let wrong = || "conformance-wrong-secret".to_owned().into();
    let credential = match bench.caller.target().credential.clone() {
        Credential::None => return not_applicable("the connection has no credential"),
        // Another address is not a wrong credential, but the address of something else.
        Credential::Url(_) => return not_applicable("the address itself is the credential"),
        Credential::Basic { user, .. } => Credential::Basic { user, secret: wrong() },
        Credential::Header { name, prefix, .. } => Credential::Header { name, prefix, secret: wrong() },
        Credential::Query { name, .. } => Credential::Query { name, secret: wrong() },
    };
    let nobody = bench.caller.with(|target| target.credential = Credential::None);
    match nobody.open().await {
        Ok(_) => Err(CaseStop::NotApplicable("the service opens the account without any credential".into())),
        Err(_) => Ok(bench.caller.with(|target| target.credential = credential)),
    }
}

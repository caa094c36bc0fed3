//! Cases of a service that fails: at every request of every call, in every way.
//!
//! Each call is made once as it is, which tells how many requests it sends; then once for each request and each way to
//! fail, and once with all requests failing. The faults are made in the host, behind the provider's back
//! ([`crate::plugins::egress::faults`]), so that the cases are the same for every service.

mod act;
mod judge;
mod pages;

use super::{
    Case,
    bench::Bench,
    caller::Caller,
    case,
    expect::{Checked, Stop, equal, failed, ok},
};
use crate::plugins::{
    Trial,
    egress::faults::{Fault, Faults},
};
use act::{Act, Scene, Value};
use jiff::SignedDuration;
use pages::{swapped, twice};
use std::sync::Arc;

/// The most requests of one call at which faults are put: what comes after is like what came before.
const MOST: usize = 8;

/// What a call may be answered in all, in bytes, when answers have no end.
const MOST_BYTES: usize = 2 << 20;

/// For each sentence a case of each call, and the cases that are not of that kind.
macro_rules! cases {
    ($($sentence:literal $faults:ident;)+) => {
        pub(super) const CASES: &[Case] = &[
            // First: they read the whole calendar, which the others give a long history.
            case!("changes/out-of-order:page-twice", [ReportChanges, Write], twice),
            case!("changes/out-of-order:pages-swapped", [ReportChanges, Write], swapped),
            $(
                case!(concat!("failure/", $sentence, ":open"), [Open], fails(Act::Open, $faults)),
                case!(concat!("failure/", $sentence, ":busy"), [ReadBusy, Write], fails(Act::Busy, $faults)),
                case!(concat!("failure/", $sentence, ":get"), [Write], fails(Act::Get, $faults)),
                case!(concat!("failure/", $sentence, ":get-many"), [Write], fails(Act::GetMany, $faults)),
                case!(concat!("failure/", $sentence, ":listing"), [ReportChanges, Write], fails(Act::Listing, $faults)),
                case!(concat!("failure/", $sentence, ":look"), [ReportChanges, Write], fails(Act::Look, $faults)),
                case!(concat!("failure/", $sentence, ":create"), [Write], fails(Act::Create, $faults)),
                case!(concat!("failure/", $sentence, ":update"), [Write], fails(Act::Update, $faults)),
                case!(concat!("failure/", $sentence, ":cancel"), [Write], fails(Act::Cancel, $faults)),
                case!(concat!("failure/", $sentence, ":respond"), [Write], fails(Act::Respond, $faults)),
            )+
            case!("failure/again:create", [ReadBusy, Write], again(Act::Create)),
            case!("failure/again:update", [Write], again(Act::Update)),
            case!("failure/again:cancel", [Write], again(Act::Cancel)),
            case!("failure/again:respond", [Write], again(Act::Respond)),
            case!("failure/clock:busy", [ReadBusy, Write], clock(Act::Busy)),
            case!("failure/clock:listing", [ReportChanges, Write], clock(Act::Listing)),
            case!("failure/clock:create", [Write], clock(Act::Create)),
            case!("failure/clock:update", [Write], clock(Act::Update)),
        ];
    };
}

cases! {
    "never-guessed" spoiled;
    "reconnect" unauthorised;
    "refused" forbidden;
    "absent" absent;
    "precondition" precondition;
    "slow-down" throttled;
    "temporary" broken;
}

/// Makes the faults of a sentence.
type Make = fn() -> Vec<Fault>;

fn spoiled() -> Vec<Fault> {
    vec![Fault::Truncated, Fault::Garbage, Fault::Endless]
}

fn unauthorised() -> Vec<Fault> {
    vec![Fault::Status(401, None)]
}

fn forbidden() -> Vec<Fault> {
    vec![Fault::Status(403, None)]
}

fn absent() -> Vec<Fault> {
    vec![Fault::Status(404, None), Fault::Status(410, None)]
}

fn precondition() -> Vec<Fault> {
    vec![Fault::Status(412, None)]
}

fn throttled() -> Vec<Fault> {
    let waits = [None, Some("0"), Some("120")].map(|wait| Fault::Status(429, wait.map(str::to_owned)));
    [&waits[..], &[Fault::Status(503, Some("90".into()))]].concat()
}

fn broken() -> Vec<Fault> {
    let statuses = [500, 502, 503, 504].map(|status| Fault::Status(status, None));
    [&statuses[..], &[Fault::Timeout, Fault::Refused, Fault::AnswerLost, Fault::Cut]].concat()
}

/// A caller whose requests meet these faults. Its memo is the one of now, so that every run sends the same requests.
fn meeting(bench: &Bench, faults: &Arc<Faults>) -> Caller {
    let caller = bench.caller.with_memo(bench.caller.memo());
    caller.in_trial(Trial { faults: Some(faults.clone()), ..Trial::default() })
}

/// What the call gives without faults, and how many requests it sends.
async fn clean(bench: &Bench, act: Act) -> Checked<(Scene, Value, usize)> {
    let scene = act.prepare(bench).await?;
    let faults = Faults::none();
    let value = act.run(bench, &meeting(bench, &faults), &scene).await;
    let value = ok(&format!("`{}` succeeds while the service is well", act.name()), value)?;
    Ok((scene, value, faults.seen().len()))
}

async fn fails(bench: &Bench, act: Act, faults: Make) -> Checked {
    let (scene, clean, requests) = clean(bench, act).await?;
    for fault in faults() {
        let places = (0..requests.min(MOST)).map(Some).chain([None]);
        for place in places {
            let anew = if act.writes() { Some(act.prepare(bench).await?) } else { None };
            let scene = anew.as_ref().unwrap_or(&scene);
            let script = match place {
                Some(place) => Faults::at([(place, fault.clone())]),
                None => Faults::always(fault.clone()),
            };
            let mut caller = meeting(bench, &script);
            if fault == Fault::Endless {
                caller = caller.with(|target| target.budget.response_bytes = MOST_BYTES);
            }
            let came = act.run(bench, &caller, scene).await;
            if act == Act::Create && came.is_err() && fault.is_after_the_fact() {
                // What may be there can only be taken away by who knows its id.
                let _ = act.run(bench, &bench.caller, scene).await;
            }
            let when = || match place {
                Some(place) => {
                    format!("`{}`, of which request {} of {requests} is {}", act.name(), place + 1, judge::told(&fault))
                }
                None => format!("`{}`, of which each request is {}", act.name(), judge::told(&fault)),
            };
            if let Err((expected, came)) = judge::outcome(&fault, act, &came, &clean) {
                return failed(format!("{}: {expected}", when()), came);
            }
            // Whoever is told that there is nothing may believe that it is gone.
            let lied = matches!(fault, Fault::Status(404 | 410, _)) && act == Act::Cancel;
            if let (Ok(value), false) = (&came, lied) {
                let done = act.is_done(bench, scene, value).await;
                done.or_else(|stop| match stop {
                    Stop::Failed { expected, came } => failed(format!("{}: {expected}", when()), came),
                    other => Err(other),
                })?;
            }
        }
    }
    Ok(())
}

async fn again(bench: &Bench, act: Act) -> Checked {
    let (_, _, requests) = clean(bench, act).await?;
    let window = bench.hours(0, 24);
    for fault in [Fault::AnswerLost, Fault::Cut, Fault::Garbage, Fault::Timeout, Fault::Status(503, None)] {
        for place in 0..requests.min(MOST) {
            let scene = act.prepare(bench).await?;
            let watch = if act == Act::Create { Some(bench.watch(window).await?) } else { None };
            let script = Faults::at([(place, fault.clone())]);
            // Whatever comes of the first: what counts is the second.
            let _ = act.run(bench, &meeting(bench, &script), &scene).await;
            let when = format!(
                "`{}` again, after request {} of {requests} was {}",
                act.name(),
                place + 1,
                judge::told(&fault)
            );
            let value = ok(&format!("{when}, succeeds"), act.run(bench, &bench.caller, &scene).await)?;
            act.is_done(bench, &scene, &value).await?;
            if let Some(watch) = watch {
                equal(&format!("{when}: so many events are there"), &1, &watch.added().await?.len())?;
            }
        }
    }
    Ok(())
}

async fn clock(bench: &Bench, act: Act) -> Checked {
    let (scene, clean, _) = clean(bench, act).await?;
    for days in [-20_i64, -1, 1, 800] {
        let days = if days == -20 { -20 * 365 } else { days };
        let anew = if act.writes() { Some(act.prepare(bench).await?) } else { None };
        let scene = anew.as_ref().unwrap_or(&scene);
        let clock_ahead = SignedDuration::from_hours(24 * days);
        let caller = bench.caller.in_trial(Trial { clock_ahead, ..Trial::default() });
        let value = act.run(bench, &caller, scene).await;
        let value = ok(&format!("`{}` with a clock that is {days} days ahead succeeds", act.name()), value)?;
        if act.writes() {
            act.is_done(bench, scene, &value).await?;
        } else {
            equal(&format!("what `{}` gives with a clock that is {days} days ahead", act.name()), &clean, &value)?;
        }
    }
    Ok(())
}

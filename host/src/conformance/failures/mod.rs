//! Cases with a failing service: each fault at each request of each call.
//!
//! Each call is made once without faults, to count its requests; then once for each request and each fault, and once with the
//! fault at all requests. An interceptor makes the faults ([`super::faults`]), so the cases are the same for every service.

mod act;
mod judge;
mod pages;

use super::{
    Case,
    bench::Bench,
    caller::Caller,
    case,
    expect::{CaseResult, CaseStop, ensure, equal, failed, ok},
    faults::{Fault, Faults},
};
use act::{CallOutput, CallSetup, FaultedCall};
use jiff::SignedDuration;
use pages::{swapped, twice};
use std::sync::Arc;

/// The maximum number of requests of one call that meet faults. Later requests are like the earlier ones.
const MAX_FAULTED_REQUESTS: usize = 8;

/// The response budget in bytes for bodies without an end.
const ENDLESS_BUDGET: usize = 2 << 20;

/// One case for each sentence and call, and the other cases.
macro_rules! cases {
    ($($sentence:literal $faults:ident;)+) => {
        pub(super) const CASES: &[Case] = &[
            // These run first: they read the whole calendar, and the other cases give it a long history.
            case!("changes/out-of-order:page-twice", [ReportChanges, Write], twice),
            case!("changes/out-of-order:pages-swapped", [ReportChanges, Write], swapped),
            $(
                case!(concat!("failure/", $sentence, ":open"), [Open], fails(FaultedCall::Open, $faults)),
                case!(concat!("failure/", $sentence, ":busy"), [ReadBusy], fails(FaultedCall::Busy, $faults)),
                case!(concat!("failure/", $sentence, ":get"), [Write], fails(FaultedCall::Get, $faults)),
                case!(concat!("failure/", $sentence, ":get-many"), [Write], fails(FaultedCall::GetMany, $faults)),
                case!(concat!("failure/", $sentence, ":find"), [Write], fails(FaultedCall::Find, $faults)),
                case!(concat!("failure/", $sentence, ":occurrence"), [RecurringWrites], fails(FaultedCall::Occurrence, $faults)),
                case!(concat!("failure/", $sentence, ":listing"), [ReportChanges, Write], fails(FaultedCall::Listing, $faults)),
                case!(concat!("failure/", $sentence, ":look"), [ReportChanges, Write], fails(FaultedCall::Look, $faults)),
                case!(concat!("failure/", $sentence, ":create"), [Write], fails(FaultedCall::Create, $faults)),
                case!(concat!("failure/", $sentence, ":update"), [Write], fails(FaultedCall::Update, $faults)),
                case!(concat!("failure/", $sentence, ":cancel"), [Write], fails(FaultedCall::Cancel, $faults)),
                case!(concat!("failure/", $sentence, ":respond"), [Write], fails(FaultedCall::Respond, $faults)),
            )+
            case!("failure/again:create", [ReadBusy, Write], again(FaultedCall::Create)),
            case!("failure/again:update", [Write], again(FaultedCall::Update)),
            case!("failure/again:cancel", [Write], again(FaultedCall::Cancel)),
            case!("failure/again:respond", [Write], again(FaultedCall::Respond)),
            case!("failure/clock:busy", [ReadBusy], clock(FaultedCall::Busy)),
            case!("failure/clock:listing", [ReportChanges, Write], clock(FaultedCall::Listing)),
            case!("failure/clock:create", [Write], clock(FaultedCall::Create)),
            case!("failure/clock:update", [Write], clock(FaultedCall::Update)),
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
type MakeFaults = fn() -> Vec<Fault>;

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
    [&statuses[..], &[Fault::Timeout, Fault::Refused, Fault::ResponseLost, Fault::Cut]].concat()
}

/// A caller whose requests meet these faults. Its memo is fixed, so every run sends the same requests.
fn meeting(bench: &Bench, faults: &Arc<Faults>) -> Caller {
    let caller = bench.caller.with_memo(bench.caller.memo());
    caller.with_interceptor(faults.interceptor())
}

/// A call that met no faults.
struct CleanCall {
    setup: CallSetup,
    output: CallOutput,
    /// The number of requests that it sent.
    requests: usize,
}

async fn clean(bench: &Bench, act: FaultedCall) -> CaseResult<CleanCall> {
    let setup = act.prepare(bench).await?;
    let faults = Faults::none();
    let output = act.run(bench, &meeting(bench, &faults), &setup).await;
    let output = ok(&format!("`{}` succeeds while the service works", act.name()), output)?;
    ensure(!output.is_empty(), &format!("`{}` finds the event while the service works", act.name()), || {
        "the answer is empty".into()
    })?;
    Ok(CleanCall { setup, output, requests: faults.exchanges().len() })
}

async fn fails(bench: &Bench, act: FaultedCall, faults: MakeFaults) -> CaseResult {
    let CleanCall { setup, output: clean, requests } = clean(bench, act).await?;
    for fault in faults() {
        let places = (0..requests.min(MAX_FAULTED_REQUESTS)).map(Some).chain([None]);
        for place in places {
            let fresh_setup = if act.writes() { Some(act.prepare(bench).await?) } else { None };
            let setup = fresh_setup.as_ref().unwrap_or(&setup);
            let script = match place {
                Some(place) => Faults::at([(place, fault.clone())]),
                None => Faults::always(fault.clone()),
            };
            let mut caller = meeting(bench, &script);
            if fault == Fault::Endless {
                caller = caller.with(|target| target.budget.response_bytes = ENDLESS_BUDGET);
            }
            let actual = act.run(bench, &caller, setup).await;
            if act == FaultedCall::Create && actual.is_err() && fault.is_after_the_fact() {
                // The event may exist. Creating it again returns its id, with which it can be removed.
                let _ = act.run(bench, &bench.caller, setup).await;
            }
            let when = || match place {
                Some(place) => {
                    format!(
                        "`{}`, of which request {} of {requests} is {}",
                        act.name(),
                        place + 1,
                        judge::describe_fault(&fault)
                    )
                }
                None => format!("`{}`, of which each request is {}", act.name(), judge::describe_fault(&fault)),
            };
            if let Err(judge::Mismatch { expected, actual }) = judge::outcome(&fault, act, &actual, &clean) {
                return failed(format!("{}: {expected}", when()), actual);
            }
            // A provider that gets 404 may conclude that the event is gone.
            let lied = matches!(fault, Fault::Status(404 | 410, _)) && act == FaultedCall::Cancel;
            if let (Ok(value), false) = (&actual, lied) {
                let done = act.is_done(bench, setup, value).await;
                done.or_else(|stop| match stop {
                    CaseStop::Failed { expected, actual } => failed(format!("{}: {expected}", when()), actual),
                    other => Err(other),
                })?;
            }
        }
    }
    Ok(())
}

async fn again(bench: &Bench, act: FaultedCall) -> CaseResult {
    let CleanCall { requests, .. } = clean(bench, act).await?;
    let window = bench.hours(0, 24);
    for fault in [Fault::ResponseLost, Fault::Cut, Fault::Garbage, Fault::Timeout, Fault::Status(503, None)] {
        for place in 0..requests.min(MAX_FAULTED_REQUESTS) {
            let setup = act.prepare(bench).await?;
            let watch = if act == FaultedCall::Create { Some(bench.watch(window).await?) } else { None };
            let script = Faults::at([(place, fault.clone())]);
            // Only the result of the second call counts.
            let _ = act.run(bench, &meeting(bench, &script), &setup).await;
            let when = format!(
                "`{}` again, after request {} of {requests} was {}",
                act.name(),
                place + 1,
                judge::describe_fault(&fault)
            );
            let value = ok(&format!("{when}, succeeds"), act.run(bench, &bench.caller, &setup).await)?;
            act.is_done(bench, &setup, &value).await?;
            if let Some(watch) = watch {
                equal(&format!("{when}: the number of events"), &1, &watch.added().await?.len())?;
            }
        }
    }
    Ok(())
}

async fn clock(bench: &Bench, act: FaultedCall) -> CaseResult {
    let CleanCall { setup, output: clean, .. } = clean(bench, act).await?;
    for days in [-20_i64, -1, 1, 800] {
        let days = if days == -20 { -20 * 365 } else { days };
        let fresh_setup = if act.writes() { Some(act.prepare(bench).await?) } else { None };
        let setup = fresh_setup.as_ref().unwrap_or(&setup);
        let caller = bench.caller.with_clock_offset(SignedDuration::from_hours(24 * days));
        let value = act.run(bench, &caller, setup).await;
        let value = ok(&format!("`{}` with a clock that is {days} days ahead succeeds", act.name()), value)?;
        if act.writes() {
            act.is_done(bench, setup, &value).await?;
        } else {
            equal(&format!("the result of `{}` with a clock that is {days} days ahead", act.name()), &clean, &value)?;
        }
    }
    Ok(())
}

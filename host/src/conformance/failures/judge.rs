//! Which outcome of a call is right while the service fails.

use super::act::{Act, Value};
use crate::plugins::{CallError, Exhausted, Failure, Remedy, egress::faults::Fault};

/// What is wrong with an outcome: what was expected instead, and what came.
pub(super) type Wrong = (String, String);

/// The codes of the remedies that may come of a fault.
fn codes(fault: &Fault, act: Act) -> &'static [&'static str] {
    match fault {
        Fault::Status(401, _) => &["reconnect"],
        Fault::Status(403, _) => &["not-permitted", "needs-scope", "needs-admin-approval"],
        Fault::Status(404 | 410, _) if act == Act::Open => &["not-found", "gone", "invalid"],
        Fault::Status(404 | 410, _) => &["not-found", "gone", "cursor-expired"],
        Fault::Status(412, _) => &["conflict", "already-exists", "cursor-expired", "temporary", "invalid"],
        Fault::Status(429, _) | Fault::Status(503, Some(_)) => &["slow-down"],
        Fault::Status(503, None) => &["temporary", "slow-down"],
        Fault::Truncated | Fault::Garbage | Fault::Instead(_) => &["temporary", "invalid"],
        Fault::Endless => &["temporary", "invalid", "window-too-large"],
        Fault::Status(..) | Fault::Timeout | Fault::Refused | Fault::AnswerLost | Fault::Cut => &["temporary"],
    }
}

/// The shortest wait after it, in milliseconds.
fn shortest_wait(fault: &Fault) -> u64 {
    const LEAST: u64 = 2000;
    match fault {
        Fault::Status(_, Some(asked)) => asked.parse::<u64>().map_or(LEAST, |seconds| LEAST.max(seconds * 1000)),
        _ => LEAST,
    }
}

/// As people call it.
pub(super) fn told(fault: &Fault) -> String {
    match fault {
        Fault::Status(status, None) => format!("answered {status}"),
        Fault::Status(status, Some(wait)) => format!("answered {status} with `retry-after: {wait}`"),
        Fault::Timeout => "not answered in time".into(),
        Fault::Refused => "refused by the network".into(),
        Fault::AnswerLost => "done, and its answer lost".into(),
        Fault::Cut => "answered by half, and then cut".into(),
        Fault::Truncated => "answered by half, as if that were all".into(),
        Fault::Garbage => "answered with bytes that mean nothing".into(),
        Fault::Endless => "answered without an end".into(),
        Fault::Instead(_) => "answered with another page".into(),
    }
}

/// Whether a failure may come of a fault.
fn failure(fault: &Fault, act: Act, came: &Failure) -> Result<(), Wrong> {
    let codes = codes(fault, act);
    let least = shortest_wait(fault);
    match came.remedy {
        Remedy::SlowDown(wait) if codes.contains(&"slow-down") && wait < least => {
            Err((format!("`slow-down` for at least {least} ms"), format!("{wait} ms")))
        }
        _ if codes.contains(&came.remedy.code()) => Ok(()),
        _ => Err((format!("the right result, or `{}`", codes.join("` or `")), came.to_string())),
    }
}

/// Whether an outcome may come of a fault. `clean` is what the same call gave without it; writes are looked at
/// afterwards.
pub(super) fn outcome(fault: &Fault, act: Act, came: &Result<Value, CallError>, clean: &Value) -> Result<(), Wrong> {
    match (came, clean) {
        (Err(CallError::Failure(came)), _) => failure(fault, act, came),
        (Err(CallError::Exhausted(Exhausted::ResponseBytes(_))), _) if *fault == Fault::Endless => Ok(()),
        (Err(error), _) => {
            Err(("the right result, or a failure of the contract".into(), super::super::expect::told(error)))
        }
        (Ok(Value::Busy(came)), Value::Busy(clean)) if came.len() == clean.len() => {
            let mut pairs = came.iter().zip(clean);
            pairs.try_for_each(|(came, clean)| part(fault, act, &came.outcome, &clean.outcome))
        }
        (Ok(Value::Fetched(came)), Value::Fetched(clean)) if came.len() == clean.len() => {
            let mut pairs = came.iter().zip(clean);
            pairs.try_for_each(|(came, clean)| part(fault, act, &came.outcome, &clean.outcome))
        }
        (Ok(_), _) if act.writes() => Ok(()),
        (Ok(came), clean) => same(came, clean),
    }
}

/// One calendar or event of several.
fn part<T: PartialEq + std::fmt::Debug>(
    fault: &Fault,
    act: Act,
    came: &Result<T, Failure>,
    clean: &Result<T, Failure>,
) -> Result<(), Wrong> {
    match (came, clean) {
        // What is not there need not be told by the same words.
        (Err(came), Err(clean)) if came.remedy == clean.remedy => Ok(()),
        (Err(came), _) => failure(fault, act, came),
        (Ok(came), Ok(clean)) => same(came, clean),
        (Ok(_), Err(_)) => Err(("no more than without the fault".into(), super::super::expect::short(came))),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(came: &T, clean: &T) -> Result<(), Wrong> {
    let short = super::super::expect::short;
    if came == clean {
        return Ok(());
    }
    Err((format!("a failure, or what comes without the fault: {}", short(&clean)), short(&came)))
}

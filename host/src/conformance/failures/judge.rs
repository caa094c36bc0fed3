//! Which results of a call are right while the service fails.

use super::act::{CallOutput, FaultedCall};
use crate::{
    conformance::faults::Fault,
    plugins::{BudgetLimit, CallError, Failure, Remedy, contract::Pause},
};

/// A wrong result.
pub(super) struct Mismatch {
    pub(super) expected: String,
    pub(super) actual: String,
}

/// The remedies that are right for a fault.
fn codes(fault: &Fault, act: FaultedCall) -> &'static [&'static str] {
    match fault {
        Fault::Status(401, _) => &["reconnect"],
        Fault::Status(403, _) => &["not-permitted", "needs-scope", "needs-admin-approval"],
        Fault::Status(404 | 410, _) if act == FaultedCall::Open => &["not-found", "gone", "invalid"],
        Fault::Status(404 | 410, _) => &["not-found", "gone", "cursor-expired"],
        Fault::Status(412, _) => &["conflict", "already-exists", "cursor-expired", "temporary", "invalid"],
        Fault::Status(429, _) | Fault::Status(503, Some(_)) => &["slow-down"],
        Fault::Status(503, None) => &["temporary", "slow-down"],
        Fault::Truncated | Fault::Garbage | Fault::Replaced(_) => &["temporary", "invalid"],
        Fault::Endless => &["temporary", "invalid", "window-too-large"],
        Fault::Status(..) | Fault::Timeout | Fault::Refused | Fault::ResponseLost | Fault::Cut => &["temporary"],
    }
}

/// The shortest right wait after a fault, in milliseconds.
fn shortest_wait(fault: &Fault) -> u64 {
    const MINIMUM: u64 = 2000;
    match fault {
        Fault::Status(_, Some(asked)) => asked.parse::<u64>().map_or(MINIMUM, |seconds| MINIMUM.max(seconds * 1000)),
        _ => MINIMUM,
    }
}

/// The fault as text, after "the request is".
pub(super) fn describe_fault(fault: &Fault) -> String {
    match fault {
        Fault::Status(status, None) => format!("answered {status}"),
        Fault::Status(status, Some(wait)) => format!("answered {status} with `retry-after: {wait}`"),
        Fault::Timeout => "not answered in time".into(),
        Fault::Refused => "refused by the network".into(),
        Fault::ResponseLost => "carried out, and its response lost".into(),
        Fault::Cut => "answered with half of the body, and then cut off".into(),
        Fault::Truncated => "answered with half of the body, as if it were complete".into(),
        Fault::Garbage => "answered with meaningless bytes".into(),
        Fault::Endless => "answered with an endless body".into(),
        Fault::Replaced(_) => "answered with another page".into(),
    }
}

/// Checks a failure after a fault.
fn failure(fault: &Fault, act: FaultedCall, actual: &Failure) -> Result<(), Mismatch> {
    let codes = codes(fault, act);
    let least = shortest_wait(fault);
    match actual.remedy {
        Remedy::SlowDown(Pause { milliseconds: wait, .. }) if codes.contains(&"slow-down") && wait < least => {
            Err(Mismatch { expected: format!("`slow-down` for at least {least} ms"), actual: format!("{wait} ms") })
        }
        _ if codes.contains(&actual.remedy.code()) => Ok(()),
        _ => Err(Mismatch {
            expected: format!("the right result, or `{}`", codes.join("` or `")),
            actual: actual.to_string(),
        }),
    }
}

/// Checks the result of a call after a fault. `clean` is the result without the fault; the effects of writes are checked
/// separately.
pub(super) fn outcome(
    fault: &Fault,
    act: FaultedCall,
    actual: &Result<CallOutput, CallError>,
    clean: &CallOutput,
) -> Result<(), Mismatch> {
    match (actual, clean) {
        (Err(CallError::Failure(actual)), _) => failure(fault, act, actual),
        (Err(CallError::Exhausted(BudgetLimit::ResponseBytes(_))), _) if *fault == Fault::Endless => Ok(()),
        (Err(error), _) => Err(Mismatch {
            expected: "the right result, or a failure of the contract".into(),
            actual: super::super::expect::describe_error(error),
        }),
        (Ok(CallOutput::Busy(actual)), CallOutput::Busy(clean)) if actual.len() == clean.len() => {
            let mut pairs = actual.iter().zip(clean);
            pairs.try_for_each(|(actual, clean)| part(fault, act, &actual.outcome, &clean.outcome))
        }
        (Ok(CallOutput::Fetched(actual)), CallOutput::Fetched(clean)) if actual.len() == clean.len() => {
            let mut pairs = actual.iter().zip(clean);
            pairs.try_for_each(|(actual, clean)| part(fault, act, &actual.outcome, &clean.outcome))
        }
        (Ok(_), _) if act.writes() => Ok(()),
        (Ok(actual), clean) => same(actual, clean),
    }
}

/// Checks the outcome of one of several calendars or events.
fn part<T: PartialEq + std::fmt::Debug>(
    fault: &Fault,
    act: FaultedCall,
    actual: &Result<T, Failure>,
    clean: &Result<T, Failure>,
) -> Result<(), Mismatch> {
    match (actual, clean) {
        // The texts of a failure may differ.
        (Err(actual), Err(clean)) if actual.remedy == clean.remedy => Ok(()),
        (Err(actual), _) => failure(fault, act, actual),
        (Ok(actual), Ok(clean)) => same(actual, clean),
        (Ok(_), Err(_)) => Err(Mismatch {
            expected: "the same failure as without the fault".into(),
            actual: super::super::expect::short(actual),
        }),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(actual: &T, clean: &T) -> Result<(), Mismatch> {
    let short = super::super::expect::short;
    if actual == clean {
        return Ok(());
    }
    Err(Mismatch {
        expected: format!("a failure, or the result without the fault: {}", short(&clean)),
        actual: short(&actual),
    })
}

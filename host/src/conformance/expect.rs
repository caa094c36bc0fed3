//! Checks, and the messages of failed checks.
//!
//! Problem: the author of a provider reads the report without the source of the suite. Decision: every message has two parts,
//! what was expected of which call and what actually happened, and both show values. Rejected: assertions that print the
//! suite's own expressions.

use crate::{
    calendar::Interval,
    plugins::{CallError, Failure},
};
use jiff::Timestamp;
use std::fmt::{Debug, Write as _};

/// Why a case ended early.
#[derive(Debug)]
pub(super) enum CaseStop {
    Failed {
        expected: String,
        actual: String,
    },
    NotApplicable(String),
    /// The case proves nothing with what the account holds. The text says what to change.
    NotTried(String),
}

pub(super) type CaseResult<T = ()> = Result<T, CaseStop>;

pub(super) fn failed<T>(expected: impl Into<String>, actual: impl Into<String>) -> CaseResult<T> {
    Err(CaseStop::Failed { expected: expected.into(), actual: actual.into() })
}

pub(super) fn not_applicable<T>(why: impl Into<String>) -> CaseResult<T> {
    Err(CaseStop::NotApplicable(why.into()))
}

pub(super) fn not_tried<T>(why: impl Into<String>) -> CaseResult<T> {
    Err(CaseStop::NotTried(why.into()))
}

/// Checks that a call succeeded.
pub(super) fn ok<T>(expected: &str, result: Result<T, CallError>) -> CaseResult<T> {
    result.or_else(|error| failed(expected, describe_error(&error)))
}

/// Checks that a call failed with one of these remedies.
pub(super) fn fails<T: Debug>(expected: &str, result: Result<T, CallError>, codes: &[&str]) -> CaseResult<Failure> {
    let expected = || format!("{expected}: fails with `{}`", codes.join("` or `"));
    match result {
        Err(CallError::Failure(failure)) if codes.contains(&failure.remedy.code()) => Ok(failure),
        Err(error) => failed(expected(), describe_error(&error)),
        Ok(value) => failed(expected(), format!("the call succeeded with {}", short(&value))),
    }
}

/// Checks that two values are equal.
pub(super) fn equal<T: PartialEq + Debug>(what: &str, expected: &T, actual: &T) -> CaseResult {
    if expected == actual {
        return Ok(());
    }
    failed(format!("{what}: {}", short(expected)), short(actual))
}

/// Checks a condition. `actual` describes what was found instead.
pub(super) fn ensure(holds: bool, expected: &str, actual: impl FnOnce() -> String) -> CaseResult {
    if holds { Ok(()) } else { failed(expected, actual()) }
}

/// The text of an error with its code, because the text alone may not name the remedy.
pub(super) fn describe_error(error: &CallError) -> String {
    let text = error.to_string();
    let code = error.code();
    if text.starts_with(code) { text } else { format!("{code}: {text}") }
}

/// A value as text, cut to a readable length.
pub(super) fn short(value: &impl Debug) -> String {
    const MOST: usize = 1500;
    let text = format!("{value:?}");
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}… ({} bytes in total)", text.get(..end).unwrap_or_default(), text.len()),
        None => text,
    }
}

/// A list of times as text.
pub(super) fn times(intervals: &[(Timestamp, Timestamp)]) -> String {
    let mut text = String::new();
    for (start, end) in intervals {
        let _ = write!(text, "{}{start} to {end}", if text.is_empty() { "" } else { ", " });
    }
    if text.is_empty() { "nothing".into() } else { text }
}

/// The starts and ends of intervals.
pub(super) fn spans<'a>(intervals: impl IntoIterator<Item = &'a Interval>) -> Vec<(Timestamp, Timestamp)> {
    intervals.into_iter().map(|interval| (interval.start, interval.end)).collect()
}

/// Checks that the intervals are exactly these times, in any order.
pub(super) fn expect_times(what: &str, expected: &[(Timestamp, Timestamp)], actual: &[Interval]) -> CaseResult {
    let mut actual_times = spans(actual);
    let mut expected = expected.to_vec();
    actual_times.sort_unstable();
    expected.sort_unstable();
    ensure(expected == actual_times, &format!("{what}: {}", times(&expected)), || times(&actual_times))
}

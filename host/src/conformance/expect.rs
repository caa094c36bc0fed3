//! What a case says when it is not as expected.
//!
//! The reader is the author of a provider, with the report and nothing else at hand. So every message has two parts,
//! what was expected of which call and what came, and both show values, not the names of our variables.

use crate::{
    calendar::Interval,
    plugins::{CallError, Failure},
};
use jiff::Timestamp;
use std::fmt::{Debug, Write as _};

/// Why a case ends early.
#[derive(Debug)]
pub(super) enum Stop {
    Failed { expected: String, came: String },
    NotApplicable(String),
}

pub(super) type Checked<T = ()> = Result<T, Stop>;

pub(super) fn failed<T>(expected: impl Into<String>, came: impl Into<String>) -> Checked<T> {
    Err(Stop::Failed { expected: expected.into(), came: came.into() })
}

pub(super) fn not_applicable<T>(why: impl Into<String>) -> Checked<T> {
    Err(Stop::NotApplicable(why.into()))
}

/// The call must succeed.
pub(super) fn ok<T>(expected: &str, result: Result<T, CallError>) -> Checked<T> {
    result.or_else(|error| failed(expected, told(&error)))
}

/// The call must fail with one of these remedies (or, for what the host finds, one of these codes).
pub(super) fn fails<T: Debug>(expected: &str, result: Result<T, CallError>, codes: &[&str]) -> Checked<Failure> {
    let expected = || format!("{expected}: fails with `{}`", codes.join("` or `"));
    match result {
        Err(CallError::Failure(failure)) if codes.contains(&failure.remedy.code()) => Ok(failure),
        Err(error) => failed(expected(), told(&error)),
        Ok(value) => failed(expected(), format!("it succeeded with {}", short(&value))),
    }
}

/// The two must be equal.
pub(super) fn equal<T: PartialEq + Debug>(what: &str, expected: &T, came: &T) -> Checked {
    if expected == came {
        return Ok(());
    }
    failed(format!("{what}: {}", short(expected)), short(came))
}

/// It must hold; `came` says what is there instead.
pub(super) fn ensure(holds: bool, expected: &str, came: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { failed(expected, came()) }
}

/// An error with its code: the text alone may not say which remedy it was.
pub(super) fn told(error: &CallError) -> String {
    let text = error.to_string();
    let code = error.code();
    if text.starts_with(code) { text } else { format!("{code}: {text}") }
}

/// A value, cut where it would drown the message.
pub(super) fn short(value: &impl Debug) -> String {
    const MOST: usize = 1500;
    let text = format!("{value:?}");
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}… ({} bytes in all)", text.get(..end).unwrap_or_default(), text.len()),
        None => text,
    }
}

/// Times as people read them, one after the other.
pub(super) fn times(intervals: &[(Timestamp, Timestamp)]) -> String {
    let mut text = String::new();
    for (start, end) in intervals {
        // Writing into a string cannot fail.
        let _ = write!(text, "{}{start} to {end}", if text.is_empty() { "" } else { ", " });
    }
    if text.is_empty() { "nothing".into() } else { text }
}

/// The intervals must be these times, in any order and of any kind that blocks.
pub(super) fn taken(what: &str, expected: &[(Timestamp, Timestamp)], came: &[Interval]) -> Checked {
    let mut times_that_came: Vec<_> = came.iter().map(|interval| (interval.start, interval.end)).collect();
    let mut expected = expected.to_vec();
    times_that_came.sort_unstable();
    expected.sort_unstable();
    ensure(expected == times_that_came, &format!("{what}: {}", times(&expected)), || times(&times_that_came))
}

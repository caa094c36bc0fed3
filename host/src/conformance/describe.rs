//! Cases of `plugin.describe`: the provider's description.

use super::{
    bench::Bench,
    expect::{CaseResult, ensure, failed, ok, short},
};
use crate::plugins::admission;

super::list! {
    "describe/pure" [] pure;
    "describe/well-formed" [] well_formed;
}

async fn pure(bench: &Bench) -> CaseResult {
    let first = bench.caller.plugin.description();
    for _ in 0..2 {
        let again = ok("`describe` succeeds again", bench.caller.plugin.describe().await)?;
        ensure(again == *first, "`describe` returns the same description at every call", || {
            format!("first {}, then {}", short(first), short(&again))
        })?;
    }
    Ok(())
}

/// Admission refuses malformed descriptions, so an admitted provider passes. The case exists because authors read reports, and
/// for components that an older host admitted.
async fn well_formed(bench: &Bench) -> CaseResult {
    let description = bench.caller.plugin.description();
    admission::check_description(description).or_else(|error| failed("a well-formed description", error))
}

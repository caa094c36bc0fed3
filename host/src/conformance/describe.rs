//! Cases of `plugin.describe`: what the provider says of itself.

use super::{
    bench::Bench,
    expect::{Checked, ensure, failed, ok, short},
};
use crate::plugins::admission;

super::list! {
    "describe/pure" [] pure;
    "describe/well-formed" [] well_formed;
}

async fn pure(bench: &Bench) -> Checked {
    let first = bench.caller.plugin.description();
    for _ in 0..2 {
        let again = ok("`describe` answers again", bench.caller.plugin.describe().await)?;
        ensure(again == *first, "`describe` gives the same at every call", || {
            format!("first {}, then {}", short(first), short(&again))
        })?;
    }
    Ok(())
}

/// What is malformed is refused at admission, so that a provider that comes this far passes. The case is here because
/// an author reads reports, and to hold for components that were admitted by an older host.
async fn well_formed(bench: &Bench) -> Checked {
    let description = bench.caller.plugin.description();
    admission::check_description(description).or_else(|error| failed("a well-formed description", error))
}

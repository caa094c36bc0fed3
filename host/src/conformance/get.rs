//! Cases of `events.get`, `events.get-many` and `events.find`.

use super::{
    bench::Bench,
    expect::{CaseResult, ensure, equal, fails, ok, short},
};
use crate::calendar::Event;

super::list! {
    "get/unknown" [Write] unknown;
    "get/unknown:strange" [Write] strange;
    "get-many/each" [Write] each;
    "get-many/each:none" [Write] none;
    "get-many/each:at-the-limit" [Write] at_the_limit;
    "find/there" [Write] found;
    "find/absent" [Write] not_found;
}

pub(super) const NOT_THERE: [&str; 2] = ["not-found", "gone"];

async fn unknown(bench: &Bench) -> CaseResult {
    let made = bench.make(&bench.draft(10, 11)).await?;
    let id = bench.unknown_id(&made.event.id);
    fails(&format!("`get` of `{id}`, which does not exist"), bench.caller.get(&made.calendar, &id).await, &NOT_THERE)
        .map(drop)
}

/// Ids that no service returns, but that a faulty store could contain.
async fn strange(bench: &Bench) -> CaseResult {
    let calendar = bench.calendar()?;
    for id in ["nowhere", "no where?x=1#y%00é", "../../nowhere"] {
        let got = bench.caller.get(calendar, id).await;
        fails(&format!("`get` of `{id}`, which does not exist"), got, &NOT_THERE)?;
    }
    Ok(())
}

async fn each(bench: &Bench) -> CaseResult {
    let first = bench.make(&bench.draft(10, 11)).await?;
    let second = bench.make(&bench.draft(12, 13)).await?;
    let ids = [second.event.id.clone(), bench.unknown_id(&first.event.id), first.event.id.clone()];
    let items = ok(
        "`get-many` succeeds although one of three does not exist",
        bench.caller.get_many(&first.calendar, &ids).await,
    )?;
    let answered: Vec<String> = items.iter().map(|item| item.id.clone()).collect();
    equal("one item for each id, in the order of the request", &ids.to_vec(), &answered)?;
    for item in items {
        match (item.id == ids[1], item.outcome) {
            (true, outcome) => {
                let absent = outcome.as_ref().err().is_some_and(|failure| NOT_THERE.contains(&failure.remedy.code()));
                ensure(absent, "the one that does not exist has `not-found` or `gone`", || short(&outcome))?;
            }
            (false, Ok(event)) => equal("the event with the requested id", &item.id, &event.id)?,
            (false, Err(failure)) => ensure(false, "the others have their events", || failure.to_string())?,
        }
    }
    Ok(())
}

async fn none(bench: &Bench) -> CaseResult {
    let items = ok("`get-many` of no ids succeeds", bench.caller.get_many(bench.calendar()?, &[]).await)?;
    equal("as many items as requested ids", &0, &items.len())
}

async fn at_the_limit(bench: &Bench) -> CaseResult {
    let made = bench.make(&bench.draft(10, 11)).await?;
    // A smaller number is enough for providers with a large limit.
    let most = usize::try_from(bench.limits().get_many).unwrap_or(1).min(100);
    let mut ids: Vec<String> = (1..most).map(|_| bench.unknown_id(&made.event.id)).collect();
    ids.push(made.event.id.clone());
    let what = format!("`get-many` of {most} ids, the limit in `describe`, succeeds");
    let items = ok(&what, bench.caller.get_many(&made.calendar, &ids).await)?;
    let answered: Vec<String> = items.iter().map(|item| item.id.clone()).collect();
    equal("one item for each id, in the order of the request", &ids, &answered)?;
    let there = items.iter().filter(|item| item.outcome.is_ok()).count();
    equal("the one event that exists", &1, &there)
}

async fn found(bench: &Bench) -> CaseResult {
    let made = bench.make(&bench.draft(10, 11)).await?;
    bench.make(&bench.draft(12, 13)).await?;
    let found = ok("`find` of the event's UID succeeds", bench.caller.find(&made.event.uid).await)?;
    let found: Vec<_> = found.into_iter().map(|one| (one.calendar, one.event.id, one.event.uid)).collect();
    let Event { id, uid, .. } = &made.event;
    equal(
        "`find` gives the event with its calendar, and no other",
        &vec![(made.calendar.clone(), id.clone(), uid.clone())],
        &found,
    )
}

async fn not_found(bench: &Bench) -> CaseResult {
    bench.make(&bench.draft(10, 11)).await?;
    let uid = format!("{}@conformance.example.com", bench.name());
    let found = ok("`find` of a UID that no event has succeeds", bench.caller.find(&uid).await)?;
    equal("it gives no event", &0, &found.len())
}

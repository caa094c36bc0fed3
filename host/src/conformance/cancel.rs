//! Cases of `events.cancel`.

use super::{
    bench::{Bench, CreatedEvent},
    content::{Content, Field, holds},
    expect::{CaseResult, CaseStop, describe_error, ensure, expect_times, fails, ok},
    get::NOT_THERE,
    update::stale_etag,
};
use crate::{
    calendar::{Draft, Status},
    plugins::Remedy,
};

super::list! {
    "cancel/gone" [Write] gone;
    "cancel/gone:series" [RecurringWrites] gone_series;
    "cancel/gone:with-etag" [Write] gone_with_etag;
    "cancel/again" [Write] again;
    "cancel/again:with-etag" [Write] again_with_etag;
    "cancel/comment" [Write] comment;
    "cancel/stale" [Write] stale;
}

async fn gone(bench: &Bench) -> CaseResult {
    let watch = match bench.account()?.abilities.read_busy {
        true => Some(bench.watch(bench.hours(9, 12)).await?),
        false => None,
    };
    let made = bench.make(&bench.draft(10, 11)).await?;
    ok("`cancel` succeeds", bench.cancel(&made).await)?;
    is_gone(bench, &made).await?;
    match watch {
        Some(watch) => {
            let guard = bench.guard(11, 12).await?;
            expect_times("a cancelled event takes nothing beside another event", &[guard], &watch.added().await?)
        }
        None => Ok(()),
    }
}

async fn gone_series(bench: &Bench) -> CaseResult {
    let draft = Draft { recurrence: vec!["RRULE:FREQ=DAILY;COUNT=3".into()], ..bench.draft(10, 11) };
    let made = bench.make(&draft).await?;
    ok("`cancel` of a series succeeds", bench.cancel(&made).await)?;
    is_gone(bench, &made).await
}

async fn gone_with_etag(bench: &Bench) -> CaseResult {
    let made = bench.make(&bench.draft(10, 11)).await?;
    let etag = bench.get(&made).await?.etag;
    let cancelled = bench.caller.cancel(made.event_ref(), &made.key, etag.as_deref(), bench.notify()).await;
    ok("`cancel` with the present etag succeeds", cancelled)?;
    is_gone(bench, &made).await
}

async fn is_gone(bench: &Bench, made: &CreatedEvent) -> CaseResult {
    match bench.caller.get(&made.calendar, &made.event.id).await {
        Ok(event) => ensure(
            event.status == Status::Cancelled,
            "after `cancel`, `get` returns the event as cancelled or fails",
            || format!("`get` returns the event with the status {:?}", event.status),
        ),
        Err(error) if NOT_THERE.contains(&error.code()) => Ok(()),
        Err(error) => {
            let expected =
                "after `cancel`, `get` fails with `not-found` or `gone`, or returns the event as cancelled".into();
            Err(CaseStop::Failed { expected, actual: describe_error(&error) })
        }
    }
}

async fn again(bench: &Bench) -> CaseResult {
    let made = bench.make(&bench.draft(10, 11)).await?;
    ok("`cancel` succeeds", bench.cancel(&made).await)?;
    ok("`cancel` of a cancelled event succeeds", bench.cancel(&made).await)
}

/// The response to a cancellation was lost, and the caller repeats the call with the same etag.
async fn again_with_etag(bench: &Bench) -> CaseResult {
    let made = bench.make(&bench.draft(10, 11)).await?;
    let etag = bench.get(&made).await?.etag;
    for what in ["`cancel` succeeds", "the same `cancel` again, with the same etag, succeeds"] {
        ok(what, bench.caller.cancel(made.event_ref(), &made.key, etag.as_deref(), bench.notify()).await)?;
    }
    Ok(())
}

async fn comment(bench: &Bench) -> CaseResult {
    let made = bench.make(&bench.draft(10, 11)).await?;
    let cancelled = bench.caller.cancel_with(made.event_ref(), &made.key, "We meet another time", bench.notify()).await;
    ok("`cancel` with a comment succeeds", cancelled)
}

async fn stale(bench: &Bench) -> CaseResult {
    let made = bench.make(&bench.draft(10, 11)).await?;
    let etag = stale_etag(bench, &made).await?;
    let present = bench.get(&made).await?;
    let late = bench.caller.cancel(made.event_ref(), &made.key, Some(&etag), bench.notify()).await;
    let failure = fails("`cancel` with an etag that is not the present one", late, &["conflict"])?;
    if let Remedy::Conflict(event) = failure.remedy {
        holds("the conflict", &Field::ALL, &Content::from(&present), &event)?;
    }
    holds("`get` after the conflict", &Field::ALL, &Content::from(&present), &bench.get(&made).await?)
}

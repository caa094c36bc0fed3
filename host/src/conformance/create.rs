//! Cases of `events.create`: UIDs, keys and repeated calls. The content of events is tested in `round_trip`.

use super::{
    bench::{Bench, CreatedEvent},
    caller::Caller,
    content::{Content, Field, holds},
    expect::{CaseResult, describe_error, ensure, equal, failed, fails, not_applicable, ok},
};
use crate::{
    calendar::{Draft, Event, Patch},
    plugins::{CallError, Remedy},
};

super::list! {
    "create/uid" [Write] uid;
    "create/client-key" [Write] ours;
    "create/client-key:any-key" [Write] any_key;
    "create/idempotent" [Write] idempotent;
    "create/idempotent:series" [RecurringWrites] idempotent_series;
    "create/conflict:title" [Write] conflict_of_title;
    "create/conflict:time" [Write] conflict_of_time;
    "create/taken" [Write] taken;
}

/// The event in the results of the calls after `create`, with the name of each call.
async fn later_answers(bench: &Bench, made: &CreatedEvent) -> CaseResult<Vec<(&'static str, Event)>> {
    let mut answers = vec![("`get`", bench.get(made).await?)];
    let many = bench.caller.get_many(&made.calendar, std::slice::from_ref(&made.event.id)).await;
    for item in ok("`get-many` gives the event", many)? {
        match item.outcome {
            Ok(event) => answers.push(("`get-many`", event)),
            Err(failure) => return failed("`get-many` gives the event", failure.to_string()),
        }
    }
    let patch = Patch { title: Some("Conformance, changed".into()), ..Patch::default() };
    answers.push(("`update`", ok("`update` changes the title", bench.update(made, patch).await)?));
    answers.push(("`get` after an update", bench.get(made).await?));
    Ok(answers)
}

async fn uid(bench: &Bench) -> CaseResult {
    let made = bench.make(&bench.draft(10, 11)).await?;
    for (call, event) in later_answers(bench, &made).await? {
        equal(&format!("{call} returns the UID that `create` returned"), &made.event.uid, &event.uid)?;
    }
    Ok(())
}

async fn ours(bench: &Bench) -> CaseResult {
    let made = bench.make(&bench.draft(10, 11)).await?;
    carries(bench, &made).await
}

async fn any_key(bench: &Bench) -> CaseResult {
    let mut key = bench.name();
    key.push(' ');
    key.extend((b' '..=b'~').map(char::from));
    key.extend(std::iter::repeat_n('k', 256usize.saturating_sub(key.len())));
    let event =
        ok("`create` takes any key of 256 bytes of printable ASCII", bench.create(&key, &bench.draft(10, 11)).await)?;
    carries(bench, &CreatedEvent { key, calendar: bench.calendar()?.to_owned(), event }).await
}

async fn carries(bench: &Bench, made: &CreatedEvent) -> CaseResult {
    let key = Some(made.key.clone());
    equal("`create` returns its key in `ours`", &key, &made.event.client_key)?;
    for (call, event) in later_answers(bench, made).await? {
        equal(&format!("{call} returns the key of `create` in `ours`"), &key, &event.client_key)?;
    }
    Ok(())
}

async fn idempotent(bench: &Bench) -> CaseResult {
    let draft = bench.draft(10, 11);
    twice(bench, &draft, &bench.caller).await
}

async fn idempotent_series(bench: &Bench) -> CaseResult {
    let draft = Draft {
        description: "one\ntwo".into(),
        recurrence: vec!["RRULE:FREQ=DAILY;COUNT=3".into()],
        ..bench.draft(10, 11)
    };
    twice(bench, &draft, &bench.caller).await
}

/// Creates an event twice, the second time with another caller.
pub(super) async fn twice(bench: &Bench, draft: &Draft, second: &Caller) -> CaseResult {
    let reads = bench.account()?.abilities.read_busy;
    let window = bench.hours(9, 12);
    let watch = if reads { Some(bench.watch(window).await?) } else { None };
    let made = bench.make(draft).await?;
    let again = bench.create_by(second, &made.key, draft).await;
    let again = ok("a second `create` with the same key and content succeeds", again)?;
    equal(
        "a second `create` with the same key and content returns the first event: its id",
        &made.event.id,
        &again.id,
    )?;
    equal("and its UID", &made.event.uid, &again.uid)?;
    if let Some(watch) = watch {
        let count = watch.added().await?.len();
        ensure(count == 1, "after two calls with the same key, one event in the calendar", || {
            format!("{count} intervals in the hours of the event")
        })?;
    }
    holds("`get` after a second `create`", &Field::ALL, &Content::from(&made.event), &bench.get(&made).await?)
}

async fn conflict_of_title(bench: &Bench) -> CaseResult {
    let draft = bench.draft(10, 11);
    let other = Draft { title: "Something else".into(), ..draft.clone() };
    conflict(bench, &draft, &other).await
}

async fn conflict_of_time(bench: &Bench) -> CaseResult {
    let draft = bench.draft(10, 11);
    let other = Draft { when: bench.draft(15, 16).when, ..draft.clone() };
    conflict(bench, &draft, &other).await
}

async fn conflict(bench: &Bench, draft: &Draft, other: &Draft) -> CaseResult {
    let made = bench.make(draft).await?;
    let second = bench.create(&made.key, other).await;
    let what = "a second `create` with the same key and other content";
    match fails(what, second, &["conflict"])?.remedy {
        Remedy::Conflict(present) => {
            equal("the conflict contains the present event: its id", &made.event.id, &present.id)?;
            holds("the conflict", &Field::ALL, &Content::from(draft), &present)?;
        }
        other => return failed(what, other.code()),
    }
    holds("`get` after the conflict", &Field::ALL, &Content::from(draft), &bench.get(&made).await?)
}

async fn taken(bench: &Bench) -> CaseResult {
    let draft = bench.draft(10, 11);
    let made = bench.make(&draft).await?;
    if made.event.uid != draft.uid {
        return not_applicable("the service chooses the UIDs of its events");
    }
    let other = Draft { title: "Somebody else's".into(), ..draft.clone() };
    match bench.create(&bench.name(), &other).await {
        Err(CallError::Failure(failure)) if matches!(failure.remedy, Remedy::AlreadyExists(_)) => {
            if let Remedy::AlreadyExists(id) = failure.remedy {
                equal("`already-exists` names the event that holds the UID", &made.event.id, &id)?;
            }
        }
        Err(error) => {
            return failed(
                "`create` under another key with a UID that is taken: `already-exists`",
                describe_error(&error),
            );
        }
        Ok(event) => {
            return failed(
                "`create` under another key with a UID that is taken: `already-exists`",
                format!("it created the event {}", event.id),
            );
        }
    }
    holds("`get` of the event that holds the UID", &Field::ALL, &Content::from(&draft), &bench.get(&made).await?)
}

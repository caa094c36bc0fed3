//! Cases of `events.create`: UIDs, keys and repeated calls. The content of events is tested in `round_trip`.

use super::{
    bench::{Bench, CreatedEvent},
    caller::Caller,
    content::{Content, Field, holds},
    expect::{CaseResult, describe_error, ensure, equal, failed, fails, not_applicable, ok, short},
    round_trip::attendee,
};
use crate::{
    calendar::{Attendee, Draft, Event, Organiser, Patch, Role},
    plugins::{CallError, Remedy},
};

super::list! {
    "create/uid" [Write] uid;
    "create/client-key" [Write] client_key;
    "create/client-key:any-key" [Write] any_key;
    "create/idempotent" [Write] idempotent;
    "create/idempotent:series" [RecurringWrites] idempotent_series;
    "create/conflict:title" [Write] conflict_of_title;
    "create/conflict:time" [Write] conflict_of_time;
    "create/taken" [Write] taken;
    "create/copy" [Write] copy;
    "create/sent" [Write] sent;
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

async fn client_key(bench: &Bench) -> CaseResult {
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
    equal("`create` returns its key as `client-key`", &key, &made.event.client_key)?;
    for (call, event) in later_answers(bench, made).await? {
        equal(&format!("{call} returns the key of `create` as `client-key`"), &key, &event.client_key)?;
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

/// A copy of a meeting that somebody else organises.
async fn copy(bench: &Bench) -> CaseResult {
    let organiser =
        Organiser { address: "organiser@example.com".into(), name: Some("Organiser".into()), is_self: false };
    let guest = attendee("guest-1@example.com", Some("Guest"), Role::Required);
    let draft = Draft { organiser: Some(organiser.clone()), attendees: vec![guest], ..bench.draft(10, 11) };
    let made = bench.make_if_possible(&draft).await?;
    let rest = Field::all_but(Field::Attendees);
    for (call, event) in [("`create`", made.event.clone()), ("`get`", bench.get(&made).await?)] {
        let given = event.organiser.as_ref().map(|given| (given.address.to_lowercase(), given.is_self));
        equal(&format!("{call} returns the organiser of a copy"), &Some((organiser.address.clone(), false)), &given)?;
        let is_guest = |one: &Attendee| one.address.eq_ignore_ascii_case("guest-1@example.com");
        ensure(event.attendees.iter().any(is_guest), &format!("{call} returns the attendee of a copy"), || {
            short(&event.attendees)
        })?;
        holds(call, &rest, &Content::from(&draft), &event)?;
    }
    Ok(())
}

/// The suite writes events without attendees, or tells all of them, unless the service can be told otherwise.
async fn sent(bench: &Bench) -> CaseResult {
    let made = bench.make(&bench.draft(10, 11)).await?;
    let mut events = vec![("`create`", made.event.clone())];
    events.extend(later_answers(bench, &made).await?);
    for (call, event) in events {
        ensure(!event.unsent, &format!("{call} returns an event that is not `unsent`"), || short(&event.unsent))?;
    }
    Ok(())
}

//! Cases of `events.update`: what changes, what stays, and when the call fails.

use super::{
    bench::{Bench, CreatedEvent, timed},
    content::{Content, Field, holds},
    expect::{CaseResult, ensure, equal, failed, fails, not_applicable, ok, short},
    get::NOT_THERE,
    round_trip::attendee,
};
use crate::{
    calendar::{Attendee, AttendeeAnswer, BusyKind, Draft, Event, Patch, Role, Rsvp, Status},
    plugins::{EventRef, Remedy},
};
use std::collections::BTreeMap;

super::list! {
    "update/only-named:title" [Write] one_field(Field::Title, false);
    "update/only-named:description" [Write] one_field(Field::Description, false);
    "update/only-named:location" [Write] one_field(Field::Location, false);
    "update/only-named:url" [Write] one_field(Field::Url, false);
    "update/only-named:time" [Write] one_field(Field::When, false);
    "update/only-named:kind" [Write] one_field(Field::Busy, false);
    "update/only-named:status" [Write] one_field(Field::Status, false);
    "update/only-named:title-with-attendees" [Write] one_field(Field::Title, true);
    "update/only-named:attendees" [Write] one_field(Field::Attendees, true);
    "update/only-named:answers" [Write] answers;
    "update/only-named:recurrence" [RecurringWrites] recurrence;
    "update/only-named:nothing" [Write] nothing;
    "update/only-named:emptied" [Write] emptied;
    "update/etag-new" [Write] etag_new;
    "update/stale" [Write] stale;
    "update/unknown" [Write] unknown(false);
    "update/unknown:with-etag" [Write] unknown(true);
    "update/answers" [Write] set_answers;
    "update/sequence" [Write] sequence;
    "update/no-etag" [Write] no_etag;
}

/// An event with a value in every field.
fn full(bench: &Bench, attendees: bool) -> Draft {
    let answered = |address, rsvp| Attendee { rsvp, ..attendee(address, Some("Guest"), Role::Required) };
    let guests =
        vec![answered("guest-1@example.com", Rsvp::Accepted), answered("guest-2@example.com", Rsvp::Tentative)];
    Draft {
        title: "Before".into(),
        description: "As it was".into(),
        location: "Room 1".into(),
        url: "https://example.com/before".into(),
        when: timed(bench.hour(10), bench.hour(11), "Europe/Rome"),
        busy: BusyKind::Free,
        status: Status::Tentative,
        attendees: if attendees { guests } else { Vec::new() },
        ..bench.draft(10, 11)
    }
}

fn patch_of(field: Field, new: &Draft) -> Patch {
    let mut patch = Patch::default();
    match field {
        Field::Title => patch.title = Some(new.title.clone()),
        Field::Description => patch.description = Some(new.description.clone()),
        Field::Location => patch.location = Some(new.location.clone()),
        Field::Url => patch.url = Some(new.url.clone()),
        Field::When => patch.when = Some(new.when.clone()),
        Field::Busy => patch.busy = Some(new.busy),
        Field::Status => patch.status = Some(new.status),
        Field::Attendees => patch.attendees = Some(new.attendees.clone()),
        Field::Recurrence => patch.recurrence = Some(new.recurrence.clone()),
    }
    patch
}

/// Changes one field. That field has the new value, and all others have the values that `get` returned before.
async fn one_field(bench: &Bench, field: Field, attendees: bool) -> CaseResult {
    let made = if attendees {
        bench.make_if_possible(&full(bench, true)).await?
    } else {
        bench.make(&full(bench, false)).await?
    };
    let before = bench.get(&made).await?;
    let mut guests = before.attendees.clone();
    guests.retain(|one| !one.is_self && !one.address.eq_ignore_ascii_case("guest-2@example.com"));
    guests.push(attendee("guest-3@example.com", None, Role::Optional));
    let new = Draft {
        title: "After".into(),
        description: "As it is now".into(),
        location: "Room 2".into(),
        url: "https://example.com/after".into(),
        when: timed(bench.hour(14), bench.hour(16), "America/New_York"),
        busy: BusyKind::Busy,
        status: Status::Confirmed,
        attendees: guests,
        ..bench.draft(14, 16)
    };
    let updated = ok("`update` of one field succeeds", bench.update(&made, patch_of(field, &new)).await)?;
    only(field, "`update`", &before, &new, &updated)?;
    only(field, "`get` after an update", &before, &new, &bench.get(&made).await?)
}

fn only(field: Field, call: &str, before: &Event, new: &Draft, actual: &Event) -> CaseResult {
    holds(&format!("{call} of one field"), &[field], &Content::from(new), actual)?;
    let others = Field::all_but(field);
    holds(&format!("{call} of another field"), &others, &Content::from(before), actual)
}

/// Remaining attendees keep their answers, whatever the patch contains.
async fn answers(bench: &Bench) -> CaseResult {
    let made = bench.make_if_possible(&full(bench, true)).await?;
    let before = bench.get(&made).await?;
    let mut list = before.attendees.clone();
    for one in &mut list {
        one.rsvp = Rsvp::Declined;
    }
    let patch = Patch { attendees: Some(list), ..Patch::default() };
    ok("`update` of the attendees succeeds", bench.update(&made, patch).await)?;
    let what = "`get` after an update with other answers of remaining attendees";
    holds(what, &[Field::Attendees], &Content::from(&before), &bench.get(&made).await?)
}

async fn recurrence(bench: &Bench) -> CaseResult {
    let lines = |line: &str| vec![line.to_owned()];
    let draft = Draft { recurrence: lines("RRULE:FREQ=DAILY;COUNT=3"), ..full(bench, false) };
    let made = bench.make(&draft).await?;
    let before = bench.get(&made).await?;
    let title = Patch { title: Some("After".into()), ..Patch::default() };
    let renamed = ok("`update` of the title of a series succeeds", bench.update(&made, title).await)?;
    only(Field::Title, "`update`", &before, &Draft { title: "After".into(), ..draft.clone() }, &renamed)?;
    let longer = Draft { recurrence: lines("RRULE:FREQ=DAILY;COUNT=5"), ..draft.clone() };
    let changed = ok("`update` of the rule succeeds", bench.update(&made, patch_of(Field::Recurrence, &longer)).await)?;
    only(Field::Recurrence, "`update`", &renamed, &longer, &changed)?;
    let single = Draft { recurrence: Vec::new(), ..draft };
    ok("`update` changes a series to a single event", bench.update(&made, patch_of(Field::Recurrence, &single)).await)?;
    only(Field::Recurrence, "`get` after an update", &renamed, &single, &bench.get(&made).await?)
}

async fn nothing(bench: &Bench) -> CaseResult {
    let made = bench.make(&full(bench, false)).await?;
    let before = bench.get(&made).await?;
    ok("`update` with an empty patch succeeds", bench.update(&made, Patch::default()).await)?;
    holds("`get` after an empty patch", &Field::ALL, &Content::from(&before), &bench.get(&made).await?)
}

/// An empty text in a patch empties the field; it does not mean that the field is absent.
async fn emptied(bench: &Bench) -> CaseResult {
    let made = bench.make(&full(bench, false)).await?;
    let before = bench.get(&made).await?;
    let new = Draft { description: String::new(), ..full(bench, false) };
    ok("`update` empties the description", bench.update(&made, patch_of(Field::Description, &new)).await)?;
    only(Field::Description, "`get` after an update", &before, &new, &bench.get(&made).await?)
}

fn retitled(title: &str) -> Patch {
    Patch { title: Some(title.into()), ..Patch::default() }
}

/// An etag that is not the present one: the one from before a change if they differ, else an invented one.
pub(super) async fn stale_etag(bench: &Bench, made: &CreatedEvent) -> CaseResult<String> {
    let Some(old) = made.event.etag.clone() else { return not_applicable("the service has no etags") };
    let changed = ok("`update` changes the title", bench.update(made, retitled("Changed meanwhile")).await)?;
    Ok(if changed.etag.as_ref() == Some(&old) { format!("{old}x") } else { old })
}

async fn etag_new(bench: &Bench) -> CaseResult {
    let made = bench.make(&bench.draft(10, 11)).await?;
    let before = bench.get(&made).await?;
    let Some(old) = before.etag else { return not_applicable("the service has no etags") };
    let updated = ok("`update` changes the title", bench.update(&made, retitled("After")).await)?;
    for (call, etag) in [("`update`", updated.etag), ("`get` after an update", bench.get(&made).await?.etag)] {
        ensure(
            etag.as_ref().is_some_and(|etag| *etag != old),
            &format!("{call} returns another etag than {old}"),
            || format!("{etag:?}"),
        )?;
    }
    Ok(())
}

async fn stale(bench: &Bench) -> CaseResult {
    let made = bench.make(&bench.draft(10, 11)).await?;
    let etag = stale_etag(bench, &made).await?;
    let present = bench.get(&made).await?;
    let key = made.key.as_str();
    let late = bench.caller.update(made.event_ref(), key, Some(&etag), retitled("Too late"), bench.notify()).await;
    match fails("`update` with an etag that is not the present one", late, &["conflict"])?.remedy {
        Remedy::Conflict(event) => {
            holds("the conflict", &Field::ALL, &Content::from(&present), &event)?;
            equal("the conflict contains the present etag", &present.etag, &event.etag)?;
        }
        other => return failed("a conflict", other.code()),
    }
    holds("`get` after the conflict", &Field::ALL, &Content::from(&present), &bench.get(&made).await?)?;
    let fresh = present.etag.as_deref();
    let updated = bench.caller.update(made.event_ref(), key, fresh, retitled("In time"), bench.notify()).await;
    ok("`update` with the present etag succeeds", updated).map(drop)
}

async fn unknown(bench: &Bench, with_etag: bool) -> CaseResult {
    let made = bench.make(&bench.draft(10, 11)).await?;
    let id = bench.unknown_id(&made.event.id);
    let etag = made.event.etag.as_deref().filter(|_| with_etag);
    let event = EventRef { calendar: &made.calendar, id: &id };
    let updated = bench.caller.update(event, &bench.name(), etag, retitled("Made by update"), bench.notify()).await;
    if let Ok(event) = &updated {
        bench.remember(CreatedEvent { event: event.clone(), ..made.clone() });
    }
    fails(&format!("`update` of `{id}`, which does not exist"), updated, &NOT_THERE)?;
    let what = format!("`get` of `{id}` after an update of an event that does not exist");
    fails(&what, bench.caller.get(&made.calendar, &id).await, &NOT_THERE).map(drop)
}

async fn sequence(bench: &Bench) -> CaseResult {
    let made = bench.make(&bench.draft(10, 11)).await?;
    let Some(first) = bench.get(&made).await?.sequence else {
        return not_applicable("the service tells no `sequence`");
    };
    let title = Patch { title: Some("After".into()), ..Patch::default() };
    ok("`update` changes the title", bench.update(&made, title).await)?;
    let second = bench.get(&made).await?.sequence;
    ensure(second >= Some(first), &format!("after another title, `sequence` is not below {first}"), || short(&second))?;
    let when = timed(bench.hour(12), bench.hour(13), "UTC");
    ok("`update` changes the time", bench.update(&made, Patch { when: Some(when), ..Patch::default() }).await)?;
    let third = bench.get(&made).await?.sequence;
    ensure(third > second, &format!("after another time, `sequence` is above {}", short(&second)), || short(&third))
}

async fn no_etag(bench: &Bench) -> CaseResult {
    let made = bench.make(&bench.draft(10, 11)).await?;
    // The second update does not know the result of the first one.
    for title in ["First", "Second"] {
        let updated = ok("`update` without an etag succeeds", bench.update(&made, retitled(title)).await)?;
        equal("`update` without an etag returns the new title", &title.to_owned(), &updated.title)?;
    }
    equal("`get` returns the title of the last update", &"Second".to_owned(), &bench.get(&made).await?.title)
}

async fn set_answers(bench: &Bench) -> CaseResult {
    let guest = |number| attendee(&format!("guest-{number}@example.com"), Some("Guest"), Role::Required);
    let draft = Draft { attendees: vec![guest(1), guest(2)], ..bench.draft(10, 11) };
    let made = bench.make_if_possible(&draft).await?;
    let before = bench.get(&made).await?;
    let accepted = AttendeeAnswer { address: guest(1).address, rsvp: Rsvp::Accepted };
    let updated = bench.update(&made, Patch { answers: vec![accepted], ..Patch::default() }).await;
    if !bench.account()?.abilities.sets_answers {
        fails("`update` with an answer of a guest, without `sets-answers`", updated, &["unsupported"])?;
        return holds("`get` afterwards", &Field::ALL, &Content::from(&before), &bench.get(&made).await?);
    }
    ok("`update` sets the answer of a guest", updated)?;
    let after = bench.get(&made).await?;
    let answers = |event: &Event| {
        let all = event.attendees.iter().map(|one| (one.address.to_lowercase(), one.rsvp));
        all.collect::<BTreeMap<_, _>>()
    };
    let mut expected = answers(&before);
    expected.insert(guest(1).address, Rsvp::Accepted);
    equal("the guest has the answer, and everybody else their own", &expected, &answers(&after))?;
    let rest = Field::all_but(Field::Attendees);
    holds("`get` after the answer", &rest, &Content::from(&before), &after)
}

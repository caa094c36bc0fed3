//! Cases of `events.respond`: the owner's answer to an invitation.
//!
//! The contract has no function that puts another person's invitation into the calendar, so the owner is invited to an event that
//! they organise themselves. Not every service keeps its organiser among the attendees; where it does not, there is nothing to
//! answer.

use super::{
    bench::{Bench, CreatedEvent},
    content::{Content, Field, holds},
    expect::{CaseResult, ensure, equal, failed, fails, not_applicable, ok, short},
    round_trip::attendee,
};
use crate::calendar::{Attendee, Draft, Event, Role, Rsvp};

super::list! {
    "respond/own-answer" [Write] own_answer(str::to_owned);
    "respond/own-answer:letters-in-another-case" [Write] own_answer(str::to_uppercase);
    "respond/comment" [Write] comment;
    "respond/not-invited" [Write] not_invited;
}

/// How the owner's address is written in the invitation.
type Spelling = fn(&str) -> String;

/// An event to which the owner is invited, and a guest who has accepted.
pub(super) async fn invited(bench: &Bench) -> CaseResult<CreatedEvent> {
    invited_to(bench, bench.draft(10, 12), str::to_owned).await
}

/// The same with the other fields of a draft, and with the owner's address in this spelling.
pub(super) async fn invited_to(bench: &Bench, draft: Draft, spelling: Spelling) -> CaseResult<CreatedEvent> {
    let account = bench.account()?;
    let Some(owner) = account.address.as_ref().or(bench.caller.target().connection.address.as_ref()) else {
        return not_applicable("neither `open` nor the connection contains the owner's address");
    };
    let guest = Attendee { rsvp: Rsvp::Accepted, ..attendee("guest-1@example.com", Some("Guest"), Role::Required) };
    let owner = attendee(&spelling(owner), None, Role::Required);
    let address = owner.address.clone();
    let made = bench.make_if_possible(&Draft { attendees: vec![guest, owner], ..draft }).await?;
    let entry = made.event.attendees.iter().find(|one| one.is_self || one.address.eq_ignore_ascii_case(&address));
    match entry {
        Some(entry) if entry.is_self => Ok(made),
        Some(entry) => failed("`create` marks the owner's entry among the attendees with `is-self`", short(entry)),
        None => not_applicable("the service does not keep the organiser of an event among its attendees"),
    }
}

async fn own_answer(bench: &Bench, spelling: Spelling) -> CaseResult {
    let made = invited_to(bench, bench.draft(10, 12), spelling).await?;
    let before = bench.get(&made).await?;
    for rsvp in [Rsvp::Accepted, Rsvp::Tentative, Rsvp::Declined] {
        let answered = bench.caller.respond(made.event_ref(), &made.key, rsvp, bench.notify()).await;
        let answered = ok(&format!("`respond` with {rsvp:?} succeeds"), answered)?;
        only_own("`respond`", &before, rsvp, &answered)?;
        only_own("`get` after `respond`", &before, rsvp, &bench.get(&made).await?)?;
    }
    Ok(())
}

fn only_own(call: &str, before: &Event, rsvp: Rsvp, actual: &Event) -> CaseResult {
    let own: Vec<Rsvp> = actual.attendees.iter().filter(|one| one.is_self).map(|one| one.rsvp).collect();
    equal(&format!("{call} returns the answer of the owner (`is-self`)"), &vec![rsvp], &own)?;
    let others = |event: &Event| {
        let mut others: Vec<Attendee> = event.attendees.iter().filter(|one| !one.is_self).cloned().collect();
        others.sort_by(|a, b| a.address.cmp(&b.address));
        others
    };
    let (expected, given) = (others(before), others(actual));
    ensure(expected == given, &format!("{call} returns all other attendees unchanged: {}", short(&expected)), || {
        short(&given)
    })?;
    let rest = Field::all_but(Field::Attendees);
    holds(call, &rest, &Content::from(before), actual)
}

async fn comment(bench: &Bench) -> CaseResult {
    const COMMENT: &str = "I will be five minutes late";
    let made = invited(bench).await?;
    let call = bench.caller.respond_with(made.event_ref(), &made.key, Rsvp::Accepted, COMMENT, bench.notify());
    let answered = ok("`respond` with a comment succeeds", call.await)?;
    let own = answered.attendees.iter().find(|one| one.is_self).and_then(|one| one.comment.as_deref());
    ensure(own.is_none_or(|own| own == COMMENT), "the owner's comment, where the service tells comments", || {
        short(&own)
    })
}

async fn not_invited(bench: &Bench) -> CaseResult {
    let made = bench.make(&bench.draft(10, 11)).await?;
    let answered = bench.caller.respond(made.event_ref(), &made.key, Rsvp::Accepted, bench.notify()).await;
    fails("`respond` to an event to which the owner is not invited", answered, &["not-permitted"])?;
    let guest = attendee("guest-1@example.com", Some("Guest"), Role::Required);
    let made = bench.make_if_possible(&Draft { attendees: vec![guest], ..bench.draft(10, 11) }).await?;
    let event = bench.get(&made).await?;
    if event.attendees.iter().any(|one| one.is_self) {
        return not_applicable("the service puts the organiser among the attendees");
    }
    let answered = bench.caller.respond(made.event_ref(), &made.key, Rsvp::Accepted, bench.notify()).await;
    fails("`respond` to an event to which the owner is not invited", answered, &["not-permitted"])?;
    holds("`get` after `respond`", &Field::ALL, &Content::from(&event), &bench.get(&made).await?)
}

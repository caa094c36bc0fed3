//! Bringing a meeting to its owner's calendar: the job behind every change.
//!
//! One run takes the newest state, writes down what it is about to send, does the one step of [`plan::step`], and
//! writes down what came of it in the transaction that ends the job. Between the two the host may die at any point
//! ([`points`]): the next run finds what was sent and does the step again, which the contract makes harmless (the key)
//! or tells apart (a conflict holds the present event). What only the owner can mend waits without trying, and is
//! delivered when they have connected again.

use super::{
    Content, Meeting, Status,
    plan::{self, Conflict, Copy, CopyState, Step},
    store,
};
use crate::{
    calendar::{Attendee, BusyKind, Draft, Event, Patch, Role, Rsvp, Status as EventStatus},
    connections::{Calendars, Calling, NotCallable, oauth::refresh::RefreshError},
    db::Tx,
    ids::{MeetingId, PersonId},
    jobs::{self, Effect, Lease, LeaseError, Outcome, points},
    people::{self, Person},
    plugins::{
        CallError, Remedy,
        contract::{Notify, Reply},
    },
};
use std::time::Duration;

/// How often one run writes over somebody who writes at the same time.
const MAX_CONFLICT_RETRIES: usize = 4;

/// What came of a step.
#[derive(Debug)]
enum PushOutcome {
    /// The calendar shows what it should.
    Agreed { event: String, etag: Option<String> },
    /// The event is not there any more, as it should be.
    TakenOut,
    /// Its owner took it out.
    Gone,
    /// The calendar itself is not there any more; another one may be.
    NoCalendar,
    /// Only the owner can go on.
    Waits(String),
    /// The service will not have it.
    Refused(String),
    /// Not now.
    Later { error: String, after: Option<Duration> },
}

/// Puts every meeting of a person that is not over: they have just connected a calendar.
///
/// # Errors
/// If the lease was lost, or by the database.
pub async fn deliver(calendars: &Calendars, lease: &Lease, person: PersonId) -> Result<Outcome, LeaseError> {
    let mut tx = calendars.db.begin().await?;
    let now = calendars.now().as_microsecond();
    for meeting in store::upcoming(&mut tx, person, now).await? {
        jobs::put(&mut tx, &Effect::PushMeeting { meeting }).await?;
    }
    jobs::finish(&mut tx, lease).await?;
    tx.commit().await?;
    Ok(Outcome::Done)
}

/// Does what is to be done for one meeting.
///
/// # Errors
/// If the lease was lost, or by the database.
pub async fn push(calendars: &Calendars, lease: &Lease, id: MeetingId) -> Result<Outcome, LeaseError> {
    let mut tx = calendars.db.begin_read().await?;
    let Some(meeting) = store::find_unscoped(&mut tx, id).await? else {
        tx.commit().await?;
        return end(calendars, lease, None).await;
    };
    let kept = store::copy(&mut tx, id).await?;
    let attendees = invited(&mut tx, &meeting).await?;
    tx.commit().await?;
    let nothing = plan::step(&meeting, kept.as_ref().map(|kept| &kept.copy)) == Step::Nothing;
    if nothing {
        match kept {
            None => return end(calendars, lease, None).await,
            // It waited for a calendar, and is cancelled before there was one.
            Some(store::EventCopy { account, copy, .. }) if copy.event.is_none() && copy.sent.is_none() => {
                let copy = Copy { state: CopyState::Cancelled, ..copy };
                return end(calendars, lease, Some((&meeting, &account, &copy, None))).await;
            }
            Some(_) => {}
        }
    }
    let mut calling = match calendars.of(meeting.organisation, meeting.owner).await {
        Ok(calling) => calling,
        Err(NotCallable::Database(error)) => return Err(error.into()),
        // What stands there stands, whoever can reach it.
        Err(_) if nothing => return end(calendars, lease, None).await,
        Err(NotCallable::Provider(error)) => return Ok(later(error.to_string())),
        // Somebody else's disturbance, which the owner cannot mend.
        Err(NotCallable::Token(error @ RefreshError::Temporary(_))) => return Ok(later(error.to_string())),
        Err(error) => return wait(calendars, lease, &meeting, kept, error.to_string()).await,
    };
    let account = calling.connection.account_digest();
    // What stands in a calendar that is not connected any more is out of reach, and its owner's.
    let copy = kept.filter(|kept| kept.account == account).map(|kept| kept.copy);
    let step = plan::step(&meeting, copy.as_ref());
    if step == Step::Nothing {
        return end(calendars, lease, None).await;
    }
    let Some(mut copy) = copy.or_else(|| Some(new_copy(calling.connection.home()?.id.clone()))) else {
        let text = "the connected calendar cannot be written".to_owned();
        return wait(calendars, lease, &meeting, None, text).await;
    };
    if meeting.status == Status::Confirmed {
        copy.sent = Some(meeting.content.clone());
    }
    if copy.event.is_none() {
        copy.state = CopyState::Pending;
    }
    let mut tx = calendars.db.begin().await?;
    jobs::hold(&mut tx, lease).await?;
    store::save_copy(&mut tx, meeting.id, &account, &copy, None).await?;
    tx.commit().await?;

    let push = Push { calendars, meeting: &meeting, calendar: &copy.calendar, attendees: &attendees };
    let outcome = push.run(&mut calling, step, copy.etag.clone()).await?;
    tracing::info!(meeting = %meeting.id, revision = meeting.revision, ?outcome, "pushed");
    let mut problem = None;
    match outcome {
        PushOutcome::Agreed { event, etag } => {
            (copy.event, copy.etag, copy.state) = (Some(event), etag, CopyState::Present);
            copy.agreed_revision = meeting.revision;
        }
        PushOutcome::TakenOut => (copy.etag, copy.state) = (None, CopyState::Cancelled),
        PushOutcome::Gone => (copy.etag, copy.state) = (None, CopyState::Gone),
        PushOutcome::Waits(why) => (copy.state, problem) = (CopyState::Waiting, Some(why)),
        PushOutcome::Refused(why) => (copy.state, problem) = (CopyState::Refused, Some(why)),
        PushOutcome::Later { error, after } => return Ok(Outcome::Retry { error, after }),
        PushOutcome::NoCalendar => {
            calendars.reopen(&mut calling).await?;
            let mut tx = calendars.db.begin().await?;
            jobs::hold(&mut tx, lease).await?;
            store::delete_copy(&mut tx, meeting.id).await?;
            tx.commit().await?;
            return Ok(later("the calendar is not there any more; looking for another".to_owned()));
        }
    }
    end(calendars, lease, Some((&meeting, &account, &copy, problem))).await
}

/// The transaction that ends the job, and what it writes down.
async fn end(
    calendars: &Calendars,
    lease: &Lease,
    outcome: Option<(&Meeting, &str, &Copy, Option<String>)>,
) -> Result<Outcome, LeaseError> {
    let mut tx = calendars.db.begin().await?;
    if let Some((meeting, account, copy, problem)) = outcome {
        store::save_copy(&mut tx, meeting.id, account, copy, problem.as_deref()).await?;
    }
    jobs::finish(&mut tx, lease).await?;
    points::reach("push.before-commit").await;
    tx.commit().await?;
    points::reach("push.after-commit").await;
    Ok(Outcome::Done)
}

const fn later(error: String) -> Outcome {
    Outcome::Retry { error, after: None }
}

/// Writes down that only the owner can go on. Nothing is tried until they connect.
async fn wait(
    calendars: &Calendars,
    lease: &Lease,
    meeting: &Meeting,
    kept: Option<store::EventCopy>,
    why: String,
) -> Result<Outcome, LeaseError> {
    let (account, mut copy) = match kept {
        Some(kept) => (kept.account, kept.copy),
        None => (String::new(), new_copy(String::new())),
    };
    if !matches!(copy.state, CopyState::Cancelled | CopyState::Gone) {
        copy.state = CopyState::Waiting;
    }
    end(calendars, lease, Some((meeting, &account, &copy, Some(why)))).await
}

const fn new_copy(calendar: String) -> Copy {
    Copy { calendar, event: None, etag: None, sent: None, agreed_revision: 0, state: CopyState::Pending }
}

async fn invited(tx: &mut Tx, meeting: &Meeting) -> sqlx::Result<Vec<Attendee>> {
    let mut attendees = Vec::new();
    for &person in &meeting.attendees {
        let Some(Person { email, name, .. }) = people::person(tx, meeting.organisation, person).await? else {
            continue;
        };
        attendees.push(Attendee {
            address: email,
            name: Some(name),
            role: Role::Required,
            rsvp: Rsvp::NeedsAction,
            is_self: false,
        });
    }
    Ok(attendees)
}

/// One meeting on its way to one calendar.
struct Push<'a> {
    calendars: &'a Calendars,
    meeting: &'a Meeting,
    calendar: &'a str,
    attendees: &'a [Attendee],
}

impl Push<'_> {
    /// Does a step, and what a conflict makes of it.
    async fn run(&self, calling: &mut Calling, mut step: Step, mut etag: Option<String>) -> sqlx::Result<PushOutcome> {
        for _ in 0..MAX_CONFLICT_RETRIES {
            points::reach("push.before-remote-write").await;
            let outcome = self.send(calling, &step, etag.as_deref()).await;
            points::reach("push.after-remote-write").await;
            let error = match self.calendars.keep(calling, outcome).await? {
                Ok(Some(event)) if self.meeting.status == Status::Cancelled => {
                    // It was made only to learn where it is.
                    (etag, step) = (event.etag, Step::Cancel { event: event.id });
                    continue;
                }
                Ok(Some(event)) => return Ok(PushOutcome::Agreed { event: event.id, etag: event.etag }),
                Ok(None) => return Ok(PushOutcome::TakenOut),
                Err(error) => error,
            };
            match self.classify_failure(error, &step) {
                Ok(outcome) => return Ok(outcome),
                Err(present) => {
                    let event = present.id.clone();
                    let agreed = plan::conflict(&self.meeting.content, self.attendees, &present) == Conflict::Agreed;
                    step = match self.meeting.status {
                        Status::Confirmed if agreed => return Ok(PushOutcome::Agreed { event, etag: present.etag }),
                        Status::Confirmed => Step::Update { event },
                        Status::Cancelled => Step::Cancel { event },
                    };
                    etag = present.etag;
                }
            }
        }
        Ok(PushOutcome::Later { error: "somebody else keeps changing the event".into(), after: None })
    }

    async fn send(
        &self,
        calling: &Calling,
        step: &Step,
        etag: Option<&str>,
    ) -> Result<Reply<Option<Event>>, CallError> {
        let (plugin, access, key) = (calling.plugin(), &calling.access, self.meeting.uid.as_str());
        let sends = calling.connection.account.abilities.sends_invitations;
        let notify = if sends { Notify::All } else { Notify::None };
        let some = |reply: Reply<Event>| Reply { value: Some(reply.value), memo: reply.memo };
        match step {
            Step::Create(content) => {
                plugin.create(access, self.calendar, key, self.draft(content), notify).await.map(some)
            }
            Step::Update { event } => {
                let patch = Patch { attendees: Some(self.attendees.to_vec()), ..plan::patch(&self.meeting.content) };
                plugin.update(access, (self.calendar, event), key, etag, patch, notify).await.map(some)
            }
            Step::Cancel { event } => {
                let reply = plugin.cancel(access, (self.calendar, event), key, etag, notify).await?;
                Ok(Reply { value: None, memo: reply.memo })
            }
            // Nobody goes for nothing.
            Step::Nothing => Ok(Reply { value: None, memo: None }),
        }
    }

    fn draft(&self, content: &Content) -> Draft {
        Draft {
            uid: self.meeting.uid.clone(),
            title: content.title.clone(),
            description: content.description.clone(),
            when: plan::span(content),
            busy: BusyKind::Busy,
            status: EventStatus::Confirmed,
            attendees: self.attendees.to_vec(),
            recurrence: vec![],
        }
    }

    /// What a failed call means for the meeting; or the present event, if that is not what was believed.
    fn classify_failure(&self, error: CallError, step: &Step) -> Result<PushOutcome, Box<Event>> {
        let later = |error: &CallError, after| PushOutcome::Later { error: error.to_string(), after };
        let CallError::Failure(failure) = error else { return Ok(later(&error, None)) };
        let text = failure.to_string();
        Ok(match failure.remedy {
            Remedy::Conflict(present) => return Err(present),
            Remedy::NotFound | Remedy::Gone => match step {
                Step::Update { .. } => PushOutcome::Gone,
                Step::Cancel { .. } | Step::Nothing => PushOutcome::TakenOut,
                Step::Create(_) => PushOutcome::NoCalendar,
            },
            Remedy::Reconnect
            | Remedy::NeedsAdminApproval(_)
            | Remedy::AccessPending
            | Remedy::NeedsScope
            | Remedy::NotPermitted => PushOutcome::Waits(text),
            Remedy::SlowDown(milliseconds) => {
                PushOutcome::Later { error: text, after: Some(Duration::from_millis(milliseconds)) }
            }
            Remedy::Temporary | Remedy::CursorExpired | Remedy::WindowTooLarge(_) => {
                PushOutcome::Later { error: text, after: None }
            }
            Remedy::AlreadyExists(_) | Remedy::Invalid(_) | Remedy::Unsupported => PushOutcome::Refused(text),
        })
    }
}

//! Pushes a meeting to its owner's calendar: the job behind every change of a meeting.
//!
//! Problem: the host may die, or lose an answer, at any point between deciding what to send and storing the result.
//! Decision: one run reads the newest state, asks [`plan::next`], stores what it is about to send, takes that one step,
//! and stores the outcome in the transaction that ends the job. A run that is cut off is repeated: the next one sees what
//! was sent and sends it again, which the event's key makes harmless, or which conflicts and so returns the present event.
//! Each way ends with an event of the service, whose UID is stored: the service may have chosen another than the proposed one.
//! If only the owner can make the calendar reachable, the meeting waits without further attempts, and is pushed once the
//! owner has connected a calendar. Rejected: retrying while the owner must act, which repeats a refused credential for a
//! day.

use super::{
    Content, Meeting, Status,
    plan::{self, Conflict, CopyState, EventCopy, Next, Reachability, Step},
    store,
};
use crate::{
    audit::{self, Act, Entry},
    calendar::{Attendee, BusyKind, Draft, Event, Patch, Status as EventStatus},
    connections::{CalendarAccess, CalendarSession, NotCallable},
    db::Tx,
    ids::{MeetingId, PersonId},
    jobs::{self, Effect, Lease, LeaseError, Outcome, fail_points::fail_point},
    oauth::token_lease::RefreshError,
    people::{self, Person},
    plugins::{
        CallError, EgressRule, Remedy,
        contract::{EventRef, Notify, Reply},
    },
};
use std::time::Duration;

/// The number of writes in one run while others keep changing the event.
const MAX_CONFLICT_RETRIES: usize = 4;

/// The outcome of a step.
#[derive(Debug)]
enum PushOutcome {
    /// The calendar shows the meeting as it is.
    Agreed(WrittenEvent),
    /// The event of a cancelled meeting is no longer there.
    Removed,
    /// The owner has removed the event.
    Gone,
    /// The calendar itself is no longer there. The account may have another.
    NoCalendar,
    /// Only the owner can make the calendar writable, for this reason.
    NeedsOwner(String),
    /// The service refuses the event, for this reason.
    Refused(String),
    /// The call did not begin.
    PutOff { reason: String, after: Duration },
    /// The step failed for now.
    Retry { error: String, after: Option<Duration> },
}

/// How a service names the event that it has now.
#[derive(Debug)]
struct WrittenEvent {
    id: String,
    uid: String,
    etag: Option<String>,
}

impl From<Event> for WrittenEvent {
    fn from(Event { id, uid, etag, .. }: Event) -> Self {
        Self { id, uid, etag }
    }
}

/// Enqueues every meeting of a person that has not ended: the person has just connected a calendar.
///
/// # Errors
/// If the lease was lost, or if the database fails.
pub async fn deliver(calendars: &CalendarAccess, lease: &Lease, person: PersonId) -> Result<Outcome, LeaseError> {
    let mut tx = calendars.db.begin().await?;
    let now = calendars.now().as_microsecond();
    for meeting in store::upcoming(&mut tx, person, now).await? {
        jobs::enqueue_for(&mut tx, &Effect::PushMeeting { meeting }, &lease.owner).await?;
    }
    jobs::complete_in(tx, lease).await
}

/// Pushes one meeting.
///
/// # Errors
/// If the lease was lost, or if the database fails.
pub async fn push(calendars: &CalendarAccess, lease: &Lease, id: MeetingId) -> Result<Outcome, LeaseError> {
    let Some(loaded) = calendars.db.read(async |tx| load(tx, id).await).await? else {
        return finish(calendars, lease, StoredOutcome::default()).await;
    };
    let (meeting, stored) = (&loaded.meeting, loaded.copy.as_ref());
    let mut session = None;
    let mut next = plan::next(meeting, stored, &Reachability::NotOpened);
    if next == Next::Open {
        let (opened, reachability) = open(calendars, meeting).await?;
        (session, next) = (opened, plan::next(meeting, stored, &reachability));
    }
    match (next, session) {
        (Next::Finish, _) => finish(calendars, lease, StoredOutcome::default()).await,
        (Next::MarkCancelled(copy) | Next::Wait(copy), _) => {
            finish(calendars, lease, StoredOutcome { copy: Some(&copy), ..StoredOutcome::default() }).await
        }
        (Next::Retry(error), _) => Ok(Outcome::Retry { error, after: None }),
        (Next::Send { step, copy }, Some(mut session)) => {
            let push = Push { calendars, lease, meeting, attendees: &loaded.attendees };
            push.send(&mut session, step, copy).await
        }
        (Next::Open | Next::Send { .. }, _) => {
            Ok(Outcome::Retry { error: "the calendar was not opened".to_owned(), after: None })
        }
    }
}

/// A meeting with everything that a push needs of the database.
struct MeetingState {
    meeting: Meeting,
    copy: Option<EventCopy>,
    attendees: Vec<Attendee>,
}

async fn load(tx: &mut Tx, id: MeetingId) -> sqlx::Result<Option<MeetingState>> {
    let Some(meeting) = store::find_unscoped(tx, id).await? else { return Ok(None) };
    let copy = store::copy(tx, id).await?;
    let mut attendees = Vec::new();
    for &person in &meeting.attendees {
        let Some(Person { email, name, .. }) = people::person(tx, meeting.organisation, person).await? else {
            continue;
        };
        attendees.push(Attendee::required(email, Some(name)));
    }
    Ok(Some(MeetingState { meeting, copy, attendees }))
}

/// Opens the owner's calendar.
async fn open(calendars: &CalendarAccess, meeting: &Meeting) -> sqlx::Result<(Option<CalendarSession>, Reachability)> {
    let error = match calendars.open_session(meeting.organisation, meeting.owner).await {
        Ok(session) => {
            let account = session.connection.account_digest();
            let home = session.connection.home().map(|calendar| calendar.id.clone());
            return Ok((Some(session), Reachability::Open { account, home }));
        }
        Err(error) => error,
    };
    Ok((
        None,
        match error {
            NotCallable::Database(error) => return Err(error),
            // Another host may have the key, or an operator puts it back.
            error @ (NotCallable::Provider(_)
            | NotCallable::Sealed(_)
            | NotCallable::Token(RefreshError::Temporary(_) | RefreshError::Denied(_))) => {
                Reachability::Unavailable(error.to_string())
            }
            error => Reachability::NeedsOwner(error.to_string()),
        },
    ))
}

/// What a run leaves in the database.
#[derive(Default)]
struct StoredOutcome<'a> {
    copy: Option<&'a EventCopy>,
    /// The UID of the event, if it was written.
    uid: Option<&'a str>,
    /// What the calendar has now, for the audit log.
    entry: Option<Entry<'a>>,
}

/// Ends the job and stores its outcome, in one transaction.
async fn finish(
    calendars: &CalendarAccess,
    lease: &Lease,
    StoredOutcome { copy, uid, entry }: StoredOutcome<'_>,
) -> Result<Outcome, LeaseError> {
    let mut tx = calendars.db.begin().await?;
    if let Some(copy) = copy {
        store::save_copy(&mut tx, copy).await?;
        if let Some(uid) = uid {
            store::save_uid(&mut tx, copy.meeting, uid).await?;
        }
    }
    if let Some(entry) = entry {
        audit::record(&mut tx, entry).await?;
    }
    fail_point("push.before-commit").await;
    let outcome = jobs::complete_in(tx, lease).await?;
    fail_point("push.after-commit").await;
    Ok(outcome)
}

/// One meeting on its way to one calendar.
struct Push<'a> {
    calendars: &'a CalendarAccess,
    lease: &'a Lease,
    meeting: &'a Meeting,
    attendees: &'a [Attendee],
}

impl Push<'_> {
    /// Stores the copy, takes the step, and stores the outcome.
    async fn send(
        &self,
        session: &mut CalendarSession,
        step: Step,
        mut copy: EventCopy,
    ) -> Result<Outcome, LeaseError> {
        let mut tx = self.calendars.db.begin().await?;
        jobs::begin_act(&mut tx, self.lease).await?;
        store::save_copy(&mut tx, &copy).await?;
        tx.commit().await?;

        let outcome = self.run(session, step, &copy).await?;
        let outcome = self.unless_replaced(session, outcome).await?;
        tracing::info!(meeting = %self.meeting.id, revision = self.meeting.revision, ?outcome, "meeting pushed");
        let mut uid = None;
        match outcome {
            PushOutcome::Agreed(written) => {
                (copy.event, copy.etag, copy.state) = (Some(written.id), written.etag, CopyState::Present);
                copy.agreed_revision = self.meeting.revision;
                uid = Some(written.uid);
            }
            PushOutcome::Removed => (copy.etag, copy.state) = (None, CopyState::Cancelled),
            PushOutcome::Gone => (copy.etag, copy.state) = (None, CopyState::Gone),
            PushOutcome::NeedsOwner(why) => (copy.state, copy.problem) = (CopyState::Waiting, Some(why)),
            PushOutcome::Refused(why) => {
                tracing::warn!(meeting = %self.meeting.id, reason = why, "the meeting is stuck; `chronus stuck list` shows it");
                (copy.state, copy.problem) = (CopyState::Refused, Some(why));
            }
            PushOutcome::PutOff { reason, after } => return Ok(Outcome::PutOff { reason, after }),
            PushOutcome::Retry { error, after } => return Ok(Outcome::Retry { error, after }),
            PushOutcome::NoCalendar => return self.look_for_another_calendar(session).await,
        }
        let act = match copy.state {
            CopyState::Present => Act::EventWritten,
            CopyState::Cancelled => Act::EventRemoved,
            CopyState::Pending | CopyState::Gone | CopyState::Waiting | CopyState::Refused => Act::EventNotWritten,
        };
        let by = self.lease.author();
        let values = self.meeting.values().connection(session.connection.id).provider(&session.connection.provider);
        let entry = Some(self.meeting.entry(&by, act).after(values.outcome(copy.state.as_str())));
        finish(self.calendars, self.lease, StoredOutcome { copy: Some(&copy), uid: uid.as_deref(), entry }).await
    }

    /// A refusal by a version of the provider that is no longer in use says nothing about the present one.
    async fn unless_replaced(&self, session: &CalendarSession, outcome: PushOutcome) -> sqlx::Result<PushOutcome> {
        let (PushOutcome::Refused(why) | PushOutcome::NeedsOwner(why)) = &outcome else { return Ok(outcome) };
        let (provider, sha256) = (&session.connection.provider, &session.plugin().inspection().sha256);
        if self.calendars.registry.is_in_use(provider, sha256).await? {
            return Ok(outcome);
        }
        Ok(PushOutcome::Retry { error: format!("{why} (by a version that is no longer in use)"), after: None })
    }

    /// Reads the account again and forgets the calendar that is no longer there.
    async fn look_for_another_calendar(&self, session: &mut CalendarSession) -> Result<Outcome, LeaseError> {
        if let Some(put_off) = self.calendars.reopen(session).await? {
            return Ok(put_off);
        }
        let mut tx = self.calendars.db.begin().await?;
        jobs::verify_lease(&mut tx, self.lease).await?;
        store::delete_copy(&mut tx, self.meeting.id).await?;
        tx.commit().await?;
        let error = "the calendar no longer exists; the next attempt looks for another".to_owned();
        Ok(Outcome::Retry { error, after: None })
    }

    /// Takes a step, and the further steps that conflicts call for.
    async fn run(&self, session: &mut CalendarSession, mut step: Step, copy: &EventCopy) -> sqlx::Result<PushOutcome> {
        let mut etag = copy.etag.clone();
        for _ in 0..MAX_CONFLICT_RETRIES {
            fail_point("push.before-remote-write").await;
            let outcome = self.call(session, &step, &copy.calendar, etag.as_deref()).await;
            fail_point("push.after-remote-write").await;
            let error = match self.calendars.record_outcome(session, outcome).await? {
                Ok(Some(event)) if self.meeting.status == Status::Cancelled => {
                    // It was created again only to learn its id.
                    (etag, step) = (event.etag, Step::Cancel { event: event.id });
                    continue;
                }
                Ok(Some(event)) => return Ok(PushOutcome::Agreed(event.into())),
                Ok(None) => return Ok(PushOutcome::Removed),
                Err(error) => error,
            };
            match classify_failure(error, &step) {
                Ok(outcome) => return Ok(outcome),
                Err(present) => {
                    let agreed = plan::conflict(&self.meeting.content, self.attendees, &present) == Conflict::Agreed;
                    if agreed && self.meeting.status == Status::Confirmed {
                        return Ok(PushOutcome::Agreed((*present).into()));
                    }
                    let Event { id: event, etag: present, .. } = *present;
                    step = match self.meeting.status {
                        Status::Confirmed => Step::Update { event },
                        Status::Cancelled => Step::Cancel { event },
                    };
                    etag = present;
                }
            }
        }
        Ok(PushOutcome::Retry { error: "another application keeps changing the event".into(), after: None })
    }

    /// Makes the provider's call for a step.
    async fn call(
        &self,
        session: &CalendarSession,
        step: &Step,
        calendar: &str,
        etag: Option<&str>,
    ) -> Result<Reply<Option<Event>>, CallError> {
        let (plugin, access, key) = (session.plugin(), &session.access, self.meeting.key.as_str());
        let sends = session.connection.account.abilities.sends_invitations;
        let notify = if sends { Notify::All } else { Notify::None };
        let some = |reply: Reply<Event>| Reply { value: Some(reply.value), memo: reply.memo };
        match step {
            Step::Create(content) => plugin.create(access, calendar, key, self.draft(content), notify).await.map(some),
            Step::Update { event } => {
                let patch = Patch { attendees: Some(self.attendees.to_vec()), ..plan::patch(&self.meeting.content) };
                plugin.update(access, EventRef { calendar, id: event }, key, etag, patch, notify).await.map(some)
            }
            Step::Cancel { event } => {
                let reply = plugin.cancel(access, EventRef { calendar, id: event }, key, etag, None, notify).await?;
                Ok(Reply { value: None, memo: reply.memo })
            }
            // Unreachable: `plan::next` sends no such step.
            Step::Nothing => Ok(Reply { value: None, memo: None }),
        }
    }

    fn draft(&self, content: &Content) -> Draft {
        Draft {
            uid: self.meeting.proposed_uid().to_owned(),
            title: content.title.clone(),
            description: content.description.clone(),
            location: String::new(),
            url: String::new(),
            organiser: None,
            when: plan::span(content),
            busy: BusyKind::Busy,
            status: EventStatus::Confirmed,
            attendees: self.attendees.to_vec(),
            recurrence: vec![],
        }
    }
}

/// The outcome of a failed call; or the present event, if it differs from the stored copy.
fn classify_failure(error: CallError, step: &Step) -> Result<PushOutcome, Box<Event>> {
    let failure = match error {
        CallError::Failure(failure) => failure,
        // Trying again does not help; another password of the owner does.
        CallError::Denied(denial) if denial.rule == EgressRule::Leak => {
            return Ok(PushOutcome::NeedsOwner(denial.reason()));
        }
        error => {
            let text = error.to_string();
            return Ok(match error.pause() {
                Some(after) => PushOutcome::PutOff { reason: text, after },
                None => PushOutcome::Retry { error: text, after: None },
            });
        }
    };
    let text = failure.to_string();
    Ok(match failure.remedy {
        Remedy::Conflict(present) => return Err(present),
        Remedy::NotFound | Remedy::Gone => match step {
            Step::Update { .. } => PushOutcome::Gone,
            Step::Cancel { .. } | Step::Nothing => PushOutcome::Removed,
            Step::Create(_) => PushOutcome::NoCalendar,
        },
        Remedy::Reconnect
        | Remedy::NeedsAdminApproval(_)
        | Remedy::AccessPending
        | Remedy::NeedsScope
        | Remedy::NotPermitted => PushOutcome::NeedsOwner(text),
        Remedy::SlowDown(pause) => PushOutcome::Retry { error: text, after: Some(pause.length()) },
        Remedy::Temporary | Remedy::CursorExpired | Remedy::WindowTooLarge(_) => {
            PushOutcome::Retry { error: text, after: None }
        }
        Remedy::AlreadyExists(_) | Remedy::Invalid(_) | Remedy::Unsupported => PushOutcome::Refused(text),
    })
}

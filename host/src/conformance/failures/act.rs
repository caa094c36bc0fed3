//! The calls that are made while the service fails, with their setup and results.

use super::super::{
    bench::{Bench, CreatedEvent},
    caller::Caller,
    content::{Content, Field, holds},
    expect::{CaseResult, equal, ok, short},
    get::NOT_THERE,
    held, respond,
};
use crate::{
    calendar::{Draft, Event, Moment, Patch, Rsvp, Window, ZonedTime},
    plugins::{
        CallError,
        contract::{Account, Batch, BusyAnswer, CalendarEvent, FetchedEvent},
    },
};

/// A call that meets faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultedCall {
    Open,
    Busy,
    Get,
    GetMany,
    Find,
    Occurrence,
    /// `changes.page` without a cursor.
    Listing,
    /// `changes.page` from a cursor with later changes.
    Look,
    Create,
    Update,
    Cancel,
    Respond,
}

/// The setup of a call. A call that writes needs a new one each time.
pub(super) struct CallSetup {
    pub(super) made: Option<CreatedEvent>,
    pub(super) key: String,
    pub(super) draft: Draft,
    ids: Vec<String>,
    cursor: Option<Vec<u8>>,
    /// The calendar of the call.
    calendar: String,
    /// The window of a call that reads.
    window: Window,
}

/// The result of a call.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum CallOutput {
    Account(Account),
    Busy(Vec<BusyAnswer>),
    Fetched(Vec<FetchedEvent>),
    Found(Vec<CalendarEvent>),
    Event(Box<Event>),
    /// Without the cursor, which may differ each time.
    Page(Batch),
    Cancelled,
}

impl CallOutput {
    /// Whether a call that looks for something found nothing, so that its output cannot be told from a lost one.
    pub(super) fn is_empty(&self) -> bool {
        let is_empty = |answer: &BusyAnswer| answer.outcome.as_ref().is_ok_and(|times| times.intervals.is_empty());
        match self {
            Self::Busy(answers) => answers.iter().all(is_empty),
            Self::Found(events) => events.is_empty(),
            _ => false,
        }
    }
}

/// The title that an update sets.
pub(super) const TITLE: &str = "After the failure";

impl FaultedCall {
    /// Whether the call changes something at the service.
    pub(super) const fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Cancel | Self::Respond)
    }

    /// The contract's name of the function.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Busy => "query",
            Self::Get => "get",
            Self::GetMany => "get-many",
            Self::Find => "find",
            Self::Occurrence => "occurrence",
            Self::Listing => "page (of a listing)",
            Self::Look => "page (from a cursor)",
            Self::Create => "create",
            Self::Update => "update",
            Self::Cancel => "cancel",
            Self::Respond => "respond",
        }
    }

    /// Prepares the setup of the call.
    pub(super) async fn prepare(self, bench: &Bench) -> CaseResult<CallSetup> {
        let draft = bench.draft(10, 11);
        let mut scene = CallSetup {
            made: None,
            key: bench.name(),
            draft,
            ids: Vec::new(),
            cursor: None,
            calendar: bench.calendar()?.to_owned(),
            window: bench.hours(0, 24),
        };
        match self {
            Self::Open | Self::Create => {}
            Self::Busy if !bench.can_write() => {
                let held = held::find(bench).await?;
                (scene.calendar, scene.window) = (held.calendar, held.window);
            }
            Self::Respond => scene.made = Some(respond::invited(bench).await?),
            Self::Look => {
                scene.cursor = Some(super::super::changes::now(bench).await?);
                scene.made = Some(bench.make(&scene.draft).await?);
            }
            Self::Occurrence => {
                scene.draft.recurrence = vec!["RRULE:FREQ=DAILY;COUNT=3".into()];
                scene.made = Some(bench.make_if_possible(&scene.draft).await?);
            }
            Self::Busy | Self::Get | Self::GetMany | Self::Find | Self::Listing | Self::Update | Self::Cancel => {
                let made = bench.make(&scene.draft).await?;
                scene.ids = vec![made.event.id.clone(), bench.unknown_id(&made.event.id)];
                scene.made = Some(made);
            }
        }
        Ok(scene)
    }

    /// Makes the call.
    pub(super) async fn run(self, bench: &Bench, caller: &Caller, scene: &CallSetup) -> Result<CallOutput, CallError> {
        let (calendar, notify) = (scene.calendar.as_str(), bench.notify());
        let nothing = || CallError::Host("the case has no event".into());
        let made = scene.made.as_ref().ok_or_else(nothing);
        let event = |event| CallOutput::Event(Box::new(event));
        Ok(match self {
            Self::Open => CallOutput::Account(caller.open().await?),
            Self::Busy => CallOutput::Busy(caller.busy(&[calendar], scene.window).await?),
            Self::Get => event(caller.get(calendar, &made?.event.id).await?),
            Self::GetMany => CallOutput::Fetched(caller.get_many(calendar, &scene.ids).await?),
            Self::Find => CallOutput::Found(caller.find(&made?.event.uid).await?),
            Self::Occurrence => {
                let second = Moment::Timed(ZonedTime { at: bench.hour(34), zone: "UTC".into() });
                event(caller.occurrence(made?.event_ref(), second).await?)
            }
            Self::Listing | Self::Look => {
                let (cursor, window) = (scene.cursor.as_deref(), scene.window);
                let page = caller.changes(calendar, cursor, window, bench.limits().page_size).await?;
                CallOutput::Page(Batch { next: Vec::new(), ..page })
            }
            Self::Create => {
                let made = caller.create(calendar, &scene.key, &scene.draft, notify).await?;
                let (key, calendar) = (scene.key.clone(), calendar.to_owned());
                bench.remember(CreatedEvent { key, calendar, event: made.clone() });
                event(made)
            }
            Self::Update => {
                let (made, patch) = (made?, Patch { title: Some(TITLE.into()), ..Patch::default() });
                event(caller.update(made.event_ref(), &made.key, None, patch, notify).await?)
            }
            Self::Cancel => {
                let made = made?;
                caller.cancel(made.event_ref(), &made.key, None, notify).await?;
                CallOutput::Cancelled
            }
            Self::Respond => {
                let made = made?;
                event(caller.respond(made.event_ref(), &made.key, Rsvp::Accepted, notify).await?)
            }
        })
    }

    /// Checks, with calls without faults, that the call did what its result says.
    pub(super) async fn is_done(self, bench: &Bench, scene: &CallSetup, value: &CallOutput) -> CaseResult {
        let there = async |event: &Event, expected: &Content, fields: &[Field]| {
            let got = bench.caller.get(bench.calendar()?, &event.id).await;
            let got = ok(&format!("`get` returns what `{}` reports as written", self.name()), got)?;
            holds(&format!("`{}` and then `get`", self.name()), fields, expected, &got)
        };
        match (self, value) {
            (Self::Create, CallOutput::Event(event)) => there(event, &Content::from(&scene.draft), &Field::ALL).await,
            (Self::Update, CallOutput::Event(event)) => {
                let draft = Draft { title: TITLE.into(), ..scene.draft.clone() };
                there(event, &Content::from(&draft), &Field::ALL).await
            }
            (Self::Respond, CallOutput::Event(event)) => {
                let got = ok("`get` after `respond`", bench.caller.get(bench.calendar()?, &event.id).await)?;
                let own: Vec<Rsvp> = got.attendees.iter().filter(|one| one.is_self).map(|one| one.rsvp).collect();
                equal("the answer that `respond` reports as set", &vec![Rsvp::Accepted], &own)
            }
            (Self::Cancel, CallOutput::Cancelled) => {
                let Some(made) = &scene.made else { return Ok(()) };
                match bench.caller.get(&made.calendar, &made.event.id).await {
                    Err(error) if NOT_THERE.contains(&error.code()) => Ok(()),
                    Ok(event) if event.status == crate::calendar::Status::Cancelled => Ok(()),
                    other => equal("the event that `cancel` reports as gone", &"gone".to_owned(), &short(&other)),
                }
            }
            _ => Ok(()),
        }
    }
}

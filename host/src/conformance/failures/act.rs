//! The calls that are made while the service fails, each with what it needs and what it gave.

use super::super::{
    bench::{Bench, Made},
    caller::Caller,
    content::{Content, Field, holds},
    expect::{Checked, equal, ok, short},
    get::NOT_THERE,
    respond,
};
use crate::{
    calendar::{Draft, Event, Patch, Rsvp},
    plugins::{
        CallError,
        contract::{Account, Batch, BusyAnswer, Fetched},
    },
};

/// A call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Open,
    Busy,
    Get,
    GetMany,
    /// `changes.page` without a cursor.
    Listing,
    /// `changes.page` from a cursor after which something has happened.
    Look,
    Create,
    Update,
    Cancel,
    Respond,
}

/// What a call is about. Whoever writes needs a new one each time.
pub(super) struct Scene {
    pub(super) made: Option<Made>,
    pub(super) key: String,
    pub(super) draft: Draft,
    ids: Vec<String>,
    cursor: Option<Vec<u8>>,
}

/// What a call gave.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Account(Account),
    Busy(Vec<BusyAnswer>),
    Fetched(Vec<Fetched>),
    Event(Box<Event>),
    /// Without the cursor, which may be another each time.
    Page(Batch),
    Cancelled,
}

/// The title that an update gives.
pub(super) const TITLE: &str = "After the failure";

impl Act {
    /// Whether it changes something at the service.
    pub(super) const fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Cancel | Self::Respond)
    }

    /// As the contract calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Busy => "query",
            Self::Get => "get",
            Self::GetMany => "get-many",
            Self::Listing => "page (of a listing)",
            Self::Look => "page (from a cursor)",
            Self::Create => "create",
            Self::Update => "update",
            Self::Cancel => "cancel",
            Self::Respond => "respond",
        }
    }

    /// Makes what the call needs.
    pub(super) async fn prepare(self, bench: &Bench) -> Checked<Scene> {
        let draft = bench.draft(10, 11);
        let mut scene = Scene { made: None, key: bench.name(), draft, ids: Vec::new(), cursor: None };
        match self {
            Self::Open | Self::Create => {}
            Self::Respond => scene.made = Some(respond::invited(bench, str::to_owned).await?),
            Self::Look => {
                scene.cursor = Some(super::super::changes::now(bench).await?);
                scene.made = Some(bench.make(&scene.draft).await?);
            }
            Self::Busy | Self::Get | Self::GetMany | Self::Listing | Self::Update | Self::Cancel => {
                let made = bench.make(&scene.draft).await?;
                scene.ids = vec![made.event.id.clone(), bench.unknown_id(&made.event.id)];
                scene.made = Some(made);
            }
        }
        Ok(scene)
    }

    /// Makes the call.
    pub(super) async fn run(self, bench: &Bench, caller: &Caller, scene: &Scene) -> Result<Value, CallError> {
        let host = |_| CallError::Host("there is no calendar".into());
        let (calendar, notify) = (bench.calendar().map_err(host)?, bench.notify());
        let nothing = || CallError::Host("the case has no event".into());
        let made = scene.made.as_ref().ok_or_else(nothing);
        let event = |event| Value::Event(Box::new(event));
        Ok(match self {
            Self::Open => Value::Account(caller.open().await?),
            Self::Busy => Value::Busy(caller.busy(&[calendar], bench.hours(0, 24)).await?),
            Self::Get => event(caller.get(calendar, &made?.event.id).await?),
            Self::GetMany => Value::Fetched(caller.get_many(calendar, &scene.ids).await?),
            Self::Listing | Self::Look => {
                let (cursor, window) = (scene.cursor.as_deref(), bench.hours(0, 24));
                let page = caller.changes(calendar, cursor, window, bench.limits().page_size).await?;
                Value::Page(Batch { next: Vec::new(), ..page })
            }
            Self::Create => {
                let made = caller.create(calendar, &scene.key, &scene.draft, notify).await?;
                let (key, calendar) = (scene.key.clone(), calendar.to_owned());
                bench.remember(Made { key, calendar, event: made.clone() });
                event(made)
            }
            Self::Update => {
                let (made, patch) = (made?, Patch { title: Some(TITLE.into()), ..Patch::default() });
                event(caller.update(made.place(), &made.key, None, patch, notify).await?)
            }
            Self::Cancel => {
                let made = made?;
                caller.cancel(made.place(), &made.key, None, notify).await?;
                Value::Cancelled
            }
            Self::Respond => {
                let made = made?;
                event(caller.respond(made.place(), &made.key, Rsvp::Accepted, notify).await?)
            }
        })
    }

    /// Whether what the call says it has done is done, as calls see it that do not fail.
    pub(super) async fn is_done(self, bench: &Bench, scene: &Scene, value: &Value) -> Checked {
        let there = async |event: &Event, expected: &Content, fields: &[Field]| {
            let got = bench.caller.get(bench.calendar()?, &event.id).await;
            let got = ok(&format!("`get` gives what `{}` says it has written", self.name()), got)?;
            holds(&format!("`{}` and then `get`", self.name()), fields, expected, &got)
        };
        match (self, value) {
            (Self::Create, Value::Event(event)) => there(event, &Content::from(&scene.draft), &Field::ALL).await,
            (Self::Update, Value::Event(event)) => {
                let draft = Draft { title: TITLE.into(), ..scene.draft.clone() };
                there(event, &Content::from(&draft), &Field::ALL).await
            }
            (Self::Respond, Value::Event(event)) => {
                let got = ok("`get` after `respond`", bench.caller.get(bench.calendar()?, &event.id).await)?;
                let own: Vec<Rsvp> = got.attendees.iter().filter(|one| one.is_self).map(|one| one.rsvp).collect();
                equal("the answer that `respond` says it has given", &vec![Rsvp::Accepted], &own)
            }
            (Self::Cancel, Value::Cancelled) => {
                let Some(made) = &scene.made else { return Ok(()) };
                match bench.caller.get(&made.calendar, &made.event.id).await {
                    Err(error) if NOT_THERE.contains(&error.code()) => Ok(()),
                    Ok(event) if event.status == crate::calendar::Status::Cancelled => Ok(()),
                    other => equal("the event that `cancel` says is gone", &"gone".to_owned(), &short(&other)),
                }
            }
            _ => Ok(()),
        }
    }
}

//! `chronus plugin call … events`: events of a calendar.

use super::{
    draft::{Content, named},
    session::{Session, TargetArgs},
};
use crate::cli::output::{self, CliError, Exit, FailureOut};
use crate::{
    calendar::{Event, Rsvp},
    plugins::contract::{EventRef, FetchedEvent, Notify},
};
use serde::Serialize;
use std::{collections::BTreeMap, path::Path};

/// The key of writes without `--key`: the contract requires one.
const KEY: &str = "command-line";

const DRAFT: &str = r#"The JSON object of --file:
  {"uid": "…", "title": "…", "description": "…",
   "when": {"timed": {"start": {"at": "2026-03-29T07:00:00Z", "zone": "Europe/Rome"}, "end": {…}}}
        or {"all-day": {"start": "2026-03-29", "end": "2026-03-30"}},
   "busy": "busy", "status": "confirmed", "recurrence": ["RRULE:…"],
   "attendees": [{"address": "…", "name": null, "role": "required", "rsvp": "needs-action"}]}
For `create`, the object must have title and when, and also uid unless `create` has --uid. For
`update`, the object has only the fields to change, without uid."#;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Operation {
    /// Create an event; repeating the call with the same key and content does not create another
    #[command(after_help = DRAFT)]
    Create(Create),
    /// Show an event
    Get(Get),
    /// Show several events
    GetMany(GetMany),
    /// Change the given fields of an event, and no others
    #[command(after_help = DRAFT)]
    Update(Update),
    /// Remove an event from the calendar
    Cancel(Cancel),
    /// Answer an invitation on behalf of the calendar's owner
    Respond(Respond),
}

#[derive(Debug, clap::Args)]
struct CalendarArgs {
    #[command(flatten)]
    on: TargetArgs,
    /// The id of the calendar, as the operation `account` lists it [default: the account's default calendar]
    #[arg(long, value_name = "ID")]
    calendar: Option<String>,
}

#[derive(Debug, clap::Args)]
struct NotifyArgs {
    /// The people that the service notifies
    #[arg(long, default_value = "none", value_parser = named::<Notify>(&["all", "none"]))]
    notify: Notify,
}

#[derive(Debug, clap::Args)]
pub(super) struct Create {
    #[command(flatten)]
    place: CalendarArgs,
    /// The iCalendar UID [default: the uid in --file; without --file, a new one]
    #[arg(long)]
    uid: Option<String>,
    /// Your own key for the event; use the same key in every attempt [default: the UID]
    #[arg(long, value_parser = key)]
    key: Option<String>,
    #[command(flatten)]
    content: Content,
    #[command(flatten)]
    telling: NotifyArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct Get {
    #[command(flatten)]
    place: CalendarArgs,
    /// The id of the event
    id: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct GetMany {
    #[command(flatten)]
    place: CalendarArgs,
    /// The ids of the events
    #[arg(required = true)]
    ids: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct WriteArgs {
    #[command(flatten)]
    place: CalendarArgs,
    /// The id of the event
    id: String,
    /// Your own key for the event; use the same key in every attempt
    #[arg(long, default_value = KEY, value_parser = key)]
    key: String,
    #[command(flatten)]
    telling: NotifyArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct Update {
    #[command(flatten)]
    writing: WriteArgs,
    /// Write only if the event still has this etag
    #[arg(long)]
    etag: Option<String>,
    #[command(flatten)]
    content: Content,
}

#[derive(Debug, clap::Args)]
pub(super) struct Cancel {
    #[command(flatten)]
    writing: WriteArgs,
    /// Write only if the event still has this etag
    #[arg(long)]
    etag: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Respond {
    #[command(flatten)]
    writing: WriteArgs,
    /// The answer to the invitation
    #[arg(long, value_parser = named::<Rsvp>(&["needs-action", "accepted", "tentative", "declined"]))]
    rsvp: Rsvp,
}

/// Runs the operation.
pub(super) async fn run(file: &Path, operation: Operation) -> Result<Exit, CliError> {
    match operation {
        Operation::Create(create) => self::create(file, create).await,
        Operation::Get(get) => self::get(file, get).await,
        Operation::GetMany(get) => get_many(file, get).await,
        Operation::Update(update) => self::update(file, update).await,
        Operation::Cancel(cancel) => self::cancel(file, cancel).await,
        Operation::Respond(respond) => self::respond(file, respond).await,
    }
}

async fn create(file: &Path, create: Create) -> Result<Exit, CliError> {
    let Create { place, uid, key, content, telling } = create;
    let mut session = Session::begin(file, place.on).await?;
    let draft = content.draft(uid, session.zone())?;
    let key = key.map_or_else(|| self::key(&draft.uid), Ok);
    let key = key.map_err(|why| {
        CliError::input("key", format!("--key is missing, and the UID cannot be the key: {why}; use --key"))
    })?;
    let calendar = session.calendar(place.calendar).await?;
    let access = session.access()?;
    let reply = session.plugin.create(&access, &calendar, &key, draft, telling.notify).await?;
    let event = session.keep(reply)?;
    show(&event)
}

async fn get(file: &Path, Get { place, id }: Get) -> Result<Exit, CliError> {
    let mut session = Session::begin(file, place.on).await?;
    let calendar = session.calendar(place.calendar).await?;
    let access = session.access()?;
    let reply = session.plugin.get(&access, &calendar, &id).await?;
    let event = session.keep(reply)?;
    show(&event)
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ItemOut {
    Found { id: String, event: Box<Event> },
    Failed { id: String, failure: FailureOut },
}

async fn get_many(file: &Path, GetMany { place, ids }: GetMany) -> Result<Exit, CliError> {
    let mut session = Session::begin(file, place.on).await?;
    let most = session.plugin.description().limits.get_many;
    if u32::try_from(ids.len()).is_ok_and(|count| count > most) {
        let what =
            format!("{} ids are too many: this provider accepts at most {most}; use several commands", ids.len());
        return Err(CliError::input("ids", what));
    }
    let calendar = session.calendar(place.calendar).await?;
    let access = session.access()?;
    let reply = session.plugin.get_many(&access, &calendar, &ids).await?;
    let item = |FetchedEvent { id, outcome }| match outcome {
        Ok(event) => ItemOut::Found { id, event: Box::new(event) },
        Err(failure) => ItemOut::Failed { id, failure: failure.into() },
    };
    let items: Vec<_> = session.keep(reply)?.into_iter().map(item).collect();
    let failed = items.iter().any(|item| matches!(item, ItemOut::Failed { .. }));
    output::json(&BTreeMap::from([("items", items)]))?;
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

async fn update(file: &Path, update: Update) -> Result<Exit, CliError> {
    let Update { writing: WriteArgs { place, id, key, telling }, etag, content } = update;
    let mut session = Session::begin(file, place.on).await?;
    let patch = content.patch(session.zone())?;
    let calendar = session.calendar(place.calendar).await?;
    let access = session.access()?;
    let at = EventRef { calendar: &calendar, id: &id };
    let reply = session.plugin.update(&access, at, &key, etag.as_deref(), patch, telling.notify).await?;
    let event = session.keep(reply)?;
    show(&event)
}

async fn cancel(file: &Path, cancel: Cancel) -> Result<Exit, CliError> {
    let Cancel { writing: WriteArgs { place, id, key, telling }, etag } = cancel;
    let mut session = Session::begin(file, place.on).await?;
    let calendar = session.calendar(place.calendar).await?;
    let access = session.access()?;
    let at = EventRef { calendar: &calendar, id: &id };
    let reply = session.plugin.cancel(&access, at, &key, etag.as_deref(), None, telling.notify).await?;
    session.keep(reply)?;
    output::json(&BTreeMap::from([("cancelled", &id)]))?;
    Ok(Exit::Done)
}

async fn respond(file: &Path, respond: Respond) -> Result<Exit, CliError> {
    let Respond { writing: WriteArgs { place, id, key, telling }, rsvp } = respond;
    let mut session = Session::begin(file, place.on).await?;
    let calendar = session.calendar(place.calendar).await?;
    let access = session.access()?;
    let at = EventRef { calendar: &calendar, id: &id };
    let reply = session.plugin.respond(&access, at, &key, rsvp, None, telling.notify).await?;
    let event = session.keep(reply)?;
    show(&event)
}

fn show(event: &Event) -> Result<Exit, CliError> {
    output::json(event)?;
    Ok(Exit::Done)
}

/// Checks a key against the contract.
fn key(text: &str) -> Result<String, String> {
    if (1..=256).contains(&text.len()) && text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Ok(text.to_owned());
    }
    Err("a key has 1 to 256 characters of printable ASCII".to_owned())
}

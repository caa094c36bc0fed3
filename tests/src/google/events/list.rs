//! `events.list` and `events.instances`.
//!
//! Two kinds of lists: of what there is, and of what has changed since a sync token. A series is one item with its
//! exceptions beside it or, with `singleEvents`, an item for each occurrence. Of a series without end, occurrences are
//! listed for two years from now unless the request has an end of its own. No `updatedMin` is too long ago here.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::view::{View, tombstone};
use super::write::reach;
use super::{access, find, series};
use crate::google::call::{Answer, Call};
use crate::google::errors::{ApiResult, Refusal};
use crate::google::listings::{ListAnswer, Question};
use crate::google::methods::Caller;
use crate::google::state::{Body, Calendar, Role, State, StoredEvent, text};

/// What may not stand beside a sync token.
const NOT_WITH_SYNC: [&str; 8] = [
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMax",
    "timeMin",
    "updatedMin",
];

/// What a sync token remembers of the request that gave it.
const REMEMBERED: [&str; 2] = ["timeMax", "timeMin"];

/// The events of a calendar, or what has changed.
pub(crate) fn list(state: &mut State, caller: &Caller, call: &Call) -> ApiResult {
    let (id, role) = access(state, caller, call.place(0))?;
    let question = Question::of(&caller.user, &format!("events of {id}"), call);
    let syncing = call.parameter("syncToken").is_some();
    if let Some(name) = NOT_WITH_SYNC.into_iter().find(|name| syncing && call.parameter(name).is_some()) {
        let message = format!("Cannot request sync token with {name}.");
        return Err(Refusal::bad_request("badRequest", message).at("parameter", name));
    }
    let sync = state.synced(call, &question, &REMEMBERED)?;
    let page = match state.next_page(call, &question)? {
        Some(page) => page,
        None => {
            let since = state.made();
            let calendar = state.calendars.get(&id).ok_or_else(Refusal::not_found)?;
            let view = View::of(call, calendar, role)?;
            let window =
                Window::of(|name| sync.as_ref().map_or(call.parameter(name), |sync| sync.question.parameter(name)))?;
            let query = Query { calendar, view, window, now: state.now(), single: call.flag("singleEvents")? };
            let with_sync =
                !NOT_WITH_SYNC.iter().any(|name| !REMEMBERED.contains(name) && call.parameter(name).is_some());
            let (items, meant) = match sync {
                Some(sync) => {
                    if call.parameter("showDeleted") == Some("false") {
                        let message = "Cannot request sync token with showDeleted=false.";
                        return Err(Refusal::parameter("showDeleted", message));
                    }
                    (query.changes(call, sync.since), sync.question)
                }
                None => (query.present(call)?, question.clone()),
            };
            state.first_page(call, question, meant, items, since, with_sync)?
        }
    };
    answer(state, &id, role, page)
}

/// The occurrences of a series.
pub(crate) fn instances(state: &mut State, caller: &Caller, call: &Call) -> ApiResult {
    let (id, role) = access(state, caller, call.place(0))?;
    let question = Question::of(&caller.user, &format!("instances of {} in {id}", call.place(1)), call);
    let page = match state.next_page(call, &question)? {
        Some(page) => page,
        None => {
            let calendar = state.calendars.get(&id).ok_or_else(Refusal::not_found)?;
            let series = find(calendar, call.place(1)).filter(|stored| series::is_series(&stored.body));
            let series = series.ok_or_else(Refusal::not_found)?;
            let window = Window::of(|name| call.parameter(name))?;
            let view = View::of(call, calendar, role)?;
            let query = Query { calendar, view, window, now: state.now(), single: true };
            let deleted = call.flag("showDeleted")?;
            let of_series = |stored: &&StoredEvent| text(&stored.body, "recurringEventId") == call.place(1);
            let exceptions = calendar.events.values().filter(of_series).map(|stored| stored.body.clone());
            let mut found = if series.is_cancelled() { Vec::new() } else { query.occurrences(&series.body) };
            found.extend(exceptions.filter(|body| query.is_in_window(body)));
            found.retain(|body| deleted || text(body, "status") != "cancelled");
            query.sort_by_start(&mut found);
            let original = call.parameter("originalStart").map(str::parse::<Timestamp>).transpose();
            let original = original.map_err(|_| Refusal::parameter("originalStart", "Invalid value."))?;
            let starts =
                |body: &Body| body["originalStartTime"]["dateTime"].as_str().and_then(|time| time.parse().ok());
            found.retain(|body| original.is_none_or(|original| starts(body) == Some(original)));
            let items = found.iter().map(|body| query.view.shown(calendar, body)).collect();
            let since = state.made();
            state.first_page(call, question.clone(), question, items, since, false)?
        }
    };
    answer(state, &id, role, page)
}

fn answer(state: &State, id: &str, role: Role, page: ListAnswer) -> ApiResult {
    let calendar = state.calendars.get(id).ok_or_else(Refusal::not_found)?;
    let last = calendar.events.values().max_by_key(|stored| stored.changed);
    let updated = last.map_or("1970-01-01T00:00:00.000Z", |stored| text(&stored.body, "updated"));
    let mut body = json!({
        "kind": "calendar#events",
        "etag": format!("\"p{}\"", last.map_or(0, |stored| stored.changed)),
        "summary": calendar.name,
        "updated": updated,
        "timeZone": calendar.zone,
        "accessRole": role.name(),
        "defaultReminders": [],
        "items": page.items,
    });
    if let Some((name, token)) = page.token {
        body[name] = token.into();
    }
    Ok(Answer::ok(body))
}

/// What is asked of a calendar.
struct Query<'a> {
    calendar: &'a Calendar,
    view: View,
    window: Window,
    now: Timestamp,
    single: bool,
}

/// From when until when; an event is in it if it ends after the one and starts before the other.
#[derive(Debug, Clone, Copy)]
struct Window {
    from: Timestamp,
    to: Option<Timestamp>,
}

impl Window {
    fn of<'a>(parameter: impl Fn(&str) -> Option<&'a str>) -> ApiResult<Self> {
        let read = |name: &str| {
            let time = parameter(name).map(str::parse::<Timestamp>).transpose();
            time.map_err(|_| Refusal::bad_request("badRequest", "Bad Request").at("parameter", name))
        };
        let (from, to) = (read("timeMin")?, read("timeMax")?);
        if let (Some(from), Some(to)) = (from, to)
            && to <= from
        {
            return Err(Refusal::bad_request("timeRangeEmpty", "The specified time range is empty."));
        }
        Ok(Self { from: from.unwrap_or(Timestamp::MIN), to })
    }
}

impl Query<'_> {
    /// What there is, filtered and sorted.
    fn present(&self, call: &Call) -> ApiResult<Vec<Value>> {
        let deleted = call.flag("showDeleted")? || call.parameter("updatedMin").is_some();
        let wanted = Filter::of(call)?;
        let mut found = Vec::new();
        for stored in self.calendar.events.values() {
            let body = &stored.body;
            let is_exception = body.contains_key("recurringEventId");
            // Who sees series must know which of their occurrences do not take place.
            let shown = !stored.is_cancelled() || deleted || (is_exception && !self.single && !self.is_orphan(stored));
            if !shown {
                continue;
            }
            if self.single && series::is_series(body) {
                found.extend(self.occurrences(body));
            } else if self.is_in_window(body) {
                found.push(body.clone());
            }
        }
        found.retain(|body| wanted.is_met_by(body));
        match call.parameter("orderBy") {
            Some("startTime") if !self.single => {
                let message = "The requested ordering is not available for the particular query.";
                return Err(Refusal::bad_request("badRequest", message).at("parameter", "orderBy"));
            }
            Some("startTime") => self.sort_by_start(&mut found),
            Some("updated") => found.sort_by(|one, other| text(one, "updated").cmp(text(other, "updated"))),
            _ => {}
        }
        Ok(found.iter().map(|body| self.shown(body)).collect())
    }

    /// What has changed since, in the order of the changes. Whatever has left the list is in it as cancelled.
    fn changes(&self, call: &Call, since: u64) -> Vec<Value> {
        let kinds: Vec<_> = call.parameters("eventTypes").collect();
        let mut changed: Vec<&StoredEvent> =
            self.calendar.events.values().filter(|stored| stored.changed > since).collect();
        changed.sort_by_key(|stored| stored.changed);
        let mut items = Vec::new();
        for stored in changed {
            let body = &stored.body;
            if !kinds.is_empty() && !kinds.contains(&text(body, "eventType")) {
                continue;
            }
            if !self.single || !series::is_series(body) {
                items.push(self.shown(body));
                continue;
            }
            items.extend(self.occurrences(body).iter().map(|body| self.shown(body)));
            for (id, (original, _)) in stored.gone.iter().filter(|(_, (_, changed))| *changed > since) {
                items.push(json!({
                    "kind": "calendar#event",
                    "etag": body["etag"],
                    "id": id,
                    "status": "cancelled",
                    "recurringEventId": body["id"],
                    "originalStartTime": original,
                }));
            }
        }
        items
    }

    fn shown(&self, body: &Body) -> Value {
        match text(body, "status") {
            "cancelled" => tombstone(body, &self.view.zone),
            _ => self.view.shown(self.calendar, body),
        }
    }

    /// The occurrences of a series in the window, but for those that are stored as exceptions.
    fn occurrences(&self, body: &Body) -> Vec<Body> {
        let to = self.window.to.unwrap_or_else(|| series::horizon(self.now));
        let all = series::between(body, &self.calendar.zone, self.window.from, to);
        let plain = all.into_iter().filter(|one| !self.calendar.events.contains_key(&one.id));
        plain.map(|one| one.body).collect()
    }

    /// Whether an event, or any occurrence of a series, is in the window.
    fn is_in_window(&self, body: &Body) -> bool {
        if series::is_series(body) {
            let to = self.window.to.unwrap_or(Timestamp::MAX);
            let unbounded = self.window.from == Timestamp::MIN && self.window.to.is_none();
            return unbounded || !series::between(body, &self.calendar.zone, self.window.from, to).is_empty();
        }
        let Some((start, end)) = reach(self.calendar, body) else { return true };
        end > self.window.from && self.window.to.is_none_or(|to| start < to)
    }

    /// Whether the series of an exception has been deleted.
    fn is_orphan(&self, exception: &StoredEvent) -> bool {
        let series = self.calendar.events.get(text(&exception.body, "recurringEventId"));
        series.is_some_and(StoredEvent::is_cancelled)
    }

    fn sort_by_start(&self, found: &mut [Body]) {
        found.sort_by_key(|body| reach(self.calendar, body).map(|(start, _)| start));
    }
}

/// Which events are meant.
struct Filter<'a> {
    kinds: Vec<&'a str>,
    uid: Option<&'a str>,
    words: Option<String>,
    updated: Option<Timestamp>,
    /// `private` or `shared`, a name and a value.
    properties: Vec<(&'static str, &'a str, &'a str)>,
}

impl<'a> Filter<'a> {
    fn of(call: &'a Call) -> ApiResult<Self> {
        let mut properties = Vec::new();
        for (parameter, side) in [("privateExtendedProperty", "private"), ("sharedExtendedProperty", "shared")] {
            for property in call.parameters(parameter) {
                let invalid = || Refusal::parameter(parameter, "Invalid value. It must be name=value.");
                let (name, value) = property.split_once('=').ok_or_else(invalid)?;
                properties.push((side, name, value));
            }
        }
        let updated = call.parameter("updatedMin").map(str::parse).transpose();
        Ok(Self {
            kinds: call.parameters("eventTypes").collect(),
            uid: call.parameter("iCalUID"),
            words: call.parameter("q").map(str::to_lowercase),
            updated: updated.map_err(|_| Refusal::parameter("updatedMin", "Invalid value."))?,
            properties,
        })
    }

    fn is_met_by(&self, body: &Body) -> bool {
        let kind = text(body, "eventType");
        let has = |(side, name, value): &(&str, &str, &str)| {
            body.get("extendedProperties").is_some_and(|properties| properties[*side][*name] == *value)
        };
        let says = |words: &str| {
            let attendees = body.get("attendees").map(Value::to_string).unwrap_or_default();
            let texts = ["summary", "description", "location"].map(|name| text(body, name));
            texts.into_iter().chain([attendees.as_str()]).any(|text| text.to_lowercase().contains(words))
        };
        let updated = text(body, "updated").parse::<Timestamp>().unwrap_or_default();
        (self.kinds.is_empty() || self.kinds.contains(&kind))
            && self.uid.is_none_or(|uid| uid == text(body, "iCalUID"))
            && self.words.as_deref().is_none_or(says)
            && self.updated.is_none_or(|since| updated >= since)
            && self.properties.iter().all(has)
    }
}

//! `/v1/people/{person}/busy`: when a person is busy.

use super::lookup::find_person;
use crate::{
    app::App,
    auth::Actor,
    availability::{self, Busy},
    calendar::{self, Window},
    db::Tx,
    http::{
        input::{PathIds, QueryParams, queries::BusyQuery},
        problem::Problem,
        schema::closed_set,
    },
    ids::PersonId,
    meetings,
    offload::offload,
    people::Person,
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use utoipa::ToSchema;

/// The busy times of a person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "person": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e66", "state": "known",
    "intervals": [{
        "start": "2027-03-01T08:00:00Z", "end": "2027-03-01T09:30:00Z", "kind": "busy", "all_day": false,
        "meeting_uid": null
    }],
    "problems": [], "reason": null, "detail": null, "as_of": "2027-02-28T12:00:00Z"
}))]
pub(in crate::http) struct BusyTimes {
    person: PersonId,
    /// Whether the busy times are known. Do not treat a person whose state is `unknown` as free.
    state: BusyState,
    /// Sorted by start, then end; null unless the state is `known`.
    intervals: Option<Vec<BusyInterval>>,
    /// What is wrong with events that cannot be read. If there are any, the state is `unknown`, because each of them may
    /// take any time.
    problems: Vec<String>,
    /// Why the state is `unknown`, as a stable name.
    reason: Option<&'static str>,
    /// Why the state is `unknown`, for people.
    detail: Option<String>,
    /// The time when the calendar was read.
    #[schema(value_type = Option<String>, format = DateTime)]
    as_of: Option<Timestamp>,
}

/// Whether busy times are known.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum BusyState {
    /// The calendar was read completely.
    Known,
    /// No calendar is connected.
    NotConnected,
    /// A calendar is connected, but could not be read completely.
    Unknown,
}

/// The time of an event in which the person may be busy.
#[derive(Debug, Serialize, ToSchema)]
struct BusyInterval {
    #[schema(value_type = String, format = DateTime)]
    start: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    end: Timestamp,
    kind: BusyKind,
    all_day: bool,
    /// `uid` of the meeting that the event shows, if the calendar service tells which meeting that is.
    meeting_uid: Option<String>,
}

closed_set! {
    #[doc = "How an event affects its owner's time."]
    BusyKind from calendar::BusyKind {
        #[doc = "The person is busy."]
        Busy
        #[doc = "The person may be busy."]
        Tentative
        #[doc = "The person was invited and has not answered."]
        Unanswered
        #[doc = "The person is away."]
        OutOfOffice
        #[doc = "The person works at another place."]
        WorkingElsewhere
        #[doc = "The person is free."]
        Free
    }
}

/// Gets the busy times of a person.
///
/// The host reads the connected calendar for each request. `to` must be later than `from`, by at most 366 days.
///
/// Allowed for: the person, integrations and global administrators.
#[utoipa::path(get, path = "/v1/people/{person}/busy", tag = "availability", operation_id = "getBusyTimes",
    params(("person" = PersonId, Path, description = "Id of the person."), BusyQuery),
    responses((status = 200, description = "The busy times, or why they are unknown.", body = BusyTimes)))]
pub(in crate::http) async fn get_busy_times(
    State(app): State<App>,
    actor: Actor,
    PathIds(person): PathIds<PersonId>,
    QueryParams(BusyQuery { from, to }): QueryParams<BusyQuery>,
) -> Result<Response, Problem> {
    let person = find_person(&app, &actor, person).await?;
    let window = Window { start: from, end: to };
    let busy = availability::busy(&app.calendars, person.organisation, person.id, window).await?;
    let uids = MeetingUids::find(&app, &person, window, &busy).await?;
    let not_connected = BusyTimes {
        person: person.id,
        state: BusyState::NotConnected,
        intervals: None,
        problems: vec![],
        reason: None,
        detail: None,
        as_of: None,
    };
    let records = match &busy {
        Busy::Known { intervals, .. } => intervals.len(),
        Busy::Unknown { problems, .. } => problems.len(),
        Busy::NotConnected => 0,
    };
    let times = || match busy {
        Busy::NotConnected => not_connected,
        Busy::Unknown { reason, detail, problems } => BusyTimes {
            state: BusyState::Unknown,
            reason: Some(reason),
            detail: Some(detail),
            problems: problems.into_iter().map(|problem| problem.what).collect(),
            ..not_connected
        },
        Busy::Known { intervals, as_of } => BusyTimes {
            state: BusyState::Known,
            intervals: Some(
                intervals
                    .into_iter()
                    .map(|interval| BusyInterval {
                        meeting_uid: uids.of(&interval),
                        start: interval.start,
                        end: interval.end,
                        kind: interval.kind.into(),
                        all_day: interval.all_day,
                    })
                    .collect(),
            ),
            as_of: Some(as_of),
            ..not_connected
        },
    };
    Ok(offload(records, || Json(times()).into_response()))
}

/// The UIDs of meetings, to name the busy times that they take.
#[derive(Default)]
struct MeetingUids {
    /// By the key in the owner's event.
    by_key: HashMap<String, String>,
    /// Those of the person's own meetings. Guests' copies have no key, and the UID of the owner's event.
    own: HashSet<String>,
}

impl MeetingUids {
    async fn find(app: &App, person: &Person, window: Window, busy: &Busy) -> sqlx::Result<Self> {
        let Busy::Known { intervals, .. } = busy else { return Ok(Self::default()) };
        let keys: Vec<_> = intervals.iter().filter_map(|interval| interval.client_key.as_deref()).collect();
        let read = async |tx: &mut Tx| {
            let by_key = match keys.is_empty() {
                true => HashMap::new(),
                false => meetings::store::uids(tx, person.organisation, &keys).await?,
            };
            Ok(Self { by_key, own: meetings::store::uids_of_person(tx, person.id, window).await? })
        };
        app.db.read(read).await
    }

    fn of(&self, interval: &calendar::Interval) -> Option<String> {
        let by_key = interval.client_key.as_ref().and_then(|key| self.by_key.get(key));
        by_key.or_else(|| self.own.get(interval.uid.as_ref()?)).cloned()
    }
}

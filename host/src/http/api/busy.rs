//! `/v1/people/{person}/busy`: when a person is busy.

use super::lookup::find_person;
use crate::{
    app::App,
    auth::Actor,
    availability::{self, Busy},
    calendar::{BusyKind, Window},
    http::{
        input::{PathIds, QueryParams, queries::BusyQuery},
        problem::Problem,
    },
    ids::PersonId,
};
use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// When a person is busy.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Busy)]
pub(in crate::http) struct BusyOut {
    person: PersonId,
    /// `known`, `not-connected`, or `unknown`: a calendar is connected and did not answer in full. Unknown is not free.
    state: &'static str,
    /// Sorted by start, then end; only if the state is `known`.
    intervals: Option<Vec<IntervalOut>>,
    /// Events that could not be read, and may take time.
    problems: Vec<String>,
    /// Why the state is `unknown`: a stable name.
    reason: Option<&'static str>,
    /// Why the state is `unknown`: a sentence.
    detail: Option<String>,
    /// When the calendar was asked.
    #[schema(value_type = Option<String>, format = DateTime)]
    as_of: Option<Timestamp>,
}

/// A time that an event takes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Interval)]
struct IntervalOut {
    #[schema(value_type = String, format = DateTime)]
    start: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    end: Timestamp,
    /// `busy`, `tentative`, `out-of-office`, `working-elsewhere` or `free`.
    #[schema(value_type = String)]
    kind: BusyKind,
    all_day: bool,
    /// The UID of the meeting behind it, where the service tells that it is ours.
    meeting_uid: Option<String>,
}

/// When a person is busy, asked of their calendar now.
#[utoipa::path(get, path = "/v1/people/{person}/busy", tag = "availability", operation_id = "getBusy",
    params(("person" = PersonId, Path), BusyQuery), responses((status = 200, body = BusyOut)))]
pub(in crate::http) async fn get_busy_times(
    State(app): State<App>,
    actor: Actor,
    PathIds(person): PathIds<PersonId>,
    QueryParams(BusyQuery { from, to }): QueryParams<BusyQuery>,
) -> Result<Json<BusyOut>, Problem> {
    let person = find_person(&app, &actor, person).await?;
    let window = Window { start: from, end: to };
    let busy = availability::busy(&app.calendars, person.organisation, person.id, window).await?;
    let none = BusyOut {
        person: person.id,
        state: "not-connected",
        intervals: None,
        problems: vec![],
        reason: None,
        detail: None,
        as_of: None,
    };
    Ok(Json(match busy {
        Busy::NotConnected => none,
        Busy::Unknown { reason, detail } => {
            BusyOut { state: "unknown", reason: Some(reason), detail: Some(detail), ..none }
        }
        Busy::Known { intervals, problems, as_of } => BusyOut {
            state: "known",
            intervals: Some(
                intervals
                    .into_iter()
                    .map(|interval| IntervalOut {
                        start: interval.start,
                        end: interval.end,
                        kind: interval.kind,
                        all_day: interval.all_day,
                        meeting_uid: interval.ours,
                    })
                    .collect(),
            ),
            problems: problems.into_iter().map(|problem| problem.what).collect(),
            as_of: Some(as_of),
            ..none
        },
    }))
}

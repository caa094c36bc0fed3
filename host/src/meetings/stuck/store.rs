//! The SQL of stuck meetings, over the tables `event_copies`, `meetings` and `connections`.

use super::{super::plan::CopyState, StuckMeeting};
use crate::{
    db::{self, Column, Page, Tx, fetch},
    ids::{MeetingId, OrganisationId, PersonId, ProgramId},
};

const COPY_STATE: Column = Column::of("event_copies", "state");

/// The reason of an event that its owner has removed.
const REMOVED: &str = "its owner removed the event from the calendar";

/// A meeting to be tried again.
pub(super) struct ReleasableMeeting {
    pub(super) meeting: MeetingId,
    pub(super) organisation: OrganisationId,
    pub(super) program: ProgramId,
    pub(super) owner: PersonId,
    pub(super) state: CopyState,
}

#[derive(sqlx::FromRow)]
struct ReleasableRow {
    meeting_id: String,
    organisation_id: String,
    program_id: String,
    owner_id: String,
    state: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    organisation_id: String,
    owner_id: String,
    state: String,
    problem: Option<String>,
    updated_at: i64,
}

/// Lists stuck meetings that have not ended, in the order of creation. A cancelled meeting whose event is gone is as it
/// should be.
pub(super) async fn list(
    tx: &mut Tx,
    organisation: Option<OrganisationId>,
    page: &Page,
) -> sqlx::Result<Vec<StuckMeeting>> {
    const LIST: &str = "select meetings.id, organisation_id, owner_id, state, problem, event_copies.updated_at
        from event_copies join meetings on meetings.id = meeting_id
        where state in ('waiting', 'refused', 'gone') and end_at > $1 and ($2 = '' or organisation_id = $2)
              and not (state = 'gone' and status = 'cancelled') and meeting_id > $3
        order by meeting_id limit $4";
    let now = tx.now().await?;
    let organisation = organisation.map(|organisation| organisation.to_string()).unwrap_or_default();
    let rows = fetch!(tx, all, Row, LIST, now, organisation, page.after(), page.limit())?;
    let stuck = |row: Row| {
        Ok(StuckMeeting {
            meeting: db::parsed(&row.id)?,
            organisation: db::parsed(&row.organisation_id)?,
            owner: db::parsed(&row.owner_id)?,
            state: COPY_STATE.word(&row.state)?,
            reason: row.problem.unwrap_or_else(|| REMOVED.to_owned()),
            since: db::instant(row.updated_at),
        })
    };
    rows.into_iter().map(stuck).collect()
}

/// The meetings that wait or were refused although their owner's connection, through this provider or any, works.
pub(super) async fn releasable(
    tx: &mut Tx,
    provider: Option<&str>,
    page: &Page,
) -> sqlx::Result<Vec<ReleasableMeeting>> {
    const LIST: &str = "select meeting_id, organisation_id, program_id, owner_id, event_copies.state from event_copies
        join meetings on meetings.id = meeting_id
        where event_copies.state in ('waiting', 'refused') and end_at > $1 and meeting_id > $2
              and exists (select 1 from connections where person_id = owner_id and connections.state = 'connected'
                          and ($3 = '' or provider_id = $3))
        order by meeting_id limit $4";
    let now = tx.now().await?;
    let provider = provider.unwrap_or_default();
    let rows = fetch!(tx, all, ReleasableRow, LIST, now, page.after(), provider, page.limit())?;
    let releasable = |row: &ReleasableRow| {
        Ok(ReleasableMeeting {
            meeting: db::parsed(&row.meeting_id)?,
            organisation: db::parsed(&row.organisation_id)?,
            program: db::parsed(&row.program_id)?,
            owner: db::parsed(&row.owner_id)?,
            state: COPY_STATE.word(&row.state)?,
        })
    };
    rows.iter().map(releasable).collect()
}

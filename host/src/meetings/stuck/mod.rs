//! Meetings that no job brings to their owner's calendar any more.
//!
//! Problem: a meeting that its owner's service refused, or that waits for its owner, has ended its job. If the reason was
//! not theirs (a provider's version was wrong, a proxy answered in the service's place), nobody would try again. Decision:
//! one list with the reason of each, for operators and for administrators; an operator releases what is on it. By itself it
//! is released when its cause may have changed: another version of the provider, other keys, another start of a host, and
//! once a day in any case. Only meetings of people with a working connection are released then, because a person who
//! connects releases theirs. An event that its owner has removed is created again only if an operator names the meeting.
//! Rejected: retrying for ever, which sends a service for ever what it refuses.

mod store;

use super::{plan::CopyState, store as meeting_store};
use crate::{
    audit::{self, Act, Author, Entry, Values},
    connections,
    db::{Db, Page, Tx},
    ids::{MeetingId, OrganisationId, PersonId},
    jobs::{self, Effect, Lease, LeaseError, Outcome},
};
use jiff::Timestamp;

/// Meetings that are released in one transaction.
const BATCH_SIZE: u32 = 500;

/// The kind of the jobs that bring a meeting to a calendar.
const PUSH: &str = "push-meeting";

/// A meeting that does not get to its owner's calendar by itself, and has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckMeeting {
    /// The meeting.
    pub meeting: MeetingId,
    /// Its organisation.
    pub organisation: OrganisationId,
    /// Its owner.
    pub owner: PersonId,
    /// `waiting`, `refused` or `gone`.
    pub state: CopyState,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// Lists a page of stuck meetings, of one organisation or of all.
///
/// # Errors
/// If the database fails.
pub async fn list(db: &Db, organisation: Option<OrganisationId>, page: &Page) -> sqlx::Result<Vec<StuckMeeting>> {
    db.read(async |tx| store::list(tx, organisation, page).await).await
}

/// Tries a stuck meeting again. An event that its owner has removed is created again. Returns false if the meeting is not
/// stuck.
///
/// # Errors
/// If the database fails.
pub async fn release(db: &Db, by: &Author, meeting: MeetingId) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    let Some(copy) = meeting_store::copy(&mut tx, meeting).await? else { return Ok(false) };
    match copy.state {
        CopyState::Waiting | CopyState::Refused => {}
        CopyState::Gone => meeting_store::delete_copy(&mut tx, meeting).await?,
        CopyState::Pending | CopyState::Present | CopyState::Cancelled => return Ok(false),
    }
    let Some(stuck) = meeting_store::find_unscoped(&mut tx, meeting).await? else { return Ok(false) };
    let work_owner = connections::store::owner(&mut tx, stuck.organisation, stuck.owner).await?;
    jobs::enqueue_for(&mut tx, &Effect::PushMeeting { meeting }, &work_owner).await?;
    let entry = Entry::new(by, Act::MeetingReleased, meeting).before(Values::new().state(copy.state.as_str()));
    audit::record(&mut tx, entry.organisation(stuck.organisation).program(stuck.program)).await?;
    tx.commit().await?;
    Ok(true)
}

/// Whether [`release_all`] would try anything again.
///
/// # Errors
/// If the database fails.
pub async fn is_any(tx: &mut Tx, provider: Option<&str>) -> sqlx::Result<bool> {
    let first = store::releasable(tx, provider, &Page::new(None::<MeetingId>, 1)).await?;
    Ok(!first.is_empty() || jobs::has_failed(tx, PUSH).await?)
}

/// Tries again what waits or was refused, of people whose connection works, through this provider or through any. Pushes
/// that failed for now are tried at once, and so are those that failed for too long.
///
/// # Errors
/// If the lease was lost, or if the database fails.
pub async fn release_all(db: &Db, lease: &Lease, provider: Option<&str>) -> Result<Outcome, LeaseError> {
    let (by, mut after) = (lease.author(), None);
    loop {
        let mut tx = db.begin().await?;
        jobs::verify_lease(&mut tx, lease).await?;
        let page = store::releasable(&mut tx, provider, &Page::new(after, BATCH_SIZE)).await?;
        for stuck in &page {
            let work_owner = connections::store::owner(&mut tx, stuck.organisation, stuck.owner).await?;
            jobs::enqueue_for(&mut tx, &Effect::PushMeeting { meeting: stuck.meeting }, &work_owner).await?;
            let entry = Entry::new(&by, Act::MeetingReleased, stuck.meeting).organisation(stuck.organisation);
            let before = Values::new().state(stuck.state.as_str());
            audit::record(&mut tx, entry.program(stuck.program).before(before)).await?;
        }
        tx.commit().await?;
        if !page.is_empty() {
            tracing::info!(meetings = page.len(), provider, "stuck meetings are tried again");
        }
        after = page.last().map(|last| last.meeting);
        if page.len() < BATCH_SIZE as usize {
            break;
        }
    }
    let mut tx = db.begin().await?;
    jobs::retry_all(&mut tx, &by, Some(PUSH)).await?;
    jobs::complete_in(tx, lease).await
}

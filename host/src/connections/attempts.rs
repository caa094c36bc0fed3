//! How often connecting a calendar with a form, or testing a service account, may fail.
//!
//! Threat: a participant guesses the password of somebody else through this host, or finds out which servers there are, and
//! the service blocks the address of this host for everybody (S13). Decision: an attempt takes a slot of the person, of their
//! organisation and of the server before anything leaves the host, so attempts at the same time are counted, too. A success
//! gives the slots back. What counts as an attempt is recorded in the audit log, too, also if it fails: the credential may
//! have left the host, which no later act takes back. What is refused before that changes nothing and is not recorded.
//! Rejected: counting failures afterwards, which lets any number go on at once.

use super::access::CalendarAccess;
use crate::{
    audit::{self, Entry},
    ids::OrganisationId,
    people::Person,
    rate_limits::{self, LimitReached, Rate, Slot},
};

/// An attempt that counts as failed until it succeeds.
pub(super) struct Attempt(Vec<Slot>);

impl Attempt {
    /// Begins an attempt of a person to connect a calendar at a server, or at a service if its provider names the servers.
    pub(super) async fn to_connect(
        calendars: &CalendarAccess,
        person: &Person,
        server: &str,
    ) -> sqlx::Result<Result<Self, LimitReached>> {
        let (id, organisation) = (person.id.to_string(), person.organisation.to_string());
        let limits = [
            (Rate::ConnectingByPerson, id.as_str()),
            (Rate::ConnectingByOrganisation, organisation.as_str()),
            (Rate::ConnectingAtServer, server),
        ];
        Self::begin(calendars, &limits).await
    }

    /// Begins a test of a service account of an organisation.
    pub(super) async fn to_probe(
        calendars: &CalendarAccess,
        organisation: OrganisationId,
    ) -> sqlx::Result<Result<Self, LimitReached>> {
        Self::begin(calendars, &[(Rate::Probing, &organisation.to_string())]).await
    }

    async fn begin(calendars: &CalendarAccess, limits: &[(Rate, &str)]) -> sqlx::Result<Result<Self, LimitReached>> {
        let mut tx = calendars.db.begin().await?;
        let mut slots = Vec::new();
        for (rate, subject) in limits {
            match rate_limits::take(&mut tx, &calendars.limits, *rate, subject).await? {
                Ok(slot) => slots.push(slot),
                Err(reached) => return Ok(Err(reached)),
            }
        }
        tx.commit().await?;
        Ok(Ok(Self(slots)))
    }

    /// The attempt does not count. It has succeeded, even if the database fails now.
    pub(super) async fn succeeded(self, calendars: &CalendarAccess) {
        if let Err(error) = self.give_back(calendars).await {
            tracing::warn!(%error, "an attempt that succeeded counts as failed for an hour, because the database fails");
        }
    }

    /// The attempt counts, and is recorded.
    pub(super) async fn failed(self, calendars: &CalendarAccess, entry: Entry<'_>) -> sqlx::Result<()> {
        audit::record_alone(&calendars.db, entry).await
    }

    async fn give_back(self, calendars: &CalendarAccess) -> sqlx::Result<()> {
        let mut tx = calendars.db.begin().await?;
        for slot in &self.0 {
            rate_limits::give_back(&mut tx, slot).await?;
        }
        tx.commit().await
    }
}

//! The mail that says that a calendar must be connected again (R23, X2).
//!
//! It is put with the change that loses the access, and a connection is lost once, so it is sent once; whoever has signed in
//! again by the time that it is written gets none.

use crate::{
    connections::{CalendarAccess, State, store},
    ids::ConnectionId,
    jobs::{self, Lease, LeaseError, Outcome},
    links::Links,
    mail::{
        Mailer, OutgoingMail, SendError,
        reconnect::{ReconnectMail, SUBJECT},
    },
    people,
};

/// Tells the owner of a connection, unless it works again: the job.
///
/// # Errors
/// If the lease was lost, or by the database.
pub async fn send(
    calendars: &CalendarAccess,
    mailer: &Mailer,
    links: &Links,
    lease: &Lease,
    id: ConnectionId,
) -> Result<Outcome, LeaseError> {
    let mut tx = calendars.db.begin_read().await?;
    let lost = store::by_id(&mut tx, id).await?.map(|kept| kept.connection);
    let lost = lost.filter(|connection| connection.state == State::Reconnect);
    let person = match &lost {
        Some(connection) => people::person(&mut tx, connection.organisation, connection.person).await?,
        None => None,
    };
    tx.commit().await?;
    let (Some(connection), Some(person)) = (lost, person) else { return jobs::complete(&calendars.db, lease).await };
    let provider = calendars.registry.provider(&connection.provider).await.ok();
    let provider =
        provider.map_or_else(|| connection.provider.clone(), |provider| provider.plugin.description().name.clone());
    let mail = ReconnectMail {
        name: &person.name,
        service: &provider,
        account: connection.account.address.as_deref(),
        by_organisation: connection.service_account.is_some(),
        url: &links.calendar_settings(),
    };
    let text = match mail.text() {
        Ok(text) => text,
        Err(error) => return Ok(Outcome::Dead { error: error.to_string() }),
    };
    let mail = OutgoingMail { id: lease.job.to_string(), to: person.email, subject: SUBJECT.into(), text };
    match mailer.send(&mail).await {
        Ok(()) => jobs::complete(&calendars.db, lease).await,
        Err(error @ SendError::Refused(_)) => Ok(Outcome::Dead { error: error.to_string() }),
        Err(error @ SendError::Later(_)) => Ok(Outcome::Retry { error: error.to_string(), after: None }),
    }
}

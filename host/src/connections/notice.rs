//! The mail that asks a person to connect their calendar again (R23, X2).
//!
//! The job is enqueued by the change that marks the connection as lost. That happens once, so the mail is sent once. A
//! person who has signed in again before the job runs gets no mail.

use crate::{
    connections::{access::CalendarAccess, connection::State, store},
    ids::ConnectionId,
    jobs::{self, Lease, LeaseError, Outcome},
    links::Links,
    mail::{
        self, Mailer,
        reconnect::{ReconnectMail, SUBJECT},
    },
    people,
};

/// Sends the mail to the owner of a connection, unless the connection works again.
pub async fn send(
    calendars: &CalendarAccess,
    mailer: &Mailer,
    links: &Links,
    lease: &Lease,
    id: ConnectionId,
) -> Result<Outcome, LeaseError> {
    let mut tx = calendars.db.begin_read().await?;
    let lost = store::by_id(&mut tx, id).await?.map(|stored| stored.connection);
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
    mail::send_for_job(&calendars.db, &calendars.limits, mailer, lease, &person, SUBJECT, mail.text()).await
}

//! The mail that says that a calendar must be connected again (R23, X2).
//!
//! It is put with the change that loses the access, and a connection is lost once, so it is sent once; whoever has signed in
//! again by the time that it is written gets none.

use crate::{
    connections::{CalendarAccess, State, store},
    ids::ConnectionId,
    jobs::{self, Lease, LeaseError, Outcome},
    mail::{Mailer, OutgoingMail, SendError},
    people,
    plugins::egress::Origin,
};

/// Where the person signs in again, below the address of the host.
const SETTINGS: &str = "/settings/calendar";

/// Tells the owner of a connection, unless it works again: the job.
///
/// # Errors
/// If the lease was lost, or by the database.
pub async fn send(
    calendars: &CalendarAccess,
    mailer: &Mailer,
    here: &Origin,
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
    let (Some(connection), Some(person)) = (lost, person) else { return done(calendars, lease).await };
    let provider = calendars.registry.provider(&connection.provider).await.ok();
    let provider = provider.map_or(connection.provider, |provider| provider.plugin.description().name.clone());
    let account = connection.address.map(|address| format!(" ({address})")).unwrap_or_default();
    let what_to_do = match connection.service_account {
        None => {
            "This happens when access is taken back, or was not used for long.\n\nNothing is lost. Connect it again here, and what \
             waits gets there:"
        }
        Some(_) => {
            "Your organisation had connected it for you; whoever runs its mail and calendar can mend that.\n\nNothing is lost. If \
             you do not want to wait, disconnect it here and connect it yourself, and what waits gets there:"
        }
    };
    let text = format!(
        "Hello {name},\n\n{provider}{account} no longer lets us see when you are busy, and we cannot put meetings into your \
         calendar. {what_to_do}\n{here}{SETTINGS}\n",
        name = person.name
    );
    let letter = OutgoingMail { id: lease.job.to_string(), to: person.email, subject: SUBJECT.into(), text };
    match mailer.send(&letter).await {
        Ok(()) => done(calendars, lease).await,
        Err(error @ SendError::Refused(_)) => Ok(Outcome::Dead { error: error.to_string() }),
        Err(error @ SendError::Later(_)) => Ok(Outcome::Retry { error: error.to_string(), after: None }),
    }
}

const SUBJECT: &str = "Connect your calendar again";

async fn done(calendars: &CalendarAccess, lease: &Lease) -> Result<Outcome, LeaseError> {
    let mut tx = calendars.db.begin().await?;
    jobs::finish(&mut tx, lease).await?;
    tx.commit().await?;
    Ok(Outcome::Done)
}

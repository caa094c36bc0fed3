//! Which job does what: every effect has its row here.

use super::{App, SEALED_TABLES};
use crate::{
    auth,
    connections::{CalendarAccess, notice, oauth, oauth::revoke, reopen, service_accounts},
    db::Db,
    jobs::{self, Effect, Lease, LeaseError, Outcome, Runner},
    mail,
    meetings::push,
    plugins::registry,
    secrets::rotation,
};

/// Begins to do jobs, as many at once as the configuration says. A host that was started with a new key seals what
/// older ones seal by it, as a job of its own.
///
/// # Errors
/// By the database.
pub async fn start(app: &App) -> sqlx::Result<Runner> {
    if rotation::left(&app.db, &app.calendars.keyring, &SEALED_TABLES).await? > 0 {
        let mut tx = app.db.begin().await?;
        jobs::enqueue(&mut tx, &Effect::RewrapSecrets {}).await?;
        tx.commit().await?;
    }
    let (db, settings, app) = (app.db.clone(), app.config.jobs, app.clone());
    Ok(Runner::start(db.clone(), settings, move |lease| {
        let app = app.clone();
        async move { work(&app, lease).await }
    })
    .with_schedule(db))
}

/// Makes the providers in use ready, so that nobody's first call waits for a compiler.
pub async fn warm_up(app: &App) {
    let listed = match registry::list(&app.db).await {
        Ok(listed) => listed,
        Err(error) => return tracing::warn!(%error, "the providers cannot be listed"),
    };
    for provider in listed.into_iter().filter(|provider| provider.state == registry::ProviderState::Active) {
        if let Err(error) = app.calendars.registry.provider(&provider.id).await {
            tracing::error!(provider = provider.id, %error, "the provider cannot be called");
        }
    }
}

/// Does one job.
async fn work(app: &App, lease: Lease) -> Outcome {
    let App { calendars, mailer, db, config, .. } = app;
    let done = match lease.effect {
        Effect::PushMeeting { meeting } => push::push(calendars, &lease, meeting).await,
        Effect::DeliverMeetings { person } => push::deliver(calendars, &lease, person).await,
        Effect::RevokeToken { revocation } => revoke::revoke(calendars, &lease, revocation).await,
        Effect::ConnectOrganisation { organisation } => {
            service_accounts::connect_all(calendars, &lease, organisation).await
        }
        Effect::ConnectPerson { organisation, person } => {
            service_accounts::connect_person(calendars, &lease, organisation, person).await
        }
        Effect::MailReconnect { connection } => {
            notice::send(calendars, mailer, &config.public_origin(), &lease, connection).await
        }
        Effect::MailSignIn { request } => {
            mail::sign_in::send(db, mailer, &config.public_origin(), &lease, request).await
        }
        Effect::RewrapSecrets {} => rewrap(calendars, &lease).await,
        Effect::ReopenAccounts {} => reopen::enqueue_all(db, &lease).await,
        Effect::ReopenAccount { connection } => reopen::reopen(calendars, &lease, connection).await,
        Effect::DeleteExpired {} => delete_expired(db, &lease).await,
    };
    done.unwrap_or_else(Outcome::from)
}

/// Seals by the newest key whatever another one seals.
async fn rewrap(calendars: &CalendarAccess, lease: &Lease) -> Result<Outcome, LeaseError> {
    let rotated = rotation::rotate(&calendars.db, &calendars.keyring, &SEALED_TABLES).await?;
    if !rotated.failed.is_empty() {
        let error = format!("{} credentials do not open", rotated.failed.len());
        return Ok(Outcome::Retry { error, after: None });
    }
    tracing::info!(rewrapped = rotated.rewrapped, left = rotated.left, "credentials were sealed by the newest key");
    jobs::complete(&calendars.db, lease).await
}

/// Deletes rows whose time is over. Most of them are also deleted when the next one of their kind is inserted; this
/// deletes them when there is no next one.
async fn delete_expired(db: &Db, lease: &Lease) -> Result<Outcome, LeaseError> {
    let mut tx = db.begin().await?;
    auth::delete_expired(&mut tx).await?;
    oauth::delete_expired(&mut tx).await?;
    jobs::complete_in(tx, lease).await
}

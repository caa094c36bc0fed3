//! The handlers of all jobs: one row for each effect.

use super::{App, SEALED_TABLES};
use crate::{
    audit, auth,
    connections::{CalendarAccess, approvals, notice, reopen, revoke, service_accounts},
    jobs::{self, Effect, Lease, LeaseError, Outcome, Runner},
    mail::{self, new_administrator},
    meetings::{push, stuck},
    oauth, rate_limits,
    secrets::rotation,
};

/// Starts to run jobs and to enqueue periodic work. If some secrets are sealed by an older key, a job is enqueued that
/// seals them with the newest one.
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

/// Runs one job.
async fn work(app: &App, lease: Lease) -> Outcome {
    let App { mailer, db, config, .. } = app;
    let calendars = &app.calendars.in_background();
    let done = match lease.effect.clone() {
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
            notice::send(calendars, mailer, &config.links(), &lease, connection).await
        }
        Effect::MailNewAdministrator { recipient, person, program, by } => {
            let notice = new_administrator::AdministratorNotice { recipient, person, program, by };
            new_administrator::send(db, &config.limits, mailer, &config.links(), &lease, notice).await
        }
        Effect::MailSignIn { request } => mail::sign_in::send(db, mailer, &config.links(), &lease, request).await,
        Effect::RewrapSecrets {} => rewrap(calendars, &lease).await,
        Effect::ReopenAccounts {} => reopen::enqueue_all(db, &lease).await,
        Effect::ReopenAccount { connection } => reopen::reopen(calendars, &lease, connection).await,
        Effect::ReleaseStuck { provider } => stuck::release_all(db, &lease, provider.as_deref()).await,
        Effect::DeleteExpired {} => delete_expired(app, &lease).await,
    };
    done.unwrap_or_else(Outcome::from)
}

/// Seals every secret with the first key of the key file.
async fn rewrap(calendars: &CalendarAccess, lease: &Lease) -> Result<Outcome, LeaseError> {
    let rotated = rotation::rotate(&calendars.db, &lease.author(), &calendars.keyring, &SEALED_TABLES).await?;
    if !rotated.failed.is_empty() {
        let error = format!("{} secrets cannot be opened; `chronus key rotate` names them", rotated.failed.len());
        return Ok(Outcome::Retry { error, after: None });
    }
    tracing::info!(
        rewrapped = rotated.rewrapped,
        left = rotated.left,
        "secrets were sealed with the first key of the key file"
    );
    jobs::complete(&calendars.db, lease).await
}

/// Deletes rows whose time is over. Most of them are also deleted when the next one of their kind is inserted; this
/// deletes them when there is no next one.
async fn delete_expired(app: &App, lease: &Lease) -> Result<Outcome, LeaseError> {
    let mut tx = app.db.begin().await?;
    auth::delete_expired(&mut tx).await?;
    oauth::code_grant::delete_expired(&mut tx).await?;
    approvals::delete_expired(&mut tx).await?;
    audit::delete_older(&mut tx, app.config.audit_keep).await?;
    rate_limits::delete_expired(&mut tx).await?;
    jobs::complete_in(tx, lease).await
}

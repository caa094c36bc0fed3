//! Which job does what: every effect has its row here.

use super::App;
use crate::{
    connections::{Calendars, sealing},
    jobs::{self, Effect, Lease, LeaseError, Outcome, Runner},
    meetings::push,
};

/// Begins to do jobs, as many at once as the configuration says.
#[must_use]
pub fn start(app: &App) -> Runner {
    let calendars = app.calendars.clone();
    Runner::start(app.db.clone(), app.config.jobs, move |lease| {
        let calendars = calendars.clone();
        async move { work(&calendars, lease).await }
    })
}

/// Does one job.
async fn work(calendars: &Calendars, lease: Lease) -> Outcome {
    match lease.effect {
        Effect::PushMeeting { meeting } => push::push(calendars, &lease, meeting).await,
        Effect::DeliverMeetings { person } => push::deliver(calendars, &lease, person).await,
        Effect::RewrapSecrets {} => rewrap(calendars, &lease).await,
    }
}

/// Seals by the newest key whatever another one seals.
async fn rewrap(calendars: &Calendars, lease: &Lease) -> Outcome {
    let later = |error: String| Outcome::Retry { error, after: None };
    let rotated = match sealing::rotate(&calendars.db, &calendars.keyring).await {
        Ok(rotated) if rotated.failed.is_empty() => rotated,
        Ok(rotated) => return later(format!("{} credentials do not open", rotated.failed.len())),
        Err(error) => return later(error.to_string()),
    };
    tracing::info!(rewrapped = rotated.rewrapped, left = rotated.left, "credentials were sealed by the newest key");
    let end = async {
        let mut tx = calendars.db.begin().await?;
        jobs::finish(&mut tx, lease).await?;
        tx.commit().await?;
        Ok::<_, LeaseError>(())
    };
    match end.await {
        Ok(()) | Err(LeaseError::Lost) => Outcome::Done,
        Err(LeaseError::Database(error)) => later(error.to_string()),
    }
}

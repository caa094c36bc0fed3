//! Which job does what: every effect has its row here.

use crate::{
    connections::Calendars,
    jobs::{Effect, Lease, Outcome},
    meetings::push,
};

/// Does one job.
pub async fn work(calendars: &Calendars, lease: Lease) -> Outcome {
    match lease.effect {
        Effect::PushMeeting { meeting } => push::push(calendars, &lease, meeting).await,
        Effect::DeliverMeetings { person } => push::deliver(calendars, &lease, person).await,
        Effect::RewrapSecrets {} => Outcome::Dead { error: "not yet".into() },
    }
}

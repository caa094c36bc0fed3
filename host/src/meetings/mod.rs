//! Meetings, and their events in people's calendars.
//!
//! Threat: a host dies between writing to a calendar and storing that it did; then a meeting has two events, or none, or
//! an event that shows what was never agreed. Decision: a change of a meeting is one transaction, which also enqueues a
//! job ([`crate::jobs`]). The job compares the meeting with the last known state of its event ([`plan`], pure) and takes
//! the one step between them ([`push`]). The event carries the meeting's key, so a repeated step finds the
//! event of the first, and a write whose answer was lost is recognised by its content. The job holds nothing but the
//! meeting's id: however late it runs, it sends the newest state. Rejected: writing to the calendar while the caller
//! waits, which makes every caller as slow as the slowest service and leaves the outcome of a crash unknown.

mod cancel;
mod change;
pub mod plan;
pub mod push;
mod schedule;
pub mod store;
pub mod stuck;

pub use cancel::{CancelError, cancel};
pub use change::{Change, ChangeError, change};
pub use schedule::{NewMeeting, ScheduleError, ScheduleOutcome, schedule};

use crate::{
    audit::{Act, Author, Entry, Values},
    auth::Actor,
    connections,
    db::{Tx, string_enum},
    ids::{MeetingId, OrganisationId, PersonId, ProgramId},
    jobs::{self, Effect, fail_points::fail_point},
};
use jiff::Timestamp;
use serde::Serialize;

/// A meeting of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meeting {
    /// The meeting's id here; calendars have their own.
    pub id: MeetingId,
    /// Owning organisation (tenant).
    pub organisation: OrganisationId,
    /// The program.
    pub program: ProgramId,
    /// The owner: the meeting is an event in the owner's calendar.
    pub owner: PersonId,
    /// The people who take part beside the owner.
    pub attendees: Vec<PersonId>,
    /// The key under which providers create and find the meeting's event. It never changes.
    pub key: String,
    /// The iCalendar UID of the event in its owner's calendar. `None` until the event was written, because the service
    /// may choose another than the proposed one.
    pub uid: Option<String>,
    /// The fields that calendars show.
    pub content: Content,
    /// Whether the meeting takes place.
    pub status: Status,
    /// Counts changes, from 1.
    pub revision: i64,
    /// The instant of creation.
    pub created_at: Timestamp,
    /// The instant of the last change.
    pub updated_at: Timestamp,
}

/// The fields of a meeting that calendars show and owners may change there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Content {
    /// One line.
    pub title: String,
    /// Plain text.
    pub description: String,
    /// The start.
    pub start: Timestamp,
    /// The end, after `start`.
    pub end: Timestamp,
    /// The IANA time zone in which the times are shown.
    pub zone: String,
}

string_enum! {
    /// Whether a meeting takes place.
    pub enum Status {
        /// The meeting takes place.
        Confirmed = "confirmed",
        /// The meeting was cancelled.
        Cancelled = "cancelled",
    }
}

/// A field of a meeting breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {rule}")]
pub struct InvalidContent {
    /// The field.
    pub field: &'static str,
    /// What the field must be.
    pub rule: &'static str,
}

/// The longest title, in characters.
pub const LONGEST_TITLE: usize = 255;

/// The longest description, in bytes.
pub const LONGEST_DESCRIPTION: usize = 8 * 1024;

/// The longest duration of a meeting.
pub const LONGEST_MEETING: jiff::SignedDuration = jiff::SignedDuration::from_hours(24 * 14);

/// The largest number of attendees beside the owner.
pub const MOST_ATTENDEES: usize = 200;

/// The attendees without the owner and without duplicates, in the stored order.
fn normalise_attendees(mut people: Vec<PersonId>, owner: PersonId) -> Vec<PersonId> {
    people.sort_unstable();
    people.dedup();
    people.retain(|person| *person != owner);
    people
}

fn check_attendee_count(attendees: &[PersonId]) -> Result<(), InvalidContent> {
    if attendees.len() > MOST_ATTENDEES {
        return Err(InvalidContent { field: "attendees", rule: "at most 200 people" });
    }
    Ok(())
}

/// Commits a change of a meeting together with the job that pushes it to the owner's calendar.
async fn commit(mut tx: Tx, meeting: &Meeting) -> sqlx::Result<()> {
    let owner = connections::store::owner(&mut tx, meeting.organisation, meeting.owner).await?;
    jobs::enqueue_for(&mut tx, &Effect::PushMeeting { meeting: meeting.id }, &owner).await?;
    fail_point("meeting.before-commit").await;
    tx.commit().await?;
    fail_point("meeting.after-commit").await;
    Ok(())
}

impl Content {
    /// Checks that calendars can show this content.
    ///
    /// # Errors
    /// With the first field that breaks a rule.
    pub fn check(&self) -> Result<(), InvalidContent> {
        let broken = |field, rule| Err(InvalidContent { field, rule });
        if self.title.trim().is_empty() || self.title.chars().any(char::is_control) {
            return broken("title", "one line of text");
        }
        if self.title.chars().count() > LONGEST_TITLE {
            return broken("title", "at most 255 characters");
        }
        if self.description.len() > LONGEST_DESCRIPTION {
            return broken("description", "at most 8,192 bytes");
        }
        if self.description.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            return broken("description", "plain text; lines end in \\n");
        }
        if jiff::tz::TimeZone::get(&self.zone).is_err() {
            return broken("zone", "an IANA time zone name, for instance Europe/Rome");
        }
        // Calendars store whole seconds.
        if self.start.subsec_nanosecond() != 0 || self.end.subsec_nanosecond() != 0 {
            return broken("start", "whole seconds, and so for end");
        }
        if self.end <= self.start {
            return broken("end", "after start");
        }
        if self.end.duration_since(self.start) > LONGEST_MEETING {
            return broken("end", "at most 14 days after start");
        }
        Ok(())
    }
}

impl Meeting {
    /// The UID to propose for a new event: the one that people know already, if the event was in another calendar before.
    #[must_use]
    pub fn proposed_uid(&self) -> &str {
        self.uid.as_deref().unwrap_or(&self.key)
    }

    /// What somebody does to the meeting, as the audit log shows it: no title and no description.
    pub(crate) fn entry<'a>(&self, by: &'a Author, act: Act) -> Entry<'a> {
        Entry::new(by, act, self.id).organisation(self.organisation).program(self.program)
    }

    /// The values of the meeting that the audit log shows.
    pub(crate) fn values(&self) -> Values {
        let Content { start, end, zone, .. } = &self.content;
        let values = Values::new().owner(self.owner).attendees(&self.attendees).start(*start).end(*end).zone(zone);
        values.state(self.status.as_str()).revision(self.revision)
    }

    /// Whether an actor may see the meeting: its owner, its attendees, administrators of the program and of the
    /// organisation, and integrations of the organisation.
    #[must_use]
    pub fn is_visible_to(&self, actor: &Actor) -> bool {
        let takes_part = |person| person == self.owner || self.attendees.contains(&person);
        actor.organisation_id() == Some(self.organisation)
            && actor.person().is_none_or(|person| takes_part(person) || actor.administers(self.program))
    }

    /// Whether an actor may change the meeting: its owner, administrators, and integrations of the organisation (M7).
    #[must_use]
    pub fn is_changeable_by(&self, actor: &Actor) -> bool {
        self.is_visible_to(actor)
            && actor.person().is_none_or(|person| person == self.owner || actor.administers(self.program))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_calendar_can_show_is_refused_by_field() {
        let good = Content {
            title: "Mentoring ☕".into(),
            description: "a\n\tb".into(),
            start: "2026-07-01T10:00:00Z".parse().unwrap(),
            end: "2026-07-01T11:00:00Z".parse().unwrap(),
            zone: "Europe/Rome".into(),
        };
        assert_eq!(good.check(), Ok(()));
        let at = |text: &str| text.parse().unwrap();
        let wrong: [(&str, Content); 10] = [
            ("title", Content { title: " ".into(), ..good.clone() }),
            ("title", Content { title: "a\nb".into(), ..good.clone() }),
            ("title", Content { title: "é".repeat(256), ..good.clone() }),
            ("description", Content { description: "a".repeat(8193), ..good.clone() }),
            ("description", Content { description: "a\r\nb".into(), ..good.clone() }),
            ("zone", Content { zone: "Rome".into(), ..good.clone() }),
            ("start", Content { start: at("2026-07-01T10:00:00.5Z"), ..good.clone() }),
            ("end", Content { end: good.start, ..good.clone() }),
            ("end", Content { end: at("2026-07-01T09:00:00Z"), ..good.clone() }),
            ("end", Content { end: at("2026-07-15T10:00:01Z"), ..good.clone() }),
        ];
        for (field, content) in wrong {
            assert_eq!(content.check().unwrap_err().field, field, "{content:?}");
        }
    }
}

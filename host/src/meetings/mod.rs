//! Meetings, and their events in people's calendars.
//!
//! Threat: a meeting with two events, or none, or one that shows what was never agreed, because a host died between
//! telling the calendar and writing it down. Decision: a change of a meeting is one transaction that also puts a job
//! ([`crate::jobs`]); the job compares what the meeting is with what its calendar was last seen to show ([`plan`],
//! pure) and does the one step between them ([`push`]). The event carries the meeting's UID and its id as key, so that
//! doing a step again finds what was done before, and what a lost answer hid is recognised by its content. The job
//! takes nothing but the meeting's id: however late it runs, it tells the newest truth. Rejected: writing to the
//! calendar while the caller waits, which makes a slow service everybody's slowness and a crash a riddle.

mod cancel;
mod change;
pub mod plan;
pub mod push;
mod schedule;
pub mod store;

pub use cancel::{CancelError, cancel};
pub use change::{Change, ChangeError, change};
pub use schedule::{NewMeeting, ScheduleError, schedule};

use crate::{
    db::Tx,
    ids::{MeetingId, OrganisationId, PersonId, ProgramId},
    jobs::{self, Effect, points},
    people::Actor,
};
use jiff::Timestamp;
use serde::Serialize;

/// A meeting of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meeting {
    /// Its own id, whatever calendars call it.
    pub id: MeetingId,
    /// Whose data it is.
    pub organisation: OrganisationId,
    /// The program that it belongs to.
    pub program: ProgramId,
    /// Whose meeting it is: it stands in their calendar.
    pub owner: PersonId,
    /// Who else takes part.
    pub attendees: Vec<PersonId>,
    /// The iCalendar UID, the same in every copy.
    pub uid: String,
    /// What it shows.
    pub content: Content,
    /// Whether it takes place.
    pub status: Status,
    /// Rises with every change of what a calendar shows, from 1.
    pub revision: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What of a meeting a calendar shows, and its owner may change there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Content {
    /// One line.
    pub title: String,
    /// Plain text.
    pub description: String,
    /// When it begins.
    pub start: Timestamp,
    /// When it is over; after `start`.
    pub end: Timestamp,
    /// The IANA zone in which its times are told.
    pub zone: String,
}

/// Whether a meeting takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Yes.
    Confirmed,
    /// No more.
    Cancelled,
}

impl Status {
    /// Its stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A rule that what somebody wrote breaks: the field, and what it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {rule}")]
pub struct Invalid {
    /// Which field.
    pub field: &'static str,
    /// What it must be.
    pub rule: &'static str,
}

/// The longest title, in characters.
pub const LONGEST_TITLE: usize = 255;

/// The longest description, in bytes.
pub const LONGEST_DESCRIPTION: usize = 8 * 1024;

/// The longest meeting.
pub const LONGEST_MEETING: jiff::SignedDuration = jiff::SignedDuration::from_hours(24 * 14);

/// The most people in a meeting, beside its owner.
pub const MOST_ATTENDEES: usize = 200;

/// The people beside the owner, each once, in the order in which they are kept.
fn normalise_attendees(mut people: Vec<PersonId>, owner: PersonId) -> Vec<PersonId> {
    people.sort_unstable();
    people.dedup();
    people.retain(|person| *person != owner);
    people
}

fn check_attendee_count(attendees: &[PersonId]) -> Result<(), Invalid> {
    if attendees.len() > MOST_ATTENDEES {
        return Err(Invalid { field: "attendees", rule: "at most 200 people" });
    }
    Ok(())
}

/// Makes a change last, and with it that its owner's calendar is told.
async fn commit(mut tx: Tx, meeting: MeetingId) -> sqlx::Result<()> {
    jobs::put(&mut tx, &Effect::PushMeeting { meeting }).await?;
    points::reach("meeting.before-commit").await;
    tx.commit().await?;
    points::reach("meeting.after-commit").await;
    Ok(())
}

impl Content {
    /// Whether a calendar can show it.
    ///
    /// # Errors
    /// With the first rule that it breaks.
    pub fn check(&self) -> Result<(), Invalid> {
        let broken = |field, rule| Err(Invalid { field, rule });
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
        // Calendars keep seconds.
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
    /// Whether somebody may see it: who takes part, administrators of the program and of the organisation, and
    /// programs that speak for the organisation.
    #[must_use]
    pub fn is_visible_to(&self, actor: &Actor) -> bool {
        let takes_part = |person| person == self.owner || self.attendees.contains(&person);
        actor.own() == Some(self.organisation)
            && actor.person().is_none_or(|person| takes_part(person) || actor.administers(self.program))
    }

    /// Whether somebody may change it: its owner, administrators, and programs that speak for the organisation (M7).
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

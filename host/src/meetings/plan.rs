//! What to do so that a calendar shows what a meeting is. Pure: values in, one step out.

use super::{Content, Meeting, Status};
use crate::calendar::{Attendee, Event, Patch, Span, Status as EventStatus, Timed};
use std::collections::BTreeSet;

/// What is known of a meeting's event in its owner's calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// In which calendar it is, or will be.
    pub calendar: String,
    /// The service's id, once it has told one.
    pub event: Option<String>,
    /// As it was last seen.
    pub etag: Option<String>,
    /// What was last sent, whether or not an answer came.
    pub sent: Option<Content>,
    /// The revision that the calendar is known to show; 0 before the first.
    pub agreed_revision: i64,
    /// What became of it.
    pub state: CopyState,
}

/// What became of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyState {
    /// On its way, perhaps there: an answer may have been lost.
    Pending,
    /// There.
    Present,
    /// Taken out by us.
    Cancelled,
    /// Taken out by its owner. We do not put it back.
    Gone,
    /// Waits until the owner's calendar can be written again.
    Waiting,
    /// The service will not have it.
    Refused,
}

impl CopyState {
    /// Its stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Present => "present",
            Self::Cancelled => "cancelled",
            Self::Gone => "gone",
            Self::Waiting => "waiting",
            Self::Refused => "refused",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Pending, Self::Present, Self::Cancelled, Self::Gone, Self::Waiting, Self::Refused]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// The one thing to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The calendar shows what it should.
    Nothing,
    /// Make the event with this content; it may be there already.
    Create(Content),
    /// Change the event to the meeting's content.
    Update {
        /// The service's id.
        event: String,
    },
    /// Take the event out.
    Cancel {
        /// The service's id.
        event: String,
    },
}

/// What to do next for a meeting, given what is known of its event.
#[must_use]
pub fn step(meeting: &Meeting, copy: Option<&Copy>) -> Step {
    let known = copy.filter(|copy| copy.state != CopyState::Gone);
    match (meeting.status, copy, known) {
        // The owner took it out; it stays out.
        (_, Some(_), None) => Step::Nothing,
        (Status::Cancelled, None, _) => Step::Nothing,
        (Status::Cancelled, Some(Copy { state: CopyState::Cancelled, .. }), _) => Step::Nothing,
        (Status::Cancelled, Some(Copy { event: Some(event), .. }), _) => Step::Cancel { event: event.clone() },
        // It was sent and no answer came: whoever makes it again with the same content learns its id, and can then take
        // it out.
        (Status::Cancelled, Some(Copy { event: None, sent: Some(sent), .. }), _) => Step::Create(sent.clone()),
        (Status::Cancelled, Some(Copy { event: None, sent: None, .. }), _) => Step::Nothing,
        (Status::Confirmed, Some(Copy { event: Some(event), agreed_revision, .. }), _) => {
            if *agreed_revision == meeting.revision { Step::Nothing } else { Step::Update { event: event.clone() } }
        }
        (Status::Confirmed, _, _) => Step::Create(meeting.content.clone()),
    }
}

/// What to do when the service says that the event is not what we believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// It shows what it should: our own write, whose answer was lost.
    Agreed,
    /// It shows something else. Write again over what was seen; whoever changes it after that is heard again.
    Again,
}

/// Compares what the calendar shows with what it should.
#[must_use]
pub fn conflict(wanted: &Content, attendees: &[Attendee], present: &Event) -> Conflict {
    if shows(present, wanted) && invites(present, attendees) { Conflict::Agreed } else { Conflict::Again }
}

/// Whether an event shows this content, as far as it is ours to say.
#[must_use]
pub fn shows(event: &Event, content: &Content) -> bool {
    let Span::Timed { start, end } = &event.when else { return false };
    event.status != EventStatus::Cancelled
        && event.title == content.title
        && text(&event.description) == text(&content.description)
        && (start.at, &start.zone) == (content.start, &content.zone)
        && end.at == content.end
}

/// Whether an event invites these people and nobody else. Services may list the owner too.
fn invites(event: &Event, wanted: &[Attendee]) -> bool {
    let address = |address: &str| address.to_lowercase();
    let organiser = event.organiser.as_ref().map(|organiser| address(&organiser.address));
    let wanted: BTreeSet<_> = wanted.iter().map(|attendee| address(&attendee.address)).collect();
    let others = event.attendees.iter().filter(|attendee| !attendee.is_self).map(|attendee| address(&attendee.address));
    let present: BTreeSet<_> =
        others.filter(|other| wanted.contains(other) || Some(other) != organiser.as_ref()).collect();
    present == wanted
}

/// Services trim, and end lines in their own way.
fn text(text: &str) -> String {
    text.replace("\r\n", "\n").trim_end().to_owned()
}

/// When a meeting is, as an event has it.
#[must_use]
pub fn span(content: &Content) -> Span {
    let timed = |at| Timed { at, zone: content.zone.clone() };
    Span::Timed { start: timed(content.start), end: timed(content.end) }
}

/// Everything that is ours to say, as a change.
#[must_use]
pub fn patch(content: &Content) -> Patch {
    Patch {
        title: Some(content.title.clone()),
        description: Some(content.description.clone()),
        when: Some(span(content)),
        status: Some(EventStatus::Confirmed),
        ..Patch::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{MeetingId, OrganisationId, PersonId, ProgramId};
    use jiff::Timestamp;

    fn meeting(status: Status, revision: i64) -> Meeting {
        let at: Timestamp = "2026-07-01T10:00:00Z".parse().unwrap();
        Meeting {
            id: MeetingId::new(at),
            organisation: OrganisationId::new(at),
            program: ProgramId::new(at),
            owner: PersonId::new(at),
            attendees: vec![],
            uid: "uid".into(),
            content: content("Now"),
            status,
            revision,
            created_at: at,
            updated_at: at,
        }
    }

    fn content(title: &str) -> Content {
        Content {
            title: title.into(),
            description: "one\ntwo".into(),
            start: "2026-07-01T10:00:00Z".parse().unwrap(),
            end: "2026-07-01T11:00:00Z".parse().unwrap(),
            zone: "Europe/Rome".into(),
        }
    }

    fn copy(state: CopyState, event: Option<&str>, agreed_revision: i64) -> Copy {
        Copy {
            calendar: "work".into(),
            event: event.map(Into::into),
            etag: None,
            sent: Some(content("Before")),
            agreed_revision,
            state,
        }
    }

    #[test]
    fn each_step_follows_from_what_is_known() {
        use CopyState::{Cancelled, Gone, Pending, Present, Refused, Waiting};
        let update = || Step::Update { event: "e".into() };
        let cancel = || Step::Cancel { event: "e".into() };
        let create = |title: &str| Step::Create(content(title));
        let confirmed: [(Option<Copy>, Step); 9] = [
            (None, create("Now")),
            (Some(copy(Pending, None, 0)), create("Now")),
            (Some(copy(Waiting, None, 0)), create("Now")),
            (Some(copy(Refused, None, 0)), create("Now")),
            (Some(copy(Present, Some("e"), 2)), Step::Nothing),
            (Some(copy(Present, Some("e"), 1)), update()),
            (Some(copy(Waiting, Some("e"), 1)), update()),
            (Some(copy(Gone, Some("e"), 1)), Step::Nothing),
            (Some(Copy { sent: None, ..copy(Pending, None, 0) }), create("Now")),
        ];
        for (known, expected) in confirmed {
            assert_eq!(step(&meeting(Status::Confirmed, 2), known.as_ref()), expected, "{known:?}");
        }
        let cancelled: [(Option<Copy>, Step); 8] = [
            (None, Step::Nothing),
            (Some(copy(Present, Some("e"), 1)), cancel()),
            (Some(copy(Present, Some("e"), 2)), cancel()),
            (Some(copy(Waiting, Some("e"), 1)), cancel()),
            (Some(copy(Pending, None, 0)), create("Before")),
            (Some(Copy { sent: None, ..copy(Pending, None, 0) }), Step::Nothing),
            (Some(copy(Cancelled, Some("e"), 2)), Step::Nothing),
            (Some(copy(Gone, Some("e"), 1)), Step::Nothing),
        ];
        for (known, expected) in cancelled {
            assert_eq!(step(&meeting(Status::Cancelled, 2), known.as_ref()), expected, "{known:?}");
        }
    }

    #[test]
    fn our_own_write_is_recognised_by_what_it_shows() {
        let mut event = Event {
            id: "e".into(),
            uid: "uid".into(),
            etag: None,
            series_id: None,
            original_start: None,
            title: "Now".into(),
            description: "one\r\ntwo\r\n".into(),
            when: span(&content("Now")),
            busy: crate::calendar::BusyKind::Busy,
            status: EventStatus::Confirmed,
            organiser: None,
            attendees: vec![],
            recurrence: vec![],
            ours: None,
            updated: None,
        };
        assert_eq!(conflict(&content("Now"), &[], &event), Conflict::Agreed);
        assert_eq!(conflict(&content("Then"), &[], &event), Conflict::Again);
        let elsewhere = Content { zone: "Europe/Paris".into(), ..content("Now") };
        assert_eq!(conflict(&elsewhere, &[], &event), Conflict::Again);
        event.status = EventStatus::Cancelled;
        assert_eq!(conflict(&content("Now"), &[], &event), Conflict::Again);
        event.status = EventStatus::Confirmed;

        // Who is invited is ours to say, too: a change of that alone must not be taken for written.
        let invited = |address: &str, is_self| Attendee {
            address: address.into(),
            name: None,
            role: crate::calendar::Role::Required,
            rsvp: crate::calendar::Rsvp::NeedsAction,
            is_self,
        };
        let ben = [invited("ben@example.org", false)];
        assert_eq!(conflict(&content("Now"), &ben, &event), Conflict::Again);
        event.attendees = vec![invited("BEN@example.org", false), invited("ann@example.org", true)];
        assert_eq!(conflict(&content("Now"), &ben, &event), Conflict::Agreed);
        assert_eq!(conflict(&content("Now"), &[], &event), Conflict::Again);
        event.attendees[1].is_self = false;
        assert_eq!(conflict(&content("Now"), &ben, &event), Conflict::Again);
        let address = "Ann@example.org".into();
        event.organiser = Some(crate::calendar::Organiser { address, name: None, is_self: true });
        assert_eq!(conflict(&content("Now"), &ben, &event), Conflict::Agreed);
    }

    #[test]
    fn every_state_has_its_name() {
        for state in ["pending", "present", "cancelled", "gone", "waiting", "refused"] {
            assert_eq!(CopyState::named(state).map(CopyState::name), Some(state));
        }
        assert_eq!(CopyState::named("there"), None);
    }
}

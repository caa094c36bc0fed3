//! Decides what to do so that the owner's calendar shows a meeting as it is. Pure: values in, one decision out.
//!
//! [`next`] is asked twice: before the calendar is opened, because for many meetings nothing remains to be done, and with
//! the opened calendar. [`super::push`] carries out the decision.

use super::{Content, Meeting, Status};
use crate::{
    calendar::{Attendee, Event, Patch, Span, Status as EventStatus, ZonedTime, zones},
    db::string_enum,
    ids::MeetingId,
};
use std::collections::BTreeSet;

/// The stored state of a meeting's event in its owner's calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventCopy {
    /// The meeting.
    pub meeting: MeetingId,
    /// [`crate::connections::Connection::account_digest`]; empty while the owner has no calendar.
    pub account: String,
    /// The calendar that holds the event, or will hold it.
    pub calendar: String,
    /// The event's id at the service, once it is known.
    pub event: Option<String>,
    /// The event's last known etag.
    pub etag: Option<String>,
    /// The content that was last sent, whether or not an answer came.
    pub sent: Option<Content>,
    /// The revision that the calendar is known to show; 0 before the first.
    pub agreed_revision: i64,
    /// What became of the event.
    pub state: CopyState,
    /// Why the event is waiting or refused.
    pub problem: Option<String>,
}

impl EventCopy {
    /// The copy of a meeting of which nothing was sent yet.
    #[must_use]
    pub const fn new(meeting: MeetingId, account: String, calendar: String) -> Self {
        Self {
            meeting,
            account,
            calendar,
            event: None,
            etag: None,
            sent: None,
            agreed_revision: 0,
            state: CopyState::Pending,
            problem: None,
        }
    }

    /// Whether nothing was ever sent, so that there can be no event.
    const fn is_unsent(&self) -> bool {
        self.event.is_none() && self.sent.is_none()
    }
}

string_enum! {
    /// What became of a meeting's event.
    pub enum CopyState {
        /// On its way. The event may exist already, because an answer may have been lost.
        Pending = "pending",
        /// In the calendar.
        Present = "present",
        /// Removed by us.
        Cancelled = "cancelled",
        /// Removed by its owner. We do not create it again.
        Gone = "gone",
        /// Waits until the owner's calendar can be written again.
        Waiting = "waiting",
        /// Refused by the service.
        Refused = "refused",
    }
}

/// Whether and how the owner's calendar can be written now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reachability {
    /// The calendar was not opened yet.
    NotOpened,
    /// The calendar is open.
    Open {
        /// [`crate::connections::Connection::account_digest`].
        account: String,
        /// The calendar for new events, if the account has one that can be written.
        home: Option<String>,
    },
    /// The calendar cannot be opened until its owner acts, for this reason.
    NeedsOwner(String),
    /// The calendar cannot be opened now, for this reason.
    Unavailable(String),
}

/// What to do next for a meeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing remains to be done.
    Finish,
    /// Store the copy: the meeting was cancelled before an event was sent.
    MarkCancelled(EventCopy),
    /// Store the copy: only the owner can make the calendar reachable.
    Wait(EventCopy),
    /// Try again later, for this reason.
    Retry(String),
    /// Open the calendar and ask again.
    Open,
    /// Store the copy, then take the step.
    Send {
        /// The step.
        step: Step,
        /// The copy, with what is about to be sent.
        copy: EventCopy,
    },
}

/// Decides what to do next for a meeting.
#[must_use]
pub fn next(meeting: &Meeting, stored: Option<&EventCopy>, calendar: &Reachability) -> Next {
    let settled = step(meeting, stored) == Step::Nothing;
    match calendar {
        Reachability::NotOpened => match stored {
            None if settled => Next::Finish,
            Some(copy) if settled && copy.is_unsent() => {
                Next::MarkCancelled(EventCopy { state: CopyState::Cancelled, problem: None, ..copy.clone() })
            }
            // A settled event may be in an account that is no longer connected; then the present one needs another.
            _ => Next::Open,
        },
        Reachability::NeedsOwner(_) | Reachability::Unavailable(_) if settled => Next::Finish,
        Reachability::Unavailable(why) => Next::Retry(why.clone()),
        Reachability::NeedsOwner(why) => Next::Wait(waiting(meeting, stored, why)),
        Reachability::Open { account, home } => {
            // An event in an account that is no longer connected is out of reach, and its owner's.
            let copy = stored.filter(|copy| copy.account == *account);
            let step = step(meeting, copy);
            let new = |home: &String| EventCopy::new(meeting.id, account.clone(), home.clone());
            match copy.cloned().or_else(|| home.as_ref().map(new)) {
                _ if step == Step::Nothing => Next::Finish,
                None => Next::Wait(waiting(meeting, None, "the connected calendar cannot be written")),
                Some(copy) => Next::Send { step, copy: sending(meeting, copy) },
            }
        }
    }
}

/// The copy of a meeting that waits for its owner.
fn waiting(meeting: &Meeting, stored: Option<&EventCopy>, why: &str) -> EventCopy {
    let new = || EventCopy::new(meeting.id, String::new(), String::new());
    let mut copy = stored.cloned().unwrap_or_else(new);
    if !matches!(copy.state, CopyState::Cancelled | CopyState::Gone) {
        copy.state = CopyState::Waiting;
    }
    EventCopy { problem: Some(why.to_owned()), ..copy }
}

/// The copy to store before a step is taken, so that a later run knows what may have been sent.
fn sending(meeting: &Meeting, mut copy: EventCopy) -> EventCopy {
    if meeting.status == Status::Confirmed {
        copy.sent = Some(meeting.content.clone());
    }
    if copy.event.is_none() {
        copy.state = CopyState::Pending;
    }
    EventCopy { problem: None, ..copy }
}

/// One change of the owner's calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The calendar shows the meeting as it is.
    Nothing,
    /// Create the event with this content. It may exist already.
    Create(Content),
    /// Change the event to the meeting's content.
    Update {
        /// The event's id at the service.
        event: String,
    },
    /// Remove the event.
    Cancel {
        /// The event's id at the service.
        event: String,
    },
}

/// The step between the stored state of the event and the meeting.
fn step(meeting: &Meeting, copy: Option<&EventCopy>) -> Step {
    let known = copy.filter(|copy| copy.state != CopyState::Gone);
    match (meeting.status, copy, known) {
        // Its owner removed it, and we do not create it again.
        (_, Some(_), None) => Step::Nothing,
        (Status::Cancelled, None, _) => Step::Nothing,
        (Status::Cancelled, Some(EventCopy { state: CopyState::Cancelled, .. }), _) => Step::Nothing,
        (Status::Cancelled, Some(EventCopy { event: Some(event), .. }), _) => Step::Cancel { event: event.clone() },
        // It was sent, and no answer came. Creating it again with the same content tells its id; then it can be removed.
        (Status::Cancelled, Some(EventCopy { event: None, sent: Some(sent), .. }), _) => Step::Create(sent.clone()),
        (Status::Cancelled, Some(EventCopy { event: None, sent: None, .. }), _) => Step::Nothing,
        (Status::Confirmed, Some(EventCopy { event: Some(event), agreed_revision, .. }), _) => {
            if *agreed_revision == meeting.revision { Step::Nothing } else { Step::Update { event: event.clone() } }
        }
        (Status::Confirmed, _, _) => Step::Create(meeting.content.clone()),
    }
}

/// The verdict on an event that differs from the stored state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// The event shows the meeting as it is: our own write, whose answer was lost.
    Agreed,
    /// The event shows something else. Write again with its present etag; a later change by others conflicts again.
    Again,
}

/// Compares the present event with the meeting.
#[must_use]
pub fn conflict(wanted: &Content, attendees: &[Attendee], present: &Event) -> Conflict {
    if shows(present, wanted) && invites(present, attendees) { Conflict::Agreed } else { Conflict::Again }
}

/// Whether an event shows this content, in the fields that we write.
#[must_use]
pub fn shows(event: &Event, content: &Content) -> bool {
    let Span::Timed { start, end } = &event.when else { return false };
    event.status != EventStatus::Cancelled
        && event.title == content.title
        && normalise_text(&event.description) == normalise_text(&content.description)
        && (start.at, end.at) == (content.start, content.end)
        && zones::are_equal(&start.zone, &content.zone, (start.at, end.at), !event.recurrence.is_empty())
}

/// Whether an event invites exactly these people. Services may list the owner as well.
fn invites(event: &Event, wanted: &[Attendee]) -> bool {
    let address = |address: &str| address.to_lowercase();
    let organiser = event.organiser.as_ref().map(|organiser| address(&organiser.address));
    let wanted: BTreeSet<_> = wanted.iter().map(|attendee| address(&attendee.address)).collect();
    let others = event.attendees.iter().filter(|attendee| !attendee.is_self).map(|attendee| address(&attendee.address));
    let present: BTreeSet<_> =
        others.filter(|other| wanted.contains(other) || Some(other) != organiser.as_ref()).collect();
    present == wanted
}

/// Services trim text and normalise line endings.
fn normalise_text(text: &str) -> String {
    text.replace("\r\n", "\n").trim_end().to_owned()
}

/// A meeting's start and end, as an event holds them.
#[must_use]
pub fn span(content: &Content) -> Span {
    let timed = |at| ZonedTime { at, zone: content.zone.clone() };
    Span::Timed { start: timed(content.start), end: timed(content.end) }
}

/// A change of all fields that we write, except the attendees.
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
    use crate::ids::{OrganisationId, PersonId, ProgramId};
    use jiff::Timestamp;

    const MEETING: &str = "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e6f";

    fn meeting(status: Status, revision: i64) -> Meeting {
        let at: Timestamp = "2026-07-01T10:00:00Z".parse().unwrap();
        Meeting {
            id: MEETING.parse().unwrap(),
            organisation: OrganisationId::new(at),
            program: ProgramId::new(at),
            owner: PersonId::new(at),
            attendees: vec![],
            key: "key".into(),
            uid: None,
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

    fn copy(state: CopyState, event: Option<&str>, agreed_revision: i64) -> EventCopy {
        EventCopy {
            meeting: MEETING.parse().unwrap(),
            account: "account".into(),
            calendar: "work".into(),
            event: event.map(Into::into),
            etag: None,
            sent: Some(content("Before")),
            agreed_revision,
            state,
            problem: None,
        }
    }

    #[test]
    fn each_step_follows_from_what_is_known() {
        use CopyState::{Cancelled, Gone, Pending, Present, Refused, Waiting};
        let update = || Step::Update { event: "e".into() };
        let cancel = || Step::Cancel { event: "e".into() };
        let create = |title: &str| Step::Create(content(title));
        let confirmed: [(Option<EventCopy>, Step); 9] = [
            (None, create("Now")),
            (Some(copy(Pending, None, 0)), create("Now")),
            (Some(copy(Waiting, None, 0)), create("Now")),
            (Some(copy(Refused, None, 0)), create("Now")),
            (Some(copy(Present, Some("e"), 2)), Step::Nothing),
            (Some(copy(Present, Some("e"), 1)), update()),
            (Some(copy(Waiting, Some("e"), 1)), update()),
            (Some(copy(Gone, Some("e"), 1)), Step::Nothing),
            (Some(EventCopy { sent: None, ..copy(Pending, None, 0) }), create("Now")),
        ];
        for (known, expected) in confirmed {
            assert_eq!(step(&meeting(Status::Confirmed, 2), known.as_ref()), expected, "{known:?}");
        }
        let cancelled: [(Option<EventCopy>, Step); 8] = [
            (None, Step::Nothing),
            (Some(copy(Present, Some("e"), 1)), cancel()),
            (Some(copy(Present, Some("e"), 2)), cancel()),
            (Some(copy(Waiting, Some("e"), 1)), cancel()),
            (Some(copy(Pending, None, 0)), create("Before")),
            (Some(EventCopy { sent: None, ..copy(Pending, None, 0) }), Step::Nothing),
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
            location: String::new(),
            url: String::new(),
            private: false,
            client_key: None,
            sequence: None,
            unsent: false,
            updated: None,
        };
        assert_eq!(conflict(&content("Now"), &[], &event), Conflict::Agreed);
        assert_eq!(conflict(&content("Then"), &[], &event), Conflict::Again);
        let in_zone = |zone: &str| Content { zone: zone.into(), ..content("Now") };
        assert_eq!(conflict(&in_zone("Europe/London"), &[], &event), Conflict::Again);
        // Another name for the same zone; a zone that is an hour ahead in summer.
        assert_eq!(conflict(&in_zone("Europe/Vatican"), &[], &event), Conflict::Agreed);
        assert_eq!(conflict(&in_zone("Africa/Cairo"), &[], &event), Conflict::Again);
        event.recurrence = vec!["RRULE:FREQ=MONTHLY".into()];
        assert_eq!(conflict(&in_zone("Europe/Vatican"), &[], &event), Conflict::Agreed);
        // Equal today, and another offset in winter.
        assert_eq!(conflict(&in_zone("Africa/Johannesburg"), &[], &event), Conflict::Again);
        event.recurrence = vec![];
        assert_eq!(conflict(&in_zone("Africa/Johannesburg"), &[], &event), Conflict::Agreed);
        event.status = EventStatus::Cancelled;
        assert_eq!(conflict(&content("Now"), &[], &event), Conflict::Again);
        event.status = EventStatus::Confirmed;

        // We also write the attendees: a change of them alone must not be taken for written.
        let invited = |address: &str, is_self| Attendee { is_self, ..Attendee::required(address.into(), None) };
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
    fn the_decision_follows_from_the_meeting_the_stored_copy_and_the_calendar() {
        use CopyState::{Cancelled, Gone, Pending, Present, Waiting};
        let open = |account: &str, home: Option<&str>| Reachability::Open {
            account: account.into(),
            home: home.map(Into::into),
        };
        let (here, elsewhere, unwritable) =
            (open("account", Some("home")), open("another", Some("home")), open("another", None));
        let needs_owner = || Reachability::NeedsOwner("sign in".into());
        let unavailable = || Reachability::Unavailable("busy".into());
        let unsent = EventCopy { sent: None, ..copy(Waiting, None, 0) };
        let confirmed = meeting(Status::Confirmed, 2);
        let cancelled = meeting(Status::Cancelled, 2);
        let new = |account: &str, home: &str| EventCopy::new(confirmed.id, account.into(), home.into());
        let waits =
            |copy: EventCopy, why: &str| Next::Wait(EventCopy { state: Waiting, problem: Some(why.into()), ..copy });
        let sends = |step: Step, copy: EventCopy| Next::Send { step, copy };
        let sent = |copy: EventCopy| EventCopy { sent: Some(content("Now")), ..copy };
        let present = |revision| copy(Present, Some("e"), revision);
        let gone = copy(Gone, Some("e"), 1);
        let update = || Step::Update { event: "e".into() };
        let cancel = || Step::Cancel { event: "e".into() };
        let create = || Step::Create(content("Now"));
        let mark_cancelled = Next::MarkCancelled(EventCopy { state: Cancelled, ..unsent.clone() });
        let unwritten = || waits(new("", ""), "the connected calendar cannot be written");

        let table: [(&Meeting, Option<EventCopy>, Reachability, Next); 21] = [
            // Before the calendar is opened.
            (&confirmed, None, Reachability::NotOpened, Next::Open),
            (&confirmed, Some(present(2)), Reachability::NotOpened, Next::Open),
            (&cancelled, None, Reachability::NotOpened, Next::Finish),
            (&cancelled, Some(unsent), Reachability::NotOpened, mark_cancelled),
            (&cancelled, Some(present(1)), Reachability::NotOpened, Next::Open),
            // It cannot be opened.
            (&confirmed, None, needs_owner(), waits(new("", ""), "sign in")),
            (&confirmed, Some(present(1)), needs_owner(), waits(present(1), "sign in")),
            (&confirmed, Some(present(2)), needs_owner(), Next::Finish),
            (&confirmed, None, unavailable(), Next::Retry("busy".into())),
            (&confirmed, Some(present(2)), unavailable(), Next::Finish),
            (&confirmed, Some(gone.clone()), needs_owner(), Next::Finish),
            // It is open, in the account that the event is in.
            (&confirmed, Some(present(2)), here.clone(), Next::Finish),
            (&confirmed, Some(present(1)), here.clone(), sends(update(), sent(present(1)))),
            (&cancelled, Some(present(1)), here.clone(), sends(cancel(), present(1))),
            (
                &cancelled,
                Some(copy(Waiting, None, 0)),
                here.clone(),
                sends(Step::Create(content("Before")), copy(Pending, None, 0)),
            ),
            (&confirmed, Some(gone), here.clone(), Next::Finish),
            (&confirmed, None, here, sends(create(), sent(new("account", "home")))),
            // It is open, and the event is in an account that is no longer connected.
            (&confirmed, Some(present(2)), elsewhere.clone(), sends(create(), sent(new("another", "home")))),
            (&cancelled, Some(present(1)), elsewhere, Next::Finish),
            // It is open, and no calendar can be written.
            (&confirmed, None, unwritable.clone(), unwritten()),
            (&cancelled, Some(present(1)), unwritable, Next::Finish),
        ];
        for (meeting, stored, calendar, expected) in table {
            let decision = next(meeting, stored.as_ref(), &calendar);
            assert_eq!(decision, expected, "{:?} {stored:?} {calendar:?}", meeting.status);
        }
    }
}

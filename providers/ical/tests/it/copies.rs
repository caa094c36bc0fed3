//! Copies of meetings that somebody else organises.

use chronus_ical::Ical;
use chronus_sdk::values::*;
use chronus_sdk::{TwoWay, Write, testing};

use crate::server::{Habits, Server};
use crate::{connection, draft, guest, remedy};

fn copy() -> Draft {
    let ann = Attendee { rsvp: Rsvp::Accepted, ..testing::attendee("ann@example.com") };
    let boss = Organiser { address: "boss@example.org".into(), name: Some("The boss".into()), is_self: false };
    Draft { organiser: Some(boss), attendees: vec![guest("bo@example.com"), ann], ..draft() }
}

fn create(server: &Server, draft: &Draft, notify: Notify) -> Result<Event, Failure> {
    let write = Write { key: "k", etag: None, notify, comment: None };
    server.call(|| Ical::create(&connection(None), &server.calendar(), draft, write)).map(|reply| reply.event)
}

fn scheduling(make: &'static str) -> Server {
    Server::with(Habits {
        dav: "1, calendar-access, calendar-auto-schedule",
        has_outbox: true,
        make,
        ..Habits::default()
    })
}

#[test]
fn a_copy_has_the_organiser_and_the_attendees_as_given() {
    let server = Server::default();
    for notify in [Notify::All, Notify::None, Notify::All] {
        let made = create(&server, &copy(), notify).expect("made, and found at each repetition");
        assert_eq!(made.organiser, copy().organiser);
        let answers: Vec<_> = made.attendees.iter().map(|one| (one.address.as_str(), one.rsvp, one.is_self)).collect();
        assert_eq!(answers, [("bo@example.com", Rsvp::NeedsAction, false), ("ann@example.com", Rsvp::Accepted, true)]);
    }
    let mut other = copy();
    other.organiser = Some(Organiser { address: "else@example.org".into(), name: None, is_self: false });
    assert!(matches!(remedy(create(&server, &other, Notify::All)), Remedy::Conflict(_)));
}

#[test]
fn nobody_is_told_of_a_copy() {
    for make in ["Cyrus-HTTP/3.6.1", "Python/3 aiohttp"] {
        let server = scheduling(make);
        let made = create(&server, &copy(), Notify::All).expect("made");
        let data = server.data(&made.id).replace("\r\n ", "");
        let organiser = data.lines().find(|line| line.starts_with("ORGANIZER")).expect("an organiser");
        assert!(organiser.contains(";SCHEDULE-AGENT=CLIENT"), "{organiser}");
        assert_eq!(data.matches("SCHEDULE-AGENT").count(), 1, "attendees are the organiser's business: {data}");
    }
}

#[test]
fn an_organiser_needs_an_address() {
    let mut nameless = copy();
    nameless.organiser = Some(Organiser { address: "boss".into(), name: None, is_self: false });
    let failure = create(&Server::default(), &nameless, Notify::All);
    assert_eq!(remedy(failure), Remedy::Invalid("draft.organiser".into()));
}

#[test]
fn an_owner_who_is_named_as_the_organiser_invites() {
    let server = scheduling("Cyrus-HTTP/3.6.1");
    let own = Organiser { address: "ANN@example.com".into(), name: None, is_self: true };
    let made = create(&server, &Draft { organiser: Some(own), ..copy() }, Notify::All).expect("made");
    assert!(made.organiser.is_some_and(|one| one.is_self));
    assert!(!server.data(&made.id).contains("SCHEDULE-AGENT"), "the server invites");
}

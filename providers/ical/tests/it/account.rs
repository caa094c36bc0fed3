//! Finding the account, and finding it again.

use chronus_ical::Ical;
use chronus_sdk::values::*;
use chronus_sdk::{EventRef, Provider, TwoWay, Write};

use crate::server::{Habits, Server};
use crate::{connection, ics, remedy, window};

#[test]
fn an_account_is_found_through_the_well_known_address() {
    let server = Server::default();
    let opened = server.open().expect("an account").account;
    assert_eq!(
        server.requests(),
        ["PROPFIND /.well-known/caldav", "PROPFIND /dav/", "PROPFIND /dav/ann/", "PROPFIND /dav/ann/",]
    );
    assert_eq!(opened.address.as_deref(), Some("ann@example.com"), "the preferred address comes first");
    assert_eq!(opened.other_addresses, ["second@example.com"]);
    assert_eq!(opened.zone.as_deref(), Some("Europe/Berlin"));
    let calendars: Vec<_> = opened
        .calendars
        .iter()
        .map(|each| (each.id.as_str(), each.name.as_str(), each.role, each.is_default))
        .collect();
    assert_eq!(
        calendars,
        [
            ("/dav/ann/holidays/", "Holidays", CalendarRole::Reader, false),
            ("/dav/ann/work/", "Wörk & more", CalendarRole::Owner, true),
        ]
    );
    let expected = Abilities::READ_BUSY | Abilities::WRITE | Abilities::REPORT_CHANGES | Abilities::RECURRING_WRITES;
    assert_eq!(opened.abilities, expected);
}

/// F2 of the CalDAV review: such a calendar was not listed, and its events were free.
#[test]
fn a_calendar_that_is_the_outbox_too_is_a_calendar() {
    let server = Server::with(Habits { work_is_outbox: true, ..Habits::default() });
    let calendars = server.open().expect("an account").account.calendars;
    assert!(calendars.iter().any(|each| each.id == "/dav/ann/work/" && each.is_default), "{calendars:?}");
}

#[test]
fn an_account_is_found_where_nothing_points_to_it() {
    let server = Server::with(Habits { has_no_well_known: true, root: "/remote.php/dav", ..Habits::default() });
    assert_eq!(server.open().expect("an account").account.calendars.len(), 2);
    let elsewhere = Server::with(Habits { has_no_well_known: true, root: "/odd/place", ..Habits::default() });
    assert_eq!(remedy(elsewhere.open()), Remedy::Invalid("server".into()));
    let mut told = connection(None);
    told.fields.push(("path".into(), "/odd/place/".into()));
    assert_eq!(elsewhere.call(|| Ical::open(&told)).expect("an account").account.calendars.len(), 2);
}

#[test]
fn a_wrong_password_is_the_persons_to_mend() {
    let server = Server::with(Habits { rejects_the_password: true, ..Habits::default() });
    let failure = server.open().expect_err("it is rejected");
    assert_eq!(failure.remedy, Remedy::Reconnect);
    assert!(failure.detail.contains("app password"), "{}", failure.detail);
    let work = server.calendar();
    let failure = server
        .call(|| Ical::get(&connection(None), EventRef { calendar: &work, id: "x.ics" }))
        .expect_err("it is rejected");
    assert_eq!(failure.remedy, Remedy::Reconnect);
}

#[test]
fn an_apple_account_is_told_of_app_specific_passwords() {
    let apple = Connection { server: None, ..connection(None) };
    let failure = chronus_sdk::http::native::answering(
        |request| Ok(chronus_sdk::http::Response::new(&request.url, 401)),
        || Ical::open(&apple),
    );
    let failure = failure.expect_err("it is rejected");
    assert_eq!(failure.remedy, Remedy::Reconnect);
    assert!(failure.detail.contains("app-specific password") && failure.detail.contains("https://account.apple.com"));
}

#[test]
fn only_servers_that_are_known_to_deliver_are_believed() {
    let invites = |habits| {
        let abilities = Server::with(habits).open().expect("an account").account.abilities;
        abilities & Abilities::SENDS_INVITATIONS == Abilities::SENDS_INVITATIONS
    };
    let announcing =
        Habits { dav: "1, calendar-access, calendar-auto-schedule", has_outbox: true, ..Habits::default() };
    assert!(!invites(announcing.clone()));
    let cyrus = Habits { make: "Cyrus-HTTP/3.6.1", ..announcing };
    assert!(invites(cyrus.clone()));
    assert!(!invites(Habits { has_outbox: false, ..cyrus.clone() }));
    assert!(!invites(Habits { dav: "1", ..cyrus }));
}

#[test]
fn a_memo_saves_requests_and_changes_nothing() {
    let server = Server::default();
    server.put("a.ics", &ics("a", "DTSTART:20260302T080000Z\nDTEND:20260302T090000Z"));
    let memo = server.memo();
    let work = server.calendar();
    let event = EventRef { calendar: &work, id: "a.ics" };
    let get = |memo| server.call(|| Ical::get(&connection(memo), event)).expect("an event");
    let (with, requests) = {
        server.requests();
        (get(memo.clone()), server.requests().len())
    };
    assert_eq!((requests, &with.memo), (1, &None));
    let without = get(None);
    let unknown = memo.clone().map(|memo| Memo { format: 99, ..memo });
    let garbage = memo.map(|memo| Memo { data: b"garbage".to_vec(), ..memo });
    for other in [without, get(unknown), get(garbage)] {
        assert_eq!(other.event, with.event);
        assert!(other.memo.is_some(), "what was discovered is kept");
    }
}

#[test]
fn an_account_that_moved_is_found_again() {
    let server = Server::default();
    server.put("a.ics", &ics("a", "DTSTART:20260302T080000Z\nDTEND:20260302T090000Z"));
    let memo = server.memo();
    server.0.borrow_mut().habits.root = "/moved";
    // The id of a calendar is its path, so a server that renames paths makes new calendars. What must not happen is
    // that the old one's events look deleted.
    let old = EventRef { calendar: "/dav/ann/work/", id: "a.ics" };
    let get = server.call(|| Ical::get(&connection(memo.clone()), old));
    assert_eq!(get.expect_err("it moved").detail, "this account has no such calendar");
    let write = Write { key: "k", etag: None, notify: Notify::All, comment: None };
    let cancel = server.call(|| Ical::cancel(&connection(memo.clone()), old, write));
    assert_eq!(remedy(cancel), Remedy::NotFound, "what was not looked at is not gone");
    let asked = BusyTargets::Calendars(vec!["/moved/ann/work/".into()]);
    let busy = server.call(|| Ical::busy(&connection(memo), &asked, window())).expect("answers");
    assert_eq!(busy.answers[0].outcome.as_ref().expect("times").intervals.len(), 1);
    assert!(busy.memo.is_some());
}

#[test]
fn no_id_leads_out_of_the_calendar() {
    let server = Server::default();
    let memo = server.memo();
    server.requests();
    for id in ["../tasks/x.ics", "..", "a/b.ics", "%2e%2e", "", "a%2Fb"] {
        let work = server.calendar();
        let got = server.call(|| Ical::get(&connection(memo.clone()), EventRef { calendar: &work, id }));
        assert_eq!(remedy(got), Remedy::NotFound, "{id}");
    }
    assert_eq!(server.requests(), [""; 0], "nothing was asked");
    for calendar in ["https://evil.example/dav/ann/work/", "/etc/", "//evil.example/x/", "/dav/ann/../../secret/"] {
        let got = server.call(|| Ical::get(&connection(memo.clone()), EventRef { calendar, id: "a.ics" }));
        assert_eq!(remedy(got), Remedy::NotFound, "{calendar}");
    }
    assert!(server.requests().iter().all(|request| request.starts_with("PROPFIND ")));
}

#[test]
fn an_outage_is_not_a_reason_to_connect_again() {
    let down = |status| {
        let answer =
            move |request: &chronus_sdk::http::Request| Ok(chronus_sdk::http::Response::new(&request.url, status));
        remedy(chronus_sdk::http::native::answering(answer, || Ical::open(&connection(None))))
    };
    assert_eq!(down(500), Remedy::Temporary);
    assert_eq!(down(502), Remedy::Temporary);
    assert_eq!(down(503), chronus_sdk::failure::pause(2000, PauseScope::Connection));
    assert_eq!(down(404), Remedy::Invalid("server".into()));
}

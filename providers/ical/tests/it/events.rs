//! Making, reading, changing, answering and taking away.

use chronus_ical::Ical;
use chronus_sdk::values::*;
use chronus_sdk::{EventRef, TwoWay, Write};

use crate::server::{Habits, Server, State, name};
use crate::{HOUR, MONDAY, connection, draft, guest, hour_from, ics, nothing, remedy};

/// Calls with the memo at hand.
struct Caller {
    server: Server,
    memo: Option<Memo>,
}

impl Caller {
    fn of(habits: Habits) -> Caller {
        let server = Server::with(habits);
        let memo = server.memo();
        server.requests();
        Caller { server, memo }
    }

    fn connection(&self) -> Connection {
        connection(self.memo.clone())
    }

    fn create(&self, key: &str, draft: &Draft, notify: Notify) -> Result<Event, Failure> {
        let (connection, work) = (self.connection(), self.server.calendar());
        let write = Write { key, etag: None, notify, comment: None };
        let made = self.server.call(|| Ical::create(&connection, &work, draft, write))?;
        Ok(made.event)
    }

    fn get(&self, id: &str) -> Result<Event, Failure> {
        let (connection, work) = (self.connection(), self.server.calendar());
        Ok(self.server.call(|| Ical::get(&connection, EventRef { calendar: &work, id }))?.event)
    }

    fn update(&self, id: &str, etag: Option<String>, patch: Patch, notify: Notify) -> Result<Event, Failure> {
        let (connection, work) = (self.connection(), self.server.calendar());
        let (event, write) =
            (EventRef { calendar: &work, id }, Write { key: "k", etag: etag.as_deref(), notify, comment: None });
        let call = || Ical::update(&connection, event, &patch, write);
        Ok(self.server.call(call)?.event)
    }

    fn cancel(&self, id: &str, etag: Option<String>, notify: Notify) -> Result<(), Failure> {
        let (connection, work) = (self.connection(), self.server.calendar());
        let (event, write) =
            (EventRef { calendar: &work, id }, Write { key: "k", etag: etag.as_deref(), notify, comment: None });
        self.server.call(|| Ical::cancel(&connection, event, write)).map(|_| ())
    }

    fn respond(&self, id: &str, rsvp: Rsvp, notify: Notify) -> Result<Event, Failure> {
        let (connection, work) = (self.connection(), self.server.calendar());
        let (event, write) = (EventRef { calendar: &work, id }, Write { key: "k", etag: None, notify, comment: None });
        Ok(self.server.call(|| Ical::respond(&connection, event, rsvp, write))?.event)
    }

    fn writes(&self) -> Vec<String> {
        let requests = self.server.requests();
        requests.into_iter().filter(|request| request.starts_with("PUT") || request.starts_with("DELETE")).collect()
    }
}

fn plain() -> Caller {
    Caller::of(Habits::default())
}

fn conflict(failure: Failure) -> Event {
    match failure.remedy {
        Remedy::Conflict(event) => event,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_made_comes_back() {
    let caller = plain();
    let wanted = Draft {
        attendees: vec![
            guest("bo@example.com"),
            Attendee { role: Role::Optional, name: None, ..guest("cy@example.com") },
        ],
        recurrence: vec!["RRULE:FREQ=WEEKLY;COUNT=4".into(), "EXDATE;TZID=Europe/Rome:20260309T090000".into()],
        busy: BusyKind::OutOfOffice,
        status: EventStatus::Tentative,
        ..draft()
    };
    let made = caller.create("key/1 ~", &wanted, Notify::All).expect("made");
    let got = caller.get(&made.id).expect("there");
    assert_eq!(made, got);
    assert_eq!((&got.uid, &got.title, &got.description), (&wanted.uid, &wanted.title, &wanted.description));
    assert_eq!((&got.when, got.busy, got.status), (&wanted.when, wanted.busy, wanted.status));
    assert_eq!((&got.attendees, &got.recurrence), (&wanted.attendees, &wanted.recurrence));
    assert_eq!(got.client_key.as_deref(), Some("key/1 ~"));
    let organiser = got.organiser.expect("an organiser");
    assert_eq!((organiser.address.as_str(), organiser.is_self), ("ann@example.com", true));
    let data = caller.server.data(&made.id);
    assert!(data.contains("BEGIN:VTIMEZONE") && data.contains("TZID=Europe/Rome") && !data.contains("SCHEDULE-AGENT"));
}

#[test]
fn times_come_back_in_every_form() {
    let caller = plain();
    let utc = |at| ZonedTime { at, zone: "UTC".into() };
    // 25 October 2026: the clocks in Rome show half past two twice.
    let second_half_past_two = 1_792_891_800;
    let day = |day| Date { year: 2026, month: 3, day };
    let spans = [
        Span::Timed(TimedSpan { start: utc(MONDAY), end: utc(MONDAY) }),
        Span::Timed(TimedSpan {
            start: ZonedTime { at: MONDAY, zone: "Asia/Tokyo".into() },
            end: ZonedTime { at: MONDAY + HOUR, zone: "America/New_York".into() },
        }),
        Span::AllDay(DaySpan { start: day(2), end: day(3) }),
        Span::AllDay(DaySpan { start: day(28), end: Date { year: 2026, month: 4, day: 1 } }),
    ];
    for (index, when) in spans.into_iter().enumerate() {
        let one = Draft { uid: format!("{index}@x"), when: when.clone(), ..draft() };
        let made = caller.create(&format!("k{index}"), &one, Notify::All).expect("made");
        assert_eq!(caller.get(&made.id).expect("there").when, when);
    }
    let twice = Draft { uid: "twice@x".into(), when: hour_from(second_half_past_two), ..draft() };
    let made = caller.create("twice", &twice, Notify::All).expect("made");
    match caller.get(&made.id).expect("there").when {
        Span::Timed(span) => assert_eq!(span.start.at, second_half_past_two, "the instant is what counts"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn making_twice_makes_one() {
    for habits in [
        Habits::default(),
        Habits { ignores_preconditions: true, uid_taken: None, ..Habits::default() },
        Habits { keeps_etags_to_itself: true, ..Habits::default() },
        Habits { weakens_etags: true, ..Habits::default() },
    ] {
        let caller = Caller::of(habits);
        let first = caller.create("k", &draft(), Notify::All).expect("made");
        let again = caller.create("k", &draft(), Notify::All).expect("there already");
        assert_eq!(first, again);
        assert_eq!(caller.writes().len(), 1);
        for other in [
            Draft { title: "Other".into(), ..draft() },
            Draft { when: hour_from(MONDAY + HOUR), ..draft() },
            Draft { uid: "other@x".into(), ..draft() },
            Draft { recurrence: vec!["RRULE:FREQ=DAILY;COUNT=2".into()], ..draft() },
            Draft { attendees: vec![guest("bo@example.com")], ..draft() },
        ] {
            let present = conflict(caller.create("k", &other, Notify::All).expect_err("other content"));
            assert_eq!(present, first);
        }
        assert_eq!((caller.writes().len(), caller.server.names().len()), (0, 1));
    }
}

#[test]
fn an_answer_that_came_in_between_is_no_other_content() {
    let caller = plain();
    let invited = Draft { attendees: vec![guest("bo@example.com")], ..draft() };
    let made = caller.create("k", &invited, Notify::All).expect("made");
    let answered = caller.server.data(&made.id).replace("PARTSTAT=NEEDS-ACTION", "PARTSTAT=ACCEPTED");
    caller.server.put(&made.id, &answered);
    let again = caller.create("k", &invited, Notify::All).expect("there already");
    assert_eq!(again.attendees[0].rsvp, Rsvp::Accepted);
}

#[test]
fn a_uid_that_others_hold_stays_theirs() {
    for status in [403, 409, 412] {
        let caller = Caller::of(Habits { uid_taken: Some(status), ..Habits::default() });
        let theirs = ics("meeting-1@chronus", "DTSTART:20260302T080000Z\nDTEND:20260302T090000Z");
        caller.server.put("theirs.ics", &theirs);
        let failure = caller.create("k", &draft(), Notify::All).expect_err("it is taken");
        assert_eq!(failure.remedy, Remedy::AlreadyExists("theirs.ics".into()), "{status}");
        assert_eq!(caller.server.data("theirs.ics"), theirs);
        assert_eq!(caller.server.names(), ["theirs.ics"]);
    }
}

#[test]
fn what_is_no_event_is_said_to_be_none() {
    let caller = plain();
    caller.server.put("bad.ics", "hello");
    assert_eq!(remedy(caller.get("bad.ics")), Remedy::Invalid("event".into()), "trying again does not help");
    caller.server.put("empty.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n");
    assert_eq!(remedy(caller.get("empty.ics")), Remedy::Invalid("event".into()));
    assert_eq!(remedy(caller.update("empty.ics", None, nothing(), Notify::All)), Remedy::Invalid("event".into()));
}

#[test]
fn an_event_of_ours_that_was_renamed_is_still_ours() {
    let caller = plain();
    let made = caller.create("k", &draft(), Notify::All).expect("made");
    let data = caller.server.data(&made.id);
    caller.server.delete(&made.id);
    caller.server.put(&name("renamed@.ics"), &data);
    let again = caller.create("k", &draft(), Notify::All).expect("there already");
    assert_eq!((again.id.as_str(), again.client_key.as_deref()), ("renamed%40.ics", Some("k")));
}

#[test]
fn a_change_touches_what_it_names() {
    let caller = plain();
    let rich = "DTSTART;TZID=\"Europe/Rome\":20260302T090000\nDURATION:PT1H\nSUMMARY;LANGUAGE=fr:Avant\n\
        DESCRIPTION:Texte\nX-VENDOR;X-P=1:kept\nCATEGORIES:A,B\nATTENDEE;CN=Bo;PARTSTAT=ACCEPTED;X-R=2:mailto:bo@example.com\n\
        BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT5M\nDESCRIPTION:x\nEND:VALARM";
    caller.server.put("e.ics", &ics("e", rich));
    let before = caller.get("e.ics").expect("there");
    let patch = Patch { title: Some("Après".into()), ..nothing() };
    let after = caller.update("e.ics", before.etag.clone(), patch.clone(), Notify::All).expect("changed");
    assert_ne!(after.etag, before.etag);
    let expected = Event { title: "Après".into(), etag: after.etag.clone(), updated: after.updated, ..before };
    assert_eq!(after, expected);
    let data = caller.server.data("e.ics");
    for kept in ["X-VENDOR;X-P=1:kept", "CATEGORIES:A,B", "X-R=2", "PARTSTAT=ACCEPTED", "BEGIN:VALARM", "DURATION:PT1H"]
    {
        assert!(data.contains(kept), "{kept}: {data}");
    }
    caller.writes();
    let same = caller.update("e.ics", after.etag.clone(), patch, Notify::All).expect("as it is");
    assert_eq!((same, caller.writes().len()), (after, 0), "what is so already is not written");
}

#[test]
fn every_field_can_be_changed() {
    let caller = plain();
    let made = caller.create("k", &draft(), Notify::All).expect("made");
    let patch = Patch {
        title: Some("New, title".into()),
        description: Some("New\r\ntext".into()),
        when: Some(hour_from(MONDAY + 2 * HOUR)),
        busy: Some(BusyKind::Free),
        status: Some(EventStatus::Cancelled),
        attendees: Some(vec![guest("bo@example.com")]),
        recurrence: Some(vec!["RRULE:FREQ=DAILY;COUNT=2".into()]),
        location: Some("Hall; 2".into()),
        url: Some("https://example.org/2?a=1,2".into()),
        ..nothing()
    };
    let after = caller.update(&made.id, made.etag.clone(), patch.clone(), Notify::All).expect("changed");
    assert_eq!((after.title.as_str(), after.description.as_str()), ("New, title", "New\ntext"));
    assert_eq!((Some(after.when), Some(after.busy), Some(after.status)), (patch.when, patch.busy, patch.status));
    assert_eq!((Some(after.attendees), Some(after.recurrence)), (patch.attendees, patch.recurrence));
    assert_eq!((after.client_key.as_deref(), after.uid), (Some("k"), made.uid));
    assert!(caller.server.data(&made.id).contains("SEQUENCE:1"));
}

#[test]
fn who_stays_keeps_their_answer() {
    let caller = plain();
    let invited = Draft { attendees: vec![guest("bo@example.com"), guest("cy@example.com")], ..draft() };
    let made = caller.create("k", &invited, Notify::All).expect("made");
    let answered = caller.server.data(&made.id).replacen("PARTSTAT=NEEDS-ACTION", "PARTSTAT=DECLINED", 1);
    caller.server.put(&made.id, &answered);
    let list = vec![guest("Bo@example.com"), guest("di@example.com")];
    let after =
        caller.update(&made.id, None, Patch { attendees: Some(list), ..nothing() }, Notify::All).expect("changed");
    let seen: Vec<_> = after.attendees.iter().map(|each| (each.address.to_lowercase(), each.rsvp)).collect();
    assert_eq!(seen, [("bo@example.com".into(), Rsvp::Declined), ("di@example.com".into(), Rsvp::NeedsAction)]);
}

#[test]
fn a_stale_writer_changes_nothing() {
    for habits in [Habits::default(), Habits { ignores_preconditions: true, ..Habits::default() }] {
        let caller = Caller::of(habits);
        let made = caller.create("k", &draft(), Notify::All).expect("made");
        let patch = |title: &str| Patch { title: Some(title.into()), ..nothing() };
        let present = caller.update(&made.id, made.etag.clone(), patch("1"), Notify::All).expect("changed");
        let failure = caller.update(&made.id, made.etag.clone(), patch("2"), Notify::All).expect_err("stale");
        assert_eq!(conflict(failure), present);
        let failure = caller.cancel(&made.id, made.etag.clone(), Notify::All).expect_err("stale");
        assert_eq!(conflict(failure), present);
        assert_eq!(caller.get(&made.id).expect("there"), present);
        caller.update(&made.id, None, patch("3"), Notify::All).expect("whatever is there");
        caller.update("none.ics", None, patch("3"), Notify::All).expect_err("it does not exist");
        assert_eq!(caller.server.names(), [made.id]);
    }
}

#[test]
fn a_rival_between_reading_and_writing_is_noticed() {
    let patch = |title: &str| Patch { title: Some(title.into()), ..nothing() };
    let caller = plain();
    let made = caller.create("k", &draft(), Notify::All).expect("made");
    let rival = |id: String| {
        move |state: &mut State| {
            let data = state.events[&id].1.replace("STATUS:CONFIRMED", "STATUS:TENTATIVE");
            state.store(&id, &data);
        }
    };
    caller.server.after("GET", rival(made.id.clone()));
    let failure =
        caller.update(&made.id, made.etag.clone(), patch("mine"), Notify::All).expect_err("a rival was faster");
    let present = conflict(failure);
    assert_eq!((present.status, &present.title), (EventStatus::Tentative, &made.title));
    caller.server.after("GET", rival(made.id.clone()));
    let after = caller.update(&made.id, None, patch("mine"), Notify::All).expect("whatever is there");
    assert_eq!((after.status, after.title.as_str()), (EventStatus::Tentative, "mine"), "both changes are kept");
    caller.server.after("GET", rival(made.id.clone()));
    conflict(caller.cancel(&made.id, after.etag, Notify::All).expect_err("a rival was faster"));
    let gone = made.id.clone();
    caller.server.after("GET", move |state| state.remove(&gone));
    caller.cancel(&made.id, None, Notify::All).expect("a rival has taken it away");
    let id = made.id.clone();
    caller.server.put(&made.id, "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n");
    caller.server.delete(&made.id);
    let other = ics("meeting-1@chronus", "DTSTART:20260302T080000Z\nDTEND:20260302T090000Z\nX-CHRONUS-KEY:k");
    caller.server.after("GET", move |state| state.store(&id, &other));
    let failure = caller.create("k", &draft(), Notify::All).expect_err("another try was faster");
    assert_eq!(conflict(failure).client_key.as_deref(), Some("k"));
}

#[test]
fn an_etag_marked_as_weak_still_guards() {
    let caller = Caller::of(Habits { weakens_etags: true, ..Habits::default() });
    let made = caller.create("k", &draft(), Notify::All).expect("made");
    let patch = Patch { title: Some("1".into()), ..nothing() };
    let after = caller.update(&made.id, made.etag.clone(), patch, Notify::All).expect("changed");
    assert!(after.etag.is_some() && after.etag != made.etag);
    caller.cancel(&made.id, after.etag, Notify::All).expect("gone");
}

#[test]
fn taking_away_twice_is_no_failure() {
    let caller = plain();
    let made = caller.create("k", &draft(), Notify::All).expect("made");
    caller.cancel(&made.id, made.etag.clone(), Notify::All).expect("gone");
    assert_eq!(remedy(caller.get(&made.id)), Remedy::NotFound);
    caller.cancel(&made.id, made.etag, Notify::All).expect("gone already");
    caller.cancel("../x", None, Notify::All).expect("there is no such thing");
}

#[test]
fn the_owner_answers_for_themselves_alone() {
    let caller = plain();
    let invited = "DTSTART:20260302T080000Z\nDTEND:20260302T090000Z\nORGANIZER:mailto:bo@example.com\n\
        ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:cy@example.com\nATTENDEE;X-A=1:MAILTO:Second@example.com";
    caller.server.put("i.ics", &ics("i", invited));
    let after = caller.respond("i.ics", Rsvp::Tentative, Notify::All).expect("answered");
    let seen: Vec<_> = after.attendees.iter().map(|each| (each.is_self, each.rsvp)).collect();
    assert_eq!(seen, [(false, Rsvp::NeedsAction), (true, Rsvp::Tentative)]);
    let data = caller.server.data("i.ics");
    assert!(data.contains("X-A=1;PARTSTAT=TENTATIVE") && data.contains("DTSTAMP:20260101T000000Z"), "{data}");
    caller.writes();
    caller.respond("i.ics", Rsvp::Tentative, Notify::All).expect("answered already");
    assert_eq!(caller.writes(), [""; 0]);
    let made = caller.create("k", &draft(), Notify::All).expect("made");
    assert_eq!(remedy(caller.respond(&made.id, Rsvp::Accepted, Notify::All)), Remedy::NotPermitted);
}

#[test]
fn many_are_fetched_at_once_and_each_has_its_answer() {
    for leaves_out in [false, true] {
        let caller = Caller::of(Habits { leaves_out, writes_at: true, ..Habits::default() });
        for uid in ["a", "b@x", "c"] {
            let name = name(&format!("{uid}.ics"));
            caller.server.put(&name, &ics(uid, "DTSTART:20260302T080000Z\nDTEND:20260302T090000Z"));
        }
        caller.server.put("bad.ics", "no calendar");
        let ids = ["c.ics", "none.ics", "b%40x.ics", "bad.ics", "b@x.ics", "../x", "a.ics"].map(str::to_owned).to_vec();
        let (connection, work) = (caller.connection(), caller.server.calendar());
        let items = caller.server.call(|| Ical::get_many(&connection, &work, &ids)).expect("answers").events;
        assert_eq!(items.iter().map(|item| item.id.clone()).collect::<Vec<_>>(), ids);
        let seen: Vec<Option<String>> = items.iter().map(|item| item.outcome.clone().ok().map(|e| e.uid)).collect();
        let [a, b, c] = ["a", "b@x", "c"].map(|uid| Some(uid.to_owned()));
        assert_eq!(seen, [c, None, b.clone(), None, b, None, a], "leaves out: {leaves_out}");
        let failed = |index: usize| items[index].outcome.as_ref().expect_err("no event").remedy.clone();
        assert_eq!((failed(1), failed(3)), (Remedy::NotFound, Remedy::Invalid("event".into())));
        let requests = caller.server.requests().len();
        assert_eq!(requests, if leaves_out { 5 } else { 1 });
    }
}

fn scheduling(make: &'static str) -> Caller {
    Caller::of(Habits {
        dav: "1, calendar-access, calendar-auto-schedule",
        has_outbox: true,
        make,
        ..Habits::default()
    })
}

#[test]
fn a_server_that_invites_is_told_when_it_must_not() {
    let caller = scheduling("Cyrus-HTTP/3.6.1");
    let invited = Draft { attendees: vec![guest("bo@example.com"), guest("ann@example.com")], ..draft() };
    let loud = caller.create("loud", &invited, Notify::All).expect("made");
    assert!(!caller.server.data(&loud.id).contains("SCHEDULE-AGENT"));
    let other = Draft { uid: "quiet@x".into(), ..invited };
    let quiet = caller.create("quiet", &other, Notify::None).expect("made");
    let data = caller.server.data(&quiet.id).replace("\r\n ", "");
    assert_eq!(data.matches("SCHEDULE-AGENT=CLIENT").count(), 1, "the guest and not the owner: {data}");
    let patch = Patch { title: Some("New".into()), ..nothing() };
    assert_eq!(remedy(caller.update(&loud.id, None, patch.clone(), Notify::None)), Remedy::Unsupported);
    caller.update(&quiet.id, None, patch.clone(), Notify::None).expect("nobody is told");
    caller.update(&loud.id, None, patch, Notify::All).expect("they are told");
    assert_eq!(remedy(caller.cancel(&loud.id, None, Notify::None)), Remedy::Unsupported);
    caller.cancel(&quiet.id, None, Notify::None).expect("nobody is told");
    caller.cancel(&loud.id, None, Notify::All).expect("they are told");
}

#[test]
fn a_server_that_only_announces_invitations_is_kept_from_them() {
    let caller = scheduling("Python/3 aiohttp");
    let invited = Draft { attendees: vec![guest("bo@example.com")], ..draft() };
    let made = caller.create("k", &invited, Notify::All).expect("made");
    assert!(caller.server.data(&made.id).replace("\r\n ", "").contains("SCHEDULE-AGENT=CLIENT"));
    let patch = Patch { title: Some("New".into()), ..nothing() };
    caller.update(&made.id, None, patch, Notify::None).expect("nobody is told");
}

#[test]
fn an_answer_that_must_not_be_sent_is_not_given() {
    let caller = scheduling("Cyrus-HTTP/3.6.1");
    let invited = "DTSTART:20260302T080000Z\nDTEND:20260302T090000Z\nORGANIZER:mailto:bo@example.com\n\
        ATTENDEE:mailto:ann@example.com";
    caller.server.put("i.ics", &ics("i", invited));
    assert_eq!(remedy(caller.respond("i.ics", Rsvp::Accepted, Notify::None)), Remedy::Unsupported);
    caller.respond("i.ics", Rsvp::Accepted, Notify::All).expect("answered");
    caller.cancel("i.ics", None, Notify::None).expect("gone");
    let last = caller.server.0.borrow().headers.last().cloned().expect("a request");
    assert!(last.contains(&("schedule-reply".into(), "F".into())), "an attendee can leave silently");
}

#[test]
fn what_cannot_be_written_is_said_before_it_is_tried() {
    let caller = plain();
    let bad = |draft: Draft| remedy(caller.create("k", &draft, Notify::All));
    let nowhere = ZonedTime { at: MONDAY, zone: "Nowhere/City".into() };
    let when = Span::Timed(TimedSpan { start: nowhere.clone(), end: nowhere });
    assert!(matches!(bad(Draft { when, ..draft() }), Remedy::Invalid(_)));
    assert!(matches!(bad(Draft { recurrence: vec!["RRULE:FREQ=NEVER".into()], ..draft() }), Remedy::Invalid(_)));
    assert!(matches!(bad(Draft { uid: " ".into(), ..draft() }), Remedy::Invalid(_)));
    let day = Date { year: 2026, month: 2, day: 30 };
    assert!(matches!(
        bad(Draft { when: Span::AllDay(DaySpan { start: day, end: day }), ..draft() }),
        Remedy::Invalid(_)
    ));
    for key in ["", "ü", "a\nb", &"k".repeat(257)] {
        assert_eq!(remedy(caller.create(key, &draft(), Notify::All)), Remedy::Invalid("key".into()), "{key:?}");
    }
    assert_eq!(caller.server.requests(), [""; 0]);
}

#[test]
fn tags_are_sent_back_as_they_were_written() {
    for habits in [
        Habits { leaves_quotes_away: true, ..Habits::default() },
        Habits { leaves_quotes_away: true, weakens_etags: true, ..Habits::default() },
        Habits { leaves_quotes_away: true, keeps_etags_to_itself: true, ..Habits::default() },
    ] {
        let caller = Caller::of(habits);
        let made = caller.create("k", &draft(), Notify::All).expect("made");
        assert_eq!(made.etag.as_deref(), Some("\"1\""), "the host sees the one right form");
        let patch = Patch { title: Some("other".into()), ..nothing() };
        let changed = caller.update(&made.id, made.etag.clone(), patch.clone(), Notify::All).expect("changed");
        assert_eq!(conflict(caller.update(&made.id, made.etag, patch, Notify::All).expect_err("stale")), changed);
        caller.cancel(&made.id, changed.etag, Notify::All).expect("gone");
    }
}

#[test]
fn what_comes_in_between_is_kept_and_costs_a_try() {
    let invited = Draft { attendees: vec![guest("bo@example.com")], ..draft() };
    let changes = [("PARTSTAT=NEEDS-ACTION", "PARTSTAT=ACCEPTED"), ("SUMMARY:", "SUMMARY:Ours ")];
    for (old, new) in changes {
        let caller = plain();
        let made = caller.create("k", &invited, Notify::All).expect("made");
        caller.writes();
        let id = made.id.clone();
        caller.server.after("GET", move |state: &mut State| {
            let data = state.events[&id].1.replace(old, new);
            state.store(&id, &data);
        });
        let patch = Patch { description: Some("other".into()), ..nothing() };
        let changed = caller.update(&made.id, None, patch, Notify::All).expect("changed");
        assert_eq!((changed.description.as_str(), caller.writes().len()), ("other", 2));
        assert!(caller.server.data(&made.id).contains(new), "somebody else's change is kept");
    }
}

#[test]
fn what_cannot_be_read_whole_is_not_written_again() {
    let caller = plain();
    let odd =
        ics("odd", "DTSTART:20260302T080000Z\nDTEND:20260302T090000Z\nATTENDEE:mailto:ann@example.com\nno line at all");
    caller.server.put("odd.ics", &odd);
    assert_eq!(caller.get("odd.ics").expect("it can be seen").uid, "odd");
    let patch = Patch { title: Some("other".into()), ..nothing() };
    let failure = caller.update("odd.ics", None, patch, Notify::All).expect_err("a line would be lost");
    assert_eq!(failure.remedy, Remedy::Invalid("event".into()));
    let failure = caller.respond("odd.ics", Rsvp::Accepted, Notify::All).expect_err("a line would be lost");
    assert_eq!(failure.remedy, Remedy::Invalid("event".into()));
    assert_eq!((caller.server.data("odd.ics"), caller.writes()), (odd, vec![]));
    caller.cancel("odd.ics", None, Notify::All).expect("it can go as a whole");
}

//! Reading and changing the fields of a VEVENT.

use jiff::civil::date;

use super::{at, calendar, event, zone};
use crate::event::{
    Answer, Attendee, Busy, Fields, Organiser, Role, Status, When, answer, busy, new, read, revise, set_answer,
    set_attendees, set_busy, set_description, set_organiser, set_recurrence, set_status, set_title, set_when, stamp,
};
use crate::series::Moment;
use crate::{Component, Zone, Zones};

fn vevent(lines: &str) -> Component {
    calendar(&event(lines)).components.remove(0)
}

fn fields(event: &Component) -> Fields {
    let calendar = Component::new("VCALENDAR");
    let (fields, problems) = read(event, &mut Zones::new(&calendar, zone("Europe/Rome")));
    assert_eq!(problems, []);
    fields
}

fn lines(event: &Component) -> Vec<String> {
    event.properties.iter().map(crate::Property::line).collect()
}

#[test]
fn every_field_is_read() {
    let fields = fields(&vevent(
        "SUMMARY:Lunch\\, long
DESCRIPTION:one\\ntwo
DTSTART;TZID=Europe/Rome:20260705T120000
DTEND;TZID=America/New_York:20260705T070000
RECURRENCE-ID:20260705T093000Z
STATUS:tentative
ORGANIZER;CN=\"Doe, Jane\":MAILTO:jane@example.com
ATTENDEE;CN=Joe;ROLE=OPT-PARTICIPANT;PARTSTAT=accepted:mailto:joe%2Bcal@example.com
ATTENDEE;CUTYPE=ROOM;PARTSTAT=DECLINED;EMAIL=room@example.com:/principals/room/
ATTENDEE;ROLE=CHAIR:mailto:jane@example.com
ATTENDEE:urn:uuid:1234
ATTENDEE;CN=A: B:mailto:ab@example.com
SEQUENCE:3
RRULE:FREQ=DAILY
EXDATE;TZID=W. Europe Standard Time:20260706T120000
DTSTAMP:20260101T000000Z
LAST-MODIFIED:20260102T030405Z",
    ));
    assert_eq!((fields.uid.as_str(), fields.title.as_str()), ("one", "Lunch, long"));
    assert_eq!(fields.description, "one\ntwo");
    let Some(When::Timed { start, start_zone, end, end_zone }) = fields.when else { panic!() };
    assert_eq!((start, start_zone.name()), (at("2026-07-05T10:00:00Z"), Some("Europe/Rome")));
    assert_eq!((end, end_zone.name()), (at("2026-07-05T11:00:00Z"), Some("America/New_York")));
    assert_eq!(fields.original, Some(Moment::Timed(at("2026-07-05T09:30:00Z"))));
    assert_eq!((fields.busy, fields.status, fields.sequence), (Busy::Tentative, Status::Tentative, 3));
    let organiser = Organiser { address: "jane@example.com".into(), name: Some("Doe, Jane".into()) };
    assert_eq!(fields.organiser, Some(organiser));
    let attendee = |address: &str, name: Option<&str>, role, answer| Attendee {
        address: address.into(),
        name: name.map(str::to_owned),
        role,
        answer,
    };
    assert_eq!(
        fields.attendees,
        [
            attendee("joe+cal@example.com", Some("Joe"), Role::Optional, Answer::Accepted),
            attendee("room@example.com", None, Role::NonParticipant, Answer::Declined),
            attendee("jane@example.com", None, Role::Chair, Answer::NeedsAction),
            attendee("ab@example.com", Some("A"), Role::Required, Answer::NeedsAction),
        ]
    );
    assert_eq!(fields.recurrence, ["RRULE:FREQ=DAILY", "EXDATE;TZID=Europe/Berlin:20260706T120000"]);
    assert_eq!(fields.updated, Some(at("2026-01-02T03:04:05Z")));
}

#[test]
fn recurrence_in_a_zone_without_a_name_is_given_in_utc() {
    let calendar = calendar(&format!(
        "BEGIN:VTIMEZONE\nTZID:Mine\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0130\nTZOFFSETTO:+0130\nEND:STANDARD\nEND:VTIMEZONE\n{}",
        event(
            "DTSTART;TZID=Mine:20260705T090000\nRDATE;TZID=Mine;VALUE=PERIOD:20260706T090000/PT1H,20260707T090000/20260707T100000\nEXDATE;TZID=Mine:20260708T090000,20260709T090000"
        )
    ));
    let (fields, problems) =
        read(calendar.inner("VEVENT").next().unwrap(), &mut Zones::new(&calendar, zone("Europe/Rome")));
    assert_eq!(problems, []);
    assert_eq!(
        fields.recurrence,
        [
            "RDATE;VALUE=PERIOD:20260706T073000Z/PT3600S,20260707T073000Z/20260707T083000Z",
            "EXDATE:20260708T073000Z,20260709T073000Z"
        ]
    );
    let Some(When::Timed { start, start_zone, .. }) = fields.when else { panic!() };
    assert_eq!((start, start_zone.name()), (at("2026-07-05T07:30:00Z"), None));
}

#[test]
fn what_time_means() {
    let table = [
        ("", Busy::Busy),
        ("TRANSP:OPAQUE", Busy::Busy),
        ("TRANSP:transparent", Busy::Free),
        ("STATUS:TENTATIVE", Busy::Tentative),
        ("STATUS:TENTATIVE\nTRANSP:TRANSPARENT", Busy::Free),
        ("X-MICROSOFT-CDO-BUSYSTATUS:OOF", Busy::OutOfOffice),
        ("X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE\nTRANSP:OPAQUE", Busy::Tentative),
        ("X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE\nTRANSP:TRANSPARENT", Busy::WorkingElsewhere),
        ("X-MICROSOFT-CDO-BUSYSTATUS:FREE", Busy::Free),
        // If the two disagree, TRANSP was changed later, or the event blocks time.
        ("X-MICROSOFT-CDO-BUSYSTATUS:BUSY\nTRANSP:TRANSPARENT", Busy::Free),
        ("X-MICROSOFT-CDO-BUSYSTATUS:FREE\nTRANSP:OPAQUE", Busy::Busy),
        ("X-MICROSOFT-CDO-BUSYSTATUS:BUSY\nSTATUS:TENTATIVE", Busy::Busy),
    ];
    for (lines, expected) in table {
        assert_eq!(busy(&vevent(lines)), expected, "{lines}");
    }
    for kind in [Busy::Busy, Busy::Tentative, Busy::OutOfOffice, Busy::WorkingElsewhere, Busy::Free] {
        for (lines, _) in table {
            let mut event = vevent(lines);
            set_busy(&mut event, kind);
            set_status(&mut event, Status::Tentative);
            assert_eq!(busy(&event), kind, "{lines}");
        }
    }
}

#[test]
fn times_are_written_as_what_others_read() {
    let mut event = vevent("DTSTART:20260101T000000Z\nX-MICROSOFT-CDO-ALLDAYEVENT:FALSE\nDURATION:PT1H");
    set_when(&mut event, &When::Days { start: date(2026, 7, 5), end: date(2026, 7, 7) });
    assert_eq!(
        lines(&event),
        ["UID:one", "DTSTART;VALUE=DATE:20260705", "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE", "DTEND;VALUE=DATE:20260707"]
    );
    let timed = |start: &str, zone: Zone| When::Timed {
        start: at(start),
        start_zone: zone.clone(),
        end: at("2026-12-01T00:00:00Z"),
        end_zone: zone,
    };
    let start_of = |when: &When| {
        let mut event = vevent("DTSTART:20260101T000000Z");
        set_when(&mut event, when);
        event.property("DTSTART").unwrap().line()
    };
    let rome = zone("Europe/Rome");
    assert_eq!(start_of(&timed("2026-07-05T10:00:00Z", rome.clone())), "DTSTART;TZID=Europe/Rome:20260705T120000");
    assert_eq!(start_of(&timed("2026-07-05T10:00:00Z", Zone::utc())), "DTSTART:20260705T100000Z");
    // Half past two occurs twice; the local time would be read as the first.
    assert_eq!(start_of(&timed("2026-10-25T00:30:00Z", rome.clone())), "DTSTART;TZID=Europe/Rome:20261025T023000");
    assert_eq!(start_of(&timed("2026-10-25T01:30:00Z", rome)), "DTSTART:20261025T013000Z");
}

#[test]
fn a_setter_changes_its_field_alone() {
    let original = vevent(
        "SUMMARY;LANGUAGE=en:Lunch
X-ONE:1
DESCRIPTION:text
X-ALT-DESC;FMTTYPE=text/html:<p>text</p>
STATUS:CONFIRMED
ATTENDEE;PARTSTAT=ACCEPTED;X-NUM-GUESTS=2;CN=Joe:mailto:Joe@example.com
BEGIN:VALARM
TRIGGER:-PT5M
END:VALARM",
    );
    let mut event = original.clone();
    set_title(&mut event, "Lunch");
    set_description(&mut event, "text");
    set_status(&mut event, Status::Confirmed);
    assert_eq!(event, original, "what is there already");
    set_title(&mut event, "Dinner; late");
    set_description(&mut event, "new\ntext");
    assert_eq!(
        lines(&event),
        [
            "UID:one",
            "SUMMARY:Dinner\\; late",
            "X-ONE:1",
            "DESCRIPTION:new\\ntext",
            "STATUS:CONFIRMED",
            "ATTENDEE;PARTSTAT=ACCEPTED;X-NUM-GUESTS=2;CN=Joe:mailto:Joe@example.com"
        ]
    );
    assert_eq!(event.components, original.components);
    set_description(&mut event, "");
    assert!(event.property("DESCRIPTION").is_none());
}

#[test]
fn attendees_who_stay_keep_what_they_said() {
    let mut event = vevent(
        "ORGANIZER;SENT-BY=\"mailto:x@example.com\":mailto:me@example.com
ATTENDEE;PARTSTAT=ACCEPTED;X-NUM-GUESTS=2;CN=Joe:mailto:Joe@example.com
ATTENDEE;PARTSTAT=DECLINED:mailto:ann@example.com
ATTENDEE;CN=Nobody:urn:uuid:1
X-LAST:1",
    );
    let attendee = |address: &str, name: Option<&str>, role| Attendee {
        address: address.into(),
        name: name.map(str::to_owned),
        role,
        answer: Answer::NeedsAction,
    };
    set_attendees(
        &mut event,
        &[
            attendee("new@example.com", Some("New: \"One\""), Role::Optional),
            attendee("joe@EXAMPLE.com", None, Role::NonParticipant),
        ],
    );
    set_organiser(&mut event, &Organiser { address: "ME@example.com".into(), name: Some("Me".into()) });
    assert_eq!(
        lines(&event)[1..],
        [
            "ORGANIZER;SENT-BY=\"mailto:x@example.com\";CN=Me:mailto:me@example.com",
            "ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=OPT-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=\"New: ^'One^'\":mailto:new@example.com",
            "ATTENDEE;PARTSTAT=ACCEPTED;X-NUM-GUESTS=2;CN=Joe;ROLE=NON-PARTICIPANT:mailto:Joe@example.com",
            "ATTENDEE;CN=Nobody:urn:uuid:1",
            "X-LAST:1"
        ]
    );
    set_organiser(&mut event, &Organiser { address: "other@example.com".into(), name: None });
    assert_eq!(event.property("ORGANIZER").unwrap().line(), "ORGANIZER:mailto:other@example.com");
}

#[test]
fn an_answer_is_set_for_oneself_alone() {
    let original = vevent(
        "ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:joe@example.com\nATTENDEE;EMAIL=ann@example.com:/principals/ann",
    );
    let mut event = original.clone();
    assert!(!set_answer(&mut event, &["nobody@example.com"], Answer::Accepted));
    assert_eq!(event, original);
    assert!(set_answer(&mut event, &["other@example.com", "ANN@example.com"], Answer::Declined));
    assert_eq!(
        lines(&event)[1..],
        [
            "ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:joe@example.com",
            "ATTENDEE;EMAIL=ann@example.com;PARTSTAT=DECLINED:/principals/ann"
        ]
    );
    assert_eq!(answer(&event, &["mailto:ann@example.com"]), Some(Answer::Declined));
    assert_eq!(answer(&event, &["joe@example.com"]), Some(Answer::NeedsAction));
    assert_eq!(answer(&event, &["nobody@example.com"]), None);
}

#[test]
fn recurrence_lines_are_checked_before_they_are_set() {
    let original = vevent("RRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY\nX-A:1\nEXDATE:20260101T000000Z");
    let set = |lines: &[&str]| {
        let mut event = original.clone();
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        (set_recurrence(&mut event, &lines).is_ok(), event)
    };
    let (ok, event) = set(&["EXDATE;TZID=Europe/Rome:20260105T090000", "RRULE:FREQ=WEEKLY", "RDATE:20260106T000000Z"]);
    assert!(ok);
    assert_eq!(
        lines(&event)[1..],
        ["RRULE:FREQ=WEEKLY", "X-A:1", "EXDATE;TZID=Europe/Rome:20260105T090000", "RDATE:20260106T000000Z"]
    );
    assert_eq!(lines(&set(&[]).1)[1..], ["X-A:1"]);
    for bad in ["RRULE:FREQ=NEVER", "EXDATE:never", "SUMMARY:x", "nothing", "RRULE:FREQ=DAILY\r\nSUMMARY:x"] {
        assert_eq!(set(&["RRULE:FREQ=WEEKLY", bad]), (false, original.clone()), "{bad}");
    }
}

#[test]
fn new_events_and_revisions() {
    let mut event = new("a,b", at("2026-01-01T00:00:00Z"));
    assert_eq!(lines(&event), ["UID:a\\,b", "DTSTAMP:20260101T000000Z", "CREATED:20260101T000000Z", "SEQUENCE:0"]);
    revise(&mut event, at("2026-01-02T00:00:00Z"));
    assert_eq!(
        lines(&event)[1..],
        ["DTSTAMP:20260102T000000Z", "CREATED:20260101T000000Z", "SEQUENCE:1", "LAST-MODIFIED:20260102T000000Z"]
    );
    stamp(&mut event, at("2026-01-03T00:00:00Z"));
    assert_eq!(event.property("SEQUENCE").unwrap().value, "1");
}

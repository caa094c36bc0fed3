//! What the account is, by what was given.

use chronus_google::Google;
use chronus_sdk::Provider;
use chronus_sdk::json::{Value, json};
use chronus_sdk::values::*;

use crate::script::{EVENTS, Script};
use crate::{ANN, connection, remedy};

const USER: &str = "GET /oauth2/v2/userinfo";
const LIST: &str = "GET /calendar/v3/users/me/calendarList?maxResults=250";
const FREE_BUSY: &str = "POST /calendar/v3/freeBusy";

fn about() -> Value {
    json!({ "kind": "calendar#events", "summary": "Ann", "timeZone": "Europe/Rome", "accessRole": "owner", "items": [] })
}

/// All but other people's times.
fn two_way() -> Abilities {
    let writes = Abilities::WRITE | Abilities::RECURRING_WRITES;
    let invites = Abilities::SENDS_INVITATIONS | Abilities::CAN_WITHHOLD_INVITATIONS;
    let answers = Abilities::CAN_WITHHOLD_REPLIES | Abilities::SETS_ANSWERS;
    Abilities::READ_BUSY | Abilities::REPORT_CHANGES | Abilities::PUSH | writes | invites | answers
}

fn open(script: &Script, connection: Connection) -> Result<AccountReply, Failure> {
    script.run(|| Google::open(&connection))
}

#[test]
fn with_events_alone_the_calendar_is_the_primary_one() {
    let script = Script::default()
        .expect(USER, 200, json!({ "id": "1", "email": ANN, "verified_email": true }))
        .expect(&format!("GET {EVENTS}?maxResults=1"), 200, about());
    let scopes = ["openid", "userinfo.email", "calendar.events"];
    let opened = open(&script, Connection { address: None, ..connection(&scopes) }).expect("an account").account;
    assert_eq!((opened.address.as_deref(), opened.zone.as_deref()), (Some(ANN), Some("Europe/Rome")));
    let [calendar] = &opened.calendars[..] else { panic!("{:?}", opened.calendars) };
    assert_eq!((calendar.id.as_str(), calendar.name.as_str(), calendar.role), (ANN, "Ann", CalendarRole::Owner));
    assert!(calendar.is_default);
    assert_eq!(opened.abilities, two_way());
}

#[test]
fn with_free_busy_alone_it_tells_when_it_is_taken() {
    let answer = json!({ "calendars": { ANN: { "busy": [] } } });
    let script = Script::default().expect(FREE_BUSY, 200, answer);
    let opened = open(&script, connection(&["openid", "calendar.freebusy"])).expect("an account").account;
    assert_eq!(opened.calendars[0].role, CalendarRole::FreeBusyReader);
    assert!(!opened.calendars[0].is_default);
    assert_eq!(opened.abilities, Abilities::READ_BUSY | Abilities::READ_BUSY_OF_OTHERS);
}

#[test]
fn the_list_is_read_where_it_is_open() {
    let page = json!({ "items": [
        { "id": "z@group.calendar.google.com", "summary": "Team", "accessRole": "writer", "timeZone": "UTC" },
        { "id": "gone@x", "summary": "Gone", "accessRole": "owner", "deleted": true },
    ], "nextPageToken": "p 2" });
    let next = json!({ "items": [
        { "id": ANN, "summary": "Ann", "summaryOverride": "Mine", "accessRole": "owner", "primary": true,
          "timeZone": "Europe/Rome" },
        { "id": "a@x", "summary": "Boss", "accessRole": "freeBusyReader" },
    ] });
    let script = Script::default().expect(LIST, 200, page).expect(&format!("{LIST}&pageToken=p%202"), 200, next);
    let opened = open(&script, connection(&["calendar"])).expect("an account").account;
    let seen: Vec<_> =
        opened.calendars.iter().map(|one| (one.id.as_str(), one.name.as_str(), one.role, one.is_default)).collect();
    assert_eq!(
        seen,
        [
            ("a@x", "Boss", CalendarRole::FreeBusyReader, false),
            (ANN, "Mine", CalendarRole::Owner, true),
            ("z@group.calendar.google.com", "Team", CalendarRole::Writer, false),
        ]
    );
    assert_eq!(opened.abilities, two_way() | Abilities::READ_BUSY_OF_OTHERS);
    // Who may only read is a reader, whatever the calendar is to them.
    let one = json!({ "items": [{ "id": ANN, "accessRole": "owner", "primary": true }] });
    let script = Script::default().expect(LIST, 200, one);
    let opened = open(&script, connection(&["calendar.readonly"])).expect("an account").account;
    assert_eq!((opened.calendars[0].role, opened.calendars[0].is_default), (CalendarRole::Reader, false));
    let reads = Abilities::READ_BUSY | Abilities::READ_BUSY_OF_OTHERS | Abilities::REPORT_CHANGES | Abilities::PUSH;
    assert_eq!(opened.abilities, reads);
}

#[test]
fn a_shared_account_tells_one_persons_free_busy() {
    let person = Connection { subject: Some("bo@example.com".into()), ..connection(&["email", "calendar"]) };
    let answer = json!({ "calendars": { "bo@example.com": { "busy": [] } } });
    let script = Script::default().expect(FREE_BUSY, 200, answer);
    let opened = open(&script, person.clone()).expect("an account").account;
    assert_eq!(opened.abilities, Abilities::READ_BUSY);
    assert_eq!(opened.address.as_deref(), Some("bo@example.com"));
    let hidden = json!({ "calendars": { "bo@example.com": { "errors": [{ "reason": "notFound" }], "busy": [] } } });
    let failure = open(&Script::default().expect(FREE_BUSY, 200, hidden), person.clone()).expect_err("not shared");
    assert_eq!(failure.remedy, Remedy::NotFound);
    assert!(failure.detail.contains("does not share"), "{}", failure.detail);
    // Whatever that account could see, this connection is about one person.
    let others = Script::default().run(|| {
        let targets = BusyTargets::Calendars(vec![ANN.into()]);
        Google::busy(&person, &targets, crate::window())
    });
    assert_eq!(others.expect("answers").answers[0].outcome.as_ref().expect_err("no").remedy, Remedy::NotFound);
}

#[test]
fn what_is_wrong_is_told() {
    for (status, reason, expected) in [
        (401, "authError", Remedy::Reconnect),
        (403, "insufficientPermissions", Remedy::NeedsScope),
        (403, "accessNotConfigured", Remedy::NotPermitted),
        (503, "backendError", chronus_sdk::failure::pause(2000, PauseScope::Connection)),
    ] {
        let script = Script::default().refuse(&format!("GET {EVENTS}?maxResults=1"), status, reason);
        let failure = open(&script, connection(&["calendar.events"])).expect_err("refused");
        assert!(!failure.detail.is_empty());
        assert_eq!(failure.remedy, expected, "{status} {reason}");
    }
    assert_eq!(remedy(open(&Script::default(), connection(&["openid"]))), Remedy::NeedsScope);
    let circles = json!({ "items": [], "nextPageToken": "p" });
    let script =
        Script::default().expect(LIST, 200, circles.clone()).expect(&format!("{LIST}&pageToken=p"), 200, circles);
    assert_eq!(remedy(open(&script, connection(&["calendar"]))), Remedy::Temporary);
}

#[test]
fn what_is_asked_of_people_is_the_least_that_works() {
    use chronus_sdk::descriptions::{Level, Method};
    let description = Google::describe();
    let Method::Oauth2Code(person) = &description.sign_ins[0].method else { panic!("a code grant") };
    let of = |level| {
        person
            .scopes
            .iter()
            .find(|one| one.level == level)
            .map(|one| one.scopes.iter().map(|scope| scope.name.clone()).collect::<Vec<_>>())
    };
    // By the names that replies have for them: the host compares the two.
    let email = "https://www.googleapis.com/auth/userinfo.email";
    let least = |scope: &str| ["openid", email, scope].map(str::to_owned).to_vec();
    assert_eq!(of(Level::Read), Some(least("https://www.googleapis.com/auth/calendar.freebusy")));
    assert_eq!(of(Level::Write), Some(least("https://www.googleapis.com/auth/calendar.events")));
    assert_eq!(description.hosts, ["https://www.googleapis.com"]);
    assert_eq!(description.read_only_posts, ["https://www.googleapis.com/calendar/v3/freeBusy"]);
}

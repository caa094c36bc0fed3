//! Who may see and change what: by their role in a calendar, and by the scopes of their token.

use chronus_tests::google::Role;
use reqwest::header::{ETAG, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{ANN, BEN, World, meeting};

const EVENTS: &str = "calendars/primary/events";

#[tokio::test]
async fn each_method_needs_a_scope_of_its_own() -> anyhow::Result<()> {
    let world = World::new().await?;
    let window = json!({ "timeMin": "2026-11-24T00:00:00Z", "timeMax": "2026-11-25T00:00:00Z", "items": [] });
    let asked = |verb: Method, path: &'static str, body: Option<Value>| (verb, path, body);
    let requests = [
        asked(Method::GET, "users/me/calendarList", None),
        asked(Method::GET, EVENTS, None),
        asked(Method::POST, EVENTS, Some(meeting("abc11", &[]))),
        asked(Method::POST, "freeBusy", Some(window)),
        asked(Method::GET, "users/me/settings/timezone", None),
    ];
    for (scope, opened) in [
        ("calendar", [true, true, true, true, true]),
        ("calendar.readonly", [true, true, false, true, true]),
        ("calendar.events", [false, true, true, false, false]),
        ("calendar.events.readonly", [false, true, false, false, false]),
        ("calendar.freebusy", [false, false, false, true, false]),
        ("calendar.events.freebusy", [false, true, false, true, false]),
        ("calendar.calendarlist.readonly", [true, false, false, false, false]),
        ("email", [false; 5]),
    ] {
        let ann = world.person_with(ANN, &[scope]);
        for ((verb, path, body), opened) in requests.iter().zip(opened) {
            let said = ann.ask(verb.clone(), path, body.as_ref()).await?;
            if said.status != StatusCode::FORBIDDEN {
                assert!(opened, "{scope} {verb} {path}: {said:?}");
                continue;
            }
            assert!(!opened, "{scope} {verb} {path}: {said:?}");
            assert_eq!(said.reason(), "insufficientPermissions");
            assert_eq!(said.body["error"]["details"][0]["reason"], "ACCESS_TOKEN_SCOPE_INSUFFICIENT");
            let challenge = said.headers[WWW_AUTHENTICATE].to_str()?;
            assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
        }
    }
    let nobody = world.person_of("guess").ask(Method::GET, EVENTS, None).await?;
    assert_eq!((nobody.status, nobody.reason()), (StatusCode::UNAUTHORIZED, "authError"));
    Ok(())
}

#[tokio::test]
async fn roles_say_what_is_seen_and_changed() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ann, ben) = (world.person(ANN), world.person(BEN));
    let mut private = meeting("abc12", &[]);
    private["visibility"] = "private".into();
    ann.put(Method::POST, EVENTS, meeting("abc11", &[])).await?;
    ann.put(Method::POST, EVENTS, private).await?;
    let path = format!("calendars/{ANN}/events");
    let event = format!("{path}/abc11");
    let patch = json!({ "summary": "By Ben" });
    assert_eq!(ben.ask(Method::GET, &path, None).await?.status, StatusCode::NOT_FOUND);
    for (role, titles, written) in [
        (Role::FreeBusyReader, [Value::Null, Value::Null], "requiredAccessLevel"),
        (Role::Reader, [json!("Choir"), Value::Null], "requiredAccessLevel"),
        (Role::Writer, [json!("Choir"), json!("Choir")], ""),
    ] {
        world.google.share(ANN, BEN, Some(role));
        let seen = ben.get(&path).await?;
        let title = |at: usize| seen["items"][at].get("summary").cloned().unwrap_or_default();
        assert_eq!([title(0), title(1)], titles, "{role:?}");
        assert_eq!(seen["items"][0]["start"]["dateTime"], "2026-11-24T10:00:00+01:00");
        assert_eq!(ben.ask(Method::PATCH, &event, Some(&patch)).await?.reason(), written, "{role:?}");
    }
    assert_eq!(ann.get(&format!("{EVENTS}/abc11")).await?["summary"], "By Ben");
    let list = ben.get("users/me/calendarList?minAccessRole=writer").await?;
    let roles: Vec<_> = list["items"].as_array().into_iter().flatten().map(|item| item["accessRole"].clone()).collect();
    assert_eq!(roles, ["writer", "owner"]);
    world.google.share(ANN, BEN, None);
    assert_eq!(ben.ask(Method::GET, &path, None).await?.status, StatusCode::NOT_FOUND);
    let next = list["nextSyncToken"].as_str().unwrap_or_default();
    let changed = ben.get(&format!("users/me/calendarList?minAccessRole=writer&syncToken={next}")).await?;
    assert_eq!((&changed["items"][0]["id"], &changed["items"][0]["deleted"]), (&json!(ANN), &json!(true)));
    Ok(())
}

#[tokio::test]
async fn busy_times_are_asked_one_calendar_at_a_time() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ann, ben) = (world.person(ANN), world.person_with(BEN, &["calendar.freebusy"]));
    world.google.add_user("carol@example.com", "Carol Canto", "Europe/Rome");
    world.google.add_user("dan@elsewhere.example", "Dan Duro", "Europe/Rome");
    let carol = world.person("carol@example.com");
    let event = |id: &str, start: &str, end: &str| {
        let at = |time: &str| json!({ "dateTime": format!("2026-11-24T{time}:00Z") });
        json!({ "id": id, "start": at(start), "end": at(end) })
    };
    let mut free = event("abc13", "15:00", "16:00");
    free["transparency"] = "transparent".into();
    let mut series = event("abc14", "20:00", "20:30");
    series["recurrence"] = json!(["RRULE:FREQ=DAILY"]);
    for time in ["start", "end"] {
        series[time]["timeZone"] = "UTC".into();
    }
    let day = json!({ "id": "abc15", "start": { "date": "2026-11-25" }, "end": { "date": "2026-11-26" } });
    for made in [event("abc11", "09:00", "10:00"), event("abc12", "10:00", "11:00"), free, series, day] {
        ann.put(Method::POST, EVENTS, made).await?;
    }
    // What is declined is not theirs.
    carol.put(Method::POST, EVENTS, meeting("abc16", &[ANN])).await?;
    let declined = json!({ "attendeesOmitted": true, "attendees": [{ "email": ANN, "responseStatus": "declined" }] });
    ann.put(Method::PATCH, &format!("{EVENTS}/abc16"), declined).await?;

    world.google.add_domain("example.com");
    world.google.break_calendar("carol@example.com", "internalError");
    let query = json!({
        "timeMin": "2026-11-24T09:30:00Z", "timeMax": "2026-11-25T12:00:00Z", "timeZone": "Europe/Rome",
        "calendarExpansionMax": 3,
        "items": [{ "id": ANN }, { "id": "dan@elsewhere.example" }, { "id": "carol@example.com" }, { "id": BEN }],
    });
    let said = ben.put(Method::POST, "freeBusy", query.clone()).await?;
    let busy = json!([
        { "start": "2026-11-24T10:30:00+01:00", "end": "2026-11-24T12:00:00+01:00" },
        { "start": "2026-11-24T21:00:00+01:00", "end": "2026-11-24T21:30:00+01:00" },
        { "start": "2026-11-25T00:00:00+01:00", "end": "2026-11-25T13:00:00+01:00" },
    ]);
    assert_eq!(said["calendars"][ANN], json!({ "busy": busy }));
    let failed = |of: &str| said["calendars"][of]["errors"][0]["reason"].clone();
    assert_eq!(failed("dan@elsewhere.example"), "notFound");
    assert_eq!(failed("carol@example.com"), "internalError");
    assert_eq!(failed(BEN), "tooManyCalendarsRequested");
    for (name, value, reason) in [
        ("timeMax", json!("2026-11-24T09:30:00Z"), "timeRangeEmpty"),
        ("timeMax", json!("2027-02-22T09:30:01Z"), "timeRangeTooLong"),
        ("calendarExpansionMax", json!(51), "invalid"),
        ("timeZone", json!("Nowhere"), "invalid"),
    ] {
        let mut wrong = query.clone();
        wrong[name] = value;
        let said = ben.ask(Method::POST, "freeBusy", Some(&wrong)).await?;
        assert_eq!((said.status, said.reason()), (StatusCode::BAD_REQUEST, reason), "{wrong}");
    }
    Ok(())
}

#[tokio::test]
async fn what_no_event_can_be_is_refused() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ann = world.person(ANN);
    let with = |name: &str, value: Value| {
        let mut event = meeting("abc11", &[]);
        event[name] = value;
        event
    };
    let local = json!({ "dateTime": "2026-11-24T09:00:00+01:00" });
    let away = json!({ "autoDeclineMode": "declineNone" });
    let mut away_all_day = with("outOfOfficeProperties", away.clone());
    away_all_day["eventType"] = "outOfOffice".into();
    away_all_day["start"] = json!({ "date": "2026-11-24" });
    away_all_day["end"] = json!({ "date": "2026-11-25" });
    for (event, reason) in [
        (with("id", "shrt".into()), "invalid"),
        (with("id", "weekly".into()), "invalid"),
        (with("iCalUID", "a@b".into()), "invalid"),
        (with("end", local.clone()), "timeRangeEmpty"),
        (with("end", json!({ "date": "2026-11-25" })), "invalid"),
        (with("end", json!({ "dateTime": "2026-11-24T19:00:00", "timeZone": "Nowhere" })), "invalid"),
        (with("recurrence", json!(["RRULE:FREQ=DAILY"])), "required"),
        (with("recurrence", json!(["FREQ=DAILY"])), "invalid"),
        (with("attendees", json!([{ "displayName": "Nobody" }])), "required"),
        (with("attendees", json!([{ "email": "nobody" }])), "invalid"),
        (with("attendees", json!([{ "email": BEN, "responseStatus": "maybe" }])), "invalid"),
        (with("transparency", "opaqe".into()), "invalid"),
        (with("visibility", "secret".into()), "invalid"),
        (with("status", "cancelled".into()), "invalid"),
        (away_all_day, "invalid"),
        (with("eventType", "workingLocation".into()), "invalid"),
    ] {
        let said = ann.ask(Method::POST, EVENTS, Some(&event)).await?;
        assert_eq!((said.status, said.reason()), (StatusCode::BAD_REQUEST, reason), "{event}");
    }
    assert_eq!(world.google.events(ANN), [json!(null); 0]);
    for (query, status) in [
        ("orderBy=startTime", StatusCode::BAD_REQUEST),
        ("timeMin=2026-11-24T00:00:00Z&timeMax=2026-11-24T00:00:00Z", StatusCode::BAD_REQUEST),
        ("pageToken=none", StatusCode::BAD_REQUEST),
        ("fields=items(id", StatusCode::BAD_REQUEST),
        ("timeZone=Nowhere", StatusCode::BAD_REQUEST),
        ("fields=items(id,start/dateTime)&maxResults=1", StatusCode::OK),
    ] {
        assert_eq!(ann.ask(Method::GET, &format!("{EVENTS}?{query}"), None).await?.status, status, "{query}");
    }
    Ok(())
}

#[tokio::test]
async fn kinds_conferences_and_conditions_are_kept() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ann = world.person(ANN);
    let mut away = meeting("abc11", &[]);
    away.as_object_mut().map(|away| away.remove("attendees"));
    away["eventType"] = "outOfOffice".into();
    away["outOfOfficeProperties"] = json!({ "autoDeclineMode": "declineNone", "declineMessage": "Away" });
    ann.put(Method::POST, EVENTS, away).await?;
    let patch = json!({ "eventType": "default" });
    assert_eq!(ann.ask(Method::PATCH, &format!("{EVENTS}/abc11"), Some(&patch)).await?.reason(), "invalid");
    assert_eq!(ann.list("eventTypes=default&eventTypes=focusTime").await?.0, [""; 0]);
    assert_eq!(ann.list("eventTypes=outOfOffice").await?.0, ["abc11"]);

    let mut call = meeting("abc12", &[]);
    let request = json!({ "requestId": "r1", "conferenceSolutionKey": { "type": "hangoutsMeet" } });
    call["conferenceData"] = json!({ "createRequest": request });
    let path = format!("{EVENTS}/abc12");
    let made = ann.put(Method::POST, &format!("{EVENTS}?conferenceDataVersion=1"), call).await?;
    assert_eq!(made["conferenceData"]["createRequest"]["status"]["statusCode"], "success");
    let link = made["hangoutLink"].clone();
    let patch = json!({ "summary": "Call" });
    let kept = ann.put(Method::PATCH, &format!("{path}?conferenceDataVersion=1"), patch.clone()).await?;
    assert_eq!(kept["hangoutLink"], link);
    assert!(ann.put(Method::PATCH, &path, patch).await?["conferenceData"].is_null(), "as the guide warns");

    let said = ann.ask(Method::GET, &path, None).await?;
    let etag = said.headers[ETAG].to_str()?.to_owned();
    let same = ann.ask_if(Method::GET, &path, None, &[("if-none-match", &etag)]).await?;
    assert_eq!(same.status, StatusCode::NOT_MODIFIED);
    // A replacement has what it says, and nothing else.
    let whole = json!({
        "start": { "date": "2026-11-26" }, "end": { "date": "2026-11-27" },
        "extendedProperties": { "private": { "k": "v" } },
    });
    let replaced = ann.put(Method::PUT, &path, whole).await?;
    assert_eq!((&replaced["summary"], &replaced["iCalUID"]), (&Value::Null, &json!("abc12@google.com")));
    assert_eq!(ann.list("privateExtendedProperty=k%3Dv").await?.0, ["abc12"]);
    let back =
        json!({ "start": { "dateTime": "2026-11-26T10:00:00Z" }, "end": { "dateTime": "2026-11-26T11:00:00Z" } });
    assert_eq!(ann.ask(Method::PATCH, &path, Some(&back)).await?.reason(), "invalid", "both a day and a time");
    let back = json!({
        "start": { "dateTime": "2026-11-26T10:00:00Z", "date": null },
        "end": { "dateTime": "2026-11-26T11:00:00Z", "date": null },
    });
    assert_eq!(ann.put(Method::PATCH, &path, back).await?["start"]["timeZone"], "Europe/Rome");
    let lower = json!({ "sequence": 0 });
    assert_eq!(ann.ask(Method::PATCH, &path, Some(&lower)).await?.reason(), "invalid");
    Ok(())
}

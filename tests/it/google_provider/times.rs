//! When people are free: kinds, failures inside successful responses, windows, and the access that each scope gives.

use super::{ANN, AVAILABILITY, BEN, TWO_WAY, World, draft, hour, remedy};
use anyhow::Context;
use chronus_host::calendar::{BusyKind, Interval, Window};
use chronus_host::plugins::contract::{Abilities, BusyTargets, Notify, Pause, PauseScope};
use chronus_host::plugins::{Access, CallTarget, Remedy};
use chronus_tests::google::{Fault, Role};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

fn window(start: i64, end: i64) -> Window {
    Window { start: hour(start), end: hour(end) }
}

type Outcome = Result<Vec<Interval>, Remedy>;

async fn ask(world: &World, access: &Arc<Access>, whose: BusyTargets, window: Window) -> anyhow::Result<Vec<Outcome>> {
    let answers = world.plugin.busy(access, whose, window).await?.value;
    Ok(answers
        .into_iter()
        .map(|one| one.outcome.map(|times| times.intervals).map_err(|failure| failure.remedy))
        .collect())
}

async fn own(world: &World, access: &Arc<Access>, window: Window) -> anyhow::Result<Outcome> {
    let outcomes = ask(world, access, BusyTargets::Calendars(vec![ANN.into()]), window).await?;
    outcomes.into_iter().next().context("an answer")
}

#[tokio::test]
async fn the_owners_own_pages_tell_kinds_apart() -> anyhow::Result<()> {
    let world = World::new().await?;
    let at = |from: i64, to: i64| json!({ "start": { "dateTime": hour(from).to_string() }, "end": { "dateTime": hour(to).to_string() } });
    let with = |mut event: serde_json::Value, more: serde_json::Value| {
        for (name, value) in more.as_object().into_iter().flatten() {
            event[name] = value.clone();
        }
        event.to_string()
    };
    let home = json!({ "eventType": "workingLocation", "transparency": "transparent", "visibility": "public",
        "workingLocationProperties": { "type": "homeOffice", "homeOffice": {} } });
    let away = json!({ "eventType": "outOfOffice", "outOfOfficeProperties": { "autoDeclineMode": "declineNone" } });
    for event in [
        with(at(0, 1), json!({})),
        with(at(1, 2), json!({ "transparency": "transparent" })),
        with(at(2, 3), json!({ "status": "tentative" })),
        with(at(3, 4), away),
        with(at(4, 5), json!({ "eventType": "focusTime", "focusTimeProperties": {} })),
        with(at(5, 6), home),
    ] {
        world.other_program(ANN, "POST", "calendars/primary/events", &event).await?;
    }
    for (from, answer) in [(6, "declined"), (7, "tentative"), (8, "accepted")] {
        let invitation = with(at(from, from + 1), json!({ "attendees": [{ "email": ANN }] }));
        let path = "calendars/primary/events?sendUpdates=none";
        let id = world.other_program(BEN, "POST", path, &invitation).await?["id"].as_str().context("an id")?.to_owned();
        let answered = json!({ "attendees": [{ "email": ANN, "responseStatus": answer }], "attendeesOmitted": true });
        let path = format!("calendars/primary/events/{id}");
        world.other_program(ANN, "PATCH", &path, &answered.to_string()).await?;
    }
    let access = world.access(ANN, &TWO_WAY)?;
    let seen = own(&world, &access, window(0, 12)).await?.map_err(|remedy| anyhow::anyhow!("{remedy:?}"))?;
    let seen: Vec<_> =
        seen.iter().map(|one| ((one.start.as_second() - hour(0).as_second()) / 3600, one.kind)).collect();
    let expected = [
        (0, BusyKind::Busy),
        (1, BusyKind::Free),
        (2, BusyKind::Tentative),
        (3, BusyKind::OutOfOffice),
        (4, BusyKind::Busy),
        (5, BusyKind::WorkingElsewhere),
        (7, BusyKind::Tentative),
        (8, BusyKind::Busy),
    ];
    assert_eq!(seen, expected);
    Ok(())
}

/// R3: Google answers 200, and the body says that one calendar could not be read.
#[tokio::test]
async fn errors_inside_a_good_answer_are_not_free_time() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.google.share(BEN, ANN, Some(Role::FreeBusyReader));
    let access = world.access(ANN, &AVAILABILITY)?;
    let whose = || BusyTargets::Addresses(vec![BEN.into(), ANN.into(), "nobody@example.com".into()]);
    let seen = ask(&world, &access, whose(), window(0, 9)).await?;
    assert_eq!(seen, [Ok(vec![]), Ok(vec![]), Err(Remedy::NotFound)]);
    world.google.break_calendar(BEN, "internalError");
    let seen = ask(&world, &access, whose(), window(0, 9)).await?;
    assert_eq!(seen, [Err(Remedy::Temporary), Ok(vec![]), Err(Remedy::NotFound)]);
    world.google.break_calendar(ANN, "internalError");
    assert_eq!(own(&world, &access, window(0, 9)).await?, Err(Remedy::Temporary));
    Ok(())
}

/// Google answers for ninety days at most. The window is longer, and an event spans the border of two requests.
#[tokio::test]
async fn long_windows_are_asked_for_in_parts_that_meet() -> anyhow::Result<()> {
    let world = World::new().await?;
    let writer = world.access(ANN, &TWO_WAY)?;
    let seam = 24 * 90;
    for (key, start, end) in [("first", 1, 2), ("across", seam - 1, seam + 1), ("last", 2 * seam, 2 * seam + 3)] {
        world.plugin.create(&writer, ANN, key, draft(start, end), Notify::None).await?;
    }
    let access = world.access(ANN, &AVAILABILITY)?;
    world.asked();
    let seen = own(&world, &access, window(0, 24 * 200)).await?.map_err(|remedy| anyhow::anyhow!("{remedy:?}"))?;
    let seen: Vec<_> = seen.iter().map(|one| (one.start, one.end)).collect();
    let expected = [(1, 2), (seam - 1, seam + 1), (2 * seam, 2 * seam + 3)].map(|(from, to)| (hour(from), hour(to)));
    assert_eq!(seen, expected);
    assert_eq!(world.asked(), vec!["POST /calendar/v3/freeBusy"; 3]);
    Ok(())
}

/// `calendar.events` does not allow free/busy, and `calendar.freebusy` allows nothing else; no request is sent in vain.
#[tokio::test]
async fn each_scope_is_asked_for_what_it_opens() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (events, free_busy) = (world.access(ANN, &TWO_WAY)?, world.access(ANN, &AVAILABILITY)?);
    for access in [&events, &free_busy] {
        world.plugin.open(access).await?;
        assert_eq!(own(&world, access, window(0, 9)).await?, Ok(vec![]));
    }
    let others = ask(&world, &events, BusyTargets::Addresses(vec![BEN.into()]), window(0, 9)).await?;
    assert_eq!(others, [Err(Remedy::Unsupported)]);
    let made = world.plugin.create(&free_busy, ANN, "key", draft(0, 1), Notify::None).await;
    assert_eq!(remedy(made)?, Remedy::NeedsScope);
    let listed = world.plugin.changes(&free_busy, ANN, None, window(0, 9), 10).await;
    assert_eq!(remedy(listed)?, Remedy::NeedsScope);
    let events = "GET /calendar/v3/calendars/ann%40example.com/events";
    let expected = [
        "GET /oauth2/v2/userinfo",
        events,
        events,
        "GET /oauth2/v2/userinfo",
        "POST /calendar/v3/freeBusy",
        "POST /calendar/v3/freeBusy",
    ];
    assert_eq!(world.asked(), expected);
    Ok(())
}

/// Scopes that were revoked: Google refuses, and the failure says why.
#[tokio::test]
async fn a_scope_that_is_missing_after_all_is_named() -> anyhow::Result<()> {
    let world = World::new().await?;
    let access = world.access_by(World::connection(ANN, &TWO_WAY), world.credential(ANN, &AVAILABILITY))?;
    assert_eq!(remedy(world.plugin.open(&access).await)?, Remedy::NeedsScope);
    assert_eq!(own(&world, &access, window(0, 9)).await?, Err(Remedy::NeedsScope));
    let made = world.plugin.create(&access, ANN, "key", draft(0, 1), Notify::None).await;
    assert_eq!(remedy(made)?, Remedy::NeedsScope);
    Ok(())
}

/// An organisation's shared account: people share their free/busy with it, and each connection reads one person's.
#[tokio::test]
async fn a_shared_account_tells_of_one_person_at_a_time() -> anyhow::Result<()> {
    let world = World::new().await?;
    let writer = world.access(ANN, &TWO_WAY)?;
    world.plugin.create(&writer, ANN, "key", draft(0, 1), Notify::None).await?;
    let everything = ["openid", "email", "calendar"];
    let shared = |person: &str| {
        let connection = CallTarget { subject: Some(person.into()), ..World::connection(BEN, &everything) };
        world.access_by(connection, world.credential(BEN, &everything))
    };
    let access = shared(ANN)?;
    assert_eq!(remedy(world.plugin.open(&access).await)?, Remedy::NotFound, "Ann does not share anything yet");
    world.google.share(ANN, BEN, Some(Role::FreeBusyReader));
    let account = world.plugin.open(&access).await?.value;
    let only = Abilities { read_busy: true, ..Abilities::default() };
    assert_eq!((account.address.as_deref(), account.abilities), (Some(ANN), only));
    let seen = own(&world, &access, window(0, 9)).await?.map_err(|remedy| anyhow::anyhow!("{remedy:?}"))?;
    assert_eq!(seen.iter().map(|one| (one.start, one.end)).collect::<Vec<_>>(), [(hour(0), hour(1))]);
    // The connection may not read the shared account's own calendar or write, even if the account may.
    let others = ask(&world, &access, BusyTargets::Calendars(vec![BEN.into()]), window(0, 9)).await?;
    assert_eq!(others, [Err(Remedy::NotFound)]);
    let made = world.plugin.create(&access, BEN, "key", draft(0, 1), Notify::None).await;
    assert_eq!(remedy(made)?, Remedy::NotPermitted);
    Ok(())
}

#[tokio::test]
async fn many_pages_with_empty_ones_among_them_are_all_read() -> anyhow::Result<()> {
    let world = World::new().await?;
    let access = world.access(ANN, &TWO_WAY)?;
    for hour in 0..4 {
        world.plugin.create(&access, ANN, &format!("key-{hour}"), draft(hour, hour + 1), Notify::None).await?;
    }
    world.google.set_pages(Some(1), true);
    let seen = own(&world, &access, window(0, 9)).await?.map_err(|remedy| anyhow::anyhow!("{remedy:?}"))?;
    assert_eq!(seen.iter().map(|one| one.start).collect::<Vec<_>>(), [hour(0), hour(1), hour(2), hour(3)]);
    Ok(())
}

/// Google answers 403 to too many requests; only the reason distinguishes this from a refusal.
#[tokio::test]
async fn too_many_requests_are_waited_for() -> anyhow::Result<()> {
    let world = World::new().await?;
    let access = world.access(ANN, &TWO_WAY)?;
    for (fault, wait) in [
        (Fault::refuse(403, "rateLimitExceeded"), 2_000),
        (Fault::refuse(429, "rateLimitExceeded"), 2_000),
        (Fault::retry_after(403, "userRateLimitExceeded", Duration::from_secs(120)), 120_000),
        (Fault::refuse(403, "quotaExceeded"), 900_000),
    ] {
        world.google.fail_next(1, None, "/calendar/v3/", fault);
        assert_eq!(
            own(&world, &access, window(0, 9)).await?,
            Err(Remedy::SlowDown(Pause { milliseconds: wait, scope: PauseScope::Connection }))
        );
        assert_eq!(own(&world, &access, window(0, 9)).await?, Ok(vec![]));
    }
    Ok(())
}

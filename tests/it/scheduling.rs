//! The whole of scheduling over a server that does it (RFC 6638): invited here, answered in another client, seen here;
//! and the other way round. The server is Cyrus, the other client is python-caldav.

use anyhow::{Context, ensure};
use chronus_host::calendar::{
    Attendee, BusyKind, Draft, Event, Organiser, Patch, Rsvp, Span, Status, Window, ZonedTime,
};
use chronus_host::conformance::faults::Faults;
use chronus_host::plugins::contract::{Account, BusyTargets, Change, Notify};
use chronus_host::plugins::{Access, CallTarget, EventRef, Plugin};
use chronus_tests::harness;
use chronus_tests::peers::{CaldavClient, Cyrus, NewEvent, Peer, Radicale, left_out};
use std::sync::Arc;

const ZONE: &str = "Europe/Rome";

/// Alice, who works with us.
struct Alice {
    plugin: Plugin,
    access: Arc<Access>,
    account: Account,
    calendar: String,
    cursor: Option<Vec<u8>>,
}

impl Alice {
    async fn of(cyrus: &Cyrus) -> anyhow::Result<Self> {
        let (plugin, access) = harness::ical(&cyrus.account("alice")?, ZONE).await?;
        let account = plugin.open(&access).await?.value;
        let calendar = account.calendars.iter().find(|calendar| calendar.is_default).context("a default calendar")?;
        let calendar = calendar.id.clone();
        let mut alice = Self { plugin, access, account, calendar, cursor: None };
        alice.changed().await?;
        Ok(alice)
    }

    async fn invite(&self, key: &str, hour: i8, notify: Notify) -> anyhow::Result<Event> {
        let bob = Attendee::required("bob@example.com".into(), Some("Bob".into()));
        let draft = Draft { uid: format!("{key}@chronus.example"), attendees: vec![bob], ..planning(hour)? };
        Ok(self.plugin.create(&self.access, &self.calendar, key, draft, notify).await?.value)
    }

    /// What has happened to her calendar since the last time.
    async fn changed(&mut self) -> anyhow::Result<Vec<Change>> {
        let window = Window { start: "2027-01-01T00:00:00Z".parse()?, end: "2028-01-01T00:00:00Z".parse()? };
        let mut all = Vec::new();
        loop {
            let page = self.plugin.changes(&self.access, &self.calendar, self.cursor.as_deref(), window, 100).await?;
            all.extend(page.value.items);
            self.cursor = Some(page.value.next);
            if !page.value.more {
                return Ok(all);
            }
        }
    }

    /// The answer of an attendee, as the changes since the last time show it.
    async fn hears(&mut self, id: &str, address: &str) -> anyhow::Result<Rsvp> {
        let changes = self.changed().await?;
        let of_it = changes.iter().rev().find(|change| change.id() == id);
        let Some(Change::Event(event)) = of_it else { anyhow::bail!("no news of {id}: {changes:?}") };
        answer(event, address)
    }
}

fn planning(hour: i8) -> anyhow::Result<Draft> {
    Ok(Draft {
        uid: "planning@chronus.example".into(),
        title: "Planning".into(),
        description: String::new(),
        location: String::new(),
        url: String::new(),
        organiser: None,
        when: hour_from(hour)?,
        busy: BusyKind::Busy,
        status: Status::Confirmed,
        attendees: Vec::new(),
        recurrence: Vec::new(),
    })
}

fn answer(event: &Event, address: &str) -> anyhow::Result<Rsvp> {
    let attendee = event.attendees.iter().find(|attendee| attendee.address == address);
    Ok(attendee.with_context(|| format!("{address} is not invited to {event:?}"))?.rsvp)
}

/// An hour of 1 March 2027 in Rome.
fn hour_from(hour: i8) -> anyhow::Result<Span> {
    let at = |hour| anyhow::Ok(jiff::civil::date(2027, 3, 1).at(hour, 0, 0, 0).in_tz(ZONE)?.timestamp());
    let timed = |at| ZonedTime { at, zone: ZONE.into() };
    Ok(Span::Timed { start: timed(at(hour)?), end: timed(at(hour + 1)?) })
}

#[tokio::test]
async fn invitations_go_out_and_answers_come_back() -> anyhow::Result<()> {
    if left_out(&[Peer::Cyrus, Peer::Caldav])? {
        return Ok(());
    }
    let cyrus = Cyrus::start(&[("alice", "opensesame"), ("bob", "swordfish")]).await?;
    let mut alice = Alice::of(&cyrus).await?;
    ensure!(alice.account.address.as_deref() == Some("alice@example.com"), "{:?}", alice.account);
    ensure!(alice.account.abilities.sends_invitations, "{:?}", alice.account.abilities);
    let bob = CaldavClient::new(&cyrus.account("bob")?).await?;
    let bobs = format!("{}Default/", cyrus.account("bob")?.home);

    // She invites him; it is in his calendar, under the same UID; he accepts, and she hears it.
    let made = alice.invite("one", 10, Notify::All).await?;
    let seen = bob.find(&bobs, &made.uid).await?.context("the invitation did not reach bob")?;
    ensure!(seen.title == "Planning" && seen.start == "2027-03-01T09:00:00Z", "{seen:?}");
    ensure!(seen.answers["bob@example.com"] == "NEEDS-ACTION", "{seen:?}");
    alice.changed().await?;
    bob.answer(&bobs, &made.uid, "ACCEPTED").await?;
    ensure!(alice.hears(&made.id, "bob@example.com").await? == Rsvp::Accepted);
    ensure!(alice.changed().await?.is_empty(), "the second look finds something");

    // She moves it: he sees that, and what is not named stays.
    let present = alice.plugin.get(&alice.access, &alice.calendar, &made.id).await?.value;
    let patch = Patch { when: Some(hour_from(14)?), ..Patch::default() };
    let place = EventRef { calendar: &alice.calendar, id: &made.id };
    let moved = alice.plugin.update(&alice.access, place, "one", present.etag.as_deref(), patch, Notify::All).await?;
    ensure!(moved.value.when == hour_from(14)?, "{:?}", moved.value);
    let seen = bob.find(&bobs, &made.uid).await?.context("it is gone from bob's calendar")?;
    ensure!(seen.start == "2027-03-01T13:00:00Z" && seen.title == "Planning", "{seen:?}");

    // He takes it out of his calendar, which is to decline; she hears that too.
    alice.changed().await?;
    bob.delete(&bobs, &made.uid).await?;
    ensure!(alice.hears(&made.id, "bob@example.com").await? == Rsvp::Declined);

    // Cancelled, it is cancelled in his calendar.
    let again = alice.invite("two", 16, Notify::All).await?;
    ensure!(bob.find(&bobs, &again.uid).await?.is_some());
    let place = EventRef { calendar: &alice.calendar, id: &again.id };
    alice.plugin.cancel(&alice.access, place, "two", None, None, Notify::All).await?;
    let seen = bob.find(&bobs, &again.uid).await?;
    ensure!(seen.as_ref().is_none_or(|seen| seen.status == "CANCELLED"), "{seen:?}");

    // Where the caller writes to the guests itself, the server does not.
    let silent = alice.invite("three", 18, Notify::None).await?;
    ensure!(answer(&silent, "bob@example.com")? == Rsvp::NeedsAction);
    ensure!(bob.find(&bobs, &silent.uid).await?.is_none(), "the server wrote to bob");
    Ok(())
}

#[tokio::test]
async fn invitations_come_in_and_answers_go_back() -> anyhow::Result<()> {
    if left_out(&[Peer::Cyrus, Peer::Caldav])? {
        return Ok(());
    }
    let cyrus = Cyrus::start(&[("alice", "opensesame"), ("bob", "swordfish")]).await?;
    let mut alice = Alice::of(&cyrus).await?;
    let bob = CaldavClient::new(&cyrus.account("bob")?).await?;
    let bobs = format!("{}Default/", cyrus.account("bob")?.home);
    let lunch = NewEvent {
        uid: "lunch@example.com".into(),
        title: "Lunch".into(),
        start: "2027-03-01T12:30:00".into(),
        end: "2027-03-01T13:30:00".into(),
        zone: ZONE.into(),
        rule: None,
    };
    bob.invite(&bobs, &lunch, &["mailto:alice@example.com"]).await?;

    let changes = alice.changed().await?;
    let [Change::Event(invited)] = changes.as_slice() else { anyhow::bail!("{changes:?}") };
    ensure!(invited.uid == lunch.uid && answer(invited, "alice@example.com")? == Rsvp::NeedsAction, "{invited:?}");
    ensure!(invited.organiser.as_ref().is_some_and(|one| one.address == "bob@example.com" && !one.is_self));
    let place = EventRef { calendar: &alice.calendar, id: &invited.id };
    for (rsvp, heard) in [(Rsvp::Tentative, "TENTATIVE"), (Rsvp::Accepted, "ACCEPTED"), (Rsvp::Declined, "DECLINED")] {
        let answered = alice.plugin.respond(&alice.access, place, "lunch", rsvp, None, Notify::All).await?.value;
        ensure!(answer(&answered, "alice@example.com")? == rsvp, "{answered:?}");
        let seen = bob.find(&bobs, &lunch.uid).await?.context("bob's own event")?;
        ensure!(seen.answers["alice@example.com"] == heard, "{seen:?}");
    }

    // What an attendee may not change does not change for anybody else.
    let patch = Patch { title: Some("Dinner".into()), ..Patch::default() };
    let changed = alice.plugin.update(&alice.access, place, "lunch", None, patch, Notify::All).await;
    println!("an attendee's change of the title: {:?}", changed.as_ref().map(|done| &done.value.title));
    let seen = bob.find(&bobs, &lunch.uid).await?.context("bob's own event")?;
    ensure!(seen.title == "Lunch", "{seen:?}");
    Ok(())
}

/// A copy of a meeting that bob organises: he has not invited her through his server, and hears nothing from hers.
#[tokio::test]
async fn nobody_is_told_of_a_copy() -> anyhow::Result<()> {
    if left_out(&[Peer::Cyrus, Peer::Caldav])? {
        return Ok(());
    }
    let cyrus = Cyrus::start(&[("alice", "opensesame"), ("bob", "swordfish")]).await?;
    let mut alice = Alice::of(&cyrus).await?;
    let bob = CaldavClient::new(&cyrus.account("bob")?).await?;
    let bobs = format!("{}Default/", cyrus.account("bob")?.home);
    let (plugin, access) = harness::ical(&cyrus.account("bob")?, ZONE).await?;
    let draft = |attendee: Attendee, organiser: Option<Organiser>| {
        let uid = "planning@chronus.example".into();
        anyhow::Ok(Draft { uid, organiser, attendees: vec![attendee], ..planning(10)? })
    };
    let invited = Attendee::required("alice@example.com".into(), None);
    plugin.create(&access, &bobs, "his", draft(invited.clone(), None)?, Notify::None).await?;
    ensure!(alice.changed().await?.is_empty(), "she has nothing yet");

    let organiser = Organiser { address: "bob@example.com".into(), name: Some("Bob".into()), is_self: false };
    let accepted = Attendee { rsvp: Rsvp::Accepted, ..invited };
    let copy = draft(accepted, Some(organiser.clone()))?;
    let made = alice.plugin.create(&alice.access, &alice.calendar, "hers", copy.clone(), Notify::All).await?.value;
    ensure!(made.organiser == Some(organiser) && answer(&made, "alice@example.com")? == Rsvp::Accepted, "{made:?}");
    let again = alice.plugin.create(&alice.access, &alice.calendar, "hers", copy, Notify::All).await?.value;
    ensure!(again.id == made.id, "{again:?}");
    let seen = bob.find(&bobs, &made.uid).await?.context("bob's own event")?;
    ensure!(seen.answers["alice@example.com"] == "NEEDS-ACTION", "her server wrote to bob: {seen:?}");
    let place = EventRef { calendar: &alice.calendar, id: &made.id };
    alice.plugin.cancel(&alice.access, place, "hers", None, None, Notify::None).await?;
    let seen = bob.find(&bobs, &made.uid).await?.context("bob's own event")?;
    ensure!(seen.answers["alice@example.com"] == "NEEDS-ACTION", "her server wrote to bob: {seen:?}");
    Ok(())
}

#[tokio::test]
async fn a_server_without_scheduling_stores_a_copy() -> anyhow::Result<()> {
    if left_out(&[Peer::Radicale])? {
        return Ok(());
    }
    let radicale = Radicale::start(&[("ann", "secret-of-ann")]).await?;
    let account = radicale.account("ann")?;
    let calendar = &account.put_calendar("copies").await?;
    let (plugin, access) = harness::ical(&account, ZONE).await?;
    let organiser = Organiser { address: "bob@example.com".into(), name: Some("Bob".into()), is_self: false };
    let carol =
        Attendee { rsvp: Rsvp::Tentative, ..Attendee::required("carol@example.com".into(), Some("Carol".into())) };
    let draft = Draft { organiser: Some(organiser.clone()), attendees: vec![carol], ..planning(10)? };
    let made = plugin.create(&access, calendar, "copy", draft, Notify::All).await?.value;
    let read = plugin.get(&access, calendar, &made.id).await?.value;
    ensure!(read.organiser == Some(organiser) && answer(&read, "carol@example.com")? == Rsvp::Tentative, "{read:?}");
    Ok(())
}

/// A colleague's calendar of which she sees nothing but when it is taken.
#[tokio::test]
async fn a_calendar_that_shows_free_busy_alone_tells_that() -> anyhow::Result<()> {
    if left_out(&[Peer::Cyrus, Peer::Caldav])? {
        return Ok(());
    }
    let cyrus = Cyrus::start(&[("alice", "opensesame"), ("bob", "swordfish")]).await?;
    let bob = CaldavClient::new(&cyrus.account("bob")?).await?;
    let lunch = NewEvent {
        uid: "lunch@example.com".into(),
        title: "Lunch".into(),
        start: "2027-03-01T12:30:00".into(),
        end: "2027-03-01T13:30:00".into(),
        zone: ZONE.into(),
        rule: Some("FREQ=DAILY;COUNT=2".into()),
    };
    bob.create(&format!("{}Default/", cyrus.account("bob")?.home), &lunch).await?;
    cyrus.share_free_busy("bob", "Default", "alice").await?;

    // Cyrus shows it at a place of its own in alice's home, and lists it only when she has asked for that.
    let shared = format!("{}bob.Default/", cyrus.account("alice")?.home);
    let (plugin, first) = harness::ical(&cyrus.account("alice")?, ZONE).await?;
    let window = Window { start: "2027-03-01T00:00:00Z".parse()?, end: "2027-03-03T00:00:00Z".parse()? };
    let (mut access, mut requests) = (first.clone(), Vec::new());
    for _ in 0..2 {
        let recorder = Faults::none();
        let connection = access.target.clone();
        access = harness::access(&cyrus.account("alice")?, connection)?.with_interceptor(recorder.interceptor());
        let answers = plugin.busy(&access, BusyTargets::Calendars(vec![shared.clone()]), window).await?;
        let times = answers.value.first().context("an answer")?.outcome.as_ref().map_err(Clone::clone)?;
        let starts: Vec<_> = times.intervals.iter().map(|each| (each.start.to_string(), each.kind)).collect();
        let expected = ["2027-03-01T11:30:00Z", "2027-03-02T11:30:00Z"].map(|at| (at.to_owned(), BusyKind::Busy));
        ensure!(starts == expected, "{starts:?}");
        requests.push(recorder.exchanges().iter().filter(|one| one.request.method.as_str() == "REPORT").count());
        let connection = CallTarget { memo: answers.memo, ..access.target.clone() };
        access = harness::access(&cyrus.account("alice")?, connection)?;
    }
    ensure!(requests == [2, 1], "refused once, and remembered: {requests:?}");
    Ok(())
}

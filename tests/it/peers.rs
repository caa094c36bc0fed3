//! The peers themselves: they start, an independent client works with them, and nothing of them is left afterwards.

use std::path::Path;

use anyhow::Context;
use chronus_tests::peers::{self, Account, CaldavClient, Cyrus, NewEvent, Peer, Radicale, Xandikos};

/// Nine o'clock in Rome on three Sundays around the end of summer time in 2026, which is on the second of them.
fn choir() -> NewEvent {
    NewEvent {
        uid: "choir@example.com".to_owned(),
        title: "Choir – “Dona nobis”".to_owned(),
        start: "2026-10-18T09:00:00".to_owned(),
        end: "2026-10-18T10:30:00".to_owned(),
        zone: "Europe/Rome".to_owned(),
        rule: Some("FREQ=WEEKLY;COUNT=3".to_owned()),
    }
}

/// What it makes, it finds, sees at the right times, and deletes.
async fn works_with_the_client(account: &Account, calendar: &str) -> anyhow::Result<()> {
    let client = CaldavClient::new(account).await?;
    assert!(client.calendars().await?.iter().any(|path| path == calendar), "{calendar} is discovered");

    let path = client.create(calendar, &choir()).await?;
    assert!(path.starts_with(calendar), "{path} is in {calendar}");
    let stored = account.get(&path).await?.context("what was made is not there")?;
    assert!(stored.contains("TZID=Europe/Rome") && stored.contains("BEGIN:VTIMEZONE"), "{stored}");

    let seen = client.occurrences(calendar, "2026-10-01T00:00:00Z", "2026-12-01T00:00:00Z").await?;
    let times: Vec<_> = seen.iter().map(|event| (event.start.as_str(), event.end.as_str())).collect();
    assert_eq!(
        times,
        [
            ("2026-10-18T07:00:00Z", "2026-10-18T08:30:00Z"),
            ("2026-10-25T08:00:00Z", "2026-10-25T09:30:00Z"),
            ("2026-11-01T08:00:00Z", "2026-11-01T09:30:00Z"),
        ]
    );
    assert!(seen.iter().all(|event| event.title == choir().title && event.path == path), "{seen:?}");

    let found = client.find(calendar, &choir().uid).await?.context("not found by its UID")?;
    assert_eq!((found.path.as_str(), found.start.as_str()), (path.as_str(), "2026-10-18T07:00:00Z"));
    client.delete(calendar, &choir().uid).await?;
    assert_eq!(client.find(calendar, &choir().uid).await?, None);
    assert_eq!(account.get(&path).await?, None);
    Ok(())
}

#[tokio::test]
async fn radicale_works_with_the_independent_client() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    let radicale = Radicale::start(&[("alice", "opensesame"), ("bob", "swordfish")]).await?;
    let calendar = radicale.put_calendar("alice", "work").await?;
    works_with_the_client(&radicale.account("alice")?, &calendar).await
}

#[tokio::test]
async fn xandikos_works_with_the_independent_client() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Xandikos, Peer::Caldav])? {
        return Ok(());
    }
    let xandikos = Xandikos::start().await?;
    works_with_the_client(&xandikos.account(), "/alice/calendars/calendar/").await?;
    let calendar = xandikos.account().put_calendar("work").await?;
    works_with_the_client(&xandikos.account(), &calendar).await
}

#[tokio::test]
async fn cyrus_works_with_the_independent_client() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Cyrus, Peer::Caldav])? {
        return Ok(());
    }
    let cyrus = Cyrus::start(&[("alice", "opensesame")]).await?;
    let account = cyrus.account("alice")?;
    works_with_the_client(&account, "/dav/calendars/user/alice/Default/").await?;
    let guessing = Account { password: "guess".to_owned(), ..account };
    let refused = guessing.get("/dav/calendars/user/alice/Default/").await.unwrap_err().to_string();
    assert!(refused.contains("401"), "{refused}");
    // What it started ends with it.
    let pid = cyrus.pid();
    drop(cyrus);
    assert!(!is_alive(pid));
    Ok(())
}

#[tokio::test]
async fn radicale_keeps_its_users_apart() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale])? {
        return Ok(());
    }
    let radicale = Radicale::start(&[("alice", "opensesame"), ("bob", "swordfish")]).await?;
    radicale.put_calendar("alice", "work").await?;
    let bob = radicale.account("bob")?;
    assert!(bob.get("/alice/work/").await.is_err(), "bob reads alice's calendar");
    let guessing = Account { password: "guess".to_owned(), ..radicale.account("alice")? };
    let refused = guessing.get("/alice/work/").await.unwrap_err().to_string();
    assert!(refused.contains("401"), "{refused}");
    assert!(radicale.account("carol").is_err(), "an account that does not exist");
    Ok(())
}

#[tokio::test]
async fn servers_end_with_their_values() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale, Peer::Xandikos])? {
        return Ok(());
    }
    // Two of a kind at once: each has its own port and its own storage.
    let (first, second) = tokio::try_join!(Radicale::start(&[("alice", "one")]), Radicale::start(&[("alice", "two")]))?;
    assert_ne!(first.origin(), second.origin());
    first.put_calendar("alice", "work").await?;
    assert_eq!(second.account("alice")?.get("/alice/work/").await?, None);

    let xandikos = Xandikos::start().await?;
    let pids = [first.pid(), second.pid(), xandikos.pid()];
    assert!(pids.into_iter().all(is_alive), "{pids:?}");
    drop((first, second, xandikos));
    // A child that was killed but not waited for would still be there, as a zombie.
    assert!(!pids.into_iter().any(is_alive), "{pids:?}");
    Ok(())
}

/// A peer that cannot do its work says why, in its own words.
#[tokio::test]
async fn a_failing_script_is_quoted() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Caldav])? {
        return Ok(());
    }
    let nowhere = Account {
        origin: "http://127.0.0.1:1".into(),
        user: "a".into(),
        password: "b".into(),
        start: "/".into(),
        home: "/".into(),
    };
    let error = CaldavClient::new(&nowhere).await?.calendars().await.unwrap_err().to_string();
    assert!(error.contains("caldav_client.py calendars") && error.contains("refused"), "{error}");
    Ok(())
}

fn is_alive(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

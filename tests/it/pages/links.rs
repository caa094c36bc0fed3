//! Sign-in links: they work once, for 15 minutes and for one person, and asking for one reveals nothing about who has
//! an account.

use super::world::{SESSION, World};
use anyhow::ensure;
use chronus_host::{auth::sign_in, fairness::Class, jobs, rate_limits::Rate};
use chronus_tests::visitor::Visitor;
use jiff::SignedDuration;
use tokio::task::JoinSet;

/// The number of mails to an address in an hour.
const MAILS_PER_ADDRESS: i64 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_use_a_link_at_once_one_signs_in() -> anyhow::Result<()> {
    let world = World::new().await?;
    let link = world.link(world.ann, "/settings/calendar?a=b").await?;
    let mut pages = Vec::new();
    for _ in 0..8 {
        let visitor = world.visitor()?;
        // Opening the page does not use the link up, however often it is opened.
        let page = visitor.get(&link).await?;
        ensure!(page.text.contains("Sign in as ann?") && page.text.contains("Ours"), "{}", page.text);
        pages.push((visitor, page));
    }
    let mut all = JoinSet::new();
    for (visitor, page) in pages {
        let link = link.clone();
        all.spawn(async move { (visitor.post(&page, &link, &[]).await, visitor) });
    }
    let (mut signed_in, mut late) = (0, 0);
    for (seen, visitor) in all.join_all().await {
        let seen = seen?;
        match seen.status {
            303 => {
                seen.leads_to("/settings/calendar?a=b")?;
                ensure!(visitor.get("/settings").await?.text.contains("ann@example.org"));
                signed_in += 1;
            }
            410 => {
                ensure!(
                    seen.text.contains("This link no longer works") && visitor.cookie(SESSION).is_none(),
                    "{}",
                    seen.text
                );
                late += 1;
            }
            status => anyhow::bail!("{status}: {}", seen.text),
        }
    }
    ensure!((signed_in, late) == (1, 7), "{signed_in} signed in");
    ensure!(world.visitor()?.get(&link).await?.status == 410);
    Ok(())
}

#[tokio::test]
async fn a_link_ends_after_a_quarter_of_an_hour() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (early, late) = (world.link(world.ann, "/settings").await?, world.link(world.ann, "/settings").await?);
    let visitor = world.visitor()?;
    let page = visitor.get(&late).await?;
    world.clock.advance(SignedDuration::from_secs(15 * 60 - 1));
    ensure!(visitor.get(&late).await?.status == 200);
    world.visitor()?.sign_in(&early).await?.leads_to("/settings")?;
    world.clock.advance(SignedDuration::from_secs(1));
    ensure!(visitor.get(&late).await?.status == 410);
    let seen = visitor.post(&page, &late, &[]).await?;
    ensure!(seen.status == 410 && visitor.cookie(SESSION).is_none(), "{}", seen.text);
    Ok(())
}

/// M12: the link decides who signs in, not an earlier session of the browser.
#[tokio::test]
async fn a_link_is_for_one_person_of_one_organisation() -> anyhow::Result<()> {
    let world = World::new().await?;
    let visitor = world.signed_in(world.ann).await?;
    let page = visitor.get(&world.link(world.her_namesake, "/settings").await?).await?;
    ensure!(page.text.contains("Theirs") && !page.text.contains("Ours"), "{}", page.text);
    let before = visitor.cookie(SESSION);
    let link = world.link(world.her_namesake, "/settings").await?;
    visitor.sign_in(&link).await?.leads_to("/settings")?;
    ensure!(visitor.cookie(SESSION) != before);
    Ok(())
}

#[tokio::test]
async fn nobody_learns_who_has_an_address() -> anyhow::Result<()> {
    let world = World::new().await?;
    let mut answers = Vec::new();
    let mut written = Vec::new();
    for email in ["ann@example.org", "nobody@example.org", "ANN@Example.org"] {
        let before = world.database.rows().await?;
        let seen = world.ask(email).await?;
        seen.leads_to("/sign-in/sent")?;
        let after = world.database.rows().await?;
        written.push(after.iter().map(|(table, rows)| rows - before[table]).collect::<Vec<_>>());
        let told = |name: &&str| !matches!(*name, "x-request-id" | "date");
        let headers: Vec<_> =
            seen.headers.keys().map(reqwest::header::HeaderName::as_str).filter(told).map(str::to_owned).collect();
        answers.push((seen.status, headers, seen.text));
    }
    ensure!(answers[0] == answers[1] && answers[0] == answers[2], "{answers:?}");
    // Both write the same rows, too: accounts are only looked up when the mail is sent.
    ensure!(written[0] == written[1] && written[0].iter().sum::<i64>() > 0, "{written:?}");
    ensure!(!world.visitor()?.get("/sign-in/sent").await?.text.contains("example.org"));
    Ok(())
}

/// Organisations take turns in sending mail.
#[tokio::test]
async fn mail_is_sent_on_the_account_of_an_organisation_of_its_address() -> anyhow::Result<()> {
    let world = World::new().await?;
    for email in ["ben@example.org", "nobody@example.org"] {
        world.ask(email).await?.leads_to("/sign-in/sent")?;
    }
    let due = world.app.db.read(async |tx| jobs::due(tx).await).await?;
    let mut organisations: Vec<_> = due.iter().map(|share| &*share.organisation).collect();
    organisations.sort_unstable();
    ensure!(organisations == ["", &world.organisation.to_string()], "{due:?}");
    ensure!(due.iter().all(|share| share.class == Class::Mail && share.origin.is_empty()), "{due:?}");
    Ok(())
}

#[tokio::test]
async fn an_address_is_written_to_so_often_and_no_more() -> anyhow::Result<()> {
    let world = World::new().await?;
    let wishes = || async { anyhow::Ok(world.database.rows().await?["sign_in_requests"]) };
    for _ in 0..MAILS_PER_ADDRESS {
        world.ask("ann@example.org").await?.leads_to("/sign-in/sent")?;
        world.clock.advance(SignedDuration::from_secs(60));
    }
    ensure!(wishes().await? == MAILS_PER_ADDRESS);
    // One more request gets the same answer and sends nothing; another address has a limit of its own.
    world.ask("Ann@example.org").await?.leads_to("/sign-in/sent")?;
    ensure!(wishes().await? == MAILS_PER_ADDRESS);
    world.ask("ben@example.org").await?.leads_to("/sign-in/sent")?;
    ensure!(wishes().await? == MAILS_PER_ADDRESS + 1);
    // An hour after the first request, exactly one more is accepted.
    world.clock.advance(SignedDuration::from_secs((60 - MAILS_PER_ADDRESS) * 60));
    for _ in 0..2 {
        world.ask("ann@example.org").await?.leads_to("/sign-in/sent")?;
    }
    ensure!(wishes().await? == MAILS_PER_ADDRESS + 2);
    Ok(())
}

#[tokio::test]
async fn a_client_asks_so_often_and_no_more() -> anyhow::Result<()> {
    const ASKS_PER_CLIENT: u32 = 20;
    let world = World::with(|config| {
        config.mail.print = true;
        config.limits.set(Rate::SignInsOfClient, ASKS_PER_CLIENT);
    })
    .await?;
    let ask = |visitor: Visitor, email: String, client: &'static str| async move {
        let page = visitor.get("/sign-in").await?;
        let token = page.token()?;
        let request = visitor.form("/sign-in", &[("email", &email), ("form-token", &token)])?;
        let request = request.header("sec-fetch-site", "same-origin").header("x-forwarded-for", client);
        anyhow::Ok(visitor.send(request).await?.status)
    };
    for count in 0..ASKS_PER_CLIENT {
        ensure!(ask(world.visitor()?, format!("a{count}@example.org"), "192.0.2.1").await? == 303, "{count}");
    }
    ensure!(ask(world.visitor()?, "b@example.org".into(), "192.0.2.1").await? == 429);
    let visitor = world.visitor()?;
    let page = visitor.get("/sign-in").await?;
    let request = visitor.form("/sign-in", &[("email", "b@example.org"), ("form-token", &page.token()?)])?;
    let request = request.header("sec-fetch-site", "same-origin").header("x-forwarded-for", "192.0.2.1");
    let refused = visitor.send(request).await?;
    ensure!(refused.status == 429 && refused.headers["retry-after"] == "3600", "{:?}", refused.headers);
    // A forged address in the header does not help: only the address that the proxy added counts.
    ensure!(ask(world.visitor()?, "b@example.org".into(), "198.51.100.1, 192.0.2.1").await? == 429);
    ensure!(ask(world.visitor()?, "b@example.org".into(), "192.0.2.2").await? == 303);
    world.clock.advance(SignedDuration::from_hours(1));
    ensure!(ask(world.visitor()?, "b@example.org".into(), "192.0.2.1").await? == 303);
    Ok(())
}

/// O7 of the operator's review: of 71 people behind a plain reverse proxy, 54 were told that there were too many mails.
#[tokio::test]
async fn an_office_behind_one_address_signs_in() -> anyhow::Result<()> {
    let world = World::new().await?;
    let visitor = world.visitor()?;
    let page = visitor.get("/sign-in").await?;
    for person in 0..71 {
        let email = format!("person{person}@example.org");
        visitor
            .post(&page, "/sign-in", &[("email", &email), ("return-to", "/settings")])
            .await?
            .leads_to("/sign-in/sent")?;
    }
    Ok(())
}

/// Hosts that share a database share the count, so the limit holds for all of them together.
#[tokio::test(flavor = "multi_thread")]
async fn many_who_ask_at_once_get_no_mail_more() -> anyhow::Result<()> {
    let world = World::new().await?;
    let mut all = JoinSet::new();
    for client in 0..12_u8 {
        let db = world.app.db.clone();
        let client = [192, 0, 2, client].into();
        let limits = world.app.config.limits;
        all.spawn(async move { sign_in::ask(&db, &limits, "ann@example.org", client, "/settings").await });
    }
    for asked in all.join_all().await {
        asked?;
    }
    ensure!(world.database.rows().await?["sign_in_requests"] == MAILS_PER_ADDRESS);
    Ok(())
}

#[tokio::test]
async fn a_host_that_sends_no_mail_says_so() -> anyhow::Result<()> {
    let world = World::with(|_| ()).await?;
    let seen = world.visitor()?.get("/sign-in").await?;
    ensure!(seen.status == 503 && seen.text.contains("set up email"), "{} {}", seen.status, seen.text);
    Ok(())
}

//! Mail, sent to a real mail server.

use super::world::World;
use anyhow::{Context, ensure};
use chronus_host::{app::work, config::Config, jobs};
use chronus_tests::{
    host::PATIENCE,
    peers::{self, MailServer, Peer, SeenMail},
};
use jiff::SignedDuration;
use std::time::Duration;
use tokio::time;

/// A service that sends its mail through this server.
pub(super) async fn sending(server: &MailServer, user: &str) -> anyhow::Result<World> {
    let smtp = format!("smtp://{user}{}", server.address());
    World::with(|config: &mut Config| {
        config.mail.smtp = smtp.parse().ok();
        config.mail.from =
            "Chronus Assistant ☼ <assistant@chronus.example>".parse().unwrap_or(config.mail.from.clone());
        config.jobs.poll = Duration::from_millis(20);
    })
    .await
}

/// Advances the clock until the future is ready, so that retries happen.
async fn in_time<T>(world: &World, what: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let passing = async {
        let mut tick = time::interval(Duration::from_millis(50));
        loop {
            tick.tick().await;
            world.clock.advance(SignedDuration::from_secs(1));
        }
    };
    tokio::select! {
        done = time::timeout(PATIENCE, what) => done.context("it does not come")?,
        () = passing => unreachable!("time passes for ever"),
    }
}

/// Waits until no job is left.
pub(super) async fn idle(world: &World) -> anyhow::Result<()> {
    let mut tick = time::interval(Duration::from_millis(20));
    loop {
        tick.tick().await;
        let count = jobs::count(&mut world.app.db.begin_read().await?).await?;
        if count.ready + count.leased == 0 {
            return Ok(());
        }
    }
}

/// The links of a mail.
fn links(mail: &SeenMail) -> Vec<&str> {
    mail.text.lines().filter(|line| line.contains("/sign-in/")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_gets_one_mail_with_a_link_for_each_of_its_accounts() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Aiosmtpd])? {
        return Ok(());
    }
    let server = MailServer::start(None).await?;
    let world = sending(&server, "").await?;
    let runner = work::start(&world.app).await?;
    // Nobody has the first address, so no mail is sent to it.
    for email in ["nobody@example.org", "Ann@Example.org"] {
        world.ask(email).await?.leads_to("/sign-in/sent")?;
        time::timeout(PATIENCE, idle(&world)).await??;
    }
    let mails = server.mails(1).await?;
    let [mail] = &mails[..] else { anyhow::bail!("{mails:?}") };
    let header = |name: &str| mail.headers.get(name).map(String::as_str).unwrap_or_default();
    ensure!(mail.to == ["ann@example.org"] && mail.from == "assistant@chronus.example", "{mail:?}");
    ensure!(header("from") == "Chronus Assistant ☼ <assistant@chronus.example>", "{mail:?}");
    ensure!(header("subject") == "Sign in to Chronus" && header("auto-submitted") == "auto-generated", "{mail:?}");
    ensure!(header("date") == "Sun, 29 Mar 2026 00:59:59 +0000", "{mail:?}");
    ensure!(header("message-id").ends_with("@chronus.example>"), "{mail:?}");
    ensure!(mail.text.contains("ann (Ours):") && mail.text.contains("ann (Theirs):"), "{mail:?}");
    let [ours, theirs] = links(mail)[..] else { anyhow::bail!("{mail:?}") };
    for (link, organisation) in [(ours, "Ours"), (theirs, "Theirs")] {
        let visitor = world.visitor()?;
        let page = visitor.get(link.strip_prefix(&world.origin).context("a link to elsewhere")?).await?;
        ensure!(page.text.contains(organisation), "{}", page.text);
        visitor.sign_in(link).await?.leads_to("/settings/calendar")?;
    }
    let rows = world.database.rows().await?;
    ensure!(rows["sign_in_requests"] == 0 && rows["sign_in_links"] == 0 && rows["jobs"] == 0, "{rows:?}");
    runner.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_for_now_is_sent_later_and_what_is_refused_is_not() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Aiosmtpd])? {
        return Ok(());
    }
    let server = MailServer::start(Some("chronus:p@ss:w/ö")).await?;
    let world = sending(&server, "chronus:p%40ss%3Aw%2F%C3%B6@").await?;
    for name in ["later", "lost", "unknown"] {
        world.add(name).await?;
        world.ask(&format!("{name}@example.org")).await?.leads_to("/sign-in/sent")?;
    }
    let runner = work::start(&world.app).await?;
    let mails = in_time(&world, server.mails(3)).await?;
    ensure!(mails.iter().all(|mail| mail.authenticated), "{mails:?}");
    in_time(&world, idle(&world)).await?;
    let to = |name: &str| mails.iter().filter(|mail| mail.to == [format!("{name}@example.org")]).collect::<Vec<_>>();
    ensure!(to("later").len() == 1 && to("unknown").is_empty(), "{mails:?}");
    // The host cannot know whether the first mail arrived, so it sends another one with the same Message-ID. The links of
    // both work.
    let [first, again] = to("lost")[..] else { anyhow::bail!("{mails:?}") };
    ensure!(first.headers["message-id"] == again.headers["message-id"], "{first:?} {again:?}");
    for mail in [again, first] {
        world.visitor()?.sign_in(links(mail).first().context("a link")?).await?.leads_to("/settings/calendar")?;
    }
    let dead = jobs::list_dead(&mut world.app.db.begin_read().await?, None, 10).await?;
    let [dead] = &dead[..] else { anyhow::bail!("{dead:?}") };
    ensure!(dead.error.contains("cannot be delivered") && dead.error.contains("550"), "{dead:?}");
    ensure!(dead.effect["kind"] == "mail-sign-in" && !dead.effect.to_string().contains('@'), "{dead:?}");
    runner.shutdown().await;
    Ok(())
}

/// With a wrong password for the mail server, requests wait; those that are too old by then are dropped.
#[tokio::test(flavor = "multi_thread")]
async fn a_wish_waits_for_the_server_but_not_for_ever() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Aiosmtpd])? {
        return Ok(());
    }
    let server = MailServer::start(Some("chronus:right")).await?;
    let world = sending(&server, "chronus:wrong@").await?;
    world.ask("ben@example.org").await?.leads_to("/sign-in/sent")?;
    let runner = work::start(&world.app).await?;
    // Attempts go on, and none of them is final before the hour is over.
    in_time(&world, async {
        let mut tick = time::interval(Duration::from_millis(50));
        let begun = world.clock.now();
        while world.clock.now().duration_since(begun) < SignedDuration::from_mins(1) {
            tick.tick().await;
        }
        Ok(())
    })
    .await?;
    let count = jobs::count(&mut world.app.db.begin_read().await?).await?;
    ensure!((count.ready + count.leased, count.dead) == (1, 0), "{count:?}");
    world.clock.advance(SignedDuration::from_hours(2));
    // An attempt that was under way is due again after a pause, so time has to go on.
    in_time(&world, idle(&world)).await?;
    let rows = world.database.rows().await?;
    ensure!(rows["sign_in_requests"] == 0 && rows["jobs"] == 0, "{rows:?}");
    runner.shutdown().await;
    Ok(())
}

//! The pages of the shipped program, step by step: signing in by mail, connecting a calendar with its form, signing in to
//! it again, disconnecting. No output reveals a link, a session or a password.

use super::world::{PASSWORD, SERVER, World, eventually};
use anyhow::{Context, ensure};
use chronus_tests::{
    peers::{self, MailServer, Peer, SeenMail},
    visitor::{PageResponse, Visitor},
};
use reqwest::Method;

/// The settings of a host that sends its mail through this server.
pub(super) fn mailing(server: &MailServer) -> String {
    let address = server.address();
    format!("mail.smtp = \"smtp://{address}\"\nmail.from = \"Chronus <assistant@chronus.example>\"")
}

/// Waits for the nth mail (the first is 1) and returns its link.
pub(super) async fn link(server: &MailServer, nth: usize) -> anyhow::Result<String> {
    let mails = server.mails(nth).await?;
    let mail = mails.get(nth - 1).context("a mail")?;
    link_in(mail)
}

fn link_in(mail: &SeenMail) -> anyhow::Result<String> {
    let line = mail.text.lines().find(|line| line.contains("/sign-in/"));
    Ok(line.with_context(|| mail.text.clone())?.trim().to_owned())
}

/// Sends the form of Calendar Settings.
async fn connect(visitor: &Visitor, fields: &[(&str, &str)]) -> anyhow::Result<PageResponse> {
    let page = visitor.get("/settings/calendar").await?;
    let fields = [&[("provider", "ical"), ("sign-in", "caldav")], fields].concat();
    visitor.post(&page, "/settings/calendar/form", &fields).await
}

/// The visible part of M10, M11, M12, M16 and X2.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_in_connects_their_calendar_and_nothing_tells_how() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale, Peer::Caldav, Peer::Aiosmtpd])? {
        return Ok(());
    }
    let server = MailServer::start(None).await?;
    let mut world = World::new(&mailing(&server)).await?;
    let host = world.host().await?;
    world.join(&host).await?;
    let ann = Visitor::new(host.origin())?;

    let page = ann.get("/settings/calendar").await?;
    page.leads_to("/sign-in?return-to=%2Fsettings%2Fcalendar")?;
    let page = ann.get("/sign-in?return-to=%2Fsettings%2Fcalendar").await?;
    let fields = [("email", "ann@example.org"), ("return-to", "/settings/calendar")];
    ann.post(&page, "/sign-in", &fields).await?.leads_to("/sign-in/sent")?;
    let link = link(&server, 1).await?;
    ensure!(link.starts_with(&format!("{}/sign-in/", host.origin())), "{link}");
    ann.sign_in(&link).await?.leads_to("/settings/calendar")?;
    let session = ann.cookie("chronus_session").context("no session")?;

    // An error is shown beside its field, and what was entered is still there, except the secret.
    let server_field = ("field.server", SERVER);
    let (user, secret) = (("field.username", "ann"), ("field.password", PASSWORD));
    for (fields, status, what) in [
        (&[server_field, secret][..], 422, "Fill in the field “User name”."),
        (&[server_field, user], 422, "Fill in the field “Password”."),
        (&[user, secret], 422, "Enter the address of the server."),
        (&[("field.server", "dav"), user, secret], 422, "This is not the address of a server"),
        (&[server_field, ("field.username", "a:b"), secret], 422, "The value does not have the expected format"),
        (&[server_field, user, ("field.password", "wrong")], 422, "did not accept the user name and password"),
        (
            &[("field.server", "https://127.0.0.1:1"), user, secret],
            502,
            "Chronus is not allowed to connect to the server",
        ),
    ] {
        let seen = connect(&ann, fields).await?;
        ensure!(seen.status == status && seen.text.contains(what), "{what}: {} {}", seen.status, seen.text);
        ensure!(!seen.text.contains("tr0ub4dor"), "{what}: the secret is repeated");
        // The page says at the top that something is wrong, and moves the focus to what must be corrected.
        ensure!(seen.text.contains("<title>Error: Calendar Settings – Chronus</title>"), "{what}: {}", seen.text);
        ensure!(seen.text.matches(" autofocus>").count() == 1, "{what}: {}", seen.text);
        ensure!(seen.text.contains("href=\"#ical-caldav\""), "{what}: {}", seen.text);
        let kept = fields.contains(&user);
        ensure!(!kept || seen.text.contains("name=\"field.username\" type=\"text\" value=\"ann\""), "{}", seen.text);
    }

    connect(&ann, &[server_field, user, secret]).await?.leads_to("/settings/calendar")?;
    let page = ann.get("/settings/calendar").await?;
    ensure!(page.text.contains(">Your calendar is connected.<"), "{}", page.text);
    // The account as it is known: a user name at a server, and not the person's own address as a guess.
    ensure!(page.text.contains("<dt>Account</dt><dd>ann at ") && !page.text.contains("ann@"), "{}", page.text);
    ensure!(page.text.contains("iCal (CalDAV)") && !page.text.contains("field.password"), "{}", page.text);
    let own = host.client(&world.ann.token)?;
    ensure!(own.get(&world.connection()).await?["state"] == "connected");

    // The service no longer accepts the password: the page says so, and signing in again renews the same connection.
    let id = own.get(&world.connection()).await?["id"].clone();
    world.radicale.set_password("ann", "another 1")?;
    let busy = format!("/v1/people/{}/busy?from=2027-03-01T00:00:00Z&to=2027-03-02T00:00:00Z", world.ann.id);
    eventually("the sign-in is refused", || async {
        own.send(Method::GET, &busy, None).await?;
        Ok((own.get(&world.connection()).await?["state"] == "reconnect").then_some(()))
    })
    .await?;
    let page = ann.get("/settings/calendar").await?;
    ensure!(page.text.contains("Sign in to your calendar again"), "{}", page.text);
    ensure!(page.text.contains(&format!("value=\"{SERVER}\"")), "{}", page.text);
    let seen = connect(&ann, &[server_field, user, secret]).await?;
    ensure!(
        seen.status == 422 && seen.text.contains("did not accept the user name and password"),
        "{} {}",
        seen.status,
        seen.text
    );
    connect(&ann, &[server_field, user, ("field.password", "another 1")]).await?.leads_to("/settings/calendar")?;
    let page = ann.get("/settings/calendar").await?;
    ensure!(!page.text.contains("Sign in to your calendar again"), "{}", page.text);
    let connection = own.get(&world.connection()).await?;
    ensure!(connection["state"] == "connected" && connection["id"] == id, "{connection}");

    // Another person's browser does not show ann's connection.
    let ben = Visitor::new(host.origin())?;
    let page = ben.get("/sign-in").await?;
    ben.post(&page, "/sign-in", &[("email", "ben@example.org")]).await?.leads_to("/sign-in/sent")?;
    let mails = server.mails(3).await?;
    let to_ben = mails.iter().find(|mail| mail.to == ["ben@example.org"]).context("a mail to ben")?;
    ben.sign_in(&link_in(to_ben)?).await?.leads_to("/settings")?;
    // The owner was notified once (R23).
    let told: Vec<_> =
        mails.iter().filter(|mail| mail.headers["subject"] == "Chronus can no longer access your calendar").collect();
    ensure!(told.len() == 1 && told[0].to == ["ann@example.org"], "{told:?}");
    ensure!(told[0].text.contains(&format!("{}/settings/calendar", host.origin())), "{}", told[0].text);
    let page = ben.get("/settings/calendar").await?;
    ensure!(
        !page.text.contains("Your calendar is connected.") && page.text.contains("Connect iCal (CalDAV)"),
        "{}",
        page.text
    );

    let page = ann.get("/settings/calendar/disconnect").await?;
    ensure!(page.text.contains("Events that are in your calendar stay there."), "{}", page.text);
    ann.post(&page, "/settings/calendar/disconnect", &[]).await?.leads_to("/settings/calendar")?;
    ensure!(own.send(Method::GET, &world.connection(), None).await?.status == 404);

    let log = host.stop().await?;
    ensure!(log.contains("signed in") && log.contains("mail-sign-in"), "the log tells what was done");
    let secret = link.rsplit('/').next().context("a link")?;
    let secrets = [("link", secret), ("session", &*session), ("password", "tr0ub4dor"), ("password", "another 1")];
    for (what, secret) in secrets {
        ensure!(!log.contains(secret), "the log tells the {what}");
    }
    world.database.holds_none(&secrets.map(|(_, secret)| secret)).await
}

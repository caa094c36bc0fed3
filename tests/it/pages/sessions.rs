//! Sessions: each belongs to one browser and one person, and ends.

use super::world::{SESSION, World};
use anyhow::{Context, ensure};
use chronus_host::auth::sessions;
use jiff::SignedDuration;
use reqwest::Method;

#[tokio::test]
async fn a_session_opens_pages_and_a_token_the_api_and_neither_the_other() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ann, token) = (world.signed_in(world.ann).await?, world.token().await?);
    let cookie = ann.cookie(SESSION).context("no session")?;
    ensure!(ann.get("/v1/me").await?.status == 401, "the cookie opens the API");
    let connection = format!("/v1/people/{}/connection", world.ann);
    ensure!(ann.send(ann.request(Method::DELETE, &connection)?).await?.status == 401, "the cookie opens the API");
    let bearer =
        |text: &str| world.visitor().and_then(|visitor| Ok(visitor.request(Method::GET, "/v1/me")?.bearer_auth(text)));
    ensure!(ann.send(bearer(&cookie)?).await?.status == 401, "the cookie is a token");
    ensure!(ann.send(bearer(&token)?).await?.status == 200);
    // A token does not lead to a session: the page redirects to the sign-in page, as for everybody.
    let with_token = world.visitor()?;
    with_token.set_cookie(SESSION, &token);
    let seen = with_token.send(with_token.request(Method::GET, "/settings")?.bearer_auth(&token)).await?;
    seen.leads_to("/sign-in?return-to=%2Fsettings")?;
    Ok(())
}

#[tokio::test]
async fn a_browser_that_signs_in_gets_another_session_and_the_old_one_ends() -> anyhow::Result<()> {
    let world = World::new().await?;
    // An attacker planted a session of their own in this browser.
    let (mallory, victim) = (world.signed_in(world.ben).await?, world.visitor()?);
    let planted = mallory.cookie(SESSION).context("no session")?;
    victim.set_cookie(SESSION, &planted);
    victim.sign_in(&world.link(world.ann, "/settings").await?).await?.leads_to("/settings")?;
    ensure!(victim.cookie(SESSION).as_ref() != Some(&planted));
    ensure!(victim.get("/settings").await?.text.contains("ann@example.org"));
    mallory.get("/settings").await?.leads_to("/sign-in?return-to=%2Fsettings")?;
    Ok(())
}

#[tokio::test]
async fn a_session_ends_by_signing_out_by_time_and_with_the_person() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (one, two) = (world.signed_in(world.ann).await?, world.signed_in(world.ann).await?);
    let stolen = one.cookie(SESSION).context("no session")?;
    one.post(&one.get("/settings").await?, "/sign-out", &[]).await?.leads_to("/settings")?;
    ensure!(one.cookie(SESSION).is_none());
    // The cookie alone does not bring the session back.
    one.set_cookie(SESSION, &stolen);
    one.get("/settings").await?.leads_to("/sign-in?return-to=%2Fsettings")?;
    ensure!(two.get("/settings").await?.status == 200, "another browser's session ended");

    world.clock.advance(SignedDuration::from_hours(30 * 24) - SignedDuration::from_secs(1));
    ensure!(two.get("/settings").await?.status == 200);
    world.clock.advance(SignedDuration::from_secs(1));
    two.get("/settings").await?.leads_to("/sign-in?return-to=%2Fsettings")?;

    let leaving = world.add("leaving").await?;
    let three = world.signed_in(leaving).await?;
    let link = world.link(leaving, "/settings").await?;
    ensure!(three.get("/settings").await?.status == 200);
    world.database.run("delete from people where name = 'leaving'").await?;
    three.get("/settings").await?.leads_to("/sign-in?return-to=%2Fsettings")?;
    ensure!(world.visitor()?.get(&link).await?.status == 410);
    Ok(())
}

#[tokio::test]
async fn a_person_sees_their_sessions_and_ends_the_others() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (one, two) = (world.signed_in(world.ann).await?, world.signed_in(world.ann).await?);
    let ben = world.signed_in(world.ben).await?;
    let link = world.link(world.ann, "/settings").await?;
    let page = one.get("/settings").await?;
    ensure!(page.text.matches("<li>Since 29 March 2026, 01:59 (Europe/Rome)").count() == 2, "{}", page.text);
    ensure!(page.text.matches("this browser").count() == 1, "{}", page.text);
    one.post(&page, "/settings/sign-out-elsewhere", &[]).await?.leads_to("/settings")?;
    two.get("/settings").await?.leads_to("/sign-in?return-to=%2Fsettings")?;
    ensure!(one.get("/settings").await?.status == 200 && ben.get("/settings").await?.status == 200);
    ensure!(world.visitor()?.get(&link).await?.status == 410, "a link that was mailed before still works");
    ensure!(sessions::list(&world.app.db, &world.clock, world.ann).await?.len() == 1);
    Ok(())
}

#[tokio::test]
async fn cookies_are_for_this_host_alone() -> anyhow::Result<()> {
    let world = World::with(|config| {
        config.mail.print = true;
        config.public_url = "https://chronus.example.org".parse().ok();
    })
    .await?;
    let visitor = world.visitor()?;
    let link = world.link(world.ann, "/settings").await?;
    let page = visitor.get(&link).await?;
    let request =
        visitor.form(&link, &[("form-token", &page.token()?)])?.header("origin", "https://chronus.example.org");
    let seen = visitor.send(request).await?;
    seen.leads_to("/settings")?;
    for (page, name) in [(&page, "__Host-chronus_form"), (&seen, "__Host-chronus_session")] {
        let cookie = page.headers["set-cookie"].to_str()?;
        ensure!(cookie.starts_with(&format!("{name}=")), "{cookie}");
        for part in ["Path=/", "HttpOnly", "SameSite=Lax", "Secure"] {
            ensure!(cookie.split("; ").any(|other| other == part), "{cookie}");
        }
        ensure!(!cookie.contains("Domain"), "{cookie}");
    }
    ensure!(visitor.get("/settings").await?.status == 200);
    Ok(())
}

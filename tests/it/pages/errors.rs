//! Pages that say why something did not work: in words for people, with a way on.

use super::world::World;
use anyhow::ensure;

#[tokio::test]
async fn an_error_keeps_the_navigation_and_leads_back_to_its_page() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ann, nobody) = (world.signed_in(world.ann).await?, world.visitor()?);
    for (path, status, title, back) in [
        (
            "/settings/calendar/form",
            405,
            "This page cannot be opened directly",
            "/settings/calendar\">Back to Calendar",
        ),
        ("/settings/calendar/disconnect", 404, "No calendar is connected", "/settings/calendar\">Back to Calendar"),
        ("/connect/callback/nowhere?state=a", 403, "This sign-in is no longer valid", "/settings/calendar\">Back to"),
        ("/connect/callback/nowhere?a=1&a=2", 400, "The address is invalid", "/settings/calendar\">Back to Calendar"),
        ("/settings/organisation", 403, "You cannot use this page", "/settings\">Back to Settings"),
        ("/nowhere", 404, "Page not found", "/settings\">Back to Settings"),
    ] {
        let seen = ann.get(path).await?;
        ensure!(seen.status == status && seen.text.contains(&format!("<h1>{title}</h1>")), "{path}: {}", seen.text);
        ensure!(seen.text.contains(back), "{path}: {}", seen.text);
        ensure!(seen.text.contains("Sign out") && seen.text.contains("aria-label=\"Pages\""), "{path}: {}", seen.text);
        for word in ["/v1", "token of", "detail", "API"] {
            ensure!(!seen.text.contains(word), "{path}: {word}: {}", seen.text);
        }
        // The button to sign out works from here.
        ann.post(&seen, "/settings/sign-out-elsewhere", &[]).await?.leads_to("/settings")?;
    }
    let seen = nobody.get("/nowhere").await?;
    ensure!(seen.status == 404 && !seen.text.contains("Sign out"), "{}", seen.text);
    ensure!(seen.text.contains("/sign-in\">Go to the sign-in page"), "{}", seen.text);
    Ok(())
}

#[tokio::test]
async fn a_form_with_a_field_that_is_there_twice_or_missing_is_refused() -> anyhow::Result<()> {
    let world = World::new().await?;
    let visitor = world.visitor()?;
    let page = visitor.get("/sign-in").await?;
    for fields in [&[("email", "ann@example.org"), ("email", "ben@example.org")][..], &[]] {
        let before = world.database.rows().await?;
        let seen = visitor.post(&page, "/sign-in", fields).await?;
        ensure!(seen.status == 400 && seen.text.contains("The form was not accepted"), "{}", seen.text);
        ensure!(world.database.rows().await? == before, "something was written");
    }
    Ok(())
}

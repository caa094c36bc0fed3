//! What people read: before and after they disconnect where no token can be revoked, and on the way back from an approval.

use super::{super::pages::sign_in_link, *};
use chronus_tests::{host::Host, visitor::Visitor};

const LISTED: SignInRef<'static> = SignInRef { provider: "directory", sign_in: "listed" };
const SETTINGS: &str = "/settings/calendar";

#[tokio::test(flavor = "multi_thread")]
async fn after_disconnecting_the_page_says_where_the_service_lists_the_access() -> anyhow::Result<()> {
    let scene = Scene::at(Clock::System).await?;
    scene.register_for(LISTED, &[("tenant", "school.example")]).await?;
    scene.register(&[("tenant", "school.example")]).await?;
    let host = Host::start(&scene.config_file()?, &[]).await?;
    let ann = Visitor::new(host.origin())?;
    ann.sign_in(&sign_in_link(&host, ANN).await?).await?;
    for (sign_in, is_told) in [("listed", true), ("work", false)] {
        let page = ann.get(SETTINGS).await?;
        let fields = [("provider", "directory"), ("sign-in", sign_in)];
        let led = ann.post(&page, "/settings/calendar/connect", &fields).await?;
        let service: Url = led.location.with_context(|| led.text.clone())?.parse()?;
        let callback = scene.directory.agree(&service).await?;
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(callback).finish();
        ann.get(&format!("/connect/callback/directory?{query}")).await?.leads_to(SETTINGS)?;

        let link = "/login/school.example/applications\"";
        let connected = ann.get(SETTINGS).await?;
        ensure!(connected.text.contains("Your calendar is connected."), "{}", connected.text);
        let question = ann.get("/settings/calendar/disconnect").await?;
        let answer = ann.post(&question, "/settings/calendar/disconnect", &[]).await?;
        let location = answer.location.with_context(|| answer.text.clone())?;
        ensure!(location == format!("{SETTINGS}?disconnected=directory&sign-in={sign_in}"), "{location}");
        let afterwards = ann.get(&location).await?;
        for page in [&connected, &question, &afterwards] {
            ensure!(page.status == 200 && page.text.contains(link) == is_told, "{sign_in}: {}", page.text);
        }
        ensure!(!ann.get(SETTINGS).await?.text.contains(link), "it is told for good");
    }
    // The query selects a granted page, and says nothing else.
    let other = ann.get(&format!("{SETTINGS}?disconnected=evil&sign-in=hunter22")).await?;
    ensure!(other.status == 200 && !other.text.contains("evil") && !other.text.contains("hunter22"), "{}", other.text);
    Ok(())
}

/// The administrator needs no session, and the query is not trusted.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_from_an_approval_is_told_and_not_believed() -> anyhow::Result<()> {
    let scene = Scene::at(Clock::System).await?;
    let host = Host::start(&scene.config_file()?, &[]).await?;
    let anybody = Visitor::new(host.origin())?;
    // A running host writes these by itself: periodic jobs and its share of the rate limits.
    let rows = async || {
        let mut rows = scene.rows().await?;
        for table in ["jobs", "schedule", "rate_limit_hosts", "rate_limit_slots"] {
            rows.remove(table);
        }
        anyhow::Ok(rows)
    };
    let before = rows().await?;
    for (path, words) in [
        (
            "directory?admin_consent=True&tenant=evil-hunter22&state=approval",
            "Directory reports that an administrator approved",
        ),
        (
            "directory?error=access_denied&error_description=evil-hunter22",
            "Directory reports that an administrator did not",
        ),
        ("directory?error=evil-hunter22", "Directory reports that the approval failed"),
        ("nowhere?tenant=hunter22", "The calendar service reports"),
    ] {
        let page = anybody.get(&format!("/connect/approval/{path}")).await?;
        ensure!(page.status == 200 && page.text.contains(words), "{path}: {} {}", page.status, page.text);
        ensure!(page.text.contains("Chronus") && !page.text.contains("hunter22"), "{}", page.text);
    }
    let twice = anybody.get("/connect/approval/directory?error=a&error=b").await?;
    ensure!(twice.status == 400, "{}", twice.status);
    assert_eq!(rows().await?, before, "something was stored");
    ensure!(!host.log().contains("hunter22"), "the log has the query");
    Ok(())
}

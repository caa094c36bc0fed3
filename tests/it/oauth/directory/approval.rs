//! The page where an IT administrator approves, and what the host makes of the way back.

use super::{super::world::refused, *};
use chronus_host::{
    connections::approvals::{self, Applicant, ApprovalRequest},
    plugins::Remedy,
};
use std::collections::BTreeMap;

impl Scene {
    /// A person of this tenant comes back and needs an approval; the page that they are told.
    async fn told(&self, tenant: Option<&str>) -> anyhow::Result<Url> {
        let page = self.begin(&self.browser()).await?;
        let state = page.query_pairs().find(|(name, _)| name == "state").context("a state")?.1.into_owned();
        let refusal = [("state", Some(&*state)), ("error", Some("consent_required")), ("tenant", tenant)];
        let refusal = refusal.iter().filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?.to_owned())));
        let callback = Callback { provider: "directory".into(), parameters: refusal.collect() };
        let error = refused(self.finish(&self.browser(), &callback).await)?;
        let ConnectError::Consent(failure) = &error else { anyhow::bail!("{error:?}") };
        let Remedy::NeedsAdminApproval(approval) = &failure.remedy else { anyhow::bail!("{failure:?}") };
        let link = approval.page.as_deref().context("no page")?;
        ensure!(error.advice().contains(link), "{}", error.advice());
        Ok(link.parse()?)
    }
}

#[tokio::test]
async fn the_page_is_that_of_the_tenant_for_this_client_and_these_scopes() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    scene.register(&[("tenant", "school.example")]).await?;
    let page = scene.told(Some("college.example")).await?;
    ensure!(page.path() == "/login/college.example/approve", "{page}");
    let parts: BTreeMap<_, _> =
        page.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let back = scene.app.config.links().approval_return("directory")?;
    ensure!(back.path() == "/connect/approval/directory", "{back}");
    assert_eq!((&*parts["id"], &*parts["to"], &*parts["scope"]), (CLIENT, back.as_str(), "busy offline"));
    ensure!(!parts["state"].is_empty(), "{page}");

    // What the service names is only a segment that fits; otherwise it is the tenant of the client.
    for tenant in [None, Some("../evil"), Some("evil.example/x"), Some("A%2FB"), Some("")] {
        let page = scene.told(tenant).await?;
        ensure!(page.path() == "/login/school.example/approve", "{tenant:?}: {page}");
    }
    // She reads it before she tries again.
    let mut tx = scene.app.db.begin_read().await?;
    let (organisation, person) = (scene.organisation, scene.ann);
    let applicant = Applicant { organisation, person, address: ANN, provider: "directory" };
    let ApprovalRequest { domain, link } =
        approvals::needed(&mut tx, applicant).await?.context("it is not remembered")?;
    let link: Url = link.context("no link")?.parse()?;
    assert_eq!((&*domain, link.path()), ("school.example", "/login/school.example/approve"));
    Ok(())
}
